"""Records to standard output: for pipes, without a run that could be continued."""

from __future__ import annotations

import time
import uuid
from datetime import datetime
from typing import Any, BinaryIO

from engine.cuts import Cuts, frame_records
from engine.issues import Issue
from engine.span import Span
from generators.definition_files import DefinitionFile
from generators.digest import run_digest
from generators.plan import Plan
from generators.planning import bytes_per_record, sample
from generators.services.drafts import draft, errors_of, imagined_destination, present, run_length
from sdg_project.errors import Invalid
from sinks.destinations.file import FileDestination
from sinks.encoding.base import Encoder, encoders
from sinks.enums import DeliveryGuarantee


def write_to(stream: BinaryIO, file: DefinitionFile, *, started_at: datetime | None, digest: bool) -> dict[str, Any]:
    """Write records in the form of the definition's FILE destination to a stream, and report.

    Raises Invalid with everything that is wrong, and BrokenPipeError when the reader has closed its end.
    """
    drafted = draft(
        file.value,
        started_at=started_at or present(),
        started_at_given=started_at is not None,
        own_pools=file.own_pools,
        count_required=True,
        run_id=str(uuid.uuid4()),
    )
    errors = errors_of(drafted.issues(root=""))
    if errors:
        raise Invalid(errors)
    plan = drafted.plan
    encoder = _encoder(plan)
    count, reason = run_length(plan)
    cuts = Cuts(frame_records(bytes_per_record(plan, sample(plan, count))))
    started = time.monotonic()
    stream.write(encoder.header())
    written, number = len(encoder.header()), 0
    while number < count:
        end = min(cuts.frame_end(number), count)
        payload = encoder.frame(plan.batch(Span(number, end - number))).payload
        stream.write(payload)
        written, number = written + len(payload), end
    stream.flush()
    seconds = time.monotonic() - started
    report: dict[str, Any] = {
        "runId": None,
        "status": "COMPLETED",
        "recordsWritten": count,
        "recordsFailed": 0,
        "bytesWritten": written,
        "activeSeconds": round(seconds, 3),
        "averageRate": round(count / seconds) if seconds else 0,
        "effectiveSeed": plan.facts.seed,
        "specHash": plan.spec_hash,
        "deliveryGuarantee": DeliveryGuarantee.AT_LEAST_ONCE.value,
        "outputs": [{"path": "-", "records": count, "bytes": written, "checksum": None}],
        "endReason": reason,
    }
    if digest:
        report["digest"] = run_digest(plan, [Span(0, count)])
    return report


def _encoder(plan: Plan) -> Encoder[Any]:
    """The encoder of the definition's destination; raises Invalid when its format needs a file."""
    destination = imagined_destination(plan.definition.shape.destination, plan.schema, root="")
    if not isinstance(destination, FileDestination):
        raise TypeError("only a FILE destination has a form in which records can go to a stream")
    encoder = destination.encoder
    if encoder.indexed:
        formats = ", ".join(name for name, kind in encoders.items() if not kind.indexed)
        message = f"{encoder.kind} needs a file, it cannot go to standard output"
        issue = Issue("PROPERTY_NOT_ALLOWED", "/destination/config/format", message, f"--format accepts {formats} here")
        raise Invalid([issue])
    return encoder

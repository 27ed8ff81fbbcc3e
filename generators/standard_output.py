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
from generators.planning import bytes_per_record, sample
from generators.services.drafts import draft, errors_of, present, run_length
from sdg_project.errors import Invalid
from sinks.encoding.base import encoders
from sinks.encoding.compression import Compression
from sinks.enums import DeliveryGuarantee


def write_to(
    stream: BinaryIO, file: DefinitionFile, *, format_name: str, started_at: datetime | None, digest: bool
) -> dict[str, Any]:
    """Write a definition's records to a stream, and report. A reader that closes its end raises BrokenPipeError."""
    kind = encoders[format_name]
    if kind.indexed:
        raise Invalid(
            [Issue("PROPERTY_NOT_ALLOWED", "", f"{format_name} needs a file, it cannot go to standard output")]
        )
    plan = draft(
        file.value,
        started_at=started_at or present(),
        started_at_given=started_at is not None,
        own_pools=file.own_pools,
        count_required=True,
        run_id=str(uuid.uuid4()),
    ).plan
    if refused := errors_of([problem.as_issue() for problem in kind.check(plan.schema)]):
        raise Invalid(refused)
    encoder = kind(plan.schema, kind.Options(), Compression.NONE)
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
        from generators.digest import run_digest

        report["digest"] = run_digest(plan, [Span(0, count)])
    return report

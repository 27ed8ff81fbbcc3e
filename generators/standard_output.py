"""Records to standard output: for pipes, without a run that could be continued."""

from __future__ import annotations

import time
import uuid
from datetime import datetime
from typing import Any, BinaryIO

from engine.cuts import Cuts, TimedCuts, frame_records
from engine.issues import Issue
from engine.rates import MICROS
from engine.span import MAX_RECORDS, Span
from generators.definition_files import DefinitionFile
from generators.digest import run_digest
from generators.enums import OnError
from generators.pace import TimeLimit, time_limit
from generators.plan import Plan
from generators.planning import bytes_per_record, sample
from generators.runs.pacing import GRACE_US, latency_of, pacing_of
from generators.runs.runner import Progress, Watch, run_slice
from generators.runs.salvage import Salvage
from generators.services.drafts import draft, errors_of, imagined_destination, present, run_length
from generators.stream_sink import StreamSink
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
    frame = frame_records(bytes_per_record(plan, sample(plan, count)))
    schedule, limit = plan.pace.schedule, time_limit(plan.definition.shape)
    started = time.monotonic()

    sink = StreamSink(stream, encoder)
    salvage = Salvage(plan) if plan.definition.shape.on_error is OnError.CONTINUE else None
    end = run_slice(
        salvage or plan,
        sink,
        shard=Span(0, MAX_RECORDS if count is None else count),
        next_record=sink.open(0),
        cuts=Cuts(frame) if schedule is None else TimedCuts(frame, planned=schedule),
        batch_size=plan.definition.shape.batch_size,
        watch=_TimeLimit(limit, 0 if schedule is None else GRACE_US),
        pacing=pacing_of(plan),
        max_latency_s=latency_of(plan),
    )
    sink.close()
    seconds = time.monotonic() - started
    if limit is not None and end.next_record != count:
        reason = limit.reason
    count, written, failed = end.next_record, sink.bytes_written, salvage.count if salvage else 0
    report: dict[str, Any] = {
        "runId": None,
        "status": "COMPLETED",
        "recordsWritten": count - failed,
        "recordsFailed": failed,
        "bytesWritten": written,
        "activeSeconds": round(seconds, 3),
        "averageRate": round(count / seconds) if seconds else 0,
        "effectiveSeed": plan.facts.seed,
        "specHash": plan.spec_hash,
        "deliveryGuarantee": DeliveryGuarantee.AT_LEAST_ONCE.value,
        "outputs": [{"path": "-", "records": count - failed, "bytes": written, "checksum": None}],
        "endReason": reason,
    }
    if digest:
        report["digest"] = run_digest(plan, [Span(0, count)])
    return report


class _TimeLimit(Watch):
    """Ends a run when its time is over."""

    def __init__(self, limit: TimeLimit | None, grace_us: int) -> None:
        self._until = None if limit is None else time.monotonic() + (limit.time_us + grace_us) / MICROS

    def committed(self, progress: Progress) -> bool:
        return self._until is None or time.monotonic() < self._until


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

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
from generators.pace import TimeLimit, time_limit
from generators.planning import bytes_per_record, sample
from generators.runs.pacing import GRACE_US, latency_of, pacing_of
from generators.runs.runner import Progress, Watch, run_slice
from generators.services.drafts import draft, errors_of, present, run_length
from generators.stream_sink import StreamSink
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
    frame = frame_records(bytes_per_record(plan, sample(plan, count)))
    schedule, limit = plan.pace.schedule, time_limit(plan.definition.shape)
    started = time.monotonic()

    sink = StreamSink(stream, encoder)
    end = run_slice(
        plan,
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
    count, written = end.next_record, sink.bytes_written
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


class _TimeLimit(Watch):
    """Ends a run when its time is over."""

    def __init__(self, limit: TimeLimit | None, grace_us: int) -> None:
        self._until = None if limit is None else time.monotonic() + (limit.time_us + grace_us) / MICROS

    def committed(self, progress: Progress) -> bool:
        return self._until is None or time.monotonic() < self._until

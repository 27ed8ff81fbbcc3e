"""Records to standard output: for pipes, without a run that could be continued."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any, BinaryIO

from engine.cuts import Cuts, TimedCuts, frame_records
from engine.issues import Issue
from engine.rates import MICROS
from engine.span import MAX_RECORDS, Span
from generators.definition_files import DefinitionFile
from generators.digest import run_digest
from generators.enums import CountBasis, EndReason
from generators.error_handling import ErrorHandlingShape
from generators.pace import TimeLimit, time_limit
from generators.plan import Plan
from generators.planning import bytes_per_record
from generators.runs.pacing import latency_of, pacing_of
from generators.runs.runner import Progress, Watch, finish, run_slice
from generators.runs.salvage import Salvage
from generators.runs.thresholds import exceeded
from generators.services.drafts import draft, errors_of, imagined_destination, present, run_length, sample_issues
from generators.stream_sink import StreamSink
from sdg_project.errors import Invalid
from sinks.destinations.file import FileDestination
from sinks.encoding.base import Encoder, encoders
from sinks.enums import DeliveryGuarantee


def write_to(
    stream: BinaryIO,
    file: DefinitionFile,
    *,
    started_at: datetime | None,
    digest: bool,
    tell: Callable[[Sequence[Issue]], None],
) -> dict[str, Any]:
    """Write records in the form of the definition's FILE destination to a stream, and report.

    `tell` is told the warnings before the first record. Raises Invalid with everything that is wrong, and
    BrokenPipeError when the reader has closed its end.
    """
    drafted = draft(
        file.value,
        started_at=started_at or present(),
        started_at_given=started_at is not None,
        own_pools=file.own_pools,
        count_required=True,
        run_id=str(uuid.uuid4()),
    )
    issues = drafted.issues(root="")
    if errors := errors_of(issues):
        raise Invalid(errors)
    plan = drafted.plan
    if plan.definition.shape.count_basis is CountBasis.WRITTEN:
        message = "what has gone to standard output cannot be taken up again behind the records that were asked for"
        raise Invalid([Issue("PROPERTY_NOT_ALLOWED", "/countBasis", message, "write a file, or remove countBasis")])
    encoder = _encoder(plan)
    count, reason = run_length(plan)
    batch, found = sample_issues(plan, count)
    if batch is None or errors_of(found):
        raise Invalid(errors_of(found))
    tell([*issues, *found])
    frame = frame_records(bytes_per_record(plan, batch))
    schedule, limit = plan.pace.schedule, time_limit(plan.definition.shape)
    started = time.monotonic()

    sink = StreamSink(stream, encoder)
    salvage = Salvage.of(plan)
    watch = _Limits(limit if schedule is None else None, salvage)
    steps = run_slice(
        salvage or plan,
        sink,
        shard=Span(0, MAX_RECORDS if count is None else count),
        next_record=sink.open(0),
        cuts=Cuts(frame) if schedule is None else TimedCuts(frame, planned=schedule),
        batch_size=plan.definition.shape.batch_size,
        watch=watch,
        pacing=pacing_of(plan),
        max_latency_s=latency_of(plan),
    )
    end = finish(steps)
    sink.close()
    seconds = time.monotonic() - started
    if limit is not None and end.next_record != count:
        reason = limit.reason
    count, written, failed = end.next_record, sink.bytes_written, len(salvage.errors) if salvage else 0
    report: dict[str, Any] = {
        "runId": None,
        "status": "FAILED" if watch.excess else "COMPLETED",
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
    if watch.excess:
        report["endReason"] = EndReason.ERROR.value
        report["lastError"] = {"code": "RECORD_INVALID", "message": watch.excess, "recordIndex": None}
    if digest:
        report["digest"] = run_digest(plan, [Span(0, count)])
    return report


class _Limits(Watch):
    """Ends a run when its time is over, or when there have been too many bad records."""

    def __init__(self, limit: TimeLimit | None, salvage: Salvage | None) -> None:
        self._until = None if limit is None else time.monotonic() + limit.time_us / MICROS
        self._salvage = salvage
        self.excess: str | None = None

    def committed(self, progress: Progress) -> bool:
        if self._salvage is not None:
            numbers = [error.record_number for error in self._salvage.errors]
            shape = self._salvage.plan.definition.shape
            handling = shape.error_handling or ErrorHandlingShape()
            self.excess = exceeded(handling, total=len(numbers), numbers=numbers)
        return self.excess is None and (self._until is None or time.monotonic() < self._until)


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

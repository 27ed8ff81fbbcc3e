"""The runner: drives a plan into a sink for one slice of a shard. The only place where the two meet."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from engine.cuts import Cuts
from engine.errors import RecordInvalid
from engine.span import Span
from generators.plan import Plan
from generators.runs.salvage import salvaged
from sdg_project.failpoints import failpoint
from sinks.destinations.base import Sink

COMMIT_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class Progress:
    """Where a shard stands after a commit."""

    next_record: int
    bytes_written: int


def run_slice(
    plan: Plan,
    sink: Sink,
    *,
    shard: Span,
    epoch: int,
    cuts: Cuts,
    batch_size: int | None,
    on_commit: Callable[[Progress], bool],
    on_rejected: Callable[[Sequence[RecordInvalid]], None] | None = None,
    monotonic: Callable[[], float] = time.monotonic,
) -> Progress:
    """Make and write a shard's records from where the destination stands, until its end or until told to stop.

    `on_commit` is called after every commit, about once a second, and says whether to go on. Records are made in
    batches that never cross a frame border; none of this shows in the bytes. The shard may end at any record, also
    before its range at the destination does.

    A record that cannot be made raises RecordInvalid. With `on_rejected` it is left out instead, and told there before
    the commit that goes past it; it is told again if that commit does not come about.
    """
    next_record = sink.open(epoch)
    failpoint("slice.opened")
    goes_on = on_commit(Progress(next_record, sink.bytes_written))
    committed_at = monotonic()
    rejected: list[RecordInvalid] = []
    while goes_on and next_record < shard.end:
        border = min(cuts.frame_end(next_record), shard.end)
        count = min(border - next_record, batch_size or border)
        span = Span(next_record, count)
        batch, errors = (plan.batch(span), []) if on_rejected is None else salvaged(plan, span)
        rejected += errors
        failpoint("slice.made")
        sink.write(batch)
        next_record += count
        if next_record == border and (next_record == shard.end or monotonic() - committed_at >= COMMIT_SECONDS):
            if on_rejected is not None and rejected:
                on_rejected(tuple(rejected))
                rejected.clear()
                failpoint("slice.rejected")
            if next_record == shard.end:
                sink.end(next_record)
            else:
                sink.commit(next_record)
            failpoint("slice.committed")
            committed_at = monotonic()
            goes_on = on_commit(Progress(next_record, sink.bytes_written))
    return Progress(next_record, sink.bytes_written)

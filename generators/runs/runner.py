"""The runner: drives a plan into a sink for one slice of a shard. The only place where the two meet."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from engine.batch import Batch
from engine.cuts import Cuts
from engine.span import Span
from generators.plan import Plan
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
    monotonic: Callable[[], float] = time.monotonic,
) -> Progress:
    """Make and write a shard's records from where the destination stands, until its end or until told to stop.

    `on_commit` is called after every commit, about once a second, and says whether to go on. Records are made in
    batches that never cross a frame border; none of this shows in the bytes.
    """
    next_record = sink.open(epoch)
    failpoint("slice.opened")
    goes_on = on_commit(Progress(next_record, sink.bytes_written))
    committed_at = monotonic()
    while goes_on and next_record < shard.end:
        border = min(cuts.frame_end(next_record), shard.end)
        count = min(border - next_record, batch_size or border)
        batch: Batch = plan.batch(Span(next_record, count))
        failpoint("slice.made")
        sink.write(batch)
        next_record += count
        if next_record == border and (next_record == shard.end or monotonic() - committed_at >= COMMIT_SECONDS):
            sink.commit(next_record)
            failpoint("slice.committed")
            committed_at = monotonic()
            goes_on = on_commit(Progress(next_record, sink.bytes_written))
    return Progress(next_record, sink.bytes_written)

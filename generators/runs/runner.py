"""The runner: drives a plan into a sink for one slice of a shard. The only place where the two meet."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from engine.cuts import Cuts
from engine.errors import RecordInvalid
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


class Watch:
    """Somebody who is told of each step of a slice, and may end it; this one only lets it go on."""

    most_records: int | None = None
    """How many records may be made at a time; None leaves that to the runner."""

    def about_to_make(self, span: Span) -> None:
        """These records are made next."""

    def about_to_commit(self, next_record: int) -> None:
        """What has been written up to here is made durable next."""

    def committed(self, progress: Progress) -> bool:
        """Called after every commit, about once a second, and first with what the sink found; whether to go on."""
        return True


def run_slice(
    plan: Plan,
    sink: Sink,
    *,
    shard: Span,
    next_record: int,
    cuts: Cuts,
    batch_size: int | None,
    watch: Watch,
    monotonic: Callable[[], float] = time.monotonic,
) -> Progress:
    """Make and write a shard's records from where its open sink stands, until its end or until the watch says no.

    Records are made in batches that never cross a frame border; none of this shows in the bytes. When a record cannot
    be made, whole frames before it are committed, and RecordInvalid goes on to the caller.
    """
    failpoint("slice.opened")
    goes_on = watch.committed(Progress(next_record, sink.bytes_written))
    committed_at = monotonic()
    whole = committed = next_record

    def commit() -> bool:
        nonlocal committed, committed_at
        watch.about_to_commit(whole)
        sink.commit(whole)
        failpoint("slice.committed")
        committed, committed_at = whole, monotonic()
        return watch.committed(Progress(whole, sink.bytes_written))

    while goes_on and next_record < shard.end:
        border = min(cuts.frame_end(next_record), shard.end)
        most = min(batch_size or border, watch.most_records or border)
        span = Span(next_record, min(border - next_record, most))
        watch.about_to_make(span)
        try:
            batch = plan.batch(span)
        except RecordInvalid:
            if whole > committed and whole == span.start:
                commit()
            raise
        failpoint("slice.made")
        sink.write(batch)
        next_record = span.end
        if next_record == border:
            whole = border
            if whole == shard.end or monotonic() - committed_at >= COMMIT_SECONDS:
                goes_on = commit()
    return Progress(next_record, sink.bytes_written)

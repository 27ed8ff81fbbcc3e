"""The runner: drives a plan into a sink for one slice of a shard. The only place where the two meet."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator
from dataclasses import dataclass
from typing import Protocol

from engine.batch import Batch
from engine.cuts import Cuts
from engine.errors import RecordInvalid
from engine.rates import MICROS
from engine.span import Span
from generators.runs.pacing import COMMIT_SECONDS, Pacing, SystemTimer, Timer
from sdg_project.failpoints import failpoint
from sinks.destinations.base import Sink

_BLOCK_US, _AHEAD_US = 50_000, 20_000
"""Paced records are made together for so long a time, and so long before the first of them is due."""
_LOOK_UP_US = 500_000


@dataclass(frozen=True, slots=True)
class Progress:
    """Where a shard stands by its last commit.

    With a pace also how much has been written since, the run's active time, and by how much it is late.
    """

    next_record: int
    bytes_written: int
    in_flight: int = 0
    elapsed_us: int = 0
    behind_us: int = 0


Steps = Generator[float, None, Progress]
"""A slice at work, that gives way: after each step it says for how many seconds it has nothing to do."""


class Source(Protocol):
    """What makes records: a plan, or one that leaves out what cannot be made."""

    def batch(self, span: Span) -> Batch:
        """The records of a span; pure. Raises RecordInvalid."""
        ...


class Watch:
    """Somebody who is told of each step of a slice, and may end it; this one only lets it go on."""

    def most_records(self, next_record: int) -> int | None:
        """How many records from this one on may be made at a time; None leaves that to the runner."""
        return None

    def about_to_make(self, span: Span) -> None:
        """These records are made next."""

    def about_to_commit(self, next_record: int) -> None:
        """What has been written up to here is made durable next."""

    def about_to_end(self, next_record: int) -> None:
        """The shard ends before this record, earlier than its range, since the time of its run is over."""

    def committed(self, progress: Progress) -> bool:
        """Called after every commit, about once a second, and first with what the sink found; whether to go on.

        With a pace it is called at least every half second, whether there was a commit or not.
        """
        return True


def run_slice(
    plan: Source,
    sink: Sink,
    *,
    shard: Span,
    next_record: int,
    cuts: Cuts,
    batch_size: int | None,
    watch: Watch,
    monotonic: Callable[[], float] = time.monotonic,
    pacing: Pacing | None = None,
    max_latency_s: float = COMMIT_SECONDS,
) -> Steps:
    """Make and write a shard's records from where its open sink stands, until its end or until the watch says no.

    Records are made in batches that never cross a frame border; none of this shows in the bytes. The shard may end at
    any record, also before its range at the destination does. When a record cannot be made, all before it are made
    durable, the shard rests there, and RecordInvalid goes on to the caller. A shard that rests tries that record first.

    Commits are at the first border after `max_latency_s`. With a `pacing` each record is written when it is due, and
    committed at the first record after that time if the sink commits anywhere; when its time is over, the shard ends
    behind the last record that was due in it. One process may so take turns with several slices.
    """
    failpoint("slice.opened")
    if pacing is not None:
        paced = _Paced(plan, sink, shard, cuts, batch_size, watch, pacing, max_latency_s)
        return (yield from paced.carry(next_record))
    goes_on = watch.committed(Progress(next_record, sink.bytes_written))
    committed_at = told_at = monotonic()
    committed = next_record

    def commit(*, is_end: bool) -> bool:
        nonlocal committed, committed_at, told_at
        watch.about_to_commit(next_record)
        try:
            _commit(sink, next_record, is_end=is_end)
        except RecordInvalid as error:  # the destination does not take it, and rests there
            watch.committed(Progress(error.record_number, sink.bytes_written))
            raise
        committed, committed_at = next_record, monotonic()
        if not is_end and committed_at - told_at < max_latency_s:
            return True
        told_at = committed_at
        return watch.committed(Progress(next_record, sink.bytes_written))

    while goes_on and next_record < shard.end:
        border = min(cuts.frame_end(next_record), shard.end)
        most = min(batch_size or border, watch.most_records(next_record) or border)
        span = Span(next_record, min(border - next_record, most))
        watch.about_to_make(span)
        try:
            batch = _until_a_bad_one(plan, span)
        except RecordInvalid:
            if next_record > committed:
                commit(is_end=True)
            raise
        failpoint("slice.made")
        if (start := sink.go_on_from(next_record)) < next_record:
            next_record = committed = start
            continue
        sink.write(batch)
        next_record = batch.span.end
        is_time = sink.commits_every_frame or monotonic() - committed_at >= max_latency_s
        if next_record == shard.end or (next_record == border and is_time):
            goes_on = commit(is_end=next_record == shard.end)
        yield 0.0
    return Progress(next_record, sink.bytes_written)


def finish(steps: Steps, timer: Timer | None = None) -> Progress:
    """Take one slice to its end, and sleep when it has nothing to do."""
    timer = timer or SystemTimer()
    while True:
        try:
            rest_s = next(steps)
        except StopIteration as end:
            progress: Progress = end.value
            return progress
        if rest_s > 0:
            timer.sleep(rest_s)


def _until_a_bad_one(plan: Source, span: Span) -> Batch:
    """The records of a span before the first one that cannot be made; raises RecordInvalid when nothing is before it.

    That one is not the first that the plan complains of, which makes field after field.
    """
    while True:
        try:
            return plan.batch(span)
        except RecordInvalid as error:
            if not span.start < error.record_number < span.end:
                raise
            span = Span(span.start, error.record_number - span.start)


def _commit(sink: Sink, next_record: int, *, is_end: bool) -> None:
    if is_end:
        sink.end(next_record)
    else:
        sink.commit(next_record)
    failpoint("slice.committed")


@dataclass(frozen=True, slots=True)
class _Paced:
    """A slice whose records are written when they are due."""

    plan: Source
    sink: Sink
    shard: Span
    cuts: Cuts
    batch_size: int | None
    watch: Watch
    pacing: Pacing
    max_latency_s: float

    def carry(self, next_record: int) -> Steps:
        """Go on from a record."""
        pacing, latency_us = self.pacing, round(self.max_latency_s * MICROS)
        pacing.start(next_record)
        goes_on, end = self.watch.committed(self._progress(next_record, next_record)), self.shard.end
        committed, block = next_record, None
        committed_us = asked_us = pacing.elapsed_us
        border = passed = next_record
        while goes_on and committed < end:
            if next_record == border < end:
                passed, border = border, min(self.cuts.frame_end(border), end)
            may_commit = committed < next_record and (next_record in {passed, border} or self.sink.commits_anywhere)
            if block is None and next_record < border and pacing.wait_us(next_record) <= _AHEAD_US:
                try:
                    block = self._block(next_record, border)
                except RecordInvalid:
                    if committed < next_record:
                        self._commit(next_record, is_end=True)
                        self.watch.committed(self._progress(next_record, next_record))
                    raise
                if (start := self.sink.go_on_from(next_record)) < next_record:
                    next_record = committed = border = passed = start
                    block = None
                    continue
            due = pacing.due_end(next_record, block.span.end) if block is not None else next_record
            if block is not None and due > next_record:
                self.sink.write(block.slice(Span(next_record, due - next_record)))
                next_record = due
                may_commit = next_record == border or self.sink.commits_anywhere
                block = None if next_record == block.span.end else block
            now = pacing.elapsed_us
            if next_record < end and pacing.is_over(next_record):
                self.watch.about_to_end(next_record)
                end, may_commit, asked_us = next_record, committed < next_record, now - _LOOK_UP_US
            if may_commit and (now - committed_us >= latency_us or next_record == end):
                self._commit(next_record, is_end=next_record == end)
                committed, committed_us = next_record, now
                asked_us = now - _LOOK_UP_US
            if now - asked_us >= _LOOK_UP_US:
                asked_us = now
                goes_on = self.watch.committed(self._progress(committed, next_record))
            elif next_record < end:
                until_us = min(asked_us + _LOOK_UP_US, committed_us + latency_us if may_commit else now + _LOOK_UP_US)
                ahead_us = _AHEAD_US if block is None else 0
                if pacing.wait_us(next_record) > ahead_us:
                    yield pacing.rest_us(next_record, ahead_us=ahead_us, at_most_us=until_us - now) / MICROS
        return self._progress(committed, next_record)

    def _commit(self, next_record: int, *, is_end: bool) -> None:
        self.watch.about_to_commit(next_record)
        try:
            _commit(self.sink, next_record, is_end=is_end)
        except RecordInvalid as error:
            self.watch.committed(self._progress(error.record_number, error.record_number))
            raise

    def _block(self, next_record: int, border: int) -> Batch:
        """The records that are made together, up to a border or a record that cannot be made."""
        most = min(self.batch_size or border, self.watch.most_records(next_record) or border)
        span = Span(next_record, min(border - next_record, most, self.pacing.worth_of(next_record, _BLOCK_US)))
        self.watch.about_to_make(span)
        block = _until_a_bad_one(self.plan, span)
        failpoint("slice.made")
        return block

    def _progress(self, committed: int, next_record: int) -> Progress:
        return Progress(
            committed,
            self.sink.bytes_written,
            in_flight=next_record - committed,
            elapsed_us=self.pacing.elapsed_us,
            behind_us=self.pacing.behind_us(next_record),
        )

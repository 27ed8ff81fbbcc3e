"""The runner: where a sink stands is where it begins, commits are at borders, and it stops when it is told to."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import cast

import polars as pl
import pytest

from engine.batch import Batch
from engine.cuts import Cuts
from engine.errors import RecordInvalid
from engine.span import Span
from generators.plan import Plan
from generators.runs.pacing import COMMIT_SECONDS
from generators.runs.runner import Progress, Watch, finish, run_slice
from sinks.destinations.base import Sink
from sinks.errors import TransientSinkError
from tests.support.file_runs import plan_of

RECORDS = 300


@dataclass
class MemorySink(Sink):
    """Keeps records in memory, and forgets those that were not committed."""

    start: int = 0
    fail_at: int | None = None
    kept: list[Batch] = field(default_factory=list)
    held: list[Batch] = field(default_factory=list)
    commits: list[int] = field(default_factory=list)
    ends: list[int] = field(default_factory=list)
    epochs: list[int] = field(default_factory=list)

    def open(self, epoch: int) -> int:
        self.epochs.append(epoch)
        self.held.clear()
        return self.commits[-1] if self.commits else self.start

    def write(self, batch: Batch) -> None:
        if self.fail_at is not None and batch.span.end > self.fail_at:
            self.fail_at = None
            raise TransientSinkError("DEST_UNAVAILABLE", "down")
        self.held.append(batch)

    def commit(self, next_record: int) -> None:
        self.kept += self.held
        self.held.clear()
        self.commits.append(next_record)

    def end(self, next_record: int) -> None:
        self.commit(next_record)
        self.ends.append(next_record)

    def go_on_from(self, next_record: int) -> int:
        return next_record

    @property
    def bytes_written(self) -> int:
        return 10 * sum(batch.span.count for batch in self.kept)

    def close(self) -> None:
        self.held.clear()

    @property
    def records(self) -> pl.DataFrame:
        return pl.concat([batch.records for batch in self.kept])


class Asked(Watch):
    """Asks somebody whether to go on."""

    def __init__(self, goes_on: Callable[[Progress], bool]) -> None:
        self._goes_on = goes_on

    def committed(self, progress: Progress) -> bool:
        return self._goes_on(progress)


def clock(step: float) -> Callable[[], float]:
    """Every look takes so many seconds."""
    ticks = itertools.count()
    return lambda: next(ticks) * step


def run(
    sink: MemorySink,
    *,
    shard: Span | None = None,
    batch_size: int | None = None,
    cuts: Cuts | None = None,
    step: float = COMMIT_SECONDS,
    on_commit: Callable[[Progress], bool] = lambda progress: True,
) -> Progress:
    return finish(
        run_slice(
            plan_of(RECORDS, 1),
            sink,
            shard=shard or Span(0, RECORDS),
            next_record=sink.open(4),
            cuts=cuts or Cuts(64),
            batch_size=batch_size,
            watch=Asked(on_commit),
            monotonic=clock(step),
        )
    )


@pytest.mark.parametrize("cuts", [Cuts(64), Cuts(64, 100), Cuts(1000)])
@pytest.mark.parametrize("batch_size", [1, 7, 1000, 65_536, None])
def test_the_records_are_the_plan_s_whatever_the_batch_size_and_the_cuts(batch_size: int | None, cuts: Cuts) -> None:
    sink = MemorySink()

    progress = run(sink, batch_size=batch_size, cuts=cuts)

    assert sink.records.equals(plan_of(RECORDS, 1).batch(Span(0, RECORDS)).records)
    assert progress == Progress(RECORDS, 10 * RECORDS)
    assert sink.epochs == [4]


@pytest.mark.parametrize("batch_size", [1, 7, 1000, None])
def test_no_batch_crosses_a_border_or_is_larger_than_asked(batch_size: int | None) -> None:
    sink, cuts = MemorySink(), Cuts(64, 100)

    run(sink, batch_size=batch_size, cuts=cuts)

    for batch in sink.kept:
        assert batch.span.end <= cuts.frame_end(batch.span.start)
        assert batch.span.count <= (batch_size or 64)


def test_it_begins_where_the_sink_stands_and_ends_where_the_shard_does() -> None:
    sink = MemorySink(start=128)

    run(sink, shard=Span(64, 192))

    assert (sink.kept[0].span.start, sink.kept[-1].span.end) == (128, 256)


def test_it_commits_at_every_border_when_time_flies() -> None:
    sink = MemorySink()

    run(sink, batch_size=10)

    assert sink.commits == [64, 128, 192, 256, 300]


def test_it_commits_at_the_end_only_when_that_comes_soon() -> None:
    sink = MemorySink()

    run(sink, step=COMMIT_SECONDS / 1000)

    assert sink.commits == [300]


def test_it_says_where_it_stands_after_opening_and_after_every_commit() -> None:
    sink, said = MemorySink(), list[Progress]()

    run(sink, on_commit=lambda progress: said.append(progress) is None)

    assert [progress.next_record for progress in said] == [0, 64, 128, 192, 256, 300]
    assert [progress.bytes_written for progress in said] == [0, 640, 1280, 1920, 2560, 3000]


@pytest.mark.parametrize("stop_at", [0, 64, 192])
def test_it_stops_when_told_to_and_goes_on_from_there(stop_at: int) -> None:
    sink = MemorySink()

    stopped = run(sink, on_commit=lambda progress: progress.next_record < stop_at)

    assert stopped.next_record == stop_at
    run(sink)
    assert sink.records.equals(plan_of(RECORDS, 1).batch(Span(0, RECORDS)).records)


def test_a_shard_that_is_complete_is_opened_and_left_alone() -> None:
    sink = MemorySink(start=300)

    assert run(sink).next_record == 300
    assert sink.commits == []


@pytest.mark.parametrize("fail_at", [1, 65, 200, 300])
def test_what_a_sink_raises_goes_through_and_nothing_is_lost_or_doubled_afterwards(fail_at: int) -> None:
    sink = MemorySink(fail_at=fail_at - 1)

    with pytest.raises(TransientSinkError):
        run(sink, batch_size=7)
    run(sink, batch_size=50)

    assert sink.records.equals(plan_of(RECORDS, 1).batch(Span(0, RECORDS)).records)


@pytest.mark.parametrize("end", [0, 1, 63, 64, 65, 300])
def test_the_shard_ends_where_it_is_told_to_at_any_record(end: int) -> None:
    sink = MemorySink()

    run(sink, shard=Span(0, end))

    assert sink.ends == ([end] if end else [])
    assert sum(batch.span.count for batch in sink.kept) == end


@pytest.mark.parametrize("batch_size", [None, 7])
@pytest.mark.parametrize("bad", [1, 64, 130, 200])
def test_all_records_before_one_that_cannot_be_made_are_kept(bad: int, batch_size: int | None) -> None:
    sink, plan = MemorySink(), plan_of(RECORDS, 1)

    for _ in range(2):
        with pytest.raises(RecordInvalid) as caught:
            finish(
                run_slice(
                    cast(Plan, FailsAt(plan, (bad, 250))),
                    sink,
                    shard=Span(0, RECORDS),
                    next_record=sink.open(4),
                    cuts=Cuts(64),
                    batch_size=batch_size,
                    watch=Watch(),
                    monotonic=clock(0.0),
                )
            )
        assert caught.value.record_number == bad

    assert sink.ends == [bad]
    assert sink.records.equals(plan.batch(Span(0, bad)).records)


@dataclass(frozen=True)
class FailsAt:
    """A plan with records that cannot be made, the last of which is found first."""

    plan: Plan
    numbers: tuple[int, ...]

    def batch(self, span: Span) -> Batch:
        for number in reversed(self.numbers):
            if span.start <= number < span.end:
                raise RecordInvalid("RECORD_INVALID", "bad", field="id", record_number=number)
        return self.plan.batch(span)

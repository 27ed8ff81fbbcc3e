"""Active time: what a run is worked on, and nothing else, by a clock that only moves when it is told to."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from generators.models import Run
from generators.runs import leases
from generators.runs.slices import SliceWorker
from generators.runs.stopwatch import HANDOVER, Tally
from generators.services import lifecycle
from generators.services.lifecycle import pause_generator, resume_generator, stop_generator
from sinks.files.shard import ShardWriter
from tests.support.clock import Clock
from tests.support.floor import Died, Floor
from tests.support.runs import FRAME

pytestmark = pytest.mark.django_db

LIVE: dict[str, Any] = {
    "generationMode": "REALTIME",
    "rate": {"recordsPerSecond": 400},
    "endCondition": "DURATION",
    "durationSeconds": 20,
    "recordCount": None,
}
TICK = 0.1
"""What the clock does not tell: ticks, and the true time between slices."""


@pytest.fixture(autouse=True)
def short_slices(floor: Floor, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("generators.runs.timing.slice_time", lambda: timedelta(seconds=2))


def test_a_duration_does_not_count_the_time_in_which_no_worker_has_the_run(floor: Floor) -> None:
    clock = Clock()
    run, workers = floor.start(**LIVE), [SliceWorker(name, timer=clock) for name in ("w1", "w2")]

    slices = 0
    while floor.turn(workers[slices % 2], run):
        slices += 1
        clock.time += 100  # all workers are busy with something else
    run.refresh_from_db()

    assert slices >= 6
    assert (run.status, run.end_reason, run.record_count) == ("COMPLETED", "DURATION", 8000)
    assert run.active_seconds == pytest.approx(20, abs=slices * TICK)
    assert floor.content().count(b"\n") == 8000


def test_a_pause_does_not_count_and_what_is_done_until_it_takes_effect_does(floor: Floor) -> None:
    clock = Clock()
    run, worker = floor.start(**LIVE), SliceWorker("w1", timer=clock)
    assert run.generator_id is not None
    floor.turn(worker, run)
    floor.turn(worker, run)
    worked_s = clock.time - 1000
    before = Run.objects.get(pk=run.pk).active_seconds

    pause_generator(run.generator_id)
    clock.time += 1000
    resume_generator(run.generator_id)
    floor.turn(worker, run)

    run.refresh_from_db()
    # The real time between two slices counts, too: it is no waiting.
    assert before == pytest.approx(worked_s, abs=HANDOVER / timedelta(seconds=1) + TICK)
    assert run.active_seconds == pytest.approx(clock.time - 2000, abs=2 * HANDOVER / timedelta(seconds=1) + TICK)


def test_a_death_costs_the_time_since_the_last_progress(floor: Floor, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Clock()
    run, worker = floor.start(**LIVE), SliceWorker("w1", timer=clock)
    write, died_at = ShardWriter.write, []

    def deadly(sink: ShardWriter, batch: Any) -> None:
        if batch.span.end > 700:
            died_at.append(clock.time)
            raise Died
        write(sink, batch)

    with monkeypatch.context() as patch:
        patch.setattr(ShardWriter, "write", deadly)
        with pytest.raises(Died):
            floor.turn(worker, run)
    worker.let_go()
    clock.time += 60
    leases.release_dead(["w1"])

    run.refresh_from_db()
    assert died_at == [pytest.approx(1000 + 700 / 400, abs=TICK)]
    assert 1.2 <= run.active_seconds <= 1.75 + TICK
    run = floor.finish(run, SliceWorker("w2", timer=clock))
    assert (run.status, run.record_count) == ("COMPLETED", 8000)
    assert run.active_seconds == pytest.approx(20, abs=0.05)


@pytest.mark.parametrize("catch_up", ["SKIP", "BURST", "SPREAD"])
def test_a_duration_ends_at_the_exact_record(floor: Floor, catch_up: str) -> None:
    rate = {"recordsPerSecond": 400, "catchUp": catch_up} | ({"catchUpSeconds": 2} if catch_up == "SPREAD" else {})
    clock = Clock()

    run = floor.finish(floor.start(**LIVE | {"rate": rate, "durationSeconds": 4.6}), SliceWorker("w1", timer=clock))

    assert (run.status, run.end_reason, run.record_count) == ("COMPLETED", "DURATION", 1840)
    assert run.active_seconds == pytest.approx(4.6, abs=0.02)
    assert floor.content().count(b"\n") == 1840


@pytest.mark.parametrize("is_done", [True, False])
def test_a_death_at_the_end_does_not_move_it(floor: Floor, monkeypatch: pytest.MonkeyPatch, is_done: bool) -> None:
    rate = {"recordsPerSecond": 400, "catchUp": "BURST"}
    clock, end, ended = Clock(), ShardWriter.end, []
    run = floor.start(**LIVE | {"rate": rate, "durationSeconds": 2.5})

    def deadly(sink: ShardWriter, next_record: int) -> None:
        ended.append(next_record)
        if is_done:
            end(sink, next_record)
        raise Died

    worker = SliceWorker("w1", timer=clock)
    with monkeypatch.context() as patch:
        patch.setattr(ShardWriter, "end", deadly)
        with pytest.raises(Died):
            floor.finish(run, worker)
    worker.let_go()
    leases.release_dead(["w1"])
    clock.time += 100
    run = floor.finish(run, SliceWorker("w2", timer=clock))

    assert ended == [1000]
    assert (run.status, run.end_reason, run.record_count) == ("COMPLETED", "DURATION", 1000)
    assert floor.content().count(b"\n") == 1000


def test_time_that_several_workers_have_a_run_counts_once(floor: Floor, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Clock()
    monkeypatch.setattr("generators.runs.stopwatch.timezone.now", clock.instant)
    run = floor.start(recordCount=4 * FRAME, shards=2)
    first, second = Tally(run, clock), Tally(run, clock)

    counted = []
    for who, seconds in ((first, 1.0), (second, 0.5), (first, 0.5), (second, 0.25), (second, 2.0), (first, 0.0)):
        clock.time += seconds
        who.note()
        run.refresh_from_db()
        counted.append(run.active_seconds)
    clock.time += 50
    third = Tally(run, clock)
    clock.time += 3
    third.note()
    run.refresh_from_db()

    assert counted == pytest.approx([1.0, 1.5, 2.0, 2.25, 4.25, 4.25])
    assert run.active_seconds == pytest.approx(7.25)


def test_a_stopped_run_has_ended_when_its_last_records_are_shown(floor: Floor, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Clock()
    monkeypatch.setattr(lifecycle, "DRAIN_SECONDS", 0.0)
    run, worker, commit, stopped = floor.start(**LIVE), SliceWorker("w1", timer=clock), ShardWriter.commit, []
    assert run.generator_id is not None

    def slow(sink: ShardWriter, next_record: int) -> None:
        if next_record == 400 and not stopped:
            stop_generator(run.generator_id)  # type: ignore[arg-type]
            stopped.append(Run.objects.get(pk=run.pk))
            clock.time += 30
        commit(sink, next_record)

    with monkeypatch.context() as patch:
        patch.setattr(ShardWriter, "commit", slow)
        floor.finish(run, worker)

    run.refresh_from_db()
    assert (run.status, floor.content().count(b"\n")) == ("STOPPED", 400)
    assert run.active_seconds == pytest.approx(31, abs=0.1)
    assert run.finished_at is not None
    assert run.finished_at > stopped[0].finished_at

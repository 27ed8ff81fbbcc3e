"""Company: a worker serves many slow runs in turns, each at its own rate, by a clock that only moves when told to."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from engine.batch import Batch
from generators.models import Run, Shard
from generators.runs import leases
from generators.runs.slices import SliceWorker
from sinks.errors import TerminalSinkError
from sinks.files.shard import ShardWriter
from tests.support.clock import Clock
from tests.support.floor import Floor
from tests.support.runs import FRAME

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def nobody_else_has_time(floor: Floor, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("generators.runs.timing.slice_time", lambda: timedelta(seconds=15))
    monkeypatch.setattr("generators.runs.timing.company_time", lambda: timedelta(seconds=-60))


def live(floor: Floor, number: int, *, seconds: int = 10, rate: float = 10) -> Run:
    return floor.start(
        f"live-{number}",
        generationMode="REALTIME",
        endCondition="DURATION",
        durationSeconds=seconds,
        recordCount=None,
        rate={"recordsPerSecond": rate},
    )


def records(floor: Floor, run: Run) -> int:
    return floor.content(run.name).count(b"\n")


def work(worker: SliceWorker) -> int:
    """Slices until nothing is due; how many."""
    slices = 0
    while (shard := leases.due_shards().first()) is not None:
        assert worker.work(shard.pk)
        slices += 1
    worker.let_go()
    return slices


def test_one_worker_carries_twenty_slow_runs_in_little_more_than_the_time_of_one(floor: Floor) -> None:
    clock = Clock()
    runs = [live(floor, number) for number in range(20)]

    work(SliceWorker("w1", timer=clock))

    for run in runs:
        run.refresh_from_db()
        assert (run.status, run.record_count, records(floor, run)) == ("COMPLETED", 100, 100)
        assert run.active_seconds == pytest.approx(10, abs=1)
    assert clock.time - 1000 < 10 + 6  # half of those that wait are taken in each second: 10, 5, 2, 1, 1, 1


def test_runs_of_different_rates_keep_theirs_over_several_slices(floor: Floor) -> None:
    clock = Clock()
    runs = {rate: live(floor, number, seconds=40, rate=rate) for number, rate in enumerate((0.5, 10, 1000))}

    slices = work(SliceWorker("w1", timer=clock))

    for rate, run in runs.items():
        run.refresh_from_db()
        assert (run.status, records(floor, run)) == ("COMPLETED", 40 * rate)
    assert slices < 8
    assert clock.time - 1000 < 40 + 6


def test_a_batch_gets_what_time_is_left_and_other_batches_wait_for_their_turn(floor: Floor) -> None:
    clock = Clock()
    batches = [floor.start(f"batch-{number}", recordCount=6 * FRAME) for number in range(2)]
    run = live(floor, 1)
    at_work: list[set[int]] = []
    write = ShardWriter.write

    def noted(sink: ShardWriter, batch: Batch) -> None:
        at_work.append(set(Shard.objects.exclude(owner="").values_list("run__spec__paced", flat=True)))
        clock.time += 0.4 if batch.span.count == FRAME else 0
        write(sink, batch)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ShardWriter, "write", noted)
        work(SliceWorker("w1", timer=clock))

    for one in (*batches, run):
        one.refresh_from_db()
        assert one.status == "COMPLETED"
    assert {True, False} in at_work
    assert [records(floor, one) for one in (*batches, run)] == [6 * FRAME, 6 * FRAME, 100]


def test_what_goes_wrong_with_one_is_nothing_to_the_others(floor: Floor) -> None:
    runs = [live(floor, number) for number in range(4)]
    write = ShardWriter.write

    def broken(sink: ShardWriter, batch: Batch) -> None:
        if batch.span.end == 37 and not failed:
            failed.append(sink)
            raise TerminalSinkError("DEST_SCHEMA", "so it is")
        write(sink, batch)

    failed: list[ShardWriter] = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ShardWriter, "write", broken)
        work(SliceWorker("w1", timer=Clock()))

    found = sorted(Run.objects.values_list("status", flat=True))
    assert found == ["COMPLETED"] * 3 + ["FAILED"]
    assert sum(records(floor, run) for run in runs if Run.objects.get(pk=run.pk).status == "COMPLETED") == 300


@pytest.mark.parametrize("suspicion", [{"lost_claims": 2}, {"retries": 1}])
def test_a_shard_that_may_kill_or_hold_up_its_worker_is_alone(floor: Floor, suspicion: dict[str, Any]) -> None:
    calm, suspect = live(floor, 1, seconds=600), live(floor, 2, seconds=600)
    worker = SliceWorker("w1", timer=Clock())
    suspect.shards.update(**suspicion)

    worker.work(calm.shards.get().pk)
    beside = suspect.shards.get()
    taken: list[str] = []
    write = ShardWriter.write

    def noted(sink: ShardWriter, batch: Batch) -> None:
        first = suspect.shards.get()
        if any(first.__dict__[name] for name in suspicion):
            taken.extend(Shard.objects.exclude(owner="").values_list("run__name", flat=True))
        write(sink, batch)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ShardWriter, "write", noted)
        worker.work(beside.pk)
    worker.let_go()

    assert (beside.epoch, calm.shards.get().epoch) == (0, 3)  # taken again once the other one had progressed
    assert set(taken) <= {suspect.name}


def test_a_worker_takes_no_more_than_it_may(floor: Floor, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("generators.runs.slices.MAX_COMPANY", 3)
    runs = [live(floor, number, seconds=2) for number in range(8)]
    most, write = [], ShardWriter.write

    def noted(sink: ShardWriter, batch: Batch) -> None:
        most.append(Shard.objects.exclude(owner="").count())
        write(sink, batch)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ShardWriter, "write", noted)
        work(SliceWorker("w1", timer=Clock()))

    assert max(most) == 3
    assert all(records(floor, run) == 20 for run in runs)

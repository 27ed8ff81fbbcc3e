"""A control database that takes no writes while a worker is at work: the worker waits, and the run ends exactly."""

from __future__ import annotations

import pytest

from generators.runs.slices import SliceWorker
from sdg_project.outages import AWAY
from tests.support.floor import Floor, at_failpoints
from tests.support.outages import OUTAGES
from tests.support.runs import FRAME

pytestmark = pytest.mark.django_db(transaction=True)

COUNT = 2 * FRAME + 10
STEPS = [
    "slice.claimed",
    "slice.prepared",
    "slice.opened",
    "slice.made",
    "slice.before_commit",
    "slice.committed",
    "slice.progress",
    "slice.before_release",
    "slice.before_ring",
    "slice.finalized",
]


@pytest.mark.parametrize("kind", OUTAGES)
@pytest.mark.parametrize("step", STEPS)
def test_c10_a_worker_that_cannot_write_its_rows_gives_the_shard_back_and_nothing_is_lost(
    floor: Floor, monkeypatch: pytest.MonkeyPatch, kind: str, step: str
) -> None:
    floor.finish(floor.start("calm", streamName="orders", recordCount=COUNT))
    run = floor.start(streamName="orders", recordCount=COUNT)
    worker, outage, begun = SliceWorker("w1"), OUTAGES[kind], []

    def failpoint(name: str) -> None:
        if name == step and not begun:
            begun.append(name)
            outage.begin()

    at_failpoints(monkeypatch, failpoint)
    try:
        with pytest.raises(AWAY):
            floor.finish(run, worker)
        with pytest.raises(AWAY):
            worker.give_back()
    finally:
        outage.end()

    run.refresh_from_db()
    assert (run.status, run.error) == ("RUNNING", None)
    assert run.shards.exclude(owner="").exists()
    worker.give_back()
    assert not run.shards.exclude(owner="").exists()
    assert floor.finish(run, worker).status == "COMPLETED"
    assert floor.content() == floor.content("calm")
    assert [shard.lost_claims for shard in run.shards.all()] == [0]

"""The doorbell: rings for shards and nothing else; too many rings, lost ones and forged ones do no harm."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import connection, transaction
from django.db.models.functions import Now
from django.test.utils import CaptureQueriesContext
from django_q.models import OrmQ
from django_q.signing import SignedPackage

from generators.enums import RunPhase, RunStatus
from generators.models import Run, Shard, Worker
from generators.runs import leases
from generators.runs.doorbell import WORK_ON_SHARD, Doorbell, ring
from generators.runs.reaper import ring_for_due
from generators.runs.slices import SliceWorker
from generators.runs.tasks import work_on_shard
from tests.support.floor import Floor

pytestmark = pytest.mark.django_db


@pytest.fixture
def bell(floor: Floor) -> Doorbell:
    OrmQ.objects.all().delete()
    return Doorbell("sdg")


def put(payload: str) -> None:
    OrmQ.objects.create(key="sdg", payload=payload, lock="2020-01-01T00:00:00Z")


def task(func: str, *args: Any) -> dict[str, Any]:
    return {"id": "0" * 32, "name": "x", "func": func, "args": args, "kwargs": {}, "started": None}


def test_c8_a_ring_comes_through_with_the_shard_alone(bell: Doorbell, floor: Floor) -> None:
    run = floor.start()
    OrmQ.objects.update(lock="2020-01-01T00:00:00Z")

    [(_, payload)] = bell.dequeue()

    heard = SignedPackage.loads(payload)
    assert (heard["func"], heard["args"]) == (WORK_ON_SHARD, (run.shards.get().pk,))


@pytest.mark.parametrize(
    "forged",
    [
        SignedPackage.dumps(task("os.system", "id")),
        SignedPackage.dumps(task(WORK_ON_SHARD, "1")),
        SignedPackage.dumps(task(WORK_ON_SHARD, 1, 2)),
        SignedPackage.dumps(task(WORK_ON_SHARD)),
        SignedPackage.dumps("nonsense"),
        "not signed at all",
        SignedPackage.dumps(task(WORK_ON_SHARD, 1))[:-1] + "x",
    ],
    # A signature tells when it was made, which is no name for a test: each process would have another.
    ids=["another function", "a text", "two shards", "no shard", "no task", "no signature", "another signature"],
)
def test_c8_s18_what_is_no_ring_of_ours_is_thrown_away(
    bell: Doorbell, forged: str, caplog: pytest.LogCaptureFixture
) -> None:
    put(forged)

    assert bell.dequeue() == []
    assert not OrmQ.objects.exists()
    assert "thrown out" in caplog.text


def test_c8_a_ring_for_what_is_not_there_does_nothing(floor: Floor) -> None:
    work_on_shard(12_345)


def test_c8_ten_rings_do_the_work_once(floor: Floor) -> None:
    run = floor.start(recordCount=1000)
    shard = run.shards.get()

    for _ in range(10):
        work_on_shard(shard.pk)

    run.refresh_from_db()
    assert run.status == RunStatus.COMPLETED
    assert len(floor.content().splitlines()) == 1000


def test_c8_a_lost_ring_is_repeated_but_not_at_once(bell: Doorbell, floor: Floor) -> None:
    run = floor.start()
    OrmQ.objects.all().delete()  # it is lost

    ring_for_due()
    assert not OrmQ.objects.exists()  # somebody may still hear it
    run.shards.update(rung_at="2020-01-01T00:00:00Z")
    ring_for_due()
    ring_for_due()

    assert OrmQ.objects.count() == 1


def test_a_ring_in_a_transaction_that_fails_is_not_heard(bell: Doorbell, floor: Floor) -> None:
    run = floor.start()
    OrmQ.objects.all().delete()

    with transaction.atomic():
        ring(run.shards.get(), RunPhase.WRITING)
        transaction.set_rollback(True)

    assert not OrmQ.objects.exists()


def test_c15_claims_cost_the_same_whatever_the_number_of_shards_and_the_longest_waiting_is_first(
    floor: Floor,
) -> None:
    run = floor.start()
    Run.objects.filter(pk=run.pk).update(phase=RunPhase.WRITING)
    first = run.shards.get()

    def claims() -> int:
        with CaptureQueriesContext(
            connection,
        ) as queries:
            shard_id = leases.due_shards().values_list("pk", flat=True)[:20][0]
            taken = leases.claim(shard_id, "w")
        assert taken is not None
        leases.release(taken, progressed_at=Now())
        return len(queries)

    few = claims()
    Shard.objects.bulk_create(
        Shard(run=run, number=number, first_record=0, end_record=10, next_record=0) for number in range(1, 20_000)
    )
    many = claims()

    assert many == few <= 5
    assert leases.due_shards()[0].pk != first.pk  # it has had its turn


def test_a_worker_that_is_asked_to_leave_takes_its_leave_at_the_next_commit(floor: Floor) -> None:
    run = floor.start(recordCount=200_000)
    floor.beat("w1")
    Worker.objects.filter(pk="w1").update(is_leaving=True)

    floor.turn(SliceWorker("w1"), run)

    shard = run.shards.get()
    assert 0 <= shard.next_record < 200_000
    assert shard.owner == ""

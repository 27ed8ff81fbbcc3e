"""The supervisor: workers that are stuck are started anew, and busy ones are left alone."""

from __future__ import annotations

import os
from dataclasses import dataclass

import pytest
from django.db.models.functions import Now

from generators.enums import RunPhase
from generators.models import Run, Shard, Worker
from generators.runs import leases, supervisor
from generators.runs.supervisor import Child, Supervisor
from generators.runs.worker import this_host, worker_id
from tests.support.floor import Floor

pytestmark = pytest.mark.django_db


@dataclass
class Cluster(Child):
    """Counts how often it is killed; nothing is started."""

    kills: int = 0

    def start(self) -> None:
        pass

    def keep_up(self) -> None:
        pass

    def kill(self) -> None:
        self.kills += 1


class Clock:
    """A clock that a test moves on."""

    seconds = 1_000.0

    def monotonic(self) -> float:
        return self.seconds


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    moved = Clock()
    monkeypatch.setattr(supervisor, "time", moved)
    return moved


@pytest.fixture
def workers() -> list[str]:
    """As many workers of this machine as a service has, which are processes."""
    found = [worker_id(pid) for pid in (os.getpid(), os.getppid())]
    for name in found:
        Worker.objects.create(
            id=name, host=this_host(), pid=int(name.split(":")[1]), version="1", started_at=Now(), beat_at=Now()
        )
    return found


def writing(floor: Floor, *, shards: int) -> list[Shard]:
    """The shards of a run that has begun to write."""
    run = floor.start(recordCount=1_000_000, shards=shards)
    Run.objects.filter(pk=run.pk).update(phase=RunPhase.WRITING)
    return list(run.shards.order_by("number"))


def watch(clock: Clock, *, seconds: int) -> Cluster:
    cluster = Cluster("workers", [])
    supervised = Supervisor(cluster, daily=lambda: None)
    for _ in range(seconds):
        clock.seconds += 1
        supervised.look()
    return cluster


def test_workers_that_let_a_shard_wait_although_one_is_free_are_started_anew(
    floor: Floor, clock: Clock, workers: list[str]
) -> None:
    shards = writing(floor, shards=2)
    assert leases.claim(shards[0].pk, workers[0]) is not None

    assert watch(clock, seconds=9).kills == 0
    assert watch(clock, seconds=12).kills == 1


def test_workers_that_are_free_for_moments_between_their_slices_are_not_stuck(
    floor: Floor, clock: Clock, workers: list[str]
) -> None:
    shards = writing(floor, shards=6)
    cluster = Cluster("workers", [])
    supervised = Supervisor(cluster, daily=lambda: None)

    for second in range(60):
        Shard.objects.update(owner="", lease_until=None)
        if second % 15:
            held = [leases.claim(shards[number].pk, name) for number, name in enumerate(workers)]
            assert all(held)
        clock.seconds += 1
        supervised.look()

    assert cluster.kills == 0

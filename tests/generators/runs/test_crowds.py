"""Two hundred workers at one control database: what they ask of it, whose turn it is, how soon wishes are followed.

The workers are the real ones, each with a clock of its own that goes by half a second with every frame that it makes.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.db import connection
from django.db.models import F
from django.db.models.functions import Now
from django.test.utils import CaptureQueriesContext
from django_q.models import OrmQ

from generators.enums import DesiredState, RunPhase, RunStatus
from generators.management.commands.worker import Command
from generators.models import Run, Shard, Worker
from generators.plan import Plan
from generators.runs import leases, timing
from generators.runs.reaper import ring_for_due
from generators.runs.slices import SliceWorker
from generators.runs.worker import Heart
from tests.support.clock import Clock
from tests.support.floor import Floor
from tests.support.runs import FRAME

pytestmark = pytest.mark.django_db

WORKERS = 200
ROUNDS = 2
MOST_QUERIES_A_SECOND = 200
FRAME_SECONDS = 0.5
SAMPLE = 20
"""So many of the workers are looked at: all do the same."""
SMALL_FRAME = 64


@pytest.fixture
def hall(sdg_home: Path, settings: Any, db: None) -> Floor:
    """A floor with two hundred workers, whose slices and commits take their usual time."""
    settings.SDG_OUTPUT_ROOT = sdg_home / "out"
    settings.SDG_LEASE_SECONDS = 60
    floor = Floor.at(sdg_home / "out")
    for number in range(1, WORKERS):
        floor.beat(f"w{number}")
    return floor


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock, made = Clock(time=0.0), Plan.batch

    def batch(plan: Plan, span: Any) -> Any:
        clock.time += FRAME_SECONDS
        return made(plan, span)

    monkeypatch.setattr(Plan, "batch", batch)
    return clock


def start(hall: Floor, shards: int) -> Run:
    """A run that is ready to be written by so many workers, and will be for long."""
    mappings = [{"fieldName": "n", "type": "SEQUENCE"}]
    run = hall.start(recordCount=shards * FRAME, shards=shards, fieldMappings=mappings)
    Run.objects.filter(pk=run.pk).update(spec={**run.spec, "frame": SMALL_FRAME})
    first = leases.claim(run.shards.get(number=0).pk, "preparer")
    assert first is not None
    SliceWorker("preparer")._prepare(first)
    return run


def queries_of(act: Callable[[], Any]) -> int:
    """How many queries something takes."""
    with CaptureQueriesContext(connection) as queries:
        act()
    return len(queries)


def test_c15_two_hundred_workers_ask_less_than_two_hundred_queries_a_second(hall: Floor, clock: Clock) -> None:
    run = start(hall, WORKERS)

    workers = [SliceWorker(f"w{number}", timer=clock) for number in range(SAMPLE)]
    heart = Heart()
    heart._beat()

    queries = sum(queries_of(lambda worker=worker: Command()._turn(worker)) for worker in workers)
    beats = queries_of(heart._beat) / (timing.beat_time() / timedelta(seconds=1))

    assert beats > 0
    assert WORKERS * (queries / clock.time + beats) < MOST_QUERIES_A_SECOND
    assert clock.time >= SAMPLE * 4 * (timing.slice_time() / timedelta(seconds=1))
    assert run.shards.filter(next_record__gt=F("first_record")).exists()
    for worker in workers:
        worker.let_go()


@pytest.mark.parametrize("status", [RunStatus.PAUSED, RunStatus.STOPPED])
def test_c15_a_wish_is_followed_within_five_seconds_by_each_of_two_hundred(
    hall: Floor, clock: Clock, monkeypatch: pytest.MonkeyPatch, status: RunStatus
) -> None:
    run = start(hall, WORKERS)
    counted = Plan.batch
    dice = random.Random(15)
    wished_at = 0.0

    def batch(plan: Plan, span: Any) -> Any:
        made = counted(plan, span)
        if clock.time >= wished_at:
            Run.objects.filter(pk=run.pk).update(status=status, desired_state=DesiredState.PAUSE)
        return made

    monkeypatch.setattr(Plan, "batch", batch)
    for number in range(SAMPLE):
        Run.objects.filter(pk=run.pk).update(status=RunStatus.RUNNING, desired_state=DesiredState.RUN)
        wished_at = clock.time + dice.uniform(1.0, 9.0)
        worker = SliceWorker(f"w{number}", timer=clock)

        assert Command()._turn(worker) == 1

        assert wished_at <= clock.time <= wished_at + 5.0
        worker.let_go()


def test_few_workers_look_every_second_and_change_shards_as_ever(settings: Any) -> None:
    settings.SDG_LEASE_SECONDS = 60
    assert [timing.crowding(workers) for workers in (0, 1, 50, 100, 200, 5_000)] == [1, 1, 1, 2, 4, 4]
    settings.SDG_LEASE_SECONDS = 6  # nothing may come near the length of a lease
    assert timing.crowding(200) == 1


@contextmanager
def many_shards(hall: Floor, count: int) -> Iterator[Run]:
    """A run with so many shards that are due."""
    run = hall.start()
    Run.objects.filter(pk=run.pk).update(phase=RunPhase.WRITING)
    Shard.objects.bulk_create(
        Shard(run=run, number=number, first_record=0, end_record=10, next_record=0) for number in range(1, count)
    )
    yield run


def test_c15_of_twenty_thousand_shards_none_has_a_second_turn_while_another_one_waits_for_its_first(
    hall: Floor,
) -> None:
    with many_shards(hall, 20_000) as run:
        had: Counter[int] = Counter()
        queries_of_claims = 0
        for _ in range(ROUNDS):
            # All look at the same moment, before anybody has taken anything.
            seen = [leases.due_for_one_of(WORKERS) for _ in range(2)]
            held: list[Shard] = []
            for number in range(WORKERS):
                order = random.Random(number).sample(seen[number % 2], len(seen[0]))
                with CaptureQueriesContext(connection) as queries:
                    taken = next(one for pk in order if (one := leases.claim(pk, f"w{number}")) is not None)
                queries_of_claims += len(queries)
                held.append(taken)
            for shard in held:
                had[shard.pk] += 1
                leases.release(shard, progressed_at=Now())

        assert len(had) == ROUNDS * WORKERS
        assert set(had.values()) == {1}
        assert queries_of_claims < 5 * ROUNDS * WORKERS
        assert run.shards.filter(progressed_at=None).count() == 20_000 - ROUNDS * WORKERS


def test_c15_shards_that_wait_behind_others_are_not_rung_for_again_and_again(hall: Floor) -> None:
    OrmQ.objects.all().delete()
    Worker.objects.all().delete()
    hall.beat("w1")
    with many_shards(hall, 500):
        assert len(ring_for_due()) == 500
        assert OrmQ.objects.count() == 500
        Shard.objects.update(rung_at="2020-01-01T00:00:00Z")
        ring_for_due()
        again = OrmQ.objects.count()
        Shard.objects.update(rung_at=Now())
        for _ in range(10):
            ring_for_due()

    assert again == 1_000  # lost ones come back
    assert OrmQ.objects.count() == again

"""DRAGONFLY: processes that die at every step, or at random until all is done, or come back late: nothing shows."""

from __future__ import annotations

import os
import random
import re
import signal
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from engine.span import Span
from sinks.dragonfly.protocol import Client
from sinks.errors import Fenced, SinkError, TransientSinkError
from tests.sinks.destinations.dragonfly_kinds import content, digest, run_of
from tests.support.dragonfly_runs import DragonflyRun, carry, destination_of, plan_of
from tests.support.nursery import ROOT, Nursery
from tests.support.redis import Redis

SHARDS = 3
FAMILIES = ("string with ttl", "hash", "zset", "list", "stream", "streams")
PLACES = tuple(
    sorted(
        set(
            re.findall(
                r'failpoint\("(dragonfly\.[a-z.]+)"\)',
                "".join(path.read_text() for path in Path(ROOT, "sinks").rglob("*.py")),
            )
        )
    )
)
KINDS_OF_STORMS = ("hash", "zset", "list", "stream")
EARLIER = "earlier"
RECORDS = 6000
"""Of a storm."""


@pytest.fixture
def prefix(redis: Redis) -> Iterator[str]:
    with redis.prefix() as name:
        yield name


@pytest.fixture
def place_of_keys(redis: Redis, prefix: str) -> tuple[Redis, str]:
    return redis, prefix


def held(redis: Redis, prefix: str) -> str:
    return digest(content(redis, prefix))


def undisturbed(kind: str, redis: Redis, records: int) -> str:
    """What a run leaves when nothing gets in its way."""
    with redis.prefix() as prefix:
        run = run_of(kind, redis, prefix, records=records)
        carry(run)
        return held(redis, prefix)


def begun(kind: str, redis: Redis, prefix: str) -> DragonflyRun:
    """A run that replaces an earlier one of other records, before its first step."""
    run = run_of(kind, redis, prefix, config={"beforeRun": "REPLACE"})
    carry(run.but(run_id=f"{run.run_id}-{EARLIER}", seed=9, records=360))
    return run


def test_there_are_places_to_die_at() -> None:
    assert len(PLACES) >= 11


@pytest.mark.parametrize(
    ("place", "hit"), [(place, hit) for place in PLACES for hit in ((1, 4) if ".write." in place else (1,))]
)
@pytest.mark.parametrize("kind", FAMILIES)
def test_a_death_at_any_step_does_not_show(
    kind: str, place: str, hit: int, place_of_keys: tuple[Redis, str], nursery: Nursery
) -> None:
    redis, prefix = place_of_keys
    run = begun(kind, redis, prefix)

    outcome = nursery.run(run.but(failpoints=f"{place}=kill@{hit}"))
    assert outcome.killed or outcome.done  # what comes once has no fourth time
    carry(run.but(epoch=2, batch=17))

    assert held(redis, prefix) == undisturbed(kind, redis, run.records)


class Storm:
    """Kills every process of a run after a random while, until it has come to its end."""

    def __init__(self, run: DragonflyRun, seed: int, nurseries: list[Nursery]) -> None:
        self.run, self.seed, self.nurseries = run, seed, nurseries
        self.deaths = 0
        self.said: list[str] = []

    def rage(self) -> None:
        self._until_done(self.run.but(only=(), finalize=False), 0)
        shards = len(destination_of(self.run).delivery.shards)
        threads = [
            threading.Thread(
                target=self._until_done, args=(self.run.but(prepare=False, only=[number], finalize=False), number)
            )
            for number in range(shards)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self._until_done(self.run.but(only=()), 0)

    def _until_done(self, run: DragonflyRun, number: int) -> None:
        luck = random.Random(f"{self.seed} {number} {run.finalize}")
        for epoch in range(1, 200):
            # Longer from time to time, so that it ends on a slow machine too.
            attempt = run.but(epoch=epoch, batch=luck.choice((97, 1000, None)))
            outcome = self.nurseries[number].run(attempt, kill_after=luck.uniform(0, 0.02 * epoch))
            if not outcome.killed:
                break
            self.deaths += 1
        if not outcome.done:
            self.said.append(str(outcome))


@pytest.fixture(scope="module")
def nurseries() -> Iterator[list[Nursery]]:
    nurseries = [Nursery() for _ in range(SHARDS)]
    yield nurseries
    for nursery in nurseries:
        nursery.close()


@pytest.mark.parametrize("seed", [1, 2, 3])
@pytest.mark.parametrize("kind", KINDS_OF_STORMS)
def test_a_storm_of_kills_does_not_show(
    kind: str, seed: int, redis: Redis, prefix: str, nurseries: list[Nursery]
) -> None:
    storm = Storm(run_of(kind, redis, prefix, records=RECORDS, frame=500), seed, nurseries)

    storm.rage()

    assert storm.deaths >= 3
    assert storm.said == []
    assert held(redis, prefix) == undisturbed(kind, redis, RECORDS)


@pytest.mark.parametrize(("kind", "broken"), [("string", "EarlyCheckpoints"), ("list", "Appending")])
def test_a_storm_finds_out_a_writer_that_is_wrong(
    kind: str, broken: str, redis: Redis, nurseries: list[Nursery]
) -> None:
    right = undisturbed(kind, redis, 6000)
    for seed in range(20):
        with redis.prefix() as prefix:
            storm = Storm(run_of(kind, redis, prefix, records=6000, frame=500, broken=broken), seed, nurseries)
            storm.rage()
            if storm.said or held(redis, prefix) != right:
                return

    pytest.fail(f"{broken} has survived 20 storms")


# Late owners.


@pytest.mark.parametrize("kind", FAMILIES)
def test_a_late_owner_is_shut_out_at_its_next_pipeline(kind: str, redis: Redis, prefix: str) -> None:
    run = run_of(kind, redis, prefix, records=3000, frame=500, shards=1)
    plan, destination = plan_of(3000, run.seed), destination_of(run)
    destination.prepare()
    late, owner = destination.sink(0), destination.sink(0)
    late.open(1)
    late.write(plan.batch(Span(0, 500)))
    late.commit(500)
    late.write(plan.batch(Span(500, 100)))

    position = owner.open(2)
    with pytest.raises(Fenced):
        late.write(plan.batch(Span(600, 2000)))
    with pytest.raises(Fenced):
        destination.sink(0).open(1)
    owner.close()
    carry(run.but(epoch=3, prepare=False))

    assert position == 500
    assert held(redis, prefix) == undisturbed(kind, redis, 3000)


@pytest.mark.parametrize("kind", ["hash", "list", "stream"])
def test_a_process_that_is_stopped_and_comes_back_changes_nothing(
    kind: str, redis: Redis, prefix: str, nursery: Nursery
) -> None:
    run = run_of(kind, redis, prefix, records=20_000, frame=1000, shards=1)
    carry(run.but(only=(), finalize=False))
    pid = nursery.start(run.but(prepare=False))
    deadline = time.monotonic() + 30
    with redis.client() as client:
        while not started(client, run) and time.monotonic() < deadline:
            time.sleep(0.001)
    os.kill(pid, signal.SIGSTOP)

    carry(run.but(epoch=2, prepare=False))
    os.kill(pid, signal.SIGCONT)
    outcome = nursery.wait()

    assert outcome.code == "FENCED" or outcome.done  # if it was quicker than we could stop it
    assert held(redis, prefix) == undisturbed(kind, redis, 20_000)


def started(client: Client, run: DragonflyRun) -> bool:
    """Whether a run has made its first commit."""
    return client.call("HGET", f"sdg:ck:{run.run_id}:0", "next") not in {None, b"0"}


def test_who_made_the_place_ready_too_late_removes_nothing(redis: Redis, prefix: str) -> None:
    run = begun("string", redis, prefix)
    late = destination_of(run)
    with redis.client() as client:
        keys = next(iter(late._replaced(client)))
        carry(run)

        with pytest.raises(SinkError) as caught:
            late._remove(client, keys)

    assert caught.value.code == "FENCED"
    assert held(redis, prefix) == undisturbed("string", redis, run.records)


def test_a_run_whose_place_was_taken_by_another_one_says_so(redis: Redis, prefix: str) -> None:
    run = run_of("string", redis, prefix)
    plan, destination = plan_of(run.records, run.seed), destination_of(run)
    destination.prepare()
    sink = destination.sink(0)
    sink.open(1)
    carry(run.but(run_id="another", config={**run.config, "beforeRun": "REPLACE"}))

    sink.write(plan.batch(Span(0, 50)))
    with pytest.raises(TransientSinkError) as gone:
        sink.commit(50)
    with pytest.raises(SinkError) as taken:
        sink.open(2)

    assert gone.value.code == "DEST_REGRESSED"
    assert taken.value.code == "RERUN_WOULD_COLLIDE"

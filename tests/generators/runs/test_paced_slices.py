"""Paced slices on a clock that goes by only while somebody sleeps: which records leave when, commits, and looks."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import pairwise
from typing import Any

import pytest

from engine.batch import Batch
from engine.cuts import TimedCuts
from engine.errors import RecordInvalid
from engine.rates import MICROS
from engine.schedule import Schedule
from engine.span import Span
from generators.definition import read_definition
from generators.examination import compile_plan
from generators.facts import RunFacts
from generators.plan import Plan
from generators.rates.shape import CatchUp
from generators.runs.pacing import Pacing, Policy
from generators.runs.runner import Progress, Watch, finish, run_slice
from sinks.destinations.base import Sink

SEQUENCE = {"fieldName": "n", "type": "SEQUENCE"}
PATTERNS: dict[str, dict[str, Any]] = {
    "CONSTANT": {"recordsPerSecond": 40},
    "RAMP": {"pattern": {"type": "RAMP", "startRate": 0, "endRate": 100, "overSeconds": 3}},
    "SPIKE": {"pattern": {"type": "SPIKE", "baseRate": 5, "spikeRate": 200, "startSeconds": 1, "durationSeconds": 0.5}},
    "STEPPED": {
        "pattern": {
            "type": "STEPPED",
            "loop": True,
            "steps": [{"rate": 90, "durationSeconds": 0.7}, {"rate": 0, "durationSeconds": 0.9}],
        }
    },
    "WAVE": {"pattern": {"type": "WAVE", "baseRate": 50, "amplitude": 50, "periodSeconds": 2, "phase": 0.3}},
    "CALENDAR": {"recordsPerSecond": 20, "pattern": {"type": "CALENDAR", "dayOfWeek": [1, 2, 3, 4, 5, 6, 7]}},
}
ARRIVALS: dict[str, dict[str, Any]] = {"EVEN": {}, "POISSON": {}, "JITTER": {"jitterRatio": 0.8}}


@dataclass
class World(Sink, Watch):
    """A sink, a watch and a clock in one; `stalls` says how long a record's write takes."""

    commits_anywhere: bool = True  # type: ignore[misc]
    stalls: dict[int, float] = field(default_factory=dict)
    goes_on: Callable[[Progress], bool] = lambda progress: True
    time: float = 50.0
    left: dict[int, float] = field(default_factory=dict)
    commits: list[tuple[float, int]] = field(default_factory=list)
    looks: list[tuple[float, Progress]] = field(default_factory=list)
    ends: list[int] = field(default_factory=list)

    def now(self) -> float:
        return self.time

    def sleep(self, seconds: float) -> None:
        self.time += seconds

    @property
    def elapsed(self) -> float:
        return self.time - 50.0

    def open(self, epoch: int) -> int:
        return self.commits[-1][1] if self.commits else 0

    def write(self, batch: Batch) -> None:
        for number in range(batch.span.start, batch.span.end):
            self.left[number] = self.elapsed
            self.time += self.stalls.pop(number, 0.0)

    def commit(self, next_record: int) -> None:
        self.commits.append((self.elapsed, next_record))

    def end(self, next_record: int) -> None:
        assert self.ends in ([], [next_record]), "an early end is said before it happens"
        self.commit(next_record)

    def go_on_from(self, next_record: int) -> int:
        return next_record

    def about_to_end(self, next_record: int) -> None:
        self.ends.append(next_record)

    def committed(self, progress: Progress) -> bool:
        self.looks.append((self.elapsed, progress))
        return self.goes_on(progress)

    @property
    def bytes_written(self) -> int:
        return 0

    def close(self) -> None: ...


def plan_of(*mappings: dict[str, Any], **rate: Any) -> Plan:
    document = {
        "name": "paced",
        "generationMode": "REALTIME",
        "endCondition": "MANUAL",
        "rate": rate,
        "fieldMappings": list(mappings or [SEQUENCE]),
    }
    facts = RunFacts(seed=5, started_at=datetime(2026, 3, 2, tzinfo=UTC), started_at_given=True)
    return compile_plan(read_definition(document), facts=facts, pools={})


def schedule_of(plan: Plan) -> Schedule:
    assert plan.pace.schedule is not None
    return plan.pace.schedule


def carry(
    world: World,
    plan: Plan,
    *,
    end: int,
    policy: Policy | None = None,
    latency_s: float = 0.2,
    limit_s: float | None = None,
    paused_s: float = 0,
) -> Progress:
    limit_us = None if limit_s is None else round(limit_s * MICROS)
    paused_us = round(paused_s * MICROS)
    return finish(
        run_slice(
            plan,
            world,
            shard=Span(0, end),
            next_record=world.open(1),
            cuts=TimedCuts(65_536, planned=schedule_of(plan)),
            batch_size=None,
            watch=world,
            pacing=Pacing(schedule_of(plan), policy or Policy(), paused_us=paused_us, limit_us=limit_us, timer=world),
            max_latency_s=latency_s,
        ),
        world,
    )


@pytest.mark.parametrize("catch_up", CatchUp)
@pytest.mark.parametrize("arrival", ARRIVALS)
@pytest.mark.parametrize("pattern", PATTERNS)
def test_every_record_leaves_once_and_when_it_is_due(pattern: str, arrival: str, catch_up: CatchUp) -> None:
    plan = plan_of(arrival=arrival, **PATTERNS[pattern], **ARRIVALS[arrival])
    world = World()

    progress = carry(world, plan, end=300, policy=Policy(catch_up))

    due = schedule_of(plan).due(Span(0, 300)) / MICROS
    assert list(world.left) == list(range(300))
    assert progress.next_record == world.commits[-1][1] == 300
    assert all(-1e-6 < at - wanted <= 0.0051 for at, wanted in zip(world.left.values(), due, strict=True))


@pytest.mark.parametrize("pattern", ["CONSTANT", "WAVE", "CALENDAR"])
@pytest.mark.parametrize("catch_up", CatchUp)
def test_a_stall_loses_and_doubles_nothing(pattern: str, catch_up: CatchUp) -> None:
    plan = plan_of(**PATTERNS[pattern])
    world = World(stalls={100: 4.0})

    carry(world, plan, end=600, policy=Policy(catch_up, catch_up_us=5 * MICROS))

    due = schedule_of(plan).due(Span(0, 600)) / MICROS
    assert list(world.left) == list(range(600))
    at_end = world.left[599] - due[599]
    assert at_end == pytest.approx(4.0, abs=0.1) if catch_up is CatchUp.SKIP else at_end < 0.01
    assert world.looks[-1][1].behind_us < 10_000 or catch_up is CatchUp.SKIP


@pytest.mark.parametrize("anywhere", [True, False])
@pytest.mark.parametrize("catch_up", CatchUp)
@pytest.mark.parametrize("limit_s", [0.01, 2.5, 3.0, 3.011])
def test_time_ends_a_run_behind_the_last_record_that_was_due_in_it(
    limit_s: float, catch_up: CatchUp, anywhere: bool
) -> None:
    plan = plan_of(recordsPerSecond=40)
    world = World(commits_anywhere=anywhere)

    progress = carry(world, plan, end=10**6, policy=Policy(catch_up), limit_s=limit_s)

    count = schedule_of(plan).count_before(round(limit_s * MICROS))
    assert list(world.left) == list(range(count))
    assert (world.ends, world.commits[-1][1], progress.next_record) == ([count], count, count)
    assert limit_s - 1e-6 <= world.elapsed <= limit_s + 0.01


@pytest.mark.parametrize("catch_up", [CatchUp.BURST, CatchUp.SPREAD])
def test_what_is_owed_for_a_pause_comes_in_time_or_not_at_all(catch_up: CatchUp) -> None:
    plan = plan_of(recordsPerSecond=40)
    world = World(commits_anywhere=False)
    policy = Policy(catch_up, catch_up_us=20 * MICROS)

    carry(world, plan, end=10**6, policy=policy, limit_s=10, paused_s=5)

    # BURST has sent them all by then, 40 more in each second; SPREAD half of them.
    count = {CatchUp.BURST: 600, CatchUp.SPREAD: 500}[catch_up]
    assert len(world.left) == pytest.approx(count, abs=1)
    assert max(world.left.values()) <= 10.006


def test_a_destination_that_is_slow_at_the_end_gets_what_was_due_and_no_more() -> None:
    plan = plan_of(recordsPerSecond=40)
    world = World(stalls={95: 0.9})

    carry(world, plan, end=10**6, limit_s=2.5)

    assert list(world.left) == list(range(100))
    assert world.elapsed == pytest.approx(95 / 40 + 0.9, abs=0.01)


def test_how_late_it_is_can_be_seen() -> None:
    world = World(stalls={100: 4.0})

    carry(world, plan_of(recordsPerSecond=40), end=800, policy=Policy(CatchUp.SPREAD, catch_up_us=10 * MICROS))

    behind = [progress.behind_us / MICROS for at, progress in world.looks if at > 6.6]
    assert max(behind) > 3
    assert behind[-1] < 0.05


@pytest.mark.parametrize("latency_s", [0.02, 0.2, 1.0])
def test_commits_come_at_least_every_latency(latency_s: float) -> None:
    world = World()

    carry(world, plan_of(recordsPerSecond=400), end=4000, latency_s=latency_s)

    times = [at for at, _ in world.commits]
    gaps = [after - before for before, after in pairwise(times)]
    assert max(gaps) <= latency_s + 0.006
    assert min(gaps[:-1]) >= latency_s - 1e-5


def test_a_sink_with_frames_commits_at_whole_seconds_of_planned_time() -> None:
    world = World(commits_anywhere=False)

    carry(world, plan_of(recordsPerSecond=40), end=130)

    assert [number for _, number in world.commits] == [40, 80, 120, 130]


@pytest.mark.parametrize("anywhere", [True, False])
@pytest.mark.parametrize("rate", [0.01, 3, 5000])
def test_somebody_is_asked_at_least_every_half_second(rate: float, anywhere: bool) -> None:
    world = World(commits_anywhere=anywhere)
    world.goes_on = lambda progress: world.elapsed < 20

    carry(world, plan_of(recordsPerSecond=rate), end=10**6)

    times = [at for at, _ in world.looks]
    assert max(after - before for before, after in pairwise(times)) <= 0.51
    assert 20 <= world.elapsed <= 20.6
    assert all(progress.next_record in {0, *(number for _, number in world.commits)} for _, progress in world.looks)


def test_after_a_pause_it_goes_on_with_the_next_record_and_at_its_pace() -> None:
    plan = plan_of(recordsPerSecond=40)
    world = World()
    world.goes_on = lambda progress: world.elapsed < 3

    paused = carry(world, plan, end=400)
    active_us = paused.elapsed_us
    world.goes_on = lambda progress: True
    world.time += 3600
    resumed_at = world.elapsed
    finish(
        run_slice(
            plan,
            world,
            shard=Span(0, 400),
            next_record=world.open(2),
            cuts=TimedCuts(65_536, planned=schedule_of(plan)),
            batch_size=None,
            watch=world,
            pacing=Pacing(schedule_of(plan), Policy(), active_us=active_us, timer=world),
        ),
        world,
    )

    assert list(world.left) == list(range(400))
    assert world.left[399] - resumed_at == pytest.approx(399 / 40 - active_us / MICROS, abs=0.01)


@pytest.mark.parametrize("commits_anywhere", [True, False])
def test_a_record_that_cannot_be_made_comes_behind_the_commit_of_all_before_it(commits_anywhere: bool) -> None:
    numbers = {"fieldName": "n", "type": "NUMERIC_RANGE", "params": {"min": 1, "max": 2}}
    plan = plan_of(numbers, recordsPerSecond=40)

    class Poisoned(Plan):
        def batch(self, span: Span) -> Batch:
            if span.start <= 50 < span.end:
                raise RecordInvalid("RECORD_INVALID", "no", field="n", record_number=50)
            return plan.batch(span)

    poisoned = Poisoned(*(getattr(plan, name) for name in Plan.__dataclass_fields__))
    world = World(commits_anywhere=commits_anywhere)

    with pytest.raises(RecordInvalid):
        carry(world, poisoned, end=400, latency_s=1.0)

    assert world.commits[-1] == (pytest.approx(50 / 40, abs=0.05), 50)
    assert max(world.left) == 49

"""Pacing by a clock that only moves when it is told to: exact records at exact instants, also after delays."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest

from engine.arrivals import Arrival, Even, Poisson
from engine.rates import MICROS, RateCurve
from engine.schedule import Schedule
from engine.stream import Source
from engine.timetable import Timetable
from generators.rates.shape import CatchUp
from generators.runs.pacing import Pacing, Policy
from tests.engine.rate_curves import CURVES, held, repeated

LIMIT = 10**9


@dataclass
class World:
    """Time, which goes by while somebody sleeps, and what was sent when."""

    curve: RateCurve = field(default_factory=lambda: CURVES["1000/s"])
    policy: Policy = field(default_factory=Policy)
    arrival: Arrival = field(default_factory=Even)
    active_us: int = 0
    paused_us: int = 0
    next_record: int = 0
    time: float = 1000.0
    sent: list[tuple[float, int]] = field(default_factory=list)
    sleeps: int = 0

    def __post_init__(self) -> None:
        self.schedule = Schedule(Timetable(self.curve, self.arrival))
        self.pacing = Pacing(self.schedule, self.policy, active_us=self.active_us, paused_us=self.paused_us, timer=self)
        self.pacing.start(self.next_record)

    def now(self) -> float:
        return self.time

    def sleep(self, seconds: float) -> None:
        assert seconds > 0
        self.sleeps += 1
        self.time += seconds

    def until(self, elapsed_s: float) -> World:
        """Send what may leave whenever it may, until just before so much time has gone by."""
        while True:
            end = self.pacing.due_end(self.next_record, LIMIT)
            if end > self.next_record:
                self.sent.append((self.pacing.elapsed_us / MICROS, end - self.next_record))
                self.next_record = end
            if (left := round(elapsed_s * MICROS) - 1 - self.pacing.elapsed_us) <= 0:
                return self
            if (rest_us := self.pacing.rest_us(self.next_record, ahead_us=0, at_most_us=left)) > 0:
                self.sleep(rest_us / MICROS)

    def stall(self, seconds: float) -> World:
        """Nothing is sent for a while, as when a destination does not answer."""
        self.time += seconds
        return self

    def per_second(self, seconds: int) -> Any:
        """How many were sent in each second of running time; up to a tick's worth at its ends may be off."""
        times, counts = zip(*self.sent, strict=True)
        return list(map(int, np.histogram(times, bins=range(seconds + 1), weights=counts)[0]))


def about(counts: list[float]) -> Any:
    """So many records in each second, but for those of a tick."""
    return pytest.approx(counts, abs=6)


@pytest.mark.parametrize("rate", [1000, 50_000])
def test_every_second_has_its_records_for_minutes(rate: int) -> None:
    world = World(repeated(held(1, rate)).curve).until(120)

    assert world.next_record == 120 * rate
    assert all(abs(count - rate) <= rate * 0.005 for count in world.per_second(120))


@pytest.mark.parametrize("name", ["pauses", "up from 0 and down to 0", "one in ten seconds"])
@pytest.mark.parametrize("arrival", [Even(), Poisson(Source(1, "orders", "").stream("time"))])
def test_no_record_leaves_before_it_is_due_nor_more_than_a_tick_after(name: str, arrival: Arrival) -> None:
    world = World(CURVES[name], arrival=arrival).until(130)

    first = 0
    for at, count in world.sent:
        due = [world.schedule.due_one(number) / MICROS for number in (first, first + count - 1, first + count)]
        assert at - 0.0051 <= due[0] <= due[1] <= at + 1e-6
        assert due[2] > at
        first += count
    assert first == world.schedule.count_before(130 * MICROS)


def test_it_sleeps_until_the_next_record_and_no_tick_in_between() -> None:
    world = World(CURVES["one in ten seconds"]).until(60)

    assert world.sent == [(0, 1), (10, 1), (20, 1), (30, 1), (40, 1), (50, 1)]
    assert world.sleeps <= 7


def test_it_never_rests_longer_than_asked() -> None:
    world = World(CURVES["pauses"]).until(10)

    assert world.pacing.rest_us(world.next_record, ahead_us=0, at_most_us=250_000) == 250_000


@pytest.mark.parametrize("catch_up", CatchUp)
def test_a_short_delay_is_made_up_for_at_once(catch_up: CatchUp) -> None:
    world = World(policy=Policy(catch_up)).until(10).stall(0.9).until(60)

    seconds = world.per_second(60)
    assert seconds[:9] + seconds[12:] == about([1000] * 57)
    assert world.next_record == 60_000
    assert world.pacing.behind_us(world.next_record) < 5_000


def test_skip_forgets_what_was_owed_and_goes_on_later() -> None:
    world = World().until(10).stall(5).until(60)

    assert world.next_record == 55_001  # the record that was owed when it was noticed left at once
    assert world.per_second(60) == about([1000] * 10 + [0] * 5 + [1000] * 45)
    assert world.pacing.behind_us(world.next_record) < 5_000


def test_burst_sends_a_second_s_worth_more_in_each_second() -> None:
    world = World(policy=Policy(CatchUp.BURST)).until(10).stall(5)

    assert world.pacing.behind_us(world.next_record) == 4_999_999
    found = world.until(60).per_second(60)
    assert found[:14] == about([1000] * 10 + [0] * 4)
    assert found[14] + found[15] == pytest.approx(3000, abs=12)
    assert found[16:21] == about([2000, 2000, 2000, 1000, 1000])
    assert world.next_record == 60_000


@pytest.mark.parametrize("burst", [100, 4000])
def test_burst_sends_no_more_at_once_than_asked(burst: int) -> None:
    world = World(policy=Policy(CatchUp.BURST, burst=burst)).until(10).stall(5)
    before = world.next_record

    world.until(15.003)

    assert world.next_record - before == pytest.approx(burst, abs=4 + burst // 250)
    assert world.until(15 + 5000 // burst + 10).next_record == 25_000 + 5000 // burst * 1000


def test_spread_sends_what_is_owed_evenly() -> None:
    world = World(policy=Policy(CatchUp.SPREAD, catch_up_us=20 * MICROS)).until(10).stall(5)

    found = world.until(60).per_second(60)

    assert found[15:35] == about([1250] * 20)
    assert found[35:] == about([1000] * 25)
    assert world.next_record == 60_000


def test_a_second_delay_while_the_first_is_made_up_for() -> None:
    world = (
        World(policy=Policy(CatchUp.SPREAD, catch_up_us=20 * MICROS)).until(10).stall(5).until(20).stall(5).until(90)
    )

    assert world.next_record == 90_000
    assert max(world.per_second(90)) < 1600


@pytest.mark.parametrize("policy", [Policy(), Policy(burst=3)])
def test_at_a_low_rate_one_late_record_is_no_delay(policy: Policy) -> None:
    world = World(CURVES["one in ten seconds"], policy=policy).until(19).stall(4).until(61)

    assert [at for at, _ in world.sent] == [0, 10, pytest.approx(23, abs=1e-5), 30, 40, 50, 60]


def test_a_burst_that_is_given_says_how_many_may_be_owed() -> None:
    patient = World(policy=Policy(burst=10_000)).until(10).stall(5).until(60)
    strict = World(policy=Policy(burst=100)).until(10).stall(0.2).until(60)
    lively = World(policy=Policy(burst=1)).until(10).stall(0.04).until(60)

    assert patient.next_record == 60_000
    assert strict.next_record == 59_801
    assert lively.next_record == 60_000


# Going on where another writer was.


def test_time_goes_on_where_it_was() -> None:
    first = World().until(7.5)

    second = World(active_us=first.pacing.elapsed_us, next_record=first.next_record, time=5.0).until(20)

    assert second.per_second(20) == about([0] * 7 + [500] + [1000] * 12)
    assert second.next_record == 20_000


def test_after_a_kill_the_time_since_the_last_commit_has_not_gone_by() -> None:
    second = World(active_us=7_900_000, next_record=7_000).until(20)  # committed at 7 s, killed at 7.9 s

    assert second.next_record == 20_000
    assert second.sent[0] == (7.9, 901)


def test_where_nobody_wrote_down_the_time_the_records_tell_it() -> None:
    second = World(active_us=0, next_record=7_000).until(20)

    assert second.per_second(20) == about([0] * 7 + [1000] * 13)
    assert second.next_record == 20_000


def test_there_are_no_more_than_asked_for() -> None:
    world = World()
    world.stall(0.5)

    assert world.pacing.due_end(0, 100) == 100
    assert world.pacing.due_end(0, LIMIT) == 501


def test_worth_of_a_time_is_at_least_a_record() -> None:
    pacing = World(CURVES["pauses"]).pacing

    assert [pacing.worth_of(record, 50_000) for record in (0, 498, 499, 500)] == [3, 2, 1, 3]

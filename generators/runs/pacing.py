"""Pacing: which records of a run may leave now, by its schedule, the time that has gone by and what a delay costs."""

from __future__ import annotations

import time
from dataclasses import dataclass
from math import ceil
from typing import Protocol

import numpy as np

from engine.lap_pieces import Int64s
from engine.rates import MICROS
from engine.schedule import Schedule
from engine.span import Span
from generators.pace import time_limit
from generators.plan import Plan
from generators.rates.quantities import micros
from generators.rates.shape import CatchUp

GRACE_US = 1_000_000
"""So long, when its time is over, a run with a pace may take to write what has become due by then."""
_WINDOW = 16_384
COMMIT_SECONDS = 1.0
_LIMITED_LATENCY_S, _TIMED_LATENCY_S = 0.5, 0.1
_PATIENCE_US = 50_000
"""To be late by so little is no delay, however few records may be owed: it takes some ticks to notice one."""
_MANY, _FAST_TICK_US, _TICK_US = 50, 1_000, 5_000


class Timer(Protocol):
    """Time as a writer feels it: in seconds, from some instant on."""

    def now(self) -> float:
        """How late it is; never earlier than before."""
        ...

    def sleep(self, seconds: float) -> None:
        """Let so much time go by."""
        ...


class SystemTimer:
    """The time of this machine, whatever its clocks are set to."""

    def now(self) -> float:
        return time.monotonic()

    def sleep(self, seconds: float) -> None:
        time.sleep(seconds)


@dataclass(frozen=True, slots=True)
class Policy:
    """What happens to records that were due while nothing could be written.

    Up to `burst` of them (None: as many as are due in a second) are sent at once in any case. More are a delay: SKIP
    lets the rest of the run come later by as much; BURST sends `burst` at once and as many more in each second; SPREAD
    takes `catch_up_us` for them. What was due in a pause is owed too, but with SKIP, where a pause makes the rest come
    later, whatever its length.
    """

    catch_up: CatchUp = CatchUp.SKIP
    burst: int | None = None
    catch_up_us: int = MICROS


@dataclass(frozen=True, slots=True)
class _Line:
    """While a delay is made up for: from the time `since` on, records due by ``due + slope * elapsed`` may leave."""

    since: int
    due: float
    slope: float


class Pacing:
    """The pace of a run's one writer. Its time is the run's active time, which goes on where a writer left it.

    Deadlines are absolute, so that no error adds up: whatever is due by now may leave.
    """

    def __init__(
        self,
        schedule: Schedule,
        policy: Policy,
        *,
        active_us: int = 0,
        paused_us: int = 0,
        limit_us: int | None = None,
        timer: Timer | None = None,
    ) -> None:
        """`active_us` is the active time of earlier writers, as far as it is known, `paused_us` that of the pauses.

        Nothing becomes due any more from the active time `limit_us` on.
        """
        self._schedule, self._policy, self._limit_us = schedule, policy, limit_us
        self._timer = timer or SystemTimer()
        self._before_us, self._started = active_us, self._timer.now()
        # By how much records leave later than planned: they are behind by that already where pauses are owed.
        self._later_us = 0 if policy.catch_up is CatchUp.SKIP else -paused_us
        self._line: _Line | None = None
        self._first, self._due = 0, np.empty(0, np.int64)
        self._woken_us = 0

    def start(self, next_record: int) -> None:
        """Begin now, at a record: never before the time at which it is due, for that time must have gone by once."""
        self._started = self._timer.now()
        if next_record:
            self._before_us = max(self._before_us, self._schedule.due_one(next_record - 1) + self._later_us)
        self._woken_us = self._before_us

    @property
    def elapsed_us(self) -> int:
        """The active time until now."""
        return round((self._timer.now() - self._started) * MICROS) + self._before_us

    def behind_us(self, next_record: int) -> int:
        """By how much the next record is late."""
        return max(0, self.elapsed_us - self._later_us - self._due_of(next_record))

    def due_end(self, next_record: int, limit: int) -> int:
        """The record behind those from `next_record` on that may leave now; at most `limit`."""
        now = self.elapsed_us
        if self._limit_us is not None:
            now = min(now, self._limit_us - 1)
        reached = self._reached(now)
        if self._is_delayed(next_record, reached):
            self._delay(next_record, now)
            reached = self._reached(now)
        end = next_record
        while end < limit:
            due = self._window(end)
            ready = int(np.searchsorted(due, reached, side="right"))
            end += ready
            if ready < len(due):
                break
        return min(end, limit)

    def is_over(self, next_record: int) -> bool:
        """Whether the time is over and what became due in it has left, or has had long enough to leave."""
        if self._limit_us is None or (late_us := self.elapsed_us - self._limit_us) < 0:
            return False
        return late_us >= GRACE_US or self.due_end(next_record, next_record + 1) == next_record

    def wait_us(self, record: int) -> int:
        """How long it takes until a record may leave; 0 or less when it may leave now."""
        due = self._due_of(record)
        until = due + self._later_us
        if (line := self._line) is not None:
            until = max(until, line.since + ceil((due - line.due) / line.slope))
        return until - self.elapsed_us

    def rest_us(self, record: int, *, ahead_us: int, at_most_us: int) -> int:
        """How long to rest until so long before a record may leave, but not longer than asked.

        At least a tick goes by between the ends of two rests: records that come more often leave together.
        """
        now = self.elapsed_us
        until = max(now + self.wait_us(record) - ahead_us, self._woken_us + self._tick_us(record))
        until = min(until, now + at_most_us)
        if self._limit_us is not None and now < self._limit_us:
            until = min(until, self._limit_us)
        self._woken_us = max(until, now)
        return self._woken_us - now

    def worth_of(self, next_record: int, time_us: int) -> int:
        """How many records from `next_record` on are due within a time from the first of them; at least one."""
        end = self._schedule.count_before(self._due_of(next_record) + time_us)
        return max(1, end - next_record)

    def _reached(self, now: int) -> int:
        """Records due by then may leave now."""
        reached = now - self._later_us
        if (line := self._line) is None:
            return reached
        on_line = int(line.due + line.slope * (now - line.since))
        if on_line >= reached:
            self._line = None
        return min(reached, on_line)

    def _is_delayed(self, next_record: int, reached: int) -> bool:
        """Whether more records are owed than may be sent at once."""
        burst = self._policy.burst
        if reached - self._due_of(next_record) <= (MICROS if burst is None else _PATIENCE_US):
            return False
        return self._schedule.due_one(next_record + (burst or 1)) <= reached

    def _delay(self, next_record: int, now: int) -> None:
        due, policy = self._due_of(next_record), self._policy
        behind = now - self._later_us - due
        match policy.catch_up:
            case CatchUp.SKIP:
                self._later_us += behind
            case CatchUp.SPREAD:
                self._line = _Line(now, due, 1.0 + behind / policy.catch_up_us)
            case CatchUp.BURST:
                burst = policy.burst or self.worth_of(next_record, MICROS)
                more_us = max(self._schedule.due_one(next_record + burst) - due, 1)
                self._line = _Line(now, due + more_us - 1, 1.0 + more_us / MICROS)

    def _due_of(self, record: int) -> int:
        return int(self._window(record)[0])

    def _window(self, record: int) -> Int64s:
        """When a record and those behind it are due, as far as that is known already."""
        if not self._first <= record < self._first + len(self._due):
            self._first, self._due = record, self._schedule.due(Span(record, _WINDOW))
        return self._due[record - self._first :]

    def _tick_us(self, record: int) -> int:
        """A millisecond where many records are due in five, else five."""
        due = self._window(record)
        return _FAST_TICK_US if due[min(_MANY, len(due) - 1)] - due[0] < _TICK_US else _TICK_US


def pacing_of(
    plan: Plan, *, active_us: int = 0, paused_us: int = 0, is_fixed: bool = False, timer: Timer | None = None
) -> Pacing | None:
    """The pace of a plan's run after so much active and paused time; None when it goes as fast as it can.

    When time has ended it and `is_fixed` at which record, it goes on to there.
    """
    schedule, rate = plan.pace.schedule, plan.definition.shape.rate
    if schedule is None:
        return None
    policy = Policy()
    if rate is not None:
        policy = Policy(rate.catch_up, rate.burst, micros(rate.catch_up_seconds or 1))
    limit, shape = time_limit(plan.definition.shape), plan.definition.shape
    limit_us = None if limit is None or is_fixed else limit.time_us - (paused_us if shape.include_paused else 0)
    return Pacing(schedule, policy, active_us=active_us, paused_us=paused_us, limit_us=limit_us, timer=timer)


def latency_of(plan: Plan) -> float:
    """After how many seconds the records of a plan's run are committed, at the next border behind that."""
    shape = plan.definition.shape
    if shape.rate is not None:
        return shape.max_latency_ms / 1_000
    if time_limit(shape) is not None:
        return _TIMED_LATENCY_S
    return COMMIT_SECONDS if plan.pace.schedule is None else _LIMITED_LATENCY_S

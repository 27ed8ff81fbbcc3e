"""Clocks: when each record of a run takes place, as a function of its number alone."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.span import Span
from engine.timetable import Timetable
from generators.times.envelope import Envelope


class Clock(ABC):
    """The planned instant of each record: never moved by pauses, delays or crashes."""

    fixed: bool
    """Whether a new run of the same definition has the same instants."""

    @abstractmethod
    def instants(self, span: Span) -> NDArray[np.int64]:
        """When the records of a span take place, in milliseconds since 1970 (UTC): shape ``(span.count,)``."""

    @property
    @abstractmethod
    def envelope(self) -> Envelope:
        """Where the instants lie."""

    @property
    @abstractmethod
    def step_ms(self) -> Fraction:
        """Milliseconds from one record to the next, in the long run."""

    @property
    @abstractmethod
    def identity(self) -> list[Any]:
        """JSON values that are equal when the instants are."""


@dataclass(frozen=True)
class LinearClock(Clock):
    """The same distance between any two records."""

    start_ms: int
    distance_ms: int
    fixed: bool

    def instants(self, span: Span) -> NDArray[np.int64]:
        return np.arange(span.start, span.end, dtype=np.int64) * self.distance_ms + self.start_ms

    @property
    def envelope(self) -> Envelope:
        return Envelope(self.start_ms, self.distance_ms)

    @property
    def step_ms(self) -> Fraction:
        return Fraction(self.distance_ms)

    @property
    def identity(self) -> list[Any]:
        return [self.start_ms, self.distance_ms]


@dataclass(frozen=True)
class PlannedClock(Clock):
    """Each record when a timetable plans it, cut to the millisecond; `rate` is what the timetable was made from."""

    start_ms: int
    timetable: Timetable
    rate: Any
    fixed: bool

    def instants(self, span: Span) -> NDArray[np.int64]:
        times = self.timetable.times(span)
        times //= 1_000
        times += self.start_ms
        return times

    @cached_property
    def envelope(self) -> Envelope:
        return Envelope(self.start_ms, planned=lambda number: int(self.instants(Span(number, 1))[0]))

    @property
    def step_ms(self) -> Fraction:
        return 1_000 / self.timetable.curve.mean_rate

    @property
    def identity(self) -> list[Any]:
        return [self.start_ms, self.rate]

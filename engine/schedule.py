"""Schedules: after how much running time each record is due."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from math import ceil

import numpy as np

from engine.lap_pieces import Int64s
from engine.rates import FAR
from engine.span import Span
from engine.timetable import Timetable


@dataclass(frozen=True, slots=True)
class Schedule:
    """A timetable that is gone through at `speed` until its time `seam_us`, and at its own pace from there on.

    Without `seam_us` the speed never changes. Times are microseconds of a run's own time: pauses do not count.
    """

    timetable: Timetable
    speed: Fraction = Fraction(1)
    seam_us: int | None = None

    @property
    def mean_rate(self) -> Fraction:
        """Records a second in the long run."""
        rate = self.timetable.curve.mean_rate
        return rate if self.seam_us is not None else rate * self.speed

    def due(self, span: Span) -> Int64s:
        """When the records of a span are due: shape ``(span.count,)``, never less for a later record."""
        times = self.timetable.times(span)
        if self.speed == 1:
            return times
        if self.seam_us is None:
            return self._hastened(times)
        return np.where(times <= self.seam_us, self._hastened(times), self._met_us + (times - self.seam_us))

    def due_one(self, number: int) -> int:
        """When one record is due."""
        return int(self.due(Span(number, 1))[0])

    def count_before(self, time_us: int) -> int:
        """How many records are due before a time: the exact inverse of `due`."""
        if self.seam_us is not None and time_us > self._met_us:
            return self.timetable.count_before(self.seam_us + time_us - self._met_us)
        return self.timetable.count_before(min(ceil(time_us * self.speed), FAR))

    @property
    def _met_us(self) -> int:
        """When the seam is due."""
        return int((self.seam_us or 0) / self.speed)

    def _hastened(self, times: Int64s) -> Int64s:
        """Times divided by the speed and rounded down, without an overflow on the way."""
        over, under = self.speed.numerator, self.speed.denominator
        if over < under:
            times = np.minimum(times, FAR * over // under)
        return times // over * under + times % over * under // over

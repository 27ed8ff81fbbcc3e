"""Slopes: what is planned in a while in which the rate rises or falls in a straight line, and the inverse of that."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

Int64s = NDArray[np.int64]
Floats = NDArray[np.float64]

_TOP = 2.0**62
_REACH = 2


@dataclass(frozen=True, slots=True)
class Slope:
    """A while of `duration_us` in which the rate, in units a microsecond, goes from one value to another."""

    duration_us: int
    start_rate: Fraction
    end_rate: Fraction


class Slopes:
    """Several slopes, told apart by their place.

    Counts are the textbook's quadratic function in float64, made of operations that IEEE 754 rounds correctly and that
    never fall as time goes on, and then rounded up to a whole unit: so they are the same on every machine, and never
    less at a later time. A slope that falls is counted from its end. The error is below a unit, or in slopes of more
    than ``2**50`` units, which are 280 million records, below ``2**-50`` of the whole slope.
    """

    def __init__(self, slopes: Sequence[Slope]) -> None:
        self._durations = np.array([slope.duration_us for slope in slopes], np.int64)
        self._rises = np.array([slope.end_rate > slope.start_rate for slope in slopes], np.bool_)
        self._low = np.array([float(min(slope.start_rate, slope.end_rate)) for slope in slopes])
        self._bend = np.array(
            [float(abs(slope.end_rate - slope.start_rate) / (2 * slope.duration_us)) for slope in slopes]
        )
        self._total = np.array([float((s.start_rate + s.end_rate) * s.duration_us / 2) for s in slopes])

    def made(self, elapsed: Int64s, at: Int64s) -> Int64s:
        """How many units are planned in so many microseconds of the slopes `at`: the shape of both."""
        rises = self._rises.take(at)
        distance = np.where(rises, elapsed, self._durations.take(at) - elapsed).astype(np.float64)
        counts = distance * distance
        counts *= self._bend.take(at)
        counts += distance * self._low.take(at)
        counts = np.where(rises, counts, self._total.take(at) - counts)
        np.clip(np.ceil(counts), 0.0, _TOP, out=counts)
        counts[elapsed == 0] = 0.0
        return counts.astype(np.int64)

    def times(self, units: Int64s, at: Int64s) -> Int64s:
        """The last whole microsecond of the slopes `at` in which no more is planned: the shape of both."""
        last = self._durations.take(at) - 1
        guess = self._guess(units, at)
        low, high = np.clip(guess - _REACH, 0, last), np.clip(guess + _REACH, 0, last)
        wrong = (self.made(low, at) > units) | ((high < last) & (self.made(high + 1, at) <= units))
        low[wrong], high[wrong] = 0, last[wrong]
        while (low < high).any():
            middle = (low + high + 1) >> 1
            fits = self.made(middle, at) <= units
            low, high = np.where(fits, middle, low), np.where(fits, high, middle - 1)
        return low

    def _guess(self, units: Int64s, at: Int64s) -> Int64s:
        """The solution of the quadratic equation that cancels no digits, give or take what rounding costs."""
        rises, low, bend = self._rises.take(at), self._low.take(at), self._bend.take(at)
        counts = units.astype(np.float64)
        counts = np.where(rises, counts, np.maximum(self._total.take(at) - counts, 0.0))
        roots = np.sqrt(low * low + 4.0 * bend * counts)
        roots += low
        distance = np.divide(2.0 * counts, roots, out=np.zeros_like(counts), where=roots > 0.0)
        durations = self._durations.take(at)
        distance = np.minimum(distance, durations)
        guess: Int64s = np.floor(np.where(rises, distance, durations - distance)).astype(np.int64)
        return guess

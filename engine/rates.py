"""Rate curves: how many records are planned until an instant, and when any record is planned, in whole numbers.

Counts are in units of which a record has 4,000,000, so that all counts of a run fit an int64 and whole seconds of any
rate are whole units. The count at a time is a whole number of units that never falls as time goes on, and the time of
a count is the last microsecond until which no more has been planned: each follows from the other exactly, and nothing
adds up over the laps of a curve that repeats itself.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from engine.lap_pieces import MOST, SHARES, UNITS, Int64s, Piece, Pieces

MICROS = 1_000_000
FAR = 2**62
"""Microseconds that stand for all later instants, too: 146,000 years."""


class Lap:
    """Pieces that follow each other again and again."""

    def __init__(self, pieces: Sequence[Piece]) -> None:
        """Use pieces that last at least a microsecond each.

        They are repeated until they are whole units together: at most 500 times, if they last whole milliseconds.
        """
        self._round = tuple(pieces)
        shares = sum((piece.shares for piece in pieces), start=Fraction(0))
        self._pieces = Pieces(self._round * Fraction(shares, SHARES).denominator)
        self.period_us, self.units = self._pieces.duration_us, self._pieces.units

    @property
    def mean_rate(self) -> Fraction:
        """Records a second."""
        return Fraction(self.units * MICROS, UNITS * self.period_us)

    def rotated(self, lap_us: int) -> Lap:
        """The lap as it goes from one of its times on."""
        cut = lap_us % sum(piece.duration_us for piece in self._round)
        ahead: list[Piece] = []
        behind: list[Piece] = []
        start = 0
        for piece in self._round:
            parts: tuple[Piece, ...] = (piece,)
            if start < cut < start + piece.duration_us:
                parts = piece.split(cut - start)
            for part in parts:
                (ahead if start >= cut else behind).append(part)
                start += part.duration_us
        return Lap([*ahead, *behind])

    def units_at(self, time_us: int) -> int:
        """How much is planned before a time of 0 or later."""
        laps, rest = divmod(time_us, self.period_us)
        return laps * self.units + self._pieces.units_at(rest)

    def times(self, units: Int64s) -> Int64s:
        """The last microsecond until which no more than this is planned, for units in ``[0, MOST]``: their shape."""
        if self.units > MOST:
            return self._pieces.times(units)
        laps = units // self.units
        is_far = laps.astype(np.float64) * float(self.period_us) >= float(FAR)
        times = laps * self.period_us
        times += self._pieces.times(units - laps * self.units)
        times[is_far] = FAR
        return times


@dataclass(frozen=True, slots=True)
class Stretch:
    """From `start_us` on, a curve follows a lap from its beginning."""

    start_us: int
    lap: Lap


class RateCurve:
    """A rate over time, without an end."""

    def __init__(self, stretches: Sequence[Stretch]) -> None:
        """Use stretches in order, the first of them at 0; raises ValueError if the last one makes no records."""
        if not stretches[-1].lap.units:
            raise ValueError("a rate that is 0 for ever never makes another record")
        self._stretches = tuple(stretches)
        self._starts = [stretch.start_us for stretch in stretches]
        self._units = [0]
        for one, other in pairwise(stretches):
            self._units.append(self._units[-1] + one.lap.units_at(other.start_us - one.start_us))

    @property
    def mean_rate(self) -> Fraction:
        """Records a second in the long run."""
        return self._stretches[-1].lap.mean_rate

    def units_at(self, time_us: int) -> int:
        """How many units are planned before a time."""
        if time_us <= 0:
            return 0
        at = bisect_right(self._starts, time_us) - 1
        return self._units[at] + self._stretches[at].lap.units_at(time_us - self._starts[at])

    def times(self, units: Int64s) -> Int64s:
        """The last microsecond until which no more than this is planned: shape of `units`, in ``[0, FAR]``.

        So it is ``units_at(time) <= units < units_at(time + 1)``. Units are in ``[0, MOST]``, in ascending order.
        """
        times = np.empty(units.shape, np.int64)
        borders = np.searchsorted(units, self._reachable, side="left").tolist()
        for at, (start, end) in enumerate(pairwise([*borders, len(units)])):
            if start < end:
                found = self._stretches[at].lap.times(units[start:end] - self._units[at])
                found[found < FAR] += self._starts[at]
                np.minimum(found, FAR, out=times[start:end])
        return times

    @cached_property
    def _reachable(self) -> NDArray[np.int64]:
        """What is planned before each stretch that begins before no more is counted."""
        return np.array([units for units in self._units if units <= MOST], np.int64)

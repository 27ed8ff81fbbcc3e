"""Pieces of a rate curve: stretches in which the rate is a straight line, and what is planned in them."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from engine.slopes import Slope, Slopes

Int64s = NDArray[np.int64]

UNITS = 4_000_000
"""Units of a record: 2**8 * 5**6, the most with which 10**12 records fit an int64."""
MOST = 2**62
"""No run comes to as many units."""
SHARES = 500_000
"""A unit has so many shares. A rate of a millionth of a record a second makes two of them in a microsecond."""


@dataclass(frozen=True, slots=True)
class Piece:
    """A stretch of time in which the rate goes from one value to another in a straight line.

    Rates are in millionths of a record a second: whole numbers, but where a slope was split.
    """

    duration_us: int
    start_rate: int | Fraction
    end_rate: int | Fraction

    @property
    def shares(self) -> int | Fraction:
        """How much is planned in it, exactly."""
        return (self.start_rate + self.end_rate) * self.duration_us

    @property
    def is_bent(self) -> bool:
        """Whether the rate changes."""
        return self.start_rate != self.end_rate

    @property
    def slope(self) -> Slope:
        """The piece with its rates in units a microsecond."""
        return Slope(self.duration_us, *(Fraction(rate) * 2 / SHARES for rate in (self.start_rate, self.end_rate)))

    def split(self, at_us: int) -> tuple[Piece, Piece]:
        """The piece before and behind one of its inner times."""
        rate: int | Fraction = self.start_rate
        if self.is_bent:
            rate += Fraction(self.end_rate - self.start_rate) * at_us / self.duration_us
        return Piece(at_us, self.start_rate, rate), Piece(self.duration_us - at_us, rate, self.end_rate)


class Pieces:
    """Pieces behind each other: what is planned before each of their times, and the inverse of that.

    Where the rate is level the count is exact, rounded up to a unit; see `Slopes` for the rest.
    """

    def __init__(self, pieces: Sequence[Piece]) -> None:
        self._starts = [0]
        self._shares: list[int | Fraction] = [0]
        for piece in pieces:
            self._starts.append(self._starts[-1] + piece.duration_us)
            self._shares.append(self._shares[-1] + piece.shares)
        self._borders = [-int(-shares // SHARES) for shares in self._shares]
        self.duration_us, self.units = self._starts[-1], self._borders[-1]
        self._pieces = tuple(pieces)
        bent = [at for at, piece in enumerate(pieces) if piece.is_bent]
        self._slopes = Slopes([pieces[at].slope for at in bent])
        self._slope_at = np.full(len(pieces), -1)
        self._slope_at[bent] = range(len(bent))
        self._beginnings = np.array(self._starts[:-1], np.int64)
        self._capped = np.array([min(border, MOST + 1) for border in self._borders[:-1]], np.int64)
        self._rates = np.array([1 if one.is_bent else max(int(one.start_rate), 1) for one in pieces], np.int64)
        befores = zip(self._borders[:-1], self._shares[:-1], strict=True)
        self._surplus = np.array([int(SHARES * border - shares) for border, shares in befores], np.int64)

    def units_at(self, time_us: int) -> int:
        """How many units are planned before a time in ``[0, duration_us)``."""
        at = bisect_right(self._starts, time_us) - 1
        piece, elapsed = self._pieces[at], time_us - self._starts[at]
        if piece.is_bent:
            made = self._slopes.made(np.array([elapsed]), self._slope_at[[at]])
            return min(self._borders[at] + int(made[0]), self._borders[at + 1])
        return -int(-(self._shares[at] + 2 * piece.start_rate * elapsed) // SHARES)

    def times(self, units: Int64s) -> Int64s:
        """The last microsecond until which no more than this is planned, for units below `units`: their shape."""
        at = np.searchsorted(self._capped, units, side="right") - 1
        left = units - self._capped.take(at)
        slope_at = self._slope_at.take(at)
        bent = np.flatnonzero(slope_at >= 0)
        times = self._level_times(left, at)
        if bent.size:
            times[bent] = self._slopes.times(left[bent], slope_at[bent])
        times += self._beginnings.take(at)
        return times

    def _level_times(self, left: Int64s, at: Int64s) -> Int64s:
        """``(left * SHARES + surplus) / (2 * rate)``, rounded down, in steps that fit an int64."""
        rates = self._rates.take(at)
        whole = left // rates
        rest = left - whole * rates
        rest *= SHARES
        rest += self._surplus.take(at)
        rest //= 2 * rates
        whole *= SHARES // 2
        whole += rest
        return whole

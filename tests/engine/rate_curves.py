"""Rate curves of every form that a curve can have, and the slow arithmetic that they are held to."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

from engine.lap_pieces import Piece
from engine.rates import MICROS, Lap, RateCurve, Stretch


@dataclass(frozen=True)
class Written:
    """A curve as it is written down: laps, and from when to when each is followed, from which of its times on."""

    parts: Sequence[tuple[int, Sequence[Piece], int]]

    @property
    def curve(self) -> RateCurve:
        return RateCurve([Stretch(start, Lap(pieces).rotated(at)) for start, pieces, at in self.parts])

    def expected(self, time_us: int) -> Fraction:
        """How many records are planned before a time: the integral of the rate, by plain fractions."""
        total = Fraction(0)
        ends = [*(start for start, _, _ in self.parts[1:]), time_us]
        for (start, pieces, at), end in zip(self.parts, ends, strict=True):
            if (elapsed := min(end, time_us) - start) > 0:
                total += _integral(pieces, at + elapsed) - _integral(pieces, at)
        return total


def _integral(pieces: Sequence[Piece], time_us: int) -> Fraction:
    laps, left = divmod(time_us, sum(piece.duration_us for piece in pieces))
    total = laps * sum(_area(piece, piece.duration_us) for piece in pieces)
    for piece in pieces:
        total += _area(piece, min(left, piece.duration_us))
        left -= min(left, piece.duration_us)
    return Fraction(total)


def _area(piece: Piece, elapsed_us: int) -> Fraction:
    end = piece.start_rate + Fraction(piece.end_rate - piece.start_rate) * elapsed_us / piece.duration_us
    return Fraction(piece.start_rate + end) / 2 * elapsed_us / MICROS / MICROS


def held(seconds: float, rate: float) -> Piece:
    return slope(seconds, rate, rate)


def slope(seconds: float, start: float, end: float) -> Piece:
    return Piece(round(seconds * MICROS), round(start * MICROS), round(end * MICROS))


def repeated(*pieces: Piece, at_us: int = 0) -> Written:
    return Written([(0, pieces, at_us)])


_WEEK = [held(3600, 1), slope(3600, 1, 9), held(3600, 9)]
WRITTEN: dict[str, Written] = {
    "1000/s": repeated(held(1, 1000)),
    "a third of a record a second": repeated(held(1, 0.333333)),
    "one in ten seconds": repeated(held(10, 0.1)),
    "10 million a second": repeated(held(1, 10**7)),
    "7.000001/s": repeated(held(10**6, 7.000001)),
    "a lap without a whole number of records": repeated(held(0.007, 3.333333), held(0.005, 12)),
    "pauses": repeated(held(10, 50), held(10, 0)),
    "a pause at first": repeated(held(10, 0), held(10, 50)),
    "up from 0 and down to 0": repeated(slope(60, 0, 100), slope(30, 100, 0)),
    "from the middle of a lap": repeated(slope(60, 0, 100), slope(30, 100, 0), at_us=75 * MICROS),
    "a ramp, then steady": Written([(0, [slope(60, 5, 500)], 0), (60 * MICROS, [held(1, 500)], 0)]),
    "down to little": Written([(0, [slope(60, 500, 0.1)], 0), (60 * MICROS, [held(10, 0.1)], 0)]),
    "a very long ramp": Written([(0, [slope(10**8, 0, 10**7)], 0), (10**14, [held(1, 10**7)], 0)]),
    "a very long way down": Written([(0, [slope(10**8, 10**7, 1)], 0), (10**14, [held(1, 1)], 0)]),
    "no record at first": Written([(0, [held(5, 0)], 0), (5 * MICROS, [held(1, 8)], 0)]),
    "an hour left out": Written([(0, _WEEK, 0), (5400 * MICROS, _WEEK, 9000 * MICROS)]),
}
CURVES: dict[str, RateCurve] = {name: written.curve for name, written in WRITTEN.items()}

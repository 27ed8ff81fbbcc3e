"""Numbers of a numeric range: how they are held, and the ranges that they are drawn from."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from fractions import Fraction
from typing import Any, TypeAlias

import numpy as np
import polars as pl
from numpy.typing import NDArray

from engine.decimals import to_decimal
from engine.ranges import Continuum, Lattice
from engine.schema import MAX_DECIMAL_DIGITS, OutputType
from generators.values.listed_values import digits_behind_point

Exact: TypeAlias = int | Decimal
Held: TypeAlias = NDArray[np.int64] | NDArray[np.float64]
INT32, INT64 = (-(2**31), 2**31 - 1), (-(2**63), 2**63 - 1)
_MOST_DOUBLE = 2**53


class NumericType(StrEnum):
    INTEGER = "INTEGER"
    DECIMAL = "DECIMAL"
    DOUBLE = "DOUBLE"


@dataclass(frozen=True, slots=True)
class Grid:
    """The numbers ``(first + k * stride) / 10**scale`` for k = 0 .. points - 1."""

    first: int
    stride: int
    points: int
    scale: int

    @property
    def last(self) -> int:
        """The last number, scaled."""
        return self.first + self.stride * (self.points - 1)

    def lattice(self) -> Lattice:
        """The same points for the engine, which draws the k."""
        unit = Decimal(1).scaleb(-self.scale)
        return Lattice(self.first * unit, self.stride * unit, self.points)

    def scaled(self, offsets: NDArray[np.uint64]) -> NDArray[np.int64]:
        """The scaled numbers at each k: exact in all of int64, as uint64 wraps around like two's complement."""
        numbers = offsets * np.uint64(self.stride)
        numbers += np.uint64(self.first % 2**64)
        return numbers.view(np.int64)


@dataclass(frozen=True, slots=True)
class NumberForm:
    """How numbers are held: as int64 scaled by ``10**scale``, or DOUBLE as float64.

    A scale of None means every float64; a DOUBLE with a scale is the float64 next to a decimal of at most 15 digits.
    """

    type: NumericType
    scale: int | None

    def refusal(self, number: Exact) -> str | None:
        """Why a number cannot be held: the rest of a sentence that begins with its name and value."""
        if self.scale is None:
            return None
        if self.type is NumericType.INTEGER and not isinstance(number, int):
            return "is no whole number, as numericType INTEGER needs"
        if self.scale > MAX_DECIMAL_DIGITS or digits_behind_point(number) > self.scale:
            digits = min(self.scale, MAX_DECIMAL_DIGITS)
            return f"has more digits behind the point than the {digits} that are possible"
        scaled = self.scaled(number)
        match self.type:
            case NumericType.INTEGER:
                return None if INT64[0] <= scaled <= INT64[1] else f"is not from {INT64[0]:,} to {INT64[1]:,}"
            case NumericType.DECIMAL:
                fits, most = abs(scaled) < 10**MAX_DECIMAL_DIGITS, MAX_DECIMAL_DIGITS
            case _:
                fits, most = abs(scaled) <= _MOST_DOUBLE, 15
        return None if fits else f"has more than {most} digits, {self.scale} of them behind the point"

    def scaled(self, number: Exact) -> int:
        """A number as a scaled integer, rounded down if it has more digits than the scale."""
        return math.floor(Fraction(number) * Fraction(10) ** (self.scale or 0))

    def range(self, low: Exact, high: Exact, step: Exact | None = None) -> Grid | Continuum:
        """The numbers from low to high, by step or by the last digit."""
        if self.scale is None:
            return Continuum(float(low), float(high))
        first, stride = self.scaled(low), 1 if step is None else self.scaled(step)
        return Grid(first, stride, (self.scaled(high) - first) // stride + 1, self.scale)

    def array(self, numbers: Sequence[Exact]) -> Held:
        """Numbers that can be held, as they are held: shape ``(len(numbers),)``."""
        if self.type is NumericType.DOUBLE:
            return np.array([float(number) for number in numbers])
        return np.array([self.scaled(number) for number in numbers], np.int64)

    def drawn(self, over: Grid | Continuum, draws: NDArray[Any]) -> Held:
        """Draws of the engine from a range, as they are held: shape of `draws`."""
        if isinstance(over, Continuum):
            return draws
        scaled = over.scaled(draws.view(np.uint64))
        # Both are exact in float64, so that the quotient is the float64 next to the decimal.
        return scaled / 10.0**over.scale if self.type is NumericType.DOUBLE else scaled

    def column(self, held: Held, output_type: OutputType) -> pl.Series:
        """The column of an output type."""
        column = pl.Series(held)
        match output_type:
            case OutputType.DECIMAL:
                return to_decimal(column, self.scale or 0)
            case OutputType.INTEGER:
                return column.cast(pl.Int32)
            case _:
                return column

    def exact(self, scaled: int) -> Exact:
        """The number of a scaled integer, with all its digits."""
        return scaled if self.type is NumericType.INTEGER else Decimal(scaled).scaleb(-(self.scale or 0))

"""Ranges of numbers: a lattice of equally spaced points, or all numbers between two bounds."""

from __future__ import annotations

import math
from dataclasses import dataclass
from decimal import Decimal
from typing import TypeAlias


@dataclass(frozen=True, slots=True)
class Lattice:
    """The points ``minimum + k * step`` for k = 0 .. points - 1; a draw from it is the offset k.

    `place` and `length` measure in steps from the minimum, so that they lose nothing to a minimum far from 0.
    """

    minimum: Decimal
    step: Decimal
    points: int

    def __post_init__(self) -> None:
        if not self.step > 0 or not 1 <= self.points <= 2**64:
            raise ValueError(f"no such lattice: {self.points} points, {self.step} apart")

    @property
    def maximum(self) -> Decimal:
        """The last point."""
        return self.minimum + self.step * (self.points - 1)

    @property
    def low(self) -> float:
        """Where the first point lies."""
        return 0.0

    @property
    def high(self) -> float:
        """Where the last point lies; rounded from 2**53 on."""
        return float(self.points - 1)

    def place(self, number: float) -> float:
        """Where a number lies."""
        return float((exact(number) - self.minimum) / self.step)

    def length(self, number: float) -> float:
        """How long a distance is."""
        return float(exact(number) / self.step)


@dataclass(frozen=True, slots=True)
class Continuum:
    """The float64 numbers from minimum to maximum, both included, less than 4.4e307 apart; a draw is the number."""

    minimum: float
    maximum: float

    def __post_init__(self) -> None:
        if not (self.minimum <= self.maximum and math.isfinite(4.0 * (self.maximum - self.minimum))):
            raise ValueError(f"no such range: from {self.minimum} to {self.maximum}")

    @property
    def low(self) -> float:
        """Where the minimum lies."""
        return self.minimum

    @property
    def high(self) -> float:
        """Where the maximum lies."""
        return self.maximum

    def place(self, number: float) -> float:
        """Where a number lies: at itself."""
        return float(number)

    def length(self, number: float) -> float:
        """How long a distance is: as long as itself."""
        return float(number)


Range: TypeAlias = Lattice | Continuum


def exact(number: float) -> Decimal:
    """The decimal that was written: 0.1, not the binary fraction next to it."""
    return Decimal(str(number))

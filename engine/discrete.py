"""Distributions that give each point of a lattice a weight: by rank, or by counting trials and events."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Iterator
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike
from pydantic import Field

from engine.declared import DistributionBase, OutOfBounds
from engine.issues import Issue
from engine.laws import Floats, coarse
from engine.ranges import Lattice, Range

MAX_POINTS = 10**7
"""A distribution has at most this many outcomes."""
_CUT = 42.0
"""What is less likely than ``exp(-42)``, which is below ``2**-60``, is left out."""


class Discrete(DistributionBase, ABC):
    """A distribution that gives a weight to each of at most `MAX_POINTS` points of a lattice."""

    @abstractmethod
    def weights(self, over: Lattice, out_of_bounds: OutOfBounds) -> tuple[int, Floats]:
        """The first offset that is drawn, and the weights of the offsets from there on, to 32 bits."""

    def cumulative(self, over: Range, values: ArrayLike, out_of_bounds: OutOfBounds) -> Floats:
        if not isinstance(over, Lattice):
            raise TypeError(f"{self.type} has no values on {over}")
        first, weights = self.weights(over, out_of_bounds)
        sums = np.append(0.0, np.cumsum(weights))
        at = np.clip(np.floor(np.asarray(values, np.float64)) - first + 1, 0, len(weights)).astype(np.int64)
        shares: Floats = sums[at] / sums[-1]
        return shares


class Zipf(Discrete):
    """Few values often, most values seldom."""

    type: Literal["ZIPF"]
    exponent: float = Field(
        1.1, gt=0, description="Rank r, counted from 1 at the minimum, has weight r ** -exponent.", examples=[1.1]
    )

    def weights(self, over: Lattice, out_of_bounds: OutOfBounds) -> tuple[int, Floats]:
        return 0, coarse(np.exp(-self.exponent * np.log(np.arange(1.0, over.points + 1.0))))

    def _constraints(self, over: Range) -> Iterator[Issue]:
        if not isinstance(over, Lattice):
            yield Issue("INVALID_VALUE", "/type", "ZIPF needs separate values", hint="set step, or numericType INTEGER")
        elif over.points > MAX_POINTS:
            yield Issue(
                "INVALID_VALUE",
                "/type",
                f"ZIPF on {over.points} values; at most {MAX_POINTS} are possible",
                hint="narrow the range or use a larger step",
            )


class Counting(Discrete, ABC):
    """A distribution on the whole numbers; what is less likely than ``2**-60`` in all at either end is left out."""

    @abstractmethod
    def window(self) -> tuple[int, int]:
        """The first and the last number that matter."""

    @abstractmethod
    def ratios(self, numbers: Floats) -> Floats:
        """The natural logarithm of how much likelier each number is than the one before it."""

    def weights(self, over: Lattice, out_of_bounds: OutOfBounds) -> tuple[int, Floats]:
        origin, (start, end) = int(over.minimum), self.window()
        first, last = max(start, origin), min(end, origin + over.points - 1)
        weights = self._probabilities()
        inside = weights[first - start : last - start + 1].copy()
        if out_of_bounds is OutOfBounds.CLAMP:
            inside[0] += weights[: first - start].sum()
            inside[-1] += weights[last - start + 1 :].sum()
        return first - origin, coarse(inside)

    def mass(self, over: Range) -> float:
        start, end = self.window()
        first, last = max(start, int(over.minimum)), min(end, int(over.maximum))
        return float(self._probabilities()[first - start : last - start + 1].sum()) if first <= last else 0.0

    def _probabilities(self) -> Floats:
        start, end = self.window()
        logs = np.append(0.0, np.cumsum(self.ratios(np.arange(start + 1.0, end + 1.0))))
        weights = np.exp(logs - logs.max())
        shares: Floats = weights / weights.sum()
        return shares

    def _constraints(self, over: Range) -> Iterator[Issue]:
        start, end = self.window()
        if not isinstance(over, Lattice) or over.step % 1 or over.minimum % 1:
            yield Issue(
                "INVALID_VALUE", "/type", f"{self.type} counts whole numbers", hint="set numericType to INTEGER"
            )
        elif over.step != 1:
            yield Issue("INVALID_STEP", "/type", f"{self.type} needs step 1, not {over.step}", hint="leave step out")
        elif end - start >= MAX_POINTS:
            yield Issue(
                "INVALID_VALUE",
                "/type",
                f"{self.type} is spread over {end - start + 1} numbers; at most {MAX_POINTS} are possible",
                hint="NORMAL, or EXPONENTIAL for GEOMETRIC, is as good at this size",
            )


class Poisson(Counting):
    """How many events happen when a known number is expected."""

    type: Literal["POISSON"]
    expected: float = Field(gt=0, le=2**53, alias="lambda", description="Mean, and variance.", examples=[3.5])

    def window(self) -> tuple[int, int]:
        return _bernstein(self.expected, self.expected)

    def ratios(self, numbers: Floats) -> Floats:
        return np.log(self.expected / numbers)


class Binomial(Counting):
    """How many of n trials succeed."""

    type: Literal["BINOMIAL"]
    n: int = Field(ge=1, le=2**53, description="Number of trials.", examples=[10])
    p: float = Field(gt=0, lt=1, description="Probability that a trial succeeds.", examples=[0.3])

    def window(self) -> tuple[int, int]:
        start, end = _bernstein(self.n * self.p, self.n * self.p * (1.0 - self.p))
        return start, min(end, self.n)

    def ratios(self, numbers: Floats) -> Floats:
        return np.log((self.n - numbers + 1.0) * self.p / (numbers * (1.0 - self.p)))


class Geometric(Counting):
    """How many trials it takes to succeed once."""

    type: Literal["GEOMETRIC"]
    p: float = Field(
        gt=0,
        lt=1,
        description="Probability that a trial succeeds; drawn is the trial (from 1) that does.",
        examples=[0.2],
    )

    def window(self) -> tuple[int, int]:
        return 1, 1 + math.ceil(min(_CUT / -math.log1p(-self.p), 2.0**53))  # the quotient may be infinite

    def ratios(self, numbers: Floats) -> Floats:
        return np.full(numbers.shape, math.log1p(-self.p))


def _bernstein(mean: float, variance: float) -> tuple[int, int]:
    """Where a sum of independent trials has less than ``exp(-_CUT)`` on either side (Bernstein's inequality)."""
    reach = _CUT / 3 + math.sqrt(_CUT**2 / 9 + 2 * _CUT * variance)
    return max(0, math.floor(mean - reach)), math.ceil(mean + reach)

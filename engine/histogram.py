"""HISTOGRAM: bins with weights, all values of a bin alike."""

from __future__ import annotations

import math
from collections.abc import Iterator
from fractions import Fraction
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike
from pydantic import BaseModel, Field

from engine.declared import DistributionBase, OutOfBounds
from engine.issues import Issue, pointer
from engine.laws import Floats
from engine.ranges import Lattice, Range, exact


class Bin(BaseModel):
    """Part of a histogram: all its values alike. The last bin also holds its upper bound, the others do not."""

    model_config = DistributionBase.model_config

    start: int | float = Field(alias="from", description="Lower bound, included.", examples=[0])
    end: int | float = Field(alias="to", description="Upper bound, not included but in the last bin.", examples=[10])
    weight: float = Field(ge=0, description="Share of the values, relative to the other bins.", examples=[3])


class Histogram(DistributionBase):
    """Bins with weights, all values of a bin alike."""

    type: Literal["HISTOGRAM"]
    bins: tuple[Bin, ...] = Field(
        min_length=1,
        max_length=10_000,
        strict=False,  # a JSON array comes as a list
        description="In order, without overlaps; gaps are never drawn. A bin holds the number from, and the number to"
        " only if it is the last.",
        examples=[[{"from": 0, "to": 10, "weight": 3}, {"from": 10, "to": 50, "weight": 1}]],
    )

    def shares(self) -> Floats:
        """The probability of each bin."""
        weights = np.array([one.weight for one in self.bins])
        weights /= weights.max()  # so that the sum cannot overflow
        shares: Floats = weights / weights.sum()
        return shares

    def points(self, over: Lattice) -> list[tuple[int, int]]:
        """The first and the last offset of each bin, ``last < first`` where it holds no point; exact."""
        origin, step = Fraction(over.minimum), Fraction(over.step)
        bounds = [[(Fraction(exact(x)) - origin) / step for x in (one.start, one.end)] for one in self.bins]
        points = [(math.ceil(start), math.ceil(end) - 1) for start, end in bounds]
        points[-1] = points[-1][0], math.floor(bounds[-1][1])
        return points

    def cumulative(self, over: Range, values: ArrayLike, out_of_bounds: OutOfBounds) -> Floats:
        if isinstance(over, Lattice):
            edges = np.array([(first - 1, last) for first, last in self.points(over)], np.float64)
        else:
            edges = np.array([(one.start, one.end) for one in self.bins], np.float64)
        sums = np.append(0.0, np.cumsum(self.shares()))
        at = np.asarray(values, np.float64)
        at = np.floor(at) if isinstance(over, Lattice) else at
        shares: Floats = np.interp(at, edges.ravel(), np.stack([sums[:-1], sums[1:]], 1).ravel())
        return shares

    def _constraints(self, over: Range) -> Iterator[Issue]:
        if not any(one.weight > 0 for one in self.bins):
            yield Issue(
                "INVALID_WEIGHTS", "/bins", "the weights of the bins are all 0", hint="give a bin a weight above 0"
            )
        for number, one in enumerate(self.bins):
            if not one.start < one.end:
                text = f"from ({one.start}) must be below to ({one.end})"
                yield Issue("RANGE_INVERTED", pointer("bins", number, "from"), text)
            if number and one.start < self.bins[number - 1].end:
                text = f"from ({one.start}) must not be below the end of the bin before ({self.bins[number - 1].end})"
                yield Issue(
                    "INVALID_VALUE", pointer("bins", number, "from"), text, hint="order the bins, without overlaps"
                )
        yield from self._outside(over)

    def _outside(self, over: Range) -> Iterator[Issue]:
        points = self.points(over) if isinstance(over, Lattice) else None
        for number, one in enumerate(self.bins):
            first, last = points[number] if points else (one.start, one.end)
            low, high = (0, over.points - 1) if isinstance(over, Lattice) else (over.minimum, over.maximum)
            if points and last < first and one.start < one.end:
                text = f"no value lies between {one.start} and {one.end}"
                yield Issue("INVALID_VALUE", pointer("bins", number), text, hint="use wider bins or a smaller step")
            for key, value, outside in (("from", one.start, first < low), ("to", one.end, last > high)):
                if outside:
                    text = f"{key} ({value}) is not between {over.minimum} and {over.maximum}"
                    yield Issue(
                        "INVALID_VALUE", pointer("bins", number, key), text, hint="keep the bins inside the range"
                    )

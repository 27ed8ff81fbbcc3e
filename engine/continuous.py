"""Distributions with a density.

On a lattice they are cut to ``[minimum, maximum]`` and rounded to the nearest point, half to even: an inner point
stands for a whole cell of one step, the first and the last for the half cell inside the range.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike
from pydantic import Field

from engine import laws
from engine.declared import DistributionBase, OutOfBounds
from engine.issues import Issue, Severity
from engine.laws import Floats, Law
from engine.ranges import Lattice, Range, exact


class Continuous(DistributionBase, ABC):
    """A distribution with a density."""

    @abstractmethod
    def law(self, over: Range) -> Law:
        """The distribution in the coordinates of a range."""

    def mass(self, over: Range) -> float:
        return self.law(over).mass(over.low, over.high)

    def cumulative(self, over: Range, values: ArrayLike, out_of_bounds: OutOfBounds) -> Floats:
        places = np.asarray(values, np.float64)
        if isinstance(over, Lattice):
            places = np.where(places >= over.high, over.high, np.floor(places) + 0.5)  # to the edge of the point's cell
        if over.low == over.high:
            return np.where(places < over.low, 0.0, 1.0)
        law = self.law(over)
        (lowest, highest), (above_lowest, above_highest) = law.tails(np.array([over.low, over.high]))
        below, above = law.tails(np.clip(places, over.low, over.high))
        if out_of_bounds is OutOfBounds.TRUNCATE:
            below = (below - lowest) / (highest - lowest)
            below = np.where(lowest < 0.5, below, 1.0 - (above - above_highest) / (above_lowest - above_highest))
        return np.where(places < over.low, 0.0, np.where(places >= over.high, 1.0, below))

    def _constraints(self, over: Range) -> Iterator[Issue]:
        if isinstance(over, Lattice) and over.points > 2**63:
            yield Issue(
                "INVALID_VALUE",
                "/type",
                f"{self.type} on {over.points} points; it reaches at most 2**63",
                hint="narrow the range, use a larger step, or UNIFORM",
            )


class Normal(Continuous):
    """The bell curve."""

    type: Literal["NORMAL"]
    mean: float | None = Field(None, description="Middle of the bell; by default of the range.", examples=[42])
    std_dev: float | None = Field(
        None, gt=0, description="Standard deviation; by default a sixth of the range.", examples=[15]
    )

    def law(self, over: Range) -> Law:
        width = over.high - over.low
        mean = over.low + width / 2 if self.mean is None else over.place(self.mean)
        return Law(laws.Normal(), mean, width / 6 if self.std_dev is None else over.length(self.std_dev))


class LogNormal(Continuous):
    """Numbers whose logarithm is normal: many small ones, few large ones."""

    type: Literal["LOGNORMAL"]
    median: float = Field(gt=0, description="Half of the values are below it.", examples=[40])
    sigma: float = Field(gt=0, description="Standard deviation of the natural logarithm.", examples=[0.8])

    def law(self, over: Range) -> Law:
        return Law(laws.ExpM1(laws.Normal(), self.sigma), over.place(self.median), over.length(self.median))

    def _constraints(self, over: Range) -> Iterator[Issue]:
        yield from super()._constraints(over)
        yield from _positive(self, over)
        if not over.minimum <= (exact(self.median) if isinstance(over, Lattice) else self.median) <= over.maximum:
            yield Issue(
                "DISTRIBUTION_OUTSIDE_RANGE",
                "/median",
                f"the median ({self.median}) is not between {over.minimum} and {over.maximum}",
                hint="only a tail of the distribution will be drawn",
                severity=Severity.WARNING,
            )


class Exponential(Continuous):
    """Dense at the minimum, thinning out by the same share per distance."""

    type: Literal["EXPONENTIAL"]
    mean: float = Field(gt=0, description="Mean distance from the minimum.", examples=[120])

    def law(self, over: Range) -> Law:
        return Law(laws.Exponential(), over.low, over.length(self.mean))


class Triangular(Continuous):
    """Rising in a line from the minimum to the mode, falling in a line to the maximum."""

    type: Literal["TRIANGULAR"]
    mode: float | None = Field(None, description="Where the peak is; by default in the middle.", examples=[30])

    def law(self, over: Range) -> Law:
        width = over.high - over.low
        mode = 0.5 if self.mode is None else (over.place(self.mode) - over.low) / width
        return Law(laws.Triangular(min(max(mode, 0.0), 1.0)), over.low, width)

    def _constraints(self, over: Range) -> Iterator[Issue]:
        yield from super()._constraints(over)
        if self.mode is not None and not over.low <= over.place(self.mode) <= over.high:
            yield Issue(
                "INVALID_VALUE",
                "/mode",
                f"the mode ({self.mode}) must lie between {over.minimum} and {over.maximum}",
                hint="leave it out for the middle of the range",
            )


class Beta(Continuous):
    """A beta distribution stretched over the range."""

    type: Literal["BETA"]
    alpha: float = Field(gt=0, description="The greater, the fewer small values.", examples=[2])
    beta: float = Field(gt=0, description="The greater, the fewer large values.", examples=[5])

    def law(self, over: Range) -> Law:
        return Law(laws.Beta(self.alpha, self.beta), over.low, over.high - over.low)


class Gamma(Continuous):
    """A gamma distribution that begins at the minimum: a waiting time."""

    type: Literal["GAMMA"]
    shape: float = Field(gt=0, description="1 is exponential; large is close to a bell.", examples=[2])
    scale_param: float = Field(
        gt=0, description="The mean distance from the minimum is shape times this.", examples=[9]
    )

    def law(self, over: Range) -> Law:
        return Law(laws.Gamma(self.shape), over.low, over.length(self.scale_param))


class Pareto(Continuous):
    """A power law that begins at the minimum, which must be above 0."""

    type: Literal["PARETO"]
    alpha: float = Field(gt=0, description="The smaller, the heavier the tail.", examples=[1.5])

    def law(self, over: Range) -> Law:
        return Law(laws.ExpM1(laws.Exponential(), 1.0 / self.alpha), over.low, over.length(float(over.minimum)))

    def _constraints(self, over: Range) -> Iterator[Issue]:
        yield from super()._constraints(over)
        yield from _positive(self, over)


def _positive(distribution: DistributionBase, over: Range) -> Iterator[Issue]:
    if not over.minimum > 0:
        yield Issue(
            "INVALID_VALUE",
            "/type",
            f"{distribution.type} needs a minimum above 0, not {over.minimum}",
            hint="raise min",
        )

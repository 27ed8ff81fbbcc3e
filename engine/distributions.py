"""The distributions of numbers on a range: `Distribution` is any of them, as declared in a definition."""

from __future__ import annotations

from typing import Annotated, Literal, TypeAlias

import numpy as np
from numpy.typing import ArrayLike
from pydantic import Field

from engine.continuous import Beta, Exponential, Gamma, LogNormal, Normal, Pareto, Triangular
from engine.declared import DistributionBase, OutOfBounds
from engine.discrete import Binomial, Geometric, Poisson, Zipf
from engine.histogram import Histogram
from engine.laws import Floats
from engine.ranges import Lattice, Range


class Uniform(DistributionBase):
    """All values alike; on a lattice exactly so."""

    type: Literal["UNIFORM"]

    def cumulative(self, over: Range, values: ArrayLike, out_of_bounds: OutOfBounds) -> Floats:
        at = np.asarray(values, np.float64)
        if isinstance(over, Lattice):
            return np.clip((np.floor(at) + 1.0) / over.points, 0.0, 1.0)
        if over.minimum == over.maximum:
            return np.where(at < over.minimum, 0.0, 1.0)
        return np.clip((at - over.minimum) / (over.maximum - over.minimum), 0.0, 1.0)


Distribution: TypeAlias = Annotated[
    Uniform
    | Normal
    | LogNormal
    | Exponential
    | Triangular
    | Beta
    | Gamma
    | Pareto
    | Zipf
    | Poisson
    | Binomial
    | Geometric
    | Histogram,
    Field(discriminator="type"),
]
"""Any distribution, told apart by its type."""

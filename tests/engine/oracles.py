"""Distributions as declared, and the same ones as scipy.stats knows them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import TypeAdapter
from scipy import stats

from engine.declared import OutOfBounds
from engine.distributions import Distribution
from engine.laws import Floats
from engine.ranges import Continuum, Lattice

ADAPTER = TypeAdapter[Distribution](Distribution)
BINS = [{"from": 2, "to": 10, "weight": 3}, {"from": 10, "to": 12.5, "weight": 0}, {"from": 20, "to": 90, "weight": 1}]


def declare(**properties: Any) -> Any:
    """A distribution from its JSON form; ``lambda`` and ``from`` are given as ``lambda_`` and so on."""
    return ADAPTER.validate_python({key.rstrip("_"): value for key, value in properties.items()})


@dataclass(frozen=True)
class Case:
    """A declaration, a range, and the distribution on the whole line: bounded ones are already scaled to the range."""

    name: str
    declared: dict[str, Any]
    low: float
    high: float
    oracle: Any

    @property
    def distribution(self) -> Any:
        return declare(**self.declared)

    @property
    def continuum(self) -> Continuum:
        return Continuum(float(self.low), float(self.high))

    def lattice(self, points: int) -> Lattice:
        """That many points from end to end."""
        low, high = Decimal(str(self.low)), Decimal(str(self.high))
        return Lattice(low, (high - low) / max(points - 1, 1), points)

    def cdf(self, bounds: OutOfBounds) -> Callable[[Any], Any]:
        """``P(X <= x)`` of a value that was cut to the range, below its upper bound."""
        if bounds is OutOfBounds.CLAMP:
            return lambda x: np.where(x < self.low, 0.0, self.oracle.cdf(x))
        below, mass = self.oracle.cdf(self.low), self.oracle.cdf(self.high) - self.oracle.cdf(self.low)
        return lambda x: (self.oracle.cdf(np.clip(x, self.low, self.high)) - below) / mass

    def probabilities(self, lattice: Lattice, bounds: OutOfBounds) -> NDArray[np.float64]:
        """What each point of a lattice gets when values are rounded to the nearest."""
        step = float(lattice.step)
        edges = self.low + step * (np.arange(lattice.points - 1) + 0.5)
        shares: NDArray[np.float64] = np.diff(self.cdf(bounds)(edges), prepend=0.0, append=1.0)
        return shares


CONTINUOUS = [
    Case("uniform", {"type": "UNIFORM"}, -3, 5, stats.uniform(-3, 8)),
    Case("normal", {"type": "NORMAL", "mean": 42, "stdDev": 15}, 18, 95, stats.norm(42, 15)),
    Case("normal by default", {"type": "NORMAL"}, -10, 50, stats.norm(20, 10)),
    Case("normal far out", {"type": "NORMAL", "mean": 0, "stdDev": 1}, 2.5, 8, stats.norm(0, 1)),
    Case("lognormal", {"type": "LOGNORMAL", "median": 40, "sigma": 0.8}, 1, 200, stats.lognorm(0.8, scale=40)),
    Case("exponential", {"type": "EXPONENTIAL", "mean": 30}, 5, 105, stats.expon(5, 30)),
    Case("triangular", {"type": "TRIANGULAR", "mode": 20}, 0, 100, stats.triang(0.2, 0, 100)),
    Case("beta", {"type": "BETA", "alpha": 2, "beta": 0.5}, 10, 60, stats.beta(2, 0.5, 10, 50)),
    Case("gamma", {"type": "GAMMA", "shape": 0.5, "scaleParam": 9}, 1, 30, stats.gamma(0.5, 1, 9)),
    Case("pareto", {"type": "PARETO", "alpha": 1.5}, 2, 100, stats.pareto(1.5, scale=2)),
]
UNBOUNDED = [case for case in CONTINUOUS if case.name not in {"uniform", "triangular", "beta"}]
COUNTING = [
    Case("poisson", {"type": "POISSON", "lambda": 3.5}, 2, 7, stats.poisson(3.5)),
    Case("poisson of many", {"type": "POISSON", "lambda": 1e6}, 999_000, 1_002_000, stats.poisson(1e6)),
    Case("poisson apart from 0", {"type": "POISSON", "lambda": 3.5}, -5, 1_000, stats.poisson(3.5)),
    Case("binomial", {"type": "BINOMIAL", "n": 60, "p": 0.3}, 10, 25, stats.binom(60, 0.3)),
    Case("geometric", {"type": "GEOMETRIC", "p": 0.05}, 3, 40, stats.geom(0.05)),
]


def lattice_probabilities(
    distribution: Distribution, over: Lattice, out_of_bounds: OutOfBounds = OutOfBounds.TRUNCATE
) -> Floats:
    """The probability of each offset of a lattice: float64 of shape ``(points,)``, sum 1."""
    return np.diff(distribution.cumulative(over, np.arange(-1, over.points), out_of_bounds))

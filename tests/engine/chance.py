"""What the statistical tests share: their level, and chi-square with cells that are large enough.

The seeds are fixed, so that the tests pass or fail for good. A change of all seeds (a new recipe) makes about 330
comparisons anew, each failing by chance with probability `ALPHA`: once in 3,000 such changes, some test fails.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import special

from engine.span import Span
from engine.stream import Source

ALPHA = 1e-6
SEEDS = (1, 20_260_101, "a name")
_LEAST_EXPECTED = 20.0


def words(count: int, *, seed: int | str = 1, path: str = "amount", lane: int = 0) -> NDArray[np.uint64]:
    """The first words of a field's stream."""
    return Source(seed, "orders", path).stream("value", lane).words(Span(0, count))


def chi_square(observed: ArrayLike, shares: ArrayLike) -> float:
    """The p-value of counts per cell against the cells' probabilities, neighbours joined until 20 are expected."""
    counts, probabilities = np.asarray(observed, np.float64), np.asarray(shares, np.float64)
    assert counts[probabilities == 0.0].sum() == 0.0, "a value that cannot occur did"
    expected = np.cumsum(probabilities) * counts.sum() / probabilities.sum()
    groups = np.floor(np.append(0.0, expected[:-1]) / _LEAST_EXPECTED)
    starts = np.flatnonzero(np.diff(groups, prepend=-1.0))
    wanted = np.diff(np.append(expected[starts[1:] - 1], expected[-1]), prepend=0.0)
    found = np.add.reduceat(counts, starts)
    while len(wanted) > 1 and wanted[-1] < _LEAST_EXPECTED / 4:  # what is left at the end
        wanted, found = np.append(wanted[:-2], wanted[-2:].sum()), np.append(found[:-2], found[-2:].sum())
    return float(special.chdtrc(max(len(wanted) - 1, 1), float(((found - wanted) ** 2 / wanted).sum())))


def normal_p(z: float) -> float:
    """The two-sided p-value of a standard normal statistic."""
    return float(2.0 * special.ndtr(-abs(z)))

"""Bins of a sample: a few intervals with weights that stand for many numbers, and tell of no single one of them."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from typing import Any

import numpy as np
from numpy.typing import NDArray

_MOST_BLOCKS = 1_024
_MOST_BINS = 1_000
_CHUNK = 1 << 16
_WIDEST = 10**18

Sample = NDArray[np.int64] | NDArray[np.float64]
"""Numbers in ascending order, at least one: whole ones, or finite doubles."""


@dataclass(frozen=True, slots=True)
class Bins:
    """Intervals with weights, all numbers of one alike: three arrays of one shape.

    Whole numbers lie in ``[first, last]``, doubles in ``[first, last)``, or are ``first`` where the two are equal.
    Weights are numbers of values in the sample.
    """

    first: NDArray[Any]
    last: NDArray[Any]
    weight: NDArray[np.int64]


def empirical_bins(sample: Sample, min_count: int) -> Bins:
    """Numbers that come at least `min_count` times, each alone with its own weight, and the others in blocks.

    The blocks hold at least `min_count` values each, and all nearly as many; there are at most 1,024. They meet halfway
    between their outermost values, and the outer ends are means of the `min_count` lowest and highest of these values,
    so that no end is the value of fewer. If fewer than `min_count` are left for blocks, they are dropped.
    """
    values, counts = np.unique(sample, return_counts=True)
    is_common = counts >= min_count
    common, rest = values[is_common], np.repeat(values[~is_common], counts[~is_common])
    blocks = min(len(rest) // min_count, _MOST_BLOCKS)
    if not blocks:
        return Bins(common, common, counts[is_common])
    cuts = [block * len(rest) // blocks for block in range(blocks + 1)]
    inner = [_middle(rest[cut - 1], rest[cut]) for cut in cuts[1:-1]]
    ends = np.array([_mean(rest[:min_count]), *inner, _mean(rest[-min_count:])], rest.dtype)
    first, last = ends[:-1], ends[1:].copy()
    if rest.dtype == np.int64:
        last[:-1] = np.maximum(first[:-1], last[:-1] - 1)  # the next block begins there
    weights = np.concatenate([counts[is_common], np.diff(cuts)])
    return Bins(np.concatenate([common, first]), np.concatenate([common, last]), weights)


def histogram_bins(sample: Sample, min_count: int) -> Bins:
    """Bins of one width that begin at its multiples, without those that hold fewer than `min_count` values.

    The width is 1, 2 or 5 times a power of ten: the first that is not below the rule of D. Freedman and P. Diaconis
    ("On the histogram as a density estimator", 1981), and large enough for at most 1,000 bins.
    """
    whole = sample.dtype == np.int64
    width = _width(sample, whole=whole)
    step = min(int(width), _WIDEST)
    places = sample // step if whole else np.floor(sample / float(width))
    numbers, counts = np.unique(places, return_counts=True)
    kept = numbers[counts >= min_count]
    if whole:
        low, high = -(2**63), 2**63 - 1
        first = np.array([max(int(number) * step, low) for number in kept], np.int64)
        last = np.array([min(int(number) * step + step - 1, high) for number in kept], np.int64)
        return Bins(first, last, counts[counts >= min_count])
    return Bins(kept * float(width), (kept + 1.0) * float(width), counts[counts >= min_count])


def mean_and_deviation(sample: Sample) -> tuple[float, float]:
    """The mean and the standard deviation of a sample (0 for one number), by sums that round once."""
    count = len(sample)
    mean = _sum(sample) / count
    if count == 1:
        return mean, 0.0
    return mean, math.sqrt(math.fsum(_squares(sample, mean)) / (count - 1))


def _width(sample: Sample, *, whole: bool) -> Decimal:
    """The width of the bins of a histogram: 1, 2 or 5 times a power of ten."""
    count = len(sample)
    low, high = Fraction(sample[0].item()), Fraction(sample[-1].item())
    middle_half = Fraction(sample[count * 3 // 4].item()) - Fraction(sample[count // 4].item())
    scale = max(middle_half, (high - low) / _MOST_BINS)
    start = Decimal(1)
    if not whole and scale:
        # Far below any width that the rule could ask for: it divides by the cube root of a count.
        start = Decimal(1).scaleb(Decimal(float(scale)).adjusted() - 5)
    for width in _round_widths(start):
        exact = Fraction(width)
        # width >= 2 * middle_half / count ** (1/3), without a root
        if exact**3 * count >= 8 * middle_half**3 and high - low <= exact * (_MOST_BINS - 1):
            return width
    raise AssertionError("widths grow without end")


def _round_widths(start: Decimal) -> Iterator[Decimal]:
    for power in itertools.count():
        for digit in (1, 2, 5):
            yield start.scaleb(power) * digit


def _middle(below: Any, above: Any) -> int | float:
    """Halfway between two neighbours; of whole numbers the lower one, where that is none."""
    if isinstance(below, np.integer):
        return (int(below) + int(above)) // 2
    return float(below) / 2 + float(above) / 2


def _mean(values: NDArray[Any]) -> int | float:
    if values.dtype == np.int64:
        total: int = sum(values.tolist())
        return total // len(values)
    return math.fsum(values.tolist()) / len(values)


def _sum(sample: Sample) -> float:
    return math.fsum(number for chunk in _chunks(sample) for number in chunk.astype(np.float64).tolist())


def _squares(sample: Sample, mean: float) -> Iterator[float]:
    for chunk in _chunks(sample):
        distances = chunk.astype(np.float64) - mean
        yield from (distances * distances).tolist()


def _chunks(sample: Sample) -> Iterator[Sample]:
    return (sample[start : start + _CHUNK] for start in range(0, len(sample), _CHUNK))

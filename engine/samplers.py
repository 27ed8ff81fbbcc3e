"""Samplers: from random words to draws of a distribution on a range, by tables that were made with the plan."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any, ClassVar, Generic, TypeVar, overload

import numpy as np
from numpy.typing import NDArray

from engine.choice import Tables, WeightedChoice, weight_tables
from engine.continuous import Continuous
from engine.declared import OutOfBounds
from engine.discrete import Discrete
from engine.distributions import Distribution
from engine.draws import bounded, bounded_each, unit
from engine.histogram import Histogram
from engine.quantiles import QuantileTable, quantile_tables
from engine.ranges import Continuum, Lattice, Range

Words = NDArray[np.uint64]
_WHOLE = 2.0**52
_WHOLE_BITS = np.float64(_WHOLE).view(np.int64)
Number = TypeVar("Number", np.int64, np.float64)


class Sampler(ABC, Generic[Number]):
    """Draws from a distribution on a range.

    On a `Lattice`, the offsets ``0 .. points - 1`` as int64 (as uint64 in two's complement above ``2**63`` points); on
    a `Continuum`, float64 numbers in ``[minimum, maximum]``.
    """

    lanes: ClassVar[int] = 1
    """How many words a draw takes."""

    @abstractmethod
    def draw(self, words: Sequence[Words]) -> NDArray[Number]:
        """One draw per word: as many arrays of words as there are lanes, of one shape, which is that of the draws."""


class UniformOffsets(Sampler[np.int64]):
    """All points alike, each to within ``2**-64``."""

    def __init__(self, over: Lattice) -> None:
        self._points = over.points

    def draw(self, words: Sequence[Words]) -> NDArray[np.int64]:
        return bounded(words[0], self._points).view(np.int64)


class UniformNumbers(Sampler[np.float64]):
    """All numbers alike, with a grain of ``2**-53`` of the range."""

    def __init__(self, over: Continuum) -> None:
        self._over = over

    def draw(self, words: Sequence[Words]) -> NDArray[np.float64]:
        numbers = unit(words[0])
        numbers *= self._over.maximum - self._over.minimum
        numbers += self._over.minimum
        return np.clip(numbers, self._over.minimum, self._over.maximum, out=numbers)


class QuantileNumbers(Sampler[np.float64]):
    """A continuous distribution, cut at the bounds; for error and resolution see `QuantileTable`."""

    def __init__(self, over: Continuum, tables: Tables) -> None:
        self._over, self._quantiles = over, QuantileTable(tables)

    def draw(self, words: Sequence[Words]) -> NDArray[np.float64]:
        numbers = self._quantiles(words[0])
        return np.clip(numbers, self._over.minimum, self._over.maximum, out=numbers)


class QuantileOffsets(Sampler[np.int64]):
    """A continuous distribution, cut at the bounds and rounded to the nearest point, half to even.

    Above ``2**53`` points, offsets are multiples of a power of two, as float64 is.
    """

    def __init__(self, over: Lattice, tables: Tables) -> None:
        self._last = min(over.high, 2.0**63 - 1024)  # the greatest float64 that is an int64
        self._quantiles = QuantileTable(tables)

    def draw(self, words: Sequence[Words]) -> NDArray[np.int64]:
        places = self._quantiles(words[0])
        np.clip(places, 0.0, self._last, out=places)
        if self._last < _WHOLE:
            places += _WHOLE  # float64 has no fractions there: the sum is rounded, and the offset is in its low bits
            offsets = places.view(np.int64)
            offsets -= _WHOLE_BITS
            return offsets
        return np.rint(places, out=places).astype(np.int64)


class ChosenOffsets(Sampler[np.int64]):
    """A discrete distribution, by its weights."""

    def __init__(self, tables: Tables) -> None:
        self._first, self._choice = np.int64(tables["first"][0]), WeightedChoice(tables)

    def draw(self, words: Sequence[Words]) -> NDArray[np.int64]:
        offsets = self._choice(words[0])
        offsets += self._first
        return offsets


class HistogramOffsets(Sampler[np.int64]):
    """A bin by its weight, then one of its points, all alike to within ``2**-64``."""

    lanes = 2

    def __init__(self, tables: Tables) -> None:
        self._first, self._size, self._choice = tables["first"], tables["size"], WeightedChoice(tables)

    def draw(self, words: Sequence[Words]) -> NDArray[np.int64]:
        bins = self._choice(words[0])
        offsets = bounded_each(words[1], self._size.take(bins))
        offsets += self._first.take(bins)
        return offsets.view(np.int64)


class HistogramNumbers(Sampler[np.float64]):
    """A bin by its weight, then a number of it, with a grain of ``2**-53`` of the bin."""

    lanes = 2

    def __init__(self, over: Continuum, tables: Tables) -> None:
        self._over = over
        self._first, self._size, self._choice = tables["first"], tables["size"], WeightedChoice(tables)

    def draw(self, words: Sequence[Words]) -> NDArray[np.float64]:
        bins = self._choice(words[0])
        numbers = unit(words[1])
        numbers *= self._size.take(bins)
        numbers += self._first.take(bins)
        return np.clip(numbers, self._over.minimum, self._over.maximum, out=numbers)


class Mirrored(Sampler[np.int64]):
    """Another sampler seen from the last point: EXPONENTIAL then becomes dense there."""

    lanes: int  # type: ignore[misc]

    def __init__(self, sampler: Sampler[np.int64], over: Lattice) -> None:
        self.lanes = sampler.lanes
        self._sampler, self._last = sampler, np.int64(over.points - 1)

    def draw(self, words: Sequence[Words]) -> NDArray[np.int64]:
        offsets = self._sampler.draw(words)
        return np.subtract(self._last, offsets, out=offsets)


def build_tables(
    distribution: Distribution, over: Range, out_of_bounds: OutOfBounds = OutOfBounds.TRUNCATE
) -> dict[str, NDArray[Any]]:
    """The tables from which `sampler` draws, for a distribution without errors on the range.

    At plan time: takes up to 0.1 s, and a second for millions of points; imports scipy for normal, log-normal, beta and
    gamma distributions.
    """
    if over.low == over.high:
        return {}
    match distribution:
        case Continuous():
            clamp = out_of_bounds is OutOfBounds.CLAMP
            return quantile_tables(distribution.law(over), over.low, over.high, clamp=clamp)
        case Discrete() if isinstance(over, Lattice):
            first, weights = distribution.weights(over, out_of_bounds)
            return {"first": np.array([first]), **weight_tables(weights)}
        case Histogram() if isinstance(over, Lattice):
            points = distribution.points(over)
            starts = np.array([first for first, _ in points], np.uint64)
            sizes = np.array([last - first + 1 for first, last in points], np.uint64)
            return {"first": starts, "size": sizes, **weight_tables(distribution.shares())}
        case Histogram():
            edges = np.array([(one.start, one.end) for one in distribution.bins], np.float64)
            return {"first": edges[:, 0], "size": edges[:, 1] - edges[:, 0], **weight_tables(distribution.shares())}
    return {}


@overload
def sampler(distribution: Distribution, over: Lattice, tables: Tables) -> Sampler[np.int64]: ...
@overload
def sampler(distribution: Distribution, over: Continuum, tables: Tables) -> Sampler[np.float64]: ...
def sampler(distribution: Distribution, over: Range, tables: Tables) -> Sampler[np.int64] | Sampler[np.float64]:
    """The sampler of a distribution on a range, from the tables that `build_tables` made for the two."""
    if isinstance(over, Lattice):
        match distribution if over.points > 1 else None:
            case Continuous():
                return QuantileOffsets(over, tables)
            case Discrete():
                return ChosenOffsets(tables)
            case Histogram():
                return HistogramOffsets(tables)
        return UniformOffsets(over)
    match distribution if over.minimum < over.maximum else None:
        case Continuous():
            return QuantileNumbers(over, tables)
        case Histogram():
            return HistogramNumbers(over, tables)
    return UniformNumbers(over)

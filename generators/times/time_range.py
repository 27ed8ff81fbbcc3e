"""Independent instants between two bounds: alike, by a distribution, by season, or all distinct."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.choice import Tables, WeightedChoice
from engine.continuous import Exponential
from engine.declared import OutOfBounds
from engine.distributions import Distribution, Uniform
from engine.draws import bounded_each
from engine.issues import Issue, Severity
from engine.permutation import Permutation
from engine.ranges import Lattice
from engine.samplers import Mirrored, Sampler, build_tables, sampler
from engine.stream import Stream
from engine.zones import Zone
from generators.times.granularity import EvenGranules, Granularity, Granules, ListedGranules
from generators.times.seasonality import MAX_CELLS, Seasonality, SeasonCells, season_cells, season_tables

Int64s = NDArray[np.int64]
Words = NDArray[np.uint64]
_HOUR_MS = 3_600_000


class SeasonSampler(Sampler[np.int64]):
    """A cell by its weight, then one of its milliseconds, all alike to within ``2**-64``."""

    lanes = 2

    def __init__(self, tables: Tables) -> None:
        self._first, self._sizes = tables["cell_first"], tables["cell_sizes"]
        self._choice = WeightedChoice(tables)

    def draw(self, words: Sequence[Words]) -> Int64s:
        cells = self._choice(words[0])
        offsets = bounded_each(words[1], self._sizes.take(cells)).view(np.int64)
        offsets += self._first.take(cells)
        return offsets


@dataclass(frozen=True, slots=True)
class DistinctInstants:
    """Granules in a random order, each once."""

    granules: EvenGranules | ListedGranules
    order: Permutation

    @property
    def count(self) -> int:
        return self.granules.count

    def take(self, numbers: Words) -> Int64s:
        """The instants of these numbers, ``0 .. count - 1``: shape of `numbers`."""
        return self.granules.take(self.order(numbers).view(np.int64))


@dataclass(frozen=True)
class TimeRange:
    """The milliseconds ``start .. end - 1`` and how likely each is; ``start < end``.

    With a seasonality, a distribution gives each local hour its share, and within an hour all milliseconds are alike.
    """

    start: int
    end: int
    distribution: Distribution
    seasonality: Seasonality | None
    zone: Zone

    @property
    def lattice(self) -> Lattice:
        """The milliseconds, counted from the first."""
        return Lattice(Decimal(0), Decimal(1), self.end - self.start)

    def issues(self) -> Iterator[Issue]:
        """What is wrong with the distribution and the seasonality here; paths begin at the parameters."""
        found = [replace(issue, path=f"/distribution{issue.path}") for issue in self.distribution.issues(self.lattice)]
        if self.seasonality is not None:
            found += [replace(issue, path=f"/seasonality{issue.path}") for issue in self.seasonality.issues()]
        yield from found
        if self.seasonality is None or any(issue.severity is Severity.ERROR for issue in found):
            return
        hours = (self.end - self.start) // _HOUR_MS
        if hours > MAX_CELLS:
            message = f"a seasonality over {hours:,} hours; at most {MAX_CELLS:,} are possible"
            yield Issue("INVALID_VALUE", "/seasonality", message, "narrow the range")
        elif not self.cells.weights.any():
            message = "no hour between from and to has a multiplier above 0"
            yield Issue("NO_TIME_MASS", "/seasonality", message, "widen the range, or raise a multiplier")

    @cached_property
    def cells(self) -> SeasonCells:
        """The cells of the seasonality, which there is."""
        if self.seasonality is None:
            raise ValueError("there is no seasonality")
        return season_cells(self.seasonality, self.zone, self.start, self.end, self._mass)

    def tables(self) -> dict[str, NDArray[Any]]:
        """What `sampler` needs."""
        if self.seasonality is not None:
            return season_tables(self.cells, self.start)
        return build_tables(self.distribution, self.lattice)

    def sampler(self, tables: Tables) -> Sampler[np.int64]:
        """Draws milliseconds, counted from the first, by the tables that `tables` made."""
        if self.seasonality is not None:
            return SeasonSampler(tables)
        drawn = sampler(self.distribution, self.lattice, tables)
        return Mirrored(drawn, self.lattice) if isinstance(self.distribution, Exponential) else drawn

    def granules(self, unit: Granularity) -> EvenGranules | ListedGranules | None:
        """The granules with an instant of the range, so that the first may begin before it.

        None when they can neither be counted nor listed.
        """
        granules = Granules(unit, self.zone)
        return granules.between(granules.floor_one(self.start), self.end)

    def distinct(self, unit: Granularity, stream: Stream) -> DistinctInstants | None:
        """The granules in an order that the stream draws; None as for `granules`."""
        granules = self.granules(unit)
        if granules is None:
            return None
        return DistinctInstants(granules, Permutation(stream, granules.count))

    def _mass(self, starts: Int64s, ends: Int64s) -> NDArray[np.float64]:
        if isinstance(self.distribution, Uniform):
            return (ends - starts).astype(np.float64)
        first, last = starts - self.start, ends - self.start - 1
        if isinstance(self.distribution, Exponential):  # seen from the end
            first, last = self.lattice.points - 1 - last, self.lattice.points - 1 - first
        below, up_to = (
            self.distribution.cumulative(self.lattice, offsets, OutOfBounds.TRUNCATE) for offsets in (first - 1, last)
        )
        return np.maximum(up_to - below, 0.0)

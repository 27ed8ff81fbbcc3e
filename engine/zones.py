"""Time zones: instants to local times and back, for whole columns."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

from engine.choice import Tables
from engine.zone_rules import zone_changes

Int64s = NDArray[np.int64]

MIN_MS, MAX_MS = -62_135_596_800_000, 253_402_300_799_999
"""The first and the last millisecond of the years 1 to 9999, counted from 1970 in UTC."""


@dataclass(frozen=True, slots=True)
class Period:
    """The instants ``[start, end)``, which have one offset; it holds `since` a change from `offset_before`."""

    start: int
    end: int
    offset: int
    since: int
    offset_before: int


class Zone:
    """A time zone. All times are milliseconds since 1970: instants in UTC, local times as a clock there shows them.

    A local time that the clocks leave out moves forward by as much as they do; of one that comes twice, the first is
    meant. (So does Python's ``fold=0``.)
    """

    def __init__(self, changes: Int64s, offsets: Int64s) -> None:
        """A zone whose offset is ``offsets[i]`` from the instant ``changes[i]`` on, the first from ever."""
        self._offsets = offsets
        self._changes = changes[1:]
        self._local_changes = self._changes + np.maximum(offsets[:-1], offsets[1:])

    @classmethod
    def named(cls, name: str) -> Zone:
        """The zone of a name; raises KeyError if there is none."""
        return _named(name)

    @classmethod
    def from_tables(cls, tables: Tables) -> Zone:
        """The zone that `tables` wrote down, whatever this machine knows of it."""
        return cls(tables["zone_changes"], tables["zone_offsets"])

    def tables(self) -> dict[str, Int64s]:
        """All there is to know about the zone, to be kept with a run."""
        return {"zone_changes": np.append(np.int64(-(2**63)), self._changes), "zone_offsets": self._offsets}

    @property
    def longest_repeat(self) -> int:
        """By how much the clocks are ever set back at once."""
        return max(0, -int(np.diff(self._offsets).min(initial=0)))

    def offsets(self, instants: Int64s) -> Int64s:
        """Local time less UTC at each instant: shape of `instants`, read only."""
        return self._look_up(self._changes, instants)

    def local(self, instants: Int64s) -> Int64s:
        """The local time of each instant: shape of `instants`."""
        return instants + self.offsets(instants)

    def instants(self, local: Int64s) -> Int64s:
        """The instant of each local time: shape of `local`."""
        return local - self._look_up(self._local_changes, local)

    def periods(self, start: int, end: int) -> list[Period]:
        """The stretches of ``[start, end)`` with one offset, in order; ``start < end``."""
        first, last = np.searchsorted(self._changes, [start, end - 1], side="right").tolist()
        borders = [start, *self._changes[first:last].tolist(), end]
        return [
            Period(
                start=borders[at - first],
                end=borders[at - first + 1],
                offset=int(self._offsets[at]),
                since=int(self._changes[at - 1]) if at else start,
                offset_before=int(self._offsets[max(at - 1, 0)]),
            )
            for at in range(first, last + 1)
        ]

    def _look_up(self, changes: Int64s, times: Int64s) -> Int64s:
        if not times.size:
            return np.zeros(times.shape, np.int64)
        # The times of a batch mostly lie between two changes, so that no search for each is needed.
        first, last = np.searchsorted(changes, [times.min(), times.max()], side="right").tolist()
        if first == last:
            return np.broadcast_to(self._offsets[first], times.shape)
        return self._offsets[first : last + 1].take(np.searchsorted(changes[first:last], times, side="right"))


@cache
def _named(name: str) -> Zone:
    return Zone(*zone_changes(name))


UTC = Zone(np.array([-(2**63)]), np.array([0]))

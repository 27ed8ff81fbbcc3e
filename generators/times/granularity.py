"""Granularity: how coarse instants are, and which instants are left then."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from engine.zones import Zone

Int64s = NDArray[np.int64]


class Granularity(StrEnum):
    """The unit to whose beginning an instant is cut."""

    MILLI = "MILLI"
    SECOND = "SECOND"
    MINUTE = "MINUTE"
    HOUR = "HOUR"
    DAY = "DAY"

    @property
    def ms(self) -> int:
        return _LENGTHS[self]

    @property
    def is_local(self) -> bool:
        """Whether the unit begins at other instants in other time zones. (Offsets are whole seconds.)"""
        return self.ms > 1000


_LENGTHS = {
    Granularity.MILLI: 1,
    Granularity.SECOND: 1_000,
    Granularity.MINUTE: 60_000,
    Granularity.HOUR: 3_600_000,
    Granularity.DAY: 86_400_000,
}


@dataclass(frozen=True, slots=True)
class Granules:
    """Local minutes, hours or days as instants (milliseconds since 1970, UTC); a granule is the instant it begins at.

    A minute or hour that comes twice when the clocks are set back is two granules; a day is one, from its first instant
    on, however long it is.
    """

    unit: Granularity
    zone: Zone

    def floor(self, instants: Int64s) -> Int64s:
        """The granule of each instant: shape of `instants`."""
        if self.unit is Granularity.MILLI:
            return instants
        if not self.unit.is_local:
            return instants - instants % self.unit.ms
        offsets = self.zone.offsets(instants)
        into = (instants + offsets) % self.unit.ms
        begins = instants - into
        other = np.flatnonzero(self.zone.offsets(begins) != offsets)  # the clocks were set within the granule
        begins[other] = self.zone.instants(begins[other] + offsets[other])
        return begins

    def floor_one(self, instant: int) -> int:
        """The granule of one instant."""
        return int(self.floor(np.array([instant]))[0])

    def ceiling(self, instant: int) -> int:
        """The first granule that does not begin before an instant."""
        begin = self.floor_one(instant)
        if begin == instant:
            return instant
        offset = int(self.zone.offsets(np.array([instant]))[0]) if self.unit.is_local else 0
        following = instant - (instant + offset) % self.unit.ms + self.unit.ms
        if self.floor_one(following) == following:
            return following
        return int(self.zone.instants(np.array([following + offset]))[0])  # the clocks are set in between

    def between(self, start: int, end: int) -> EvenGranules | ListedGranules | None:
        """The granules that begin in ``[start, end)``; None when they can neither be counted nor listed."""
        first = self.ceiling(start)
        if first >= end:
            return ListedGranules(np.empty(0, np.int64))
        periods = self.zone.periods(first, end) if self.unit.is_local else []
        offsets = {period.offset for period in periods}
        if self.unit is not Granularity.DAY:
            offsets = {offset % self.unit.ms for offset in offsets}
        if len(offsets) <= 1:
            return EvenGranules(first, self.unit.ms, (end - 1 - first) // self.unit.ms + 1)
        if self.unit is not Granularity.DAY:
            return None
        first_day, last_day = (self.zone.local(np.array([first, end - 1])) // self.unit.ms).tolist()
        days = self.zone.instants(np.arange(first_day, last_day + 1) * self.unit.ms)
        days = np.unique(days)  # a day that the clocks leave out begins with the next one
        return ListedGranules(days[(days >= first) & (days < end)])


@dataclass(frozen=True, slots=True)
class EvenGranules:
    """Granules of one length, one behind the other."""

    first: int
    length: int
    count: int

    def take(self, numbers: Int64s) -> Int64s:
        """The granules of these numbers, counted from 0: shape of `numbers`."""
        return numbers * self.length + self.first


@dataclass(frozen=True, slots=True)
class ListedGranules:
    """Granules of different lengths."""

    begins: Int64s

    @property
    def count(self) -> int:
        return len(self.begins)

    def take(self, numbers: Int64s) -> Int64s:
        """The granules of these numbers, counted from 0: shape of `numbers`."""
        return self.begins.take(numbers)

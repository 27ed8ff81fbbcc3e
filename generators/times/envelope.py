"""Envelopes: what is known about the instants of a field before any is made."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable
from dataclasses import dataclass, replace

from engine.span import MAX_RECORDS


@dataclass(frozen=True, slots=True)
class Envelope:
    """Between which instants record i lies, in milliseconds since 1970: around a base, from `below` to `above`.

    The base is ``start + i * step``, or what `planned` says of i, which is never less for a later record; `step` is
    then 0, because nothing is known about distances.
    """

    start: int
    step: int = 0
    below: int = 0
    above: int = 0
    planned: Callable[[int], int] | None = None

    def moved(self, least: int, most: int) -> Envelope:
        """The envelope of instants that are `least` to `most` later."""
        return replace(self, below=self.below - least, above=self.above + most)

    def bounds(self, count: int | None) -> tuple[int, int] | None:
        """The least and the greatest possible instant of `count` records; None when there is no end to them."""
        if count is None and (self.step or self.planned):
            return None
        ends = (self._base(0), self._base(max((count or 1) - 1, 0)))
        return min(ends) - self.below, max(ends) + self.above

    def first_outside(self, low: int, high: int) -> int | None:
        """The first record number that may lie outside ``[low, high]``; None when none ever does."""
        first = self._base(0)
        if first - self.below < low or first + self.above > high:
            return 0
        if self.planned:
            number = bisect_right(range(MAX_RECORDS), high - self.above, key=self.planned)
            return number if number < MAX_RECORDS else None
        if self.step > 0:
            return (high - self.above - self.start) // self.step + 1
        if self.step < 0:
            return (self.start - self.below - low) // -self.step + 1
        return None

    def _base(self, number: int) -> int:
        return self.planned(number) if self.planned else self.start + number * self.step

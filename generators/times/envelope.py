"""Envelopes: what is known about the instants of a field before any is made."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Envelope:
    """Record i lies from ``start + i * step - below`` to ``start + i * step + above``, in milliseconds since 1970."""

    start: int
    step: int = 0
    below: int = 0
    above: int = 0

    def moved(self, least: int, most: int) -> Envelope:
        """The envelope of instants that are `least` to `most` later."""
        return Envelope(self.start, self.step, self.below - least, self.above + most)

    def bounds(self, count: int | None) -> tuple[int, int] | None:
        """The least and the greatest possible instant of `count` records; None when there is no end to them."""
        if count is None and self.step:
            return None
        ends = (self.start, self.start + self.step * max((count or 1) - 1, 0))
        return min(ends) - self.below, max(ends) + self.above

    def first_outside(self, low: int, high: int) -> int | None:
        """The first record number that may lie outside ``[low, high]``; None when none ever does."""
        if self.start - self.below < low or self.start + self.above > high:
            return 0
        if self.step > 0:
            return (high - self.above - self.start) // self.step + 1
        if self.step < 0:
            return (self.start - self.below - low) // -self.step + 1
        return None

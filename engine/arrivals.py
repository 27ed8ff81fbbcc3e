"""Arrivals: where records stand on the count that a rate curve plans, so that each can be found alone."""

from __future__ import annotations

from abc import ABC, abstractmethod

import numpy as np

from engine.draws import bounded
from engine.lap_pieces import UNITS, Int64s
from engine.span import Span
from engine.stream import Stream

BLOCK = 1_000
"""How many records of POISSON are drawn together: every 1,000 expected arrivals are 1,000 arrivals."""


class Arrival(ABC):
    """The places of records, ascending, in the units of a rate curve."""

    @abstractmethod
    def places(self, span: Span) -> Int64s:
        """The place of each record: shape ``(span.count,)``."""

    @abstractmethod
    def count_below(self, units: int) -> int:
        """How many records stand below a place of 0 or more."""


class Even(Arrival):
    """Record i where the count is i."""

    def places(self, span: Span) -> Int64s:
        return np.arange(span.start, span.end, dtype=np.int64) * UNITS

    def count_below(self, units: int) -> int:
        return -(-units // UNITS)


class Jitter(Arrival):
    """Record i uniformly between i and ``i + ratio``, so that none overtakes another."""

    def __init__(self, stream: Stream, ratio: float) -> None:
        """Use a ratio in ``(0, 1]``, taken to a unit."""
        self._stream, self._width = stream, max(round(ratio * UNITS), 1)

    def places(self, span: Span) -> Int64s:
        return Even().places(span) + bounded(self._stream.words(span), self._width).view(np.int64)

    def count_below(self, units: int) -> int:
        last = max(Even().count_below(units) - 1, 0)
        return last + int(np.count_nonzero(self.places(Span(last, 1)) < units))


class Poisson(Arrival):
    """Sorted uniforms in blocks of 1,000: a Poisson process of rate 1 that has exactly 1,000 arrivals in each block.

    Distances inside a block are those of a Poisson process. Numbers of arrivals are too even over more than a block.
    """

    def __init__(self, stream: Stream) -> None:
        self._stream = stream

    def places(self, span: Span) -> Int64s:
        first, end = span.start // BLOCK, -(-span.end // BLOCK)
        words = self._stream.words(Span(first * BLOCK, (end - first) * BLOCK)).reshape(-1, BLOCK)
        words.sort(axis=1)
        places = bounded(words, BLOCK * UNITS).view(np.int64)
        places += np.arange(first, end, dtype=np.int64)[:, np.newaxis] * (BLOCK * UNITS)
        return places.ravel()[span.start - first * BLOCK :][: span.count]

    def count_below(self, units: int) -> int:
        first = units // (BLOCK * UNITS) * BLOCK
        return first + int(np.count_nonzero(self.places(Span(first, BLOCK)) < units))

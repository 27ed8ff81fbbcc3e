"""Distinct draws: each number of 0 .. n - 1 at most once, for every n up to 2**64."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from engine.draws import bounded, bounded_each
from engine.permutation import Permutation
from engine.span import Span
from engine.stream import Source

_MOST = 2**62
_TWO = np.uint64(2)


class DistinctOffsets:
    """Record i's own number of ``0 .. n - 1``, for the records ``0 .. capacity - 1``; uniform, without memory.

    Up to ``2**62`` numbers are permuted. More are cut into ``2**62`` cells of almost equal size, which are permuted;
    each record takes one number of its cell.
    """

    def __init__(self, source: Source, n: int) -> None:
        if not 1 <= n <= 2**64:
            raise ValueError(f"distinct draws need 1 <= n <= 2**64, not {n}")
        self.n = n
        self.capacity = min(n, _MOST)
        self._permutation = Permutation(source.stream("permutation"), self.capacity)
        self._inside = source.stream("value")

    def __call__(self, span: Span) -> NDArray[np.uint64]:
        """The numbers of a span's records, which must lie below `capacity`: shape ``(span.count,)``."""
        cells = self._permutation(span.numbers())
        if self.n <= _MOST:
            return cells
        firsts = bounded(cells << _TWO, self.n)
        nexts = bounded(cells + np.uint64(1) << _TWO, self.n)
        nexts[cells == np.uint64(_MOST - 1)] = np.uint64(self.n % 2**64)  # its successor has wrapped to 0
        return firsts + bounded_each(self._inside.words(span), nexts - firsts)

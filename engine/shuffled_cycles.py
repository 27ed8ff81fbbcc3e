"""Shuffled cycles: each of 0 .. n - 1 once in every n records, in an order of its own each time."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from engine.permutation import Permutation
from engine.span import Span
from engine.stream import Source

_SORTED = 1_024


class ShuffledCycles:
    """The element that comes at each place of an endless series of shuffled cycles; no memory of the cycles before.

    Up to 1,024 elements, a cycle is sorted by a random word for each: every order has the same probability, to within
    ``n**2 * 2**-64``. For so few, a keyed permutation would prefer some orders (of 4 elements, by up to 13 %). Above,
    a `Permutation` takes the cycle's word as its tweak; see there for what it does not promise.
    """

    def __init__(self, source: Source, n: int) -> None:
        self._n = n
        self._words = source.stream("shuffle")
        self._permutation = None if n <= _SORTED else Permutation(source.stream("shuffle"), n)
        self._cycle_words = source.stream("cycle")

    def __call__(self, numbers: NDArray[np.uint64]) -> NDArray[np.uint64]:
        """The elements at the places `numbers`, which do not fall: shape of `numbers`, one-dimensional."""
        cycles, places = np.divmod(numbers, np.uint64(self._n))
        if self._permutation is not None:
            return self._permutation(places, self._cycle_words.words_at(cycles))
        if not len(numbers):
            return numbers
        first = int(cycles[0])
        distinct = Span(first, int(cycles[-1]) + 1 - first).numbers()
        elements = np.add.outer(distinct * np.uint64(self._n), Span(0, self._n).numbers())
        orders = np.argsort(self._words.words_at(elements), axis=1, kind="stable").astype(np.uint64, copy=False)
        elements_at: NDArray[np.uint64] = orders[(cycles - np.uint64(first)).view(np.int64), places.view(np.int64)]
        return elements_at

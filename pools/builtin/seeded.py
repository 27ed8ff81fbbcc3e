"""Rows of a built-in pool that are drawn: each purpose has a stream of its own, so that another column changes none."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import polars as pl
from numpy.typing import NDArray

from engine.choice import WeightedChoice, weight_tables
from engine.draws import bounded
from engine.permutation import Permutation
from engine.span import Span
from engine.stream import Source, Stream

Numbers = NDArray[np.int64]

LETTERS = "ABDEFGHJLNPQRSTUWXYZ"
"""What may stand for ``@``: the letters of the second half of a British postcode."""


class Draws:
    """Draws for the `count` rows of a pool; results have the shape ``(count,)``."""

    def __init__(self, pool: str, count: int) -> None:
        self._source, self._span = Source(0, "built-in pools", pool), Span(0, count)

    def stream(self, purpose: str) -> Stream:
        return self._source.stream(purpose)

    def numbers(self) -> NDArray[np.uint64]:
        """The numbers of the rows, from 0."""
        return self._span.numbers()

    def words(self, purpose: str) -> NDArray[np.uint64]:
        return self.stream(purpose).words(self._span)

    def below(self, purpose: str, end: int) -> Numbers:
        """Whole numbers of ``[0, end)``, uniform."""
        return bounded(self.words(purpose), end).astype(np.int64)

    def mixed(self, purpose: str) -> Numbers:
        """Every row's number once, in a mixed order."""
        return Permutation(self.stream(purpose), self._span.count)(self.numbers()).astype(np.int64)

    def peaked(self, purpose: str, width: int) -> Numbers:
        """Whole numbers of ``[-width, width]``, the likelier the nearer to 0: the difference of two uniform ones."""
        return self.below(f"{purpose}, one", width + 1) - self.below(f"{purpose}, other", width + 1)

    def small(self, purpose: str, end: int) -> Numbers:
        """Whole numbers of ``[0, end)``, the likelier the smaller: the least of three uniform ones."""
        one, two, three = (self.below(f"{purpose}, {turn}", end) for turn in ("one", "two", "three"))
        return np.minimum(np.minimum(one, two), three)

    def places(self, purpose: str, weights: Sequence[float]) -> Numbers:
        """Places in a list, in proportion to the weights there."""
        return WeightedChoice(weight_tables(weights))(self.words(purpose))

    def filled(self, purpose: str, patterns: pl.Series) -> pl.Series:
        """The patterns with a digit in place of each ``#`` and a letter in place of each ``@``."""
        texts = patterns
        for mark, signs in (("#", "0123456789"), ("@", LETTERS)):
            choices = pl.Series(list(signs))
            holes = patterns.str.count_matches(mark, literal=True).max()
            for hole in range(holes if isinstance(holes, int) else 0):
                drawn = choices.gather(self.below(f"{purpose}, {mark} {hole}", len(signs)))
                frame = pl.DataFrame({"text": texts, "sign": drawn})
                replaced = pl.col("text").str.replace(mark, pl.col("sign"), literal=True)
                texts = frame.select(replaced).to_series()
        return texts


def taken(values: Sequence[str], places: Numbers) -> pl.Series:
    """The texts at places of a list."""
    return pl.Series(list(values), dtype=pl.String).gather(places)

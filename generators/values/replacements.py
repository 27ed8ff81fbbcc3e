"""Replacements: numbers that take the place of drawn ones in a share of the records."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from fractions import Fraction
from itertools import accumulate

import numpy as np
from numpy.typing import NDArray

from engine.draws import threshold
from engine.ranges import Continuum
from engine.samplers import UniformNumbers, UniformOffsets
from engine.span import Span
from engine.stream import Stream
from generators.values.numbers import Grid, Held, NumberForm


class Replacement(ABC):
    """Chooses records by a stream of its own, so that no other record's number changes when it is switched on."""

    def __init__(self, chosen_by: Stream, words: int) -> None:
        """Records are chosen whose word is below `words`, of ``2**64``."""
        self._chosen_by, self._words = chosen_by, words

    def apply(self, numbers: Held, span: Span) -> None:
        """Put numbers in the places of the chosen records of a span, in place."""
        words = self._chosen_by.words(span)
        places = np.arange(span.count) if self._words >= 2**64 else np.flatnonzero(words < np.uint64(self._words))
        if len(places):
            numbers[places] = self._numbers(words[places], span.numbers()[places])

    @abstractmethod
    def _numbers(self, words: NDArray[np.uint64], records: NDArray[np.uint64]) -> Held:
        """The numbers for the chosen records, from the words that chose them and their record numbers."""


class ListedNumbers(Replacement):
    """Numbers with a share of the records each, above 0; one word chooses both the record and the number."""

    def __init__(self, chosen_by: Stream, numbers: Held, rates: Sequence[Fraction]) -> None:
        ends = [int(total * 2**64) for total in accumulate(rates)]
        super().__init__(chosen_by, ends[-1])
        self._listed, self._ends = numbers, np.array(ends[:-1], np.uint64)

    def _numbers(self, words: NDArray[np.uint64], records: NDArray[np.uint64]) -> Held:
        return self._listed[np.searchsorted(self._ends, words, side="right")]


class UniformRange(Replacement):
    """Numbers that are uniform in a range."""

    def __init__(
        self, chosen_by: Stream, rate: float, *, form: NumberForm, over: Grid | Continuum, drawn_by: Stream
    ) -> None:
        super().__init__(chosen_by, threshold(rate))
        self._form, self._over, self._drawn_by = form, over, drawn_by
        self._sampler = UniformNumbers(over) if isinstance(over, Continuum) else UniformOffsets(over.lattice())

    def _numbers(self, words: NDArray[np.uint64], records: NDArray[np.uint64]) -> Held:
        return self._form.drawn(self._over, self._sampler.draw([self._drawn_by.words_at(records)]))

"""Which row of a pool each record takes: a hidden column that several fields may copy from."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from engine.choice import Tables, WeightedChoice, weight_tables
from engine.draws import bounded
from engine.errors import RecordInvalid
from engine.permutation import Permutation
from engine.span import Span
from engine.stream import Source
from generators.fields.base import Columns, HiddenColumn
from pools.snapshot import Snapshot


class PoolSelection(StrEnum):
    RANDOM = "RANDOM"
    WEIGHTED = "WEIGHTED"
    SEQUENTIAL = "SEQUENTIAL"
    SHUFFLE = "SHUFFLE"
    ZIPF = "ZIPF"


class OnExhausted(StrEnum):
    ERROR = "ERROR"
    WRAP = "WRAP"
    STOP = "STOP"
    NULL = "NULL"


@dataclass(frozen=True, slots=True)
class RowChoice:
    """How rows are chosen.

    `candidates` are the rows to choose from, in the pool's order, or None for all of them. `distinct` takes each
    candidate once, for the field of that name, and then does as `on_exhausted` says.
    """

    candidates: NDArray[np.int64] | None
    selection: PoolSelection
    exponent: float
    weight_column: str | None
    distinct: str | None
    on_exhausted: OnExhausted


class PoolRows(HiddenColumn):
    """The numbers of the rows that records take, null where there is none left; drawn by the streams of a source."""

    def __init__(self, name: str, *, snapshot: Snapshot, source: Source, choice: RowChoice) -> None:
        self.name = name
        self._snapshot, self._source, self._choice = snapshot, source, choice

    @property
    def count(self) -> int:
        """How many rows there are to choose from."""
        candidates = self._choice.candidates
        return self._snapshot.records.height if candidates is None else len(candidates)

    def tables(self) -> dict[str, NDArray[Any]]:
        if self._choice.selection is PoolSelection.WEIGHTED:
            return weight_tables(row_weights(self._snapshot, str(self._choice.weight_column), self._choice.candidates))
        if self._choice.selection is PoolSelection.ZIPF:
            return weight_tables(np.arange(1, self.count + 1, dtype=np.float64) ** -self._choice.exponent)
        return {}

    def bind(self, tables: Tables) -> None:
        self._weighted = WeightedChoice(tables) if tables else None
        self._words = self._source.stream("value")
        self._cycle_words = self._source.stream("cycle")

    @cached_property
    def _permutation(self) -> Permutation:
        return Permutation(self._source.stream("shuffle"), self.count)

    def values(self, span: Span, columns: Columns) -> pl.Series:
        choice = self._choice
        left = self._left(span) if choice.distinct is not None else span
        picks = self._picks(left)
        rows = pl.Series(self.name, picks if choice.candidates is None else choice.candidates.take(picks))
        return rows if left is span else rows.extend_constant(None, span.count - left.count)

    def _picks(self, span: Span) -> NDArray[np.int64]:
        """The places among the candidates that a span's records take."""
        if self._weighted is not None:
            return self._weighted(self._words.words(span))
        if self._choice.selection is PoolSelection.SEQUENTIAL:
            places = span.numbers()
            places %= np.uint64(self.count)
            return places.view(np.int64)
        if self._choice.selection is PoolSelection.SHUFFLE or self._choice.distinct is not None:
            return self._shuffled(span).view(np.int64)
        return bounded(self._words.words(span), self.count).view(np.int64)

    def _shuffled(self, span: Span) -> NDArray[np.uint64]:
        """Each candidate once per cycle, in another order each time."""
        count, numbers = self.count, span.numbers()
        cycle = span.start // count
        if span.end <= (cycle + 1) * count:  # the usual case: one cycle, one word
            word = np.uint64(self._cycle_words.word(cycle))
            numbers -= np.uint64(cycle * count)
            return self._permutation(numbers, np.broadcast_to(word, numbers.shape))
        cycles, places = np.divmod(numbers, np.uint64(count))
        return self._permutation(places, self._cycle_words.words_at(cycles))

    def _left(self, span: Span) -> Span:
        """The records of a span for which there is a candidate left; raises RecordInvalid where there must be one."""
        choice, count = self._choice, self.count
        if span.end <= count or choice.on_exhausted is OnExhausted.WRAP or not span.count:
            return span
        if choice.on_exhausted is OnExhausted.NULL:
            return Span(span.start, max(count - span.start, 0))
        raise RecordInvalid(
            "UNIQUE_EXHAUSTED",
            f'pool "{self._snapshot.pool}" has only {count:,} distinct values to take',
            field=str(choice.distinct),
            record_number=max(span.start, count),
        )


def row_weights(snapshot: Snapshot, column: str, candidates: NDArray[np.int64] | None) -> NDArray[np.float64]:
    """The weights of some rows of a pool, or of all: shape ``(rows,)``; a row without one weighs nothing."""
    weights = snapshot.records[column].cast(pl.Float64).fill_null(0.0).to_numpy()
    return weights if candidates is None else weights.take(candidates)

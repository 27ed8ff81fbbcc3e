"""Which row of a pool each record takes: a hidden column that several fields may copy from."""

from __future__ import annotations

from collections.abc import Mapping
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
    candidate once.
    """

    candidates: NDArray[np.int64] | None
    selection: PoolSelection
    exponent: float
    weight_column: str | None
    distinct: bool
    on_exhausted: OnExhausted


class PoolRows(HiddenColumn):
    """The row numbers for a binding, or for one field without a binding; drawn by a stream of that name."""

    def __init__(self, name: str, *, snapshot: Snapshot, source: Source, choice: RowChoice) -> None:
        self.name = f"{name}#row"
        self._shown = name
        self._snapshot, self._source, self._choice = snapshot, source, choice

    @property
    def count(self) -> int:
        """How many rows there are to choose from."""
        candidates = self._choice.candidates
        return self._snapshot.records.height if candidates is None else len(candidates)

    def tables(self) -> dict[str, NDArray[Any]]:
        if self._choice.selection is PoolSelection.WEIGHTED:
            weights = self._snapshot.records[str(self._choice.weight_column)].cast(pl.Float64).fill_null(0.0).to_numpy()
            return weight_tables(weights if self._choice.candidates is None else weights[self._choice.candidates])
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
        choice, exhausted = self._choice, None
        if choice.distinct:
            picks, exhausted = self._distinct(span)
        elif self._weighted is not None:
            picks = self._weighted(self._words.words(span))
        elif choice.selection is PoolSelection.SEQUENTIAL:
            picks = (span.numbers() % np.uint64(self.count)).astype(np.int64)
        elif choice.selection is PoolSelection.SHUFFLE:
            cycles, places = np.divmod(span.numbers(), np.uint64(self.count))
            picks = self._permutation(places, self._cycle_words.words_at(cycles)).astype(np.int64)
        else:
            picks = bounded(self._words.words(span), self.count).astype(np.int64)
        rows = picks if choice.candidates is None else choice.candidates.take(picks)
        series = pl.Series(self.name, rows)
        return series if exhausted is None else pl.select(pl.when(~pl.Series(exhausted)).then(series)).to_series()

    def _distinct(self, span: Span) -> tuple[NDArray[np.int64], NDArray[np.bool_] | None]:
        """Each candidate once; behind the last one as `on_exhausted` says."""
        numbers, count = span.numbers(), self.count
        beyond = numbers >= np.uint64(count)
        if not beyond.any():
            exhausted = None
        elif self._choice.on_exhausted is OnExhausted.NULL:
            exhausted = beyond
        elif self._choice.on_exhausted is OnExhausted.WRAP:
            exhausted = None
        else:
            raise RecordInvalid(
                "UNIQUE_EXHAUSTED",
                f'pool "{self._snapshot.pool}" has only {count} distinct values',
                field=self._shown,
                record_number=max(span.start, count),
            )
        places = numbers % np.uint64(count)
        if self._choice.selection is PoolSelection.SEQUENTIAL:
            return places.astype(np.int64), exhausted
        return self._permutation(places).astype(np.int64), exhausted


FILTERS: Mapping[str, str] = {
    "EQ": "equal to",
    "NE": "not equal to",
    "IN": "one of",
    "GT": "greater than",
    "GE": "at least",
    "LT": "less than",
    "LE": "at most",
}
"""The operators of a pool filter, in words."""


def filter_mask(column: pl.Series, op: str, value: Any) -> pl.Series:
    """Which rows pass a filter; null never does. Raises ValueError when the value cannot be compared."""
    wanted = value if isinstance(value, list) else [value]
    if (op == "IN") != isinstance(value, list):
        raise ValueError("IN takes a list" if op == "IN" else f"{op} takes one value, not a list")
    try:
        other = pl.Series(wanted, dtype=_literal_type(column.dtype, wanted), strict=True)
        other = (
            other.cast(column.dtype, strict=True) if other.dtype == pl.String and column.dtype.is_temporal() else other
        )
    except (pl.exceptions.PolarsError, TypeError) as error:
        raise ValueError(f"{value!r} cannot be compared with a {column.dtype} column") from error
    match op:
        case "EQ" | "IN":
            passes = column.is_in(other.implode())
        case "NE":
            passes = ~column.is_in(other.implode())
        case "GT":
            passes = column > other
        case "GE":
            passes = column >= other
        case "LT":
            passes = column < other
        case _:
            passes = column <= other
    return passes.fill_null(value=False) & column.is_not_null()


def _literal_type(dtype: pl.DataType, wanted: list[Any]) -> pl.DataType:
    """The type in which literals are compared: numbers with numbers, texts with texts, dates from ISO texts."""
    numeric = all(isinstance(value, int | float) and not isinstance(value, bool) for value in wanted)
    if dtype.is_numeric() and numeric:
        return pl.Float64() if any(isinstance(value, float) for value in wanted) and dtype.is_integer() else dtype
    if dtype == pl.Boolean and all(isinstance(value, bool) for value in wanted):
        return dtype
    if (dtype == pl.String or dtype.is_temporal()) and all(isinstance(value, str) for value in wanted):
        return pl.String()
    raise TypeError("not comparable")

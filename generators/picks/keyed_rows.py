"""Which row of a pool each record takes when a field of the record says of which key."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum
from functools import cached_property
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from engine.choice import Tables
from engine.draws import bounded_each, unit
from engine.errors import Partial, RecordInvalid
from engine.span import Span
from engine.stream import Source
from generators.fields.base import Columns, HiddenColumn
from generators.picks.pool_rows import PoolRows, PoolSelection, RowChoice, row_weights
from pools.key_index import KeyIndex
from pools.snapshot import Snapshot
from sdg_project.text import shown

NO_ROW = -1
"""The number of a row that is to be replaced by a default value."""
_CELLS = 2.0**53


class OnMissing(StrEnum):
    """What a record does whose key has no row to choose from."""

    ERROR = "ERROR"
    NULL = "NULL"
    DEFAULT = "DEFAULT"
    ANY = "ANY"


KEYED_SELECTIONS = frozenset({PoolSelection.RANDOM, PoolSelection.WEIGHTED, PoolSelection.ZIPF})
"""The selections that need not count the records of a key."""


@dataclass(frozen=True, slots=True)
class Lookup:
    """The rows of a record are those in which `column` has the value of `field`, and `asked_by` is told of failures."""

    field: str
    column: str
    on_missing: OnMissing
    asked_by: str


class KeyedRows(HiddenColumn):
    """The numbers of the rows that records take: null where the key is, as in `PoolRows` among the rows of the key.

    A row of weight 0 is none of WEIGHTED. What a record takes depends on its key, its word and the rows of that key.
    """

    def __init__(self, name: str, *, snapshot: Snapshot, source: Source, choice: RowChoice, lookup: Lookup) -> None:
        self.name = name
        self._snapshot, self._source, self._choice, self._lookup = snapshot, source, choice, lookup
        self._any = (
            PoolRows(name, snapshot=snapshot, source=source, choice=replace(choice, distinct=None))
            if lookup.on_missing is OnMissing.ANY
            else None
        )

    @cached_property
    def _weights(self) -> NDArray[np.float64]:
        return row_weights(self._snapshot, str(self._choice.weight_column), None)

    @cached_property
    def _index(self) -> KeyIndex:
        rows = self._choice.candidates
        if self._choice.selection is PoolSelection.WEIGHTED:
            rows = np.flatnonzero(self._weights) if rows is None else rows[self._weights.take(rows) > 0]
        keys = self._snapshot.records[self._lookup.column]
        stored = self._snapshot.key_index(self._lookup.column) if _are_all_keyed(rows, keys) else None
        return KeyIndex(keys, rows) if stored is None else stored

    def tables(self) -> dict[str, NDArray[Any]]:
        tables = {} if self._any is None else self._any.tables()
        if self._choice.selection is PoolSelection.WEIGHTED:
            tables["keyedEnds"] = self._ends()
        if self._choice.selection is PoolSelection.ZIPF:
            largest = int(np.diff(self._index.group_starts()).max(initial=1))
            tables["keyedSums"] = np.cumsum(np.arange(1, largest + 1, dtype=np.float64) ** -self._choice.exponent)
        return tables

    def _ends(self) -> NDArray[np.uint64]:
        """Where each row ends on the line of its group, which is ``2**53`` long; by row, in the pool's order.

        0 for rows that are not there and for those that are alone in their group.
        """
        starts, rows = self._index.group_starts(), self._index.rows
        sizes = np.diff(starts)
        groups = np.repeat(np.arange(len(sizes)), sizes)
        shared = np.flatnonzero(sizes.take(groups) > 1) if len(groups) else groups
        weight, group = pl.col("weight"), "group"
        line = (
            pl.DataFrame({"weight": self._weights.take(rows.take(shared)), group: groups.take(shared)})
            .with_columns(weight / weight.max().over(group))  # so that no sum overflows
            .with_columns(weight.cum_sum().over(group))
            .with_columns(weight / weight.max().over(group))  # the last sum, to the bit
        )
        ends = np.zeros(self._snapshot.records.height, np.uint64)
        ends[rows.take(shared)] = np.rint(line["weight"].to_numpy() * _CELLS).astype(np.uint64)
        return ends

    def bind(self, tables: Tables) -> None:
        self._words = self._source.stream("value")
        rows = self._index.rows
        self._ends_in_order = tables["keyedEnds"].take(rows) if "keyedEnds" in tables else None
        self._sums = tables.get("keyedSums")
        if self._any is not None:
            self._any.bind({name: table for name, table in tables.items() if not name.startswith("keyed")})

    def values(self, span: Span, columns: Columns) -> pl.Series:
        keys = columns[self._lookup.field]
        groups, words = self._index.find(keys), self._words.words(span)
        present = np.flatnonzero(groups >= 0)
        if len(present) == span.count:
            return pl.Series(self.name, self._chosen(groups, words))
        rows = np.full(span.count, NO_ROW, np.int64)
        rows[present] = self._chosen(groups.take(present), words.take(present))
        return self._without(pl.Series(self.name, rows), keys, span)

    @property
    def fallback(self) -> tuple[str, str] | None:
        return None if self._any is None else (self._lookup.field, self._snapshot.pool)

    def passed_over(self, keys: pl.Series) -> int:
        return len(self.without_rows(keys.drop_nulls()))

    def without_rows(self, keys: pl.Series) -> pl.Series:
        """Those of some keys that have no row to choose from."""
        return keys.filter(pl.Series(self._index.find(keys) < 0, dtype=pl.Boolean))

    def _chosen(self, groups: NDArray[np.int64], words: NDArray[np.uint64]) -> NDArray[np.int64]:
        """One row of each group."""
        if self._index.groups == len(self._index.rows):  # every key has one row
            return self._index.rows.take(groups).astype(np.int64)
        firsts, sizes = self._index.extents(groups)
        if self._ends_in_order is not None:
            places = _bisected(self._ends_in_order, firsts, sizes, words >> np.uint64(11))
        elif self._sums is not None:
            places = np.searchsorted(self._sums, unit(words) * self._sums.take(sizes - 1), side="right")
            places = firsts + np.minimum(places, sizes - 1)
        else:
            places = firsts + bounded_each(words, sizes.view(np.uint64)).view(np.int64)
        return self._index.rows.take(places).astype(np.int64)

    def _without(self, rows: pl.Series, keys: pl.Series, span: Span) -> pl.Series:
        """The rows with what those records take that have none of their key."""
        missing = (rows == NO_ROW) & keys.is_not_null()
        on_missing = self._lookup.on_missing
        if on_missing is OnMissing.ERROR and missing.any():
            where = f'pool "{self._snapshot.pool}" has no row in which "{self._lookup.column}"'
            found = pl.select(pl.when(rows != NO_ROW).then(rows).alias(self.name)).to_series()
            partial = Partial(found, missing.to_numpy(), lambda place: f"{where} is {shown(keys[place])}")
            raise RecordInvalid.of("RECORD_INVALID", partial, field=self._lookup.asked_by, start=span.start)
        rest = pl.lit(None, pl.Int64)
        if on_missing is OnMissing.DEFAULT:
            rest = pl.when(missing).then(NO_ROW)
        elif self._any is not None:
            rest = pl.when(missing).then(self._any.values(span, {}))
        return pl.select(pl.when(rows != NO_ROW).then(rows).otherwise(rest).alias(self.name)).to_series()


def _are_all_keyed(rows: NDArray[np.int64] | None, keys: pl.Series) -> bool:
    """Whether some rows are all those that have a key."""
    if rows is None or len(rows) == len(keys):
        return True
    return len(rows) == len(keys) - keys.null_count() and keys.gather(rows).null_count() == 0


def _bisected(
    ends: NDArray[np.uint64], firsts: NDArray[np.int64], sizes: NDArray[np.int64], draws: NDArray[np.uint64]
) -> NDArray[np.int64]:
    """The first place of each group whose end is above the draw; the last one without looking at its end."""
    low, high = firsts.copy(), firsts + sizes - 1
    open_ = np.flatnonzero(low < high)
    while len(open_):
        middle = (low[open_] + high[open_]) // 2
        inside = draws[open_] < ends[middle]
        high[open_[inside]] = middle[inside]
        low[open_[~inside]] = middle[~inside] + 1
        open_ = open_[low[open_] < high[open_]]
    return low

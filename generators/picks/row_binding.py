"""Row bindings: fields that copy from one row of a pool, and how that row is chosen for them."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from functools import cached_property
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from engine.stream import Source
from generators.fields.base import FieldType
from generators.picks.keyed_rows import KeyedRows, Lookup, OnMissing
from generators.picks.pool_columns import kept
from generators.picks.pool_filters import filter_mask
from generators.picks.pool_rows import OnExhausted, PoolRows, RowChoice
from generators.picks.reference_params import PoolReferenceParams
from pools.snapshot import Snapshot

CHOICE = ("selection", "weight_column", "exponent", "filter", "key_field", "key_column", "on_missing")
"""The parameters that say how rows are chosen: of a binding, by one field or by all in the same way."""


class BoundField(FieldType[PoolReferenceParams]):
    """A field that copies from the row of its binding, or from one of its own."""

    @property
    @abstractmethod
    def snapshot(self) -> Snapshot:
        """The pool; only asked when `has_rows`."""

    @property
    @abstractmethod
    def has_rows(self) -> bool:
        """Whether there is such a pool, with rows."""

    @property
    @abstractmethod
    def binding(self) -> RowBinding:
        """What the fields of one row share."""

    @property
    @abstractmethod
    def column(self) -> str:
        """The column to copy."""

    @property
    @abstractmethod
    def filters_fit(self) -> bool:
        """Whether every filter can be applied to the pool."""

    @property
    def weight_column(self) -> str | None:
        """The column of weights: named, or the pool's own."""
        return self.params.weight_column or self.snapshot.weight_column

    def gives(self, *names: str) -> bool:
        """Whether one of these parameters (Python names) was given."""
        return not self.params.model_fields_set.isdisjoint(names)

    def said(self, name: str) -> Any:
        """What holds for a parameter, given or not."""
        return self.weight_column if name == "weight_column" and self.has_rows else getattr(self.params, name)


class RowBinding:
    """The fields of one binding, in their order, or one field alone."""

    def __init__(self, members: Sequence[BoundField]) -> None:
        self.members = members
        self.chooser = next((member for member in members if member.gives(*CHOICE)), members[0])
        """The field that says how rows are chosen."""
        self.ends_by = next((member for member in members if member.gives("on_exhausted")), members[0])
        """The field that says what follows when every value has been taken."""
        self.uniques = [member for member in members if member.scope.unique]
        """The fields whose values are distinct."""

    @property
    def on_exhausted(self) -> OnExhausted:
        return self.ends_by.params.on_exhausted

    @property
    def key_field(self) -> str | None:
        """The field whose value says among which rows is chosen."""
        return self.chooser.params.key_field

    @property
    def on_missing(self) -> OnMissing | None:
        """What a key without rows does; None when there is no key."""
        return None if self.key_field is None else self.chooser.params.on_missing

    @property
    def rows_name(self) -> str:
        """The name of the hidden column; a binding's is never that of a field without one."""
        name = self.chooser.params.row_binding
        return f"{self.chooser.scope.field}#own row" if name is None else f"{name}#row"

    @cached_property
    def candidates(self) -> NDArray[np.int64] | None:
        """The rows that suit every field; None for all rows of the pool."""
        params, records = self.chooser.params, self.chooser.snapshot.records
        rows: pl.Series | None = None
        if params.filter and self.chooser.filters_fit:
            passes = [filter_mask(records[one.column], one.op, one.value) for one in params.filter]
            rows = pl.select(pl.all_horizontal(passes)).to_series().arg_true()
        if self.on_missing not in {None, OnMissing.ANY} and params.key_column in records.columns:
            rows = kept(rows, records[params.key_column], pl.Series.is_not_null)
        for member in self.members:
            if member.params.pool != params.pool or member.column not in records.columns:
                continue  # which has its own issue
            if member.params.skip_nulls or member.scope.unique:
                rows = kept(rows, records[member.column], pl.Series.is_not_null)
            if member.scope.unique:
                rows = kept(rows, records[member.column], pl.Series.is_first_distinct)
        return None if rows is None or len(rows) == records.height else rows.cast(pl.Int64).to_numpy()

    @property
    def count(self) -> int:
        """How many rows there are to choose from."""
        return self.chooser.snapshot.records.height if self.candidates is None else len(self.candidates)

    def possible(self, column: pl.Series, *, pool: str) -> pl.Series:
        """The values of a pool's column in the rows that can be taken."""
        if not self.chooser.has_rows or self.chooser.params.pool != pool or self.candidates is None:
            return column
        return column.gather(pl.Series(self.candidates))

    @cached_property
    def rows(self) -> PoolRows | KeyedRows:
        """The hidden column that says which row each record takes."""
        params, scope, snapshot = self.chooser.params, self.chooser.scope, self.chooser.snapshot
        choice = RowChoice(
            candidates=self.candidates,
            selection=params.selection,
            exponent=params.exponent,
            weight_column=self.chooser.weight_column,
            distinct=self.uniques[0].scope.field if self.uniques else None,
            on_exhausted=self.on_exhausted,
        )
        source = scope.source
        if params.row_binding is not None:
            source = Source(source.seed, source.stream_name, self.rows_name)
        if params.key_field is None or params.key_column is None:
            return PoolRows(self.rows_name, snapshot=snapshot, source=source, choice=choice)
        lookup = Lookup(params.key_field, params.key_column, params.on_missing, asked_by=scope.field)
        return KeyedRows(self.rows_name, snapshot=snapshot, source=source, choice=choice, lookup=lookup)

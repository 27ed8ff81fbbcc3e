"""POOL_REFERENCE: a value copied from a row of a pool."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property
from typing import Any, Literal

import numpy as np
import polars as pl
from pydantic import Field

from engine.choice import Tables
from engine.issues import Issue, did_you_mean
from engine.schema import OutputType
from engine.span import MAX_RECORDS, Span
from engine.stream import Source
from generators.fields.base import Columns, FieldType, HiddenColumn, Output, field_types
from generators.pool_rows import FILTERS, OnExhausted, PoolRows, PoolSelection, RowChoice, filter_mask
from pools.snapshot import Snapshot
from sdg_project.shapes import Params

_DICTIONARY = 65_536
"""Text columns with at most so many distinct values are handed on as dictionary codes."""
_LISTED = 10_000
_CHOICE = ("selection", "weight_column", "exponent", "filter", "skip_nulls", "on_exhausted")


class PoolFilter(Params):
    """A condition on a column; rows that fail it are never taken."""

    column: str = Field(description="Column of the pool.", examples=["country"])
    op: Literal["EQ", "NE", "IN", "GT", "GE", "LT", "LE"] = Field(description="How to compare.")
    value: Any = Field(description="What to compare with; a list for IN.", examples=["US"])


class PoolReferenceParams(Params):
    pool: str = Field(description="Name of the pool.", examples=["people"])
    column: str | None = Field(default=None, description="Column to copy; may be left out if the pool has one.")
    selection: PoolSelection = Field(default=PoolSelection.RANDOM, description="How rows are chosen.")
    weight_column: str | None = Field(default=None, description="WEIGHTED: column of weights; else the pool's own.")
    exponent: float = Field(default=1.1, gt=0, le=100, description="ZIPF: how much the first rows are preferred.")
    row_binding: str | None = Field(
        default=None, min_length=1, max_length=100, description="Fields of one binding copy from the same row."
    )
    filter: list[PoolFilter] = Field(
        default_factory=list, max_length=50, description="Only rows that pass all of these."
    )
    skip_nulls: bool = Field(default=False, description="Leave out rows in which the column is null.")
    on_exhausted: OnExhausted = Field(
        default=OnExhausted.ERROR, description="With unique: what follows when every value has been taken."
    )


@field_types.register("POOL_REFERENCE")
class PoolReference(FieldType[PoolReferenceParams]):
    """Copies a column of the row that its binding, or the field alone, has chosen."""

    Params = PoolReferenceParams
    rank = 4

    @classmethod
    def pool_names(cls, params: Params) -> tuple[str, ...]:
        return (params.pool,) if isinstance(params, PoolReferenceParams) else ()

    @property
    def snapshot(self) -> Snapshot:
        return self.scope.pools[self.params.pool]

    @property
    def column(self) -> str:
        return self.params.column or self.snapshot.records.columns[0]

    @property
    def binding(self) -> str:
        """The name under which the rows are drawn."""
        return self.params.row_binding or self.scope.field

    def check(self) -> Iterator[Issue]:
        if self.params.pool not in self.scope.pools:
            hint = did_you_mean(self.params.pool, self.scope.pools) or f"pools are {', '.join(self.scope.pools)}"
            yield self.issue("POOL_NOT_FOUND", f'there is no pool "{self.params.pool}"', at="/pool", hint=hint)
            return
        if not self.snapshot.records.height:
            yield self.issue("POOL_EMPTY", f'pool "{self.params.pool}" has no rows', at="/pool")
            return
        names = self.snapshot.records.columns
        if self.params.column is None and len(names) > 1:
            hint = f"columns are {', '.join(names)}"
            message = f'pool "{self.params.pool}" has {len(names)} columns, so one must be named'
            yield self.issue("MISSING_PARAM", message, at="/column", hint=hint)
        if self.params.column is not None and self.params.column not in names:
            yield self._no_column(self.params.column, "/column")
        yield from self._selection_issues()
        filters = list(self._filter_issues())
        yield from filters
        yield from self._binding_issues()
        if not filters and (self.params.column or names[0]) in names and not self._candidate_count():
            message = f'no row of pool "{self.params.pool}" is left to choose from'
            yield self.issue("POOL_FILTER_EMPTY", message, at="/filter")

    def _no_column(self, name: str, at: str) -> Issue:
        names = self.snapshot.records.columns
        hint = did_you_mean(name, names) or f"columns are {', '.join(names)}"
        return self.issue("COLUMN_NOT_FOUND", f'pool "{self.params.pool}" has no column "{name}"', at=at, hint=hint)

    def _selection_issues(self) -> Iterator[Issue]:
        selection = self.params.selection
        if selection is not PoolSelection.WEIGHTED:
            yield from self.not_applicable("weight_column", when=f"to selection {selection}")
        if selection is not PoolSelection.ZIPF:
            yield from self.not_applicable("exponent", when=f"to selection {selection}")
        if not self.scope.unique:
            yield from self.not_applicable("on_exhausted", when="without unique")
        elif selection in {PoolSelection.WEIGHTED, PoolSelection.ZIPF}:
            message = f"unique takes every value once, which {selection} cannot"
            hint = "accepted with unique are RANDOM, SHUFFLE and SEQUENTIAL"
            yield self.issue("UNIQUE_DISTRIBUTION_CONFLICT", message, at="/selection", hint=hint)
        if selection is PoolSelection.WEIGHTED:
            yield from self._weight_issues()

    def _weight_issues(self) -> Iterator[Issue]:
        name = self._weight_column
        if name is None:
            message = "WEIGHTED needs a column of weights, and the pool has none of its own"
            yield self.issue("MISSING_PARAM", message, at="/weightColumn")
        elif name not in self.snapshot.records.columns:
            yield self._no_column(name, "/weightColumn")
        elif not self.snapshot.records.schema[name].is_numeric():
            message = f'the weights in "{name}" must be numbers, not {self.snapshot.records.schema[name]}'
            yield self.issue("INVALID_WEIGHTS", message, at="/weightColumn")
        else:
            weights = self.snapshot.records[name].cast(pl.Float64).fill_null(0.0)
            if float(weights.min() or 0.0) < 0 or not float(weights.sum()) > 0:  # type: ignore[arg-type]  # numeric
                message = f'the weights in "{name}" must be 0 or more with a sum above 0'
                yield self.issue("INVALID_WEIGHTS", message, at="/weightColumn")

    def _filter_issues(self) -> Iterator[Issue]:
        for index, condition in enumerate(self.params.filter):
            if condition.column not in self.snapshot.records.columns:
                yield self._no_column(condition.column, f"/filter/{index}/column")
                continue
            try:
                filter_mask(self.snapshot.records[condition.column].head(1), condition.op, condition.value)
            except ValueError as error:
                hint = f"{condition.op} keeps rows {FILTERS[condition.op]} the value"
                yield self.issue("TYPE_MISMATCH", str(error), at=f"/filter/{index}/value", hint=hint)

    def _binding_issues(self) -> Iterator[Issue]:
        """All fields of a binding use one pool, and at most one way to choose rows."""
        for other in self._members:
            if other.scope.field == self.scope.field:
                break  # only against those before, so that each conflict is told once
            if other.params.pool != self.params.pool:
                message = f'binding "{self.binding}" takes rows of pool "{other.params.pool}" in "{other.scope.field}"'
                yield self.issue("INVALID_VALUE", message, at="/pool", hint="use one pool, or another rowBinding")
            if other.scope.source.stream_name != self.scope.source.stream_name:
                message = f'binding "{self.binding}" has another stream name in "{other.scope.field}"'
                yield self.issue("INVALID_VALUE", message, at="/rowBinding")
            mine, theirs = self._given_choice(), other._given_choice()
            if mine and theirs and mine != theirs:
                message = f'binding "{self.binding}" chooses its rows in another way in "{other.scope.field}"'
                hint = "give selection, filter and unique on one field of the binding, or the same on all"
                yield self.issue("INVALID_VALUE", message, at="/selection", hint=hint)

    def _given_choice(self) -> dict[str, Any]:
        given = {name: getattr(self.params, name) for name in _CHOICE if name in self.params.model_fields_set}
        return given | ({"unique": self.column} if self.scope.unique else {})

    @property
    def _members(self) -> list[PoolReference]:
        """All fields of the binding, in their order; the field alone without one."""
        if self.params.row_binding is None:
            return [self]
        return [
            field
            for field in self.scope.fields.values()
            if isinstance(field, PoolReference) and field.params.row_binding == self.params.row_binding
        ]

    @property
    def _chooser(self) -> PoolReference:
        """The field of the binding that says how rows are chosen."""
        return next((member for member in self._members if member._given_choice()), self._members[0])

    @property
    def _weight_column(self) -> str | None:
        return self.params.weight_column or self.snapshot.weight_column

    def _candidates(self) -> np.ndarray[Any, np.dtype[np.int64]] | None:
        """The rows that this field, as the chooser of its binding, leaves to choose from."""
        records, params = self.snapshot.records, self.params
        passes = pl.Series([True]).new_from_index(0, records.height)
        for condition in params.filter:
            passes &= filter_mask(records[condition.column], condition.op, condition.value)
        if params.skip_nulls or self.scope.unique:
            passes &= records[self.column].is_not_null()
        if self.scope.unique:
            kept = pl.select(pl.when(passes).then(records[self.column])).to_series()
            passes &= kept.is_first_distinct()
        if passes.all():
            return None
        return passes.arg_true().cast(pl.Int64).to_numpy()

    def _candidate_count(self) -> int:
        candidates = self._chooser._candidates()
        return self.snapshot.records.height if candidates is None else len(candidates)

    @cached_property
    def rows(self) -> PoolRows:
        """The hidden column with the rows."""
        chooser = self._chooser
        choice = RowChoice(
            candidates=chooser._candidates(),
            selection=chooser.params.selection,
            exponent=chooser.params.exponent,
            weight_column=chooser._weight_column,
            distinct=chooser.scope.unique,
            on_exhausted=chooser.params.on_exhausted,
        )
        source = Source(self.scope.source.seed, self.scope.source.stream_name, self.binding)
        return PoolRows(self.binding, snapshot=self.snapshot, source=source, choice=choice)

    def hidden(self) -> tuple[HiddenColumn, ...]:
        return (self.rows,)

    def capacity(self) -> int | None:
        if self.params.on_exhausted in {OnExhausted.WRAP, OnExhausted.NULL}:
            return MAX_RECORDS  # there is an answer for every further record
        return self.rows.count

    def record_limit(self) -> tuple[int, str] | None:
        if self.scope.unique and self.params.on_exhausted is OnExhausted.STOP:
            return self.rows.count, "POOL_EXHAUSTED"
        return None

    def output(self) -> Output:
        column = self.snapshot.records[self.column]
        type_, scale = _output_type(column)
        distinct = column.drop_nulls().unique(maintain_order=True)
        nullable = column.null_count() > 0 or (self.scope.unique and self.params.on_exhausted is OnExhausted.NULL)
        low, high = (column.min(), column.max()) if column.dtype.is_numeric() else (None, None)
        return Output(
            type_,
            scale,
            max_length=int(column.str.len_chars().max() or 0) if column.dtype == pl.String else None,  # type: ignore[call-overload]
            minimum=low if isinstance(low, int) else None,
            maximum=high if isinstance(high, int) else None,
            values=tuple(distinct) if len(distinct) <= _LISTED else None,
            nullable=nullable,
        )

    def bind(self, tables: Tables) -> None:
        self._column = self.snapshot.records[self.column]
        if self._column.dtype == pl.String:
            texts = self._column.drop_nulls().unique(maintain_order=True)
            if len(texts) <= _DICTIONARY:
                self._column = self._column.cast(pl.Enum(texts))

    def values(self, span: Span, columns: Columns) -> pl.Series:
        return self._column.gather(columns[self.rows.name])


def _output_type(column: pl.Series) -> tuple[OutputType, int]:
    match column.dtype:
        case pl.String():
            return OutputType.STRING, 0
        case pl.Boolean():
            return OutputType.BOOLEAN, 0
        case pl.Date():
            return OutputType.DATE, 0
        case pl.Datetime():
            return OutputType.TIMESTAMP, 0
        case pl.Decimal() as decimal:
            return OutputType.DECIMAL, decimal.scale
        case pl.Float64():
            return OutputType.DOUBLE, 0
        case _:
            low, high = column.min(), column.max()
            small = isinstance(low, int) and isinstance(high, int) and low >= -(2**31) and high < 2**31
            return (OutputType.INTEGER if small else OutputType.LONG), 0

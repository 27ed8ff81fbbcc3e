"""POOL_REFERENCE: a value copied from a row of a pool."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from decimal import Decimal
from functools import cached_property
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray
from pydantic import BaseModel, Field

from engine.choice import Tables
from engine.issues import Issue, did_you_mean
from engine.schema import OutputType
from engine.span import MAX_RECORDS, Span
from engine.stream import Source
from generators.fields.base import Columns, FieldType, HiddenColumn, Output, field_types
from generators.picks.pool_filters import FILTERS, FilterOp, filter_mask
from generators.picks.pool_rows import OnExhausted, PoolRows, PoolSelection, RowChoice, row_weights
from pools.snapshot import Snapshot
from sdg_project.errors import Invalid
from sdg_project.shapes import Params

_DICTIONARY = 16_384
"""Text columns with at most so many distinct values are handed on as dictionary codes.

With more, asking a column for its words costs more than writing each text: see `Dictionaries`.
"""
_LISTED = 10_000
_CHOICE = ("selection", "weight_column", "exponent", "filter")
_WITHOUT_REPLACEMENT = frozenset({PoolSelection.RANDOM, PoolSelection.SHUFFLE, PoolSelection.SEQUENTIAL})


class PoolFilter(Params):
    """A condition on a column; rows that fail it are never taken."""

    column: str = Field(description="Column of the pool.", examples=["country"])
    op: FilterOp = Field(description="How to compare.")
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
    """Copies a column of the row that its binding, or the field alone, has chosen.

    In a binding the first field that says how rows are chosen says it for all; `unique` and `skipNulls` hold for the
    field that they stand at, so that the binding takes rows that suit every field.
    """

    Params = PoolReferenceParams
    rank = 4

    @classmethod
    def pool_names(cls, params: BaseModel) -> tuple[str, ...]:
        return (params.pool,) if isinstance(params, PoolReferenceParams) else ()

    @property
    def snapshot(self) -> Snapshot:
        return self.scope.pools[self.params.pool]

    @property
    def column(self) -> str:
        return self.params.column if self.params.column is not None else self.snapshot.records.columns[0]

    # The binding.

    @cached_property
    def _members(self) -> list[PoolReference]:
        """All fields of the binding, in their order; the field alone without one."""
        if self.params.row_binding is None:
            return [self]
        return [
            field
            for field in self.scope.fields.values()
            if isinstance(field, PoolReference) and field.params.row_binding == self.params.row_binding
        ]

    @cached_property
    def _chooser(self) -> PoolReference:
        """The field of the binding that says how rows are chosen."""
        return next((member for member in self._members if member._gives(*_CHOICE)), self._members[0])

    @cached_property
    def _uniques(self) -> list[PoolReference]:
        """The fields of the binding whose values are distinct."""
        return [member for member in self._members if member.scope.unique]

    @cached_property
    def _on_exhausted(self) -> PoolReference:
        """The field of the binding that says what follows when every value has been taken."""
        return next((member for member in self._members if member._gives("on_exhausted")), self._members[0])

    def _gives(self, *names: str) -> bool:
        return not self.params.model_fields_set.isdisjoint(names)

    @property
    def _weight_column(self) -> str | None:
        return self.params.weight_column or self.snapshot.weight_column

    @property
    def _rows_name(self) -> str:
        """The name of the hidden column; a binding's is never that of a field without one."""
        binding = self.params.row_binding
        return f"{self.scope.field}#own row" if binding is None else f"{binding}#row"

    # What is wrong.

    def check(self) -> Iterator[Issue]:
        yield from self._issues

    @cached_property
    def _issues(self) -> tuple[Issue, ...]:
        pool_issues = tuple(self._pool_issues)
        return pool_issues or (*self._column_issues(), *self._choice_issues(), *self._binding_issues())

    @cached_property
    def _pool_issues(self) -> tuple[Issue, ...]:
        """Why there is no row to look at."""
        name, pools = self.params.pool, self.scope.pools
        try:
            snapshot = pools.get(name)
        except Invalid as error:
            return tuple(self.issue(one.code, one.message, at="/pool", hint=one.hint) for one in error.issues)
        if snapshot is None:
            hint = did_you_mean(name, pools) or f"pools are {', '.join(pools)}"
            return (self.issue("POOL_NOT_FOUND", f'there is no pool "{name}"', at="/pool", hint=hint),)
        if not snapshot.records.height:
            return (self.issue("POOL_EMPTY", f'pool "{name}" has no rows', at="/pool"),)
        return ()

    def _column_issues(self) -> Iterator[Issue]:
        names = self.snapshot.records.columns
        if self.params.column is None and len(names) > 1:
            message = f'pool "{self.params.pool}" has {len(names)} columns, so one must be named'
            yield self.issue("MISSING_PARAM", message, at="/column", hint=f"columns are {', '.join(names)}")
        if self.column not in names:
            yield self._no_column(self.column, "/column")
        if self._rows_name in self.scope.fields:
            message = f'a field has the name "{self._rows_name}", under which the rows are kept'
            yield self.issue("INVALID_VALUE", message, at="/rowBinding", hint="rename one of the two")

    def _no_column(self, name: str, at: str) -> Issue:
        names = self.snapshot.records.columns
        hint = did_you_mean(name, names) or f"columns are {', '.join(names)}"
        return self.issue("COLUMN_NOT_FOUND", f'pool "{self.params.pool}" has no column "{name}"', at=at, hint=hint)

    def _choice_issues(self) -> Iterator[Issue]:
        selection = self._chooser.params.selection
        if selection is not PoolSelection.WEIGHTED:
            yield from self.not_applicable("weight_column", when=f"to selection {selection}")
        if selection is not PoolSelection.ZIPF:
            yield from self.not_applicable("exponent", when=f"to selection {selection}")
        if not self._uniques:
            yield from self.not_applicable("on_exhausted", when="without unique")
        yield from self._filter_issues
        if self._chooser is not self:
            return
        if self._uniques and selection not in _WITHOUT_REPLACEMENT:
            message = f'"{self._uniques[0].scope.field}" is to be unique, but {selection} takes rows again and again'
            hint = "accepted with unique are RANDOM, SHUFFLE and SEQUENTIAL"
            yield self.issue("UNIQUE_DISTRIBUTION_CONFLICT", message, at="/selection", hint=hint)
        if self._filter_issues or self.column not in self.snapshot.records.columns:
            return
        if self._count == 0:
            message = f'no row of pool "{self.params.pool}" is left to choose from'
            yield self.issue("POOL_FILTER_EMPTY", message, at="/filter" if self.params.filter else "/column")
        elif selection is PoolSelection.WEIGHTED:
            yield from self._weight_issues()

    def _weight_issues(self) -> Iterator[Issue]:
        name, at = self._weight_column, "/weightColumn"
        schema = self.snapshot.records.schema
        if name is None:
            message = "WEIGHTED needs a column of weights, and the pool has none of its own"
            yield self.issue("MISSING_PARAM", message, at=at, hint=f"columns are {', '.join(schema)}")
        elif name not in schema:
            yield self._no_column(name, at)
        elif not schema[name].is_numeric():
            message = f'the weights in "{name}" must be numbers, not {_output_type(self.snapshot.records[name])[0]}'
            yield self.issue("INVALID_WEIGHTS", message, at=at)
        else:
            weights = row_weights(self.snapshot, name, None)
            wrong = np.flatnonzero(~(np.isfinite(weights) & (weights >= 0)))
            if len(wrong):
                message = f'the weights in "{name}" must be finite and not negative, not {weights[wrong[0]]}'
                yield self.issue("INVALID_WEIGHTS", message, at=at)
            elif not row_weights(self.snapshot, name, self._candidates).any():
                message = f'no row that is left to choose from has a weight above 0 in "{name}"'
                yield self.issue("INVALID_WEIGHTS", message, at=at)

    @cached_property
    def _filter_issues(self) -> tuple[Issue, ...]:
        issues = []
        for index, condition in enumerate(self.params.filter):
            if condition.column not in self.snapshot.records.columns:
                issues.append(self._no_column(condition.column, f"/filter/{index}/column"))
                continue
            try:
                filter_mask(self.snapshot.records[condition.column].clear(), condition.op, condition.value)
            except ValueError as error:
                hint = f"{condition.op} keeps rows in which the column is {FILTERS[condition.op]} the value"
                issues.append(self.issue("TYPE_MISMATCH", str(error), at=f"/filter/{index}/value", hint=hint))
        return tuple(issues)

    def _binding_issues(self) -> Iterator[Issue]:
        """All fields of a binding use one pool and one stream, and say nothing different of the choice of rows."""
        first, name = self._members[0], self.params.row_binding
        if first.params.pool != self.params.pool and not first._pool_issues:
            message = f'binding "{name}" takes rows of pool "{first.params.pool}" in "{first.scope.field}"'
            yield self.issue("INVALID_VALUE", message, at="/pool", hint="use one pool, or another rowBinding")
            return
        if first.scope.source.stream_name != self.scope.source.stream_name:
            message = f'binding "{name}" has another stream name in "{first.scope.field}"'
            yield self.issue("INVALID_VALUE", message, at="/rowBinding", hint="give both the same streamName")
        chooser, last = self._chooser, self._on_exhausted
        for key, other in (*((key, chooser) for key in _CHOICE), ("on_exhausted", last)):
            if self._gives(key) and getattr(self.params, key) != other._said(key):
                alias = PoolReferenceParams.model_fields[key].alias or key
                message = f'binding "{name}" chooses its rows in another way in "{other.scope.field}"'
                hint = "say on one field of the binding how rows are chosen, or the same on all"
                yield self.issue("INVALID_VALUE", message, at=f"/{alias}", hint=hint)

    def _said(self, name: str) -> Any:
        return self._weight_column if name == "weight_column" and not self._pool_issues else getattr(self.params, name)

    # The rows.

    @cached_property
    def _candidates(self) -> NDArray[np.int64] | None:
        """The rows that suit every field of a binding whose chooser this is; None for all rows of the pool."""
        records = self.snapshot.records
        rows: pl.Series | None = None
        if self.params.filter and not self._filter_issues:
            passes = [filter_mask(records[one.column], one.op, one.value) for one in self.params.filter]
            rows = pl.select(pl.all_horizontal(passes)).to_series().arg_true()
        for member in self._members:
            if member.params.pool != self.params.pool or member.column not in records.columns:
                continue  # which has its own issue
            if member.params.skip_nulls or member.scope.unique:
                rows = _kept(rows, records[member.column], pl.Series.is_not_null)
            if member.scope.unique:
                rows = _kept(rows, records[member.column], pl.Series.is_first_distinct)
        return None if rows is None or len(rows) == records.height else rows.cast(pl.Int64).to_numpy()

    @property
    def _count(self) -> int:
        candidates = self._chooser._candidates
        return self._chooser.snapshot.records.height if candidates is None else len(candidates)

    @cached_property
    def _rows(self) -> PoolRows:
        """The hidden column of the binding whose chooser this is."""
        choice = RowChoice(
            candidates=self._candidates,
            selection=self.params.selection,
            exponent=self.params.exponent,
            weight_column=self._weight_column,
            distinct=self._uniques[0].scope.field if self._uniques else None,
            on_exhausted=self._on_exhausted.params.on_exhausted,
        )
        source = self.scope.source
        if self.params.row_binding is not None:
            source = Source(source.seed, source.stream_name, self._rows_name)
        return PoolRows(self._rows_name, snapshot=self.snapshot, source=source, choice=choice)

    def hidden(self) -> tuple[HiddenColumn, ...]:
        return (self._chooser._rows,)

    def capacity(self) -> int | None:
        if self._on_exhausted.params.on_exhausted in {OnExhausted.WRAP, OnExhausted.NULL}:
            return MAX_RECORDS  # there is an answer for every further record
        return self._count

    def record_limit(self) -> tuple[int, str] | None:
        if self._uniques and self._on_exhausted.params.on_exhausted is OnExhausted.STOP:
            return self._count, "POOL_EXHAUSTED"
        return None

    # The values.

    def output(self) -> Output:
        whole = self.snapshot.records[self.column]
        type_, scale = _output_type(whole)
        column, listed = self._possible, self._listed
        runs_out = bool(self._uniques) and self._on_exhausted.params.on_exhausted is OnExhausted.NULL
        numeric = column.dtype.is_numeric()
        return Output(
            type_,
            scale,
            max_length=_longest(column) if column.dtype == pl.String else None,
            minimum=_exact(column.min()) if numeric else None,
            maximum=_exact(column.max()) if numeric else None,
            values=tuple(listed) if listed is not None and len(listed) <= _LISTED else None,
            nullable=column.null_count() > 0 or runs_out,
        )

    def held(self) -> pl.Series:
        return self._possible

    @property
    def _possible(self) -> pl.Series:
        """The values of the rows that can be taken."""
        column, candidates = self.snapshot.records[self.column], self._chooser._candidates
        return column if candidates is None else column.gather(pl.Series(candidates))

    @cached_property
    def _listed(self) -> pl.Series | None:
        """The distinct values that can be taken, in order of appearance, without null; None when there are many."""
        column = self._possible
        if column.dtype.is_temporal() or column.head(4 * _DICTIONARY).n_unique() > _DICTIONARY + 1:
            return None
        values = column.unique(maintain_order=True).drop_nulls()
        return values if len(values) <= _DICTIONARY else None

    def bind(self, tables: Tables) -> None:
        self._column = self.snapshot.records[self.column]
        if self._column.dtype == pl.String and self._listed is not None:
            # What is no word of the dictionary becomes null here, but its row is never taken.
            self._column = self._column.cast(pl.Enum(self._listed), strict=False)

    def values(self, span: Span, columns: Columns) -> pl.Series:
        return self._column.gather(columns[self._rows_name])


def _kept(rows: pl.Series | None, column: pl.Series, condition: Callable[[pl.Series], pl.Series]) -> pl.Series:
    """Those of some rows, or of all, whose values meet a condition."""
    if rows is None:
        return condition(column).arg_true()
    return rows.filter(condition(column.gather(rows)))


def _longest(texts: pl.Series) -> int:
    longest = texts.str.len_chars().max()
    return longest if isinstance(longest, int) else 0


def _exact(number: Any) -> int | Decimal | None:
    """A bound as an exact number: what a float shows as 0.1 is 0.1."""
    return Decimal(repr(number)) if isinstance(number, float) else number


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

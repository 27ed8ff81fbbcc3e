"""POOL_REFERENCE: a value copied from a row of a pool."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cached_property
from typing import Any

import numpy as np
import polars as pl
from pydantic import BaseModel

from engine.choice import Tables
from engine.issues import Issue, Severity
from engine.span import MAX_RECORDS, Span
from generators.fields.base import Columns, HiddenColumn, Output, field_types
from generators.picks.keyed_rows import KEYED_SELECTIONS, NO_ROW, KeyedRows, OnMissing
from generators.picks.pool_columns import column_output, dictionary, output_type
from generators.picks.pool_filters import FILTERS, filter_mask
from generators.picks.pool_issues import hides_builtin, no_column, pool_issues
from generators.picks.pool_rows import OnExhausted, PoolSelection, row_weights
from generators.picks.pool_values import column_of
from generators.picks.reference_params import PoolReferenceParams, RefreshPolicy
from generators.picks.row_binding import CHOICE, BoundField, RowBinding
from generators.references import may_be_null, output_of, type_of
from generators.values.listed_values import column_of_values
from pools.enums import PoolLoadStrategy
from pools.key_index import key_types
from pools.snapshot import Snapshot
from sdg_project.partial_shapes import as_far_as_sound
from sdg_project.text import shown

_UNINDEXED = 100_000
"""So many rows are looked up without an index of the pool, and nothing is said."""
_WITHOUT_REPLACEMENT = frozenset({PoolSelection.RANDOM, PoolSelection.SHUFFLE, PoolSelection.SEQUENTIAL})


@field_types.register("POOL_REFERENCE")
class PoolReference(BoundField):
    """Copies a column of the row that its binding, or the field alone, has chosen.

    In a binding the first field that says how rows are chosen says it for all; `unique`, `skipNulls` and `default` hold
    for the field that they stand at, so that the binding takes rows that suit every field.
    """

    Params = PoolReferenceParams
    rank = 4

    @classmethod
    def pool_names(cls, params: BaseModel) -> tuple[str, ...]:
        return (params.pool,) if isinstance(params, PoolReferenceParams) else ()

    @classmethod
    def follows_pools(cls, params: BaseModel) -> bool:
        return isinstance(params, PoolReferenceParams) and params.refresh_policy is RefreshPolicy.FOLLOW

    @classmethod
    def is_remade_alike(cls, params: Mapping[str, Any]) -> bool:
        return params.get("refreshPolicy") != RefreshPolicy.FOLLOW

    def reasons(self) -> Iterator[str]:
        if self.params.refresh_policy is RefreshPolicy.FOLLOW:
            yield f'it follows pool "{self.params.pool}", whose new versions are used from the next frame on'

    @property
    def snapshot(self) -> Snapshot:
        return self.scope.pools[self.params.pool]

    @property
    def column(self) -> str:
        return self.params.column if self.params.column is not None else self.snapshot.records.columns[0]

    @property
    def has_rows(self) -> bool:
        return not self._pool_issues

    @property
    def filters_fit(self) -> bool:
        return not self._filter_issues

    @cached_property
    def binding(self) -> RowBinding:
        """What the fields of one row share; the first of them holds it."""
        name = self.params.row_binding
        members = [
            field
            for field in self.scope.fields.values()
            if isinstance(field, PoolReference) and (field is self or (name and field.params.row_binding == name))
        ]
        if self not in members:  # its mapping was refused, so that no other field knows of it
            return RowBinding([self])
        return RowBinding(members) if members[0] is self else members[0].binding

    def depends_on(self) -> Mapping[str, str]:
        key = self.binding.key_field
        if key is None:
            return {}
        if self.binding.chooser is self:
            return {"/keyField": key}
        # That there is no such field is told where it is named.
        return {"/rowBinding": key} if key in self.scope.fields else {}

    # What is wrong.

    def check(self) -> Iterator[Issue]:
        yield from self._issues

    @cached_property
    def _issues(self) -> tuple[Issue, ...]:
        pool_issues = tuple(self._pool_issues)
        if pool_issues:
            return pool_issues
        about_pool = (self._hiding_issues(), self._column_issues(), self._choice_issues(), self._key_issues())
        return tuple(as_far_as_sound(*about_pool, self._default_issues(), self._binding_issues()))

    @cached_property
    def _pool_issues(self) -> tuple[Issue, ...]:
        """Why there is no row to look at."""
        return tuple(pool_issues(self, self.params.pool))

    def _hiding_issues(self) -> Iterator[Issue]:
        """A warning at the first field of a pool that stands in place of a built-in one."""
        name = self.params.pool
        others = (field for field in self.scope.fields.values() if isinstance(field, PoolReference))
        first = next((field for field in others if field.params.pool == name), None)
        if first is self and hides_builtin(self.scope.pools[name]):
            message = f'"{name}" is your own pool here, and not the built-in one of that name'
            hint = "rename yours if the built-in one is meant"
            yield self.issue("POOL_HIDES_BUILTIN", message, at="/pool", hint=hint, severity=Severity.WARNING)

    def _column_issues(self) -> Iterator[Issue]:
        names = self.snapshot.records.columns
        if self.params.column is None and len(names) > 1:
            message = f'pool "{self.params.pool}" has {len(names)} columns, so one must be named'
            yield self.issue("MISSING_PARAM", message, at="/column", hint=f"columns are {', '.join(names)}")
        if self.column not in names:
            yield self._no_column(self.column, "/column")
        if self.binding.rows_name in self.scope.fields:
            message = f'a field has the name "{self.binding.rows_name}", under which the rows are kept'
            yield self.issue("INVALID_VALUE", message, at="/rowBinding", hint="rename one of the two")
        yield from self._policy_issues()

    def _policy_issues(self) -> Iterator[Issue]:
        """All fields of a pool see one version of it."""
        if self.params.refresh_policy is not RefreshPolicy.FOLLOW:
            return
        others = [
            field.scope.field
            for field in self.scope.fields.values()
            if isinstance(field, PoolReference)
            and field.params.pool == self.params.pool
            and field.params.refresh_policy is RefreshPolicy.PIN
        ]
        if others:
            message = f'"{others[0]}" keeps the version of pool "{self.params.pool}" that this field is to follow'
            yield self.issue("INVALID_VALUE", message, at="/refreshPolicy", hint="say FOLLOW or PIN for both")
        if self.binding.uniques:
            message = "values that are to be distinct cannot follow a pool whose rows change"
            yield self.issue("UNIQUE_IMPOSSIBLE", message, at="/refreshPolicy", hint=f"accepted is {RefreshPolicy.PIN}")

    def _no_column(self, name: str, at: str) -> Issue:
        return no_column(self, self.snapshot, name, at)

    def _choice_issues(self) -> Iterator[Issue]:
        selection, uniques = self.binding.chooser.params.selection, self.binding.uniques
        if selection is not PoolSelection.WEIGHTED:
            yield from self.not_applicable("weight_column", when=f"to selection {selection}")
        if selection is not PoolSelection.ZIPF:
            yield from self.not_applicable("exponent", when=f"to selection {selection}")
        if not uniques:
            yield from self.not_applicable("on_exhausted", when="without unique")
        yield from self._filter_issues
        if self.binding.chooser is not self:
            return
        if uniques and selection not in _WITHOUT_REPLACEMENT and self.params.key_field is None:
            message = f'"{uniques[0].scope.field}" is to be unique, but {selection} takes rows again and again'
            hint = "accepted with unique are RANDOM, SHUFFLE and SEQUENTIAL"
            yield self.issue("UNIQUE_DISTRIBUTION_CONFLICT", message, at="/selection", hint=hint)
        if self._filter_issues or self.column not in self.snapshot.records.columns:
            return
        if self.binding.count == 0:
            message = f'no row of pool "{self.params.pool}" is left to choose from'
            at = "/filter" if self.params.filter else "/keyColumn" if self.params.key_column else "/column"
            yield self.issue("POOL_FILTER_EMPTY", message, at=at)
        elif selection is PoolSelection.WEIGHTED:
            yield from self._weight_issues()

    def _weight_issues(self) -> Iterator[Issue]:
        name, at = self.weight_column, "/weightColumn"
        schema = self.snapshot.records.schema
        if name is None:
            message = "WEIGHTED needs a column of weights, and the pool has none of its own"
            yield self.issue("MISSING_PARAM", message, at=at, hint=f"columns are {', '.join(schema)}")
        elif name not in schema:
            yield self._no_column(name, at)
        elif not schema[name].is_numeric():
            message = f'the weights in "{name}" must be numbers, not {output_type(self.snapshot.records[name])[0]}'
            yield self.issue("INVALID_WEIGHTS", message, at=at)
        else:
            weights = row_weights(self.snapshot, name, None)
            wrong = np.flatnonzero(~(np.isfinite(weights) & (weights >= 0)))
            if len(wrong):
                message = f'the weights in "{name}" must be finite and not negative, not {weights[wrong[0]]}'
                yield self.issue("INVALID_WEIGHTS", message, at=at)
            elif not row_weights(self.snapshot, name, self.binding.candidates).any():
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

    def _key_issues(self) -> Iterator[Issue]:
        params = self.params
        if self.binding.key_field is None:
            yield from self.not_applicable("key_column", "on_missing", when='without "keyField"')
        if params.key_field is None or self.binding.chooser is not self:
            return
        yield from self.required("key_column", when='with "keyField"')
        if params.selection not in KEYED_SELECTIONS:
            message = f"selection {params.selection} counts records, and those of one key have no numbers of their own"
            hint = f"accepted with keyField are {', '.join(sorted(KEYED_SELECTIONS))}"
            yield self.issue("INVALID_VALUE", message, at="/selection", hint=hint)
        if self.binding.uniques:
            unique = self.binding.uniques[0].scope.field
            message = f'"{unique}" is to be unique, but which rows of a key are left depends on all records before'
            yield self.issue("UNIQUE_IMPOSSIBLE", message, at="/keyField", hint="remove unique, or keyField")
        if params.key_column is None:
            return
        records = self.snapshot.records
        if params.key_column not in records.columns:
            yield self._no_column(params.key_column, "/keyColumn")
            return
        accepted, name = key_types(records.schema[params.key_column]), params.key_column
        type_ = type_of(params.key_field, self.scope)
        if not accepted:
            message = f'"{name}" is DOUBLE, and such numbers are equal by chance only'
            hint = "accepted are columns of texts, whole numbers, decimals, truth values, dates and instants"
            yield self.issue("TYPE_MISMATCH", message, at="/keyColumn", hint=hint)
            return
        if type_ is not None and type_ not in accepted:
            message = (
                f'"{params.key_field}" is {type_}, and "{name}" of pool "{params.pool}" is'
                f" {output_type(records[name])[0]}, so that no value of the one is one of the other"
            )
            hint = f"accepted are fields of type {' or '.join(sorted(accepted))}; outputType casts the field"
            yield self.issue("TYPE_MISMATCH", message, at="/keyField", hint=hint)
            return
        yield from self._lookup_issues(name)
        if params.on_missing is OnMissing.ERROR and params.selection in KEYED_SELECTIONS and not self._filter_issues:
            yield from self._coverage_issues()

    def _lookup_issues(self, column: str) -> Iterator[Issue]:
        """What the pool's load strategy means for lookups in it."""
        snapshot, pool = self.snapshot, self.params.pool
        if snapshot.load_strategy is PoolLoadStrategy.SAMPLED:
            message = f'pool "{pool}" is a sample, so that keys may be missing which its source has'
            hint = "load it FULL or INDEXED, or say with onMissing what a key without rows does"
            yield self.issue("KEY_LOOKUP_ON_SAMPLE", message, at="/keyField", hint=hint, severity=Severity.WARNING)
        elif column not in snapshot.index_columns and snapshot.records.height > _UNINDEXED:
            message = (
                f'pool "{pool}" has {snapshot.records.height:,} rows and no index of "{column}", so that every worker'
                " makes one of its own at its start"
            )
            hint = f'load it with loadStrategy INDEXED and indexColumns ["{column}"]'
            yield self.issue("KEY_NOT_INDEXED", message, at="/keyColumn", hint=hint, severity=Severity.WARNING)

    def _coverage_issues(self) -> Iterator[Issue]:
        """The values of the key that are known to have no rows."""
        key, rows = str(self.params.key_field), self.binding.rows
        known = output_of(key, self.scope)
        if known is None or not known.values or known.type is not type_of(key, self.scope) or not self.binding.count:
            return
        if self.params.selection is PoolSelection.WEIGHTED and any(self._weight_issues()):
            return
        values = column_of_values([value for value in known.values if value is not None], known)
        unknown = rows.without_rows(values) if isinstance(rows, KeyedRows) else values.clear()
        if len(unknown):
            listed = ", ".join(shown(value) for value in unknown.head(5)) + (", …" if len(unknown) > 5 else "")
            message = f'"{key}" can be {listed}, for which pool "{self.params.pool}" has no row: that would end the run'
            hint = f'say with "onMissing" what is to follow: {", ".join(OnMissing)}'
            yield self.issue("CASE_NOT_COVERED", message, at="/keyColumn", hint=hint, severity=Severity.WARNING)

    def _default_issues(self) -> Iterator[Issue]:
        if self.binding.on_missing is not OnMissing.DEFAULT:
            yield from self.not_applicable("default", when="without onMissing DEFAULT")
            return
        yield from self.required("default", when="with onMissing DEFAULT")
        if self.params.default is not None and self.column in self.snapshot.records.columns:
            try:
                column_of(self.params.default, self.snapshot.records.schema[self.column])
            except ValueError as error:
                yield self.issue("TYPE_MISMATCH", str(error), at="/default")

    def _binding_issues(self) -> Iterator[Issue]:
        """All fields of a binding use one pool and one stream, and say nothing different of the choice of rows."""
        first, name = self.binding.members[0], self.params.row_binding
        if first.params.pool != self.params.pool and first.has_rows:
            message = f'binding "{name}" takes rows of pool "{first.params.pool}" in "{first.scope.field}"'
            yield self.issue("INVALID_VALUE", message, at="/pool", hint="use one pool, or another rowBinding")
            return
        if first.scope.source.stream_name != self.scope.source.stream_name:
            message = f'binding "{name}" has another stream name in "{first.scope.field}"'
            yield self.issue("INVALID_VALUE", message, at="/rowBinding", hint="give both the same streamName")
        chooser, last = self.binding.chooser, self.binding.ends_by
        for key, other in (*((key, chooser) for key in CHOICE), ("on_exhausted", last)):
            if self.gives(key) and getattr(self.params, key) != other.said(key):
                alias = PoolReferenceParams.model_fields[key].alias or key
                message = f'binding "{name}" chooses its rows in another way in "{other.scope.field}"'
                hint = "say on one field of the binding how rows are chosen, or the same on all"
                yield self.issue("INVALID_VALUE", message, at=f"/{alias}", hint=hint)

    # The values.

    def hidden(self) -> tuple[HiddenColumn, ...]:
        return (self.binding.rows,)

    def capacity(self) -> int | None:
        if self.binding.key_field is not None:
            return None
        if not self.binding.chooser.has_rows:
            return MAX_RECORDS  # which has its own issue
        if self.binding.on_exhausted in {OnExhausted.WRAP, OnExhausted.NULL}:
            return MAX_RECORDS  # there is an answer for every further record
        return self.binding.count

    def record_limit(self) -> tuple[int, str] | None:
        if self.binding.uniques and self.binding.on_exhausted is OnExhausted.STOP:
            return self.binding.count, "POOL_EXHAUSTED"
        return None

    def output(self) -> Output:
        default = self._default
        whole = self.snapshot.records[self.column]
        whole = whole if default is None else pl.concat([whole, default], rechunk=False)
        runs_out = bool(self.binding.uniques) and self.binding.on_exhausted is OnExhausted.NULL
        return column_output(whole, self._possible, self._listed, nullable=runs_out or self._null_without_row)

    def held(self) -> pl.Series:
        return self._possible

    @property
    def _null_without_row(self) -> bool:
        if self.binding.key_field is None:
            return False
        return self.binding.on_missing is OnMissing.NULL or may_be_null(self.binding.key_field, self.scope)

    @property
    def _default(self) -> pl.Series | None:
        """The value of a key without rows, as a column of one row."""
        if self.binding.on_missing is not OnMissing.DEFAULT or self.params.default is None:
            return None
        return column_of(self.params.default, self.snapshot.records.schema[self.column])

    @property
    def _possible(self) -> pl.Series:
        """The values of the rows that can be taken, and the default."""
        taken, default = self.snapshot.records[self.column], self._default
        taken = self.binding.possible(taken, pool=self.params.pool)
        return taken if default is None else pl.concat([taken, default.alias(taken.name)], rechunk=False)

    @cached_property
    def _listed(self) -> pl.Series | None:
        """The distinct values that can be taken; None when there are many."""
        return dictionary(self._possible)

    def bind(self, tables: Tables) -> None:
        self._column, self._other = self.snapshot.records[self.column], self._default
        if self._column.dtype == pl.String and self._listed is not None:
            # What is no word of the dictionary becomes null here, but its row is never taken.
            words = pl.Enum(self._listed)
            self._column = self._column.cast(words, strict=False)
            self._other = None if self._other is None else self._other.cast(words)

    def values(self, span: Span, columns: Columns) -> pl.Series:
        rows = columns[self.binding.rows_name]
        if self._other is None:
            return self._column.gather(rows)
        is_there = rows != NO_ROW
        values = self._column.gather(pl.select(pl.when(is_there).then(rows)).to_series())
        taken = is_there.fill_null(value=True)
        return pl.select(pl.when(taken).then(values).otherwise(pl.lit(self._other))).to_series()

"""AGGREGATE: one value for a column of a pool, or for each group of its rows."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cached_property
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from engine.choice import Tables
from engine.decimals import to_decimal
from engine.errors import Partial, RecordInvalid
from engine.issues import Issue
from engine.schema import MAX_DECIMAL_DIGITS, OutputType
from engine.span import Span
from generators.fields.base import Columns, FieldType, Output
from generators.picks.derived_params import Aggregate, PoolDerivedParams
from generators.picks.keyed_rows import OnMissing
from generators.picks.pool_columns import column_output, output_type
from generators.picks.pool_issues import no_column, pool_issues
from generators.picks.pool_values import column_of
from generators.references import may_be_null, type_of
from pools.key_index import KeyIndex, key_types
from pools.snapshot import Snapshot
from sdg_project.text import shown

_ARITHMETIC = frozenset({Aggregate.AVG, Aggregate.SUM, Aggregate.MEDIAN})
"""Those that make a new number; the others choose one of the values, or count them."""
_KEYED = ("key_field", "on_missing", "default")


class ColumnAggregate(FieldType[PoolDerivedParams]):
    """The same value for all records, or for all with one key. Nulls of the column are left out.

    MIN, MAX and P95 are values of the column. SUM is exact. AVG and MEDIAN, the mean of the two middle values, are
    DOUBLE, but decimals for decimals: with the scale of the schema, else of the column, half to even. A group that has
    only nulls has the COUNT 0 and nothing else.
    """

    Params = PoolDerivedParams

    @property
    def _name(self) -> str:
        return str(self.params.pool)

    @property
    def _snapshot(self) -> Snapshot:
        return self.scope.pools[self._name]

    @cached_property
    def _pool_issues(self) -> tuple[Issue, ...]:
        return tuple(pool_issues(self, self._name))

    def depends_on(self) -> Mapping[str, str]:
        return {"/keyField": self.params.key_field} if self.params.key_field is not None else {}

    # What is wrong with it.

    def check(self) -> Iterator[Issue]:
        yield from self._issues

    @cached_property
    def _issues(self) -> tuple[Issue, ...]:
        return (*self._pool_issues, *self._key_issues(), *(() if self._pool_issues else self._column_issues()))

    def _column_issues(self) -> Iterator[Issue]:
        params, records = self.params, self._snapshot.records
        if params.column is None:
            if params.aggregate is not Aggregate.COUNT:
                hint = f"columns are {', '.join(records.columns)}"
                yield self.issue(
                    "MISSING_PARAM", f'"column" is required for {params.aggregate}', at="/column", hint=hint
                )
        elif params.column not in records.columns:
            yield no_column(self, self._snapshot, params.column, "/column")
        else:
            yield from self._type_issues(params.column)
        if params.group_by is not None and params.group_by not in records.columns:
            yield no_column(self, self._snapshot, params.group_by, "/groupBy")

    def _type_issues(self, name: str) -> Iterator[Issue]:
        column = self._snapshot.records[name]
        type_ = output_type(column)[0]
        if self.params.aggregate in _ARITHMETIC and not column.dtype.is_numeric():
            message = f'{self.params.aggregate} needs numbers, and "{name}" is {type_}'
            yield self.issue("TYPE_MISMATCH", message, at="/column", hint="MIN, MAX, P95 and COUNT take any column")
        elif self.params.aggregate is not Aggregate.COUNT and type_ is OutputType.BOOLEAN:
            message = f'{self.params.aggregate} needs values with an order, and "{name}" is BOOLEAN'
            yield self.issue("TYPE_MISMATCH", message, at="/column", hint="COUNT counts those that are not null")
        elif self.params.aggregate is not Aggregate.COUNT and not column.drop_nulls().len():
            yield self.issue("POOL_FILTER_EMPTY", f'"{name}" of pool "{self._name}" holds only nulls', at="/column")
        elif self._too_large:
            message = f'the SUM of "{name}" has more digits than a {type_} can hold'
            yield self.issue("INVALID_VALUE", message, at="/column")

    def _key_issues(self) -> Iterator[Issue]:
        params = self.params
        if params.group_by is None:
            if params.key_field is not None:
                yield self.issue("MISSING_PARAM", '"groupBy" is required with "keyField"', at="/groupBy")
            yield from self.not_applicable(*_KEYED[1:], when='without "groupBy" and "keyField"')
            return
        yield from self.required("key_field", when='with "groupBy"')
        if params.on_missing is OnMissing.DEFAULT:
            yield from self.required("default", when="with onMissing DEFAULT")
        else:
            yield from self.not_applicable("default", when="without onMissing DEFAULT")
        if self._pool_issues or params.group_by not in self._snapshot.records.columns:
            return
        column = self._snapshot.records[params.group_by]
        accepted, type_ = key_types(column.dtype), type_of(str(params.key_field), self.scope)
        if not accepted:
            message = f'"{params.group_by}" is DOUBLE, and such numbers are equal by chance only'
            yield self.issue("TYPE_MISMATCH", message, at="/groupBy", hint="group by a column of another type")
        elif type_ is not None and type_ not in accepted:
            message = f'"{params.key_field}" is {type_}, and "{params.group_by}" is {output_type(column)[0]}'
            hint = f"accepted are fields of type {' or '.join(sorted(accepted))}; outputType casts the field"
            yield self.issue("TYPE_MISMATCH", message, at="/keyField", hint=hint)
        if params.default is not None and params.on_missing is OnMissing.DEFAULT and self._is_clear:
            try:
                column_of(params.default, self._results.dtype)
            except ValueError as error:
                yield self.issue("TYPE_MISMATCH", str(error), at="/default")

    @property
    def _is_clear(self) -> bool:
        """Whether the values can be worked out."""
        return not any(self._column_issues())

    # The values.

    @cached_property
    def _index(self) -> KeyIndex | None:
        return None if self.params.group_by is None else KeyIndex(self._snapshot.records[self.params.group_by])

    @cached_property
    def _groups(self) -> Groups:
        """The values of each group, and behind them those of all rows."""
        records, column = self._snapshot.records, self.params.column
        values = pl.Series([True]).new_from_index(0, records.height) if column is None else records[column]
        if self._index is None:
            return Groups.of([values])
        rows, starts = self._index.rows, self._index.group_starts()
        numbers = np.repeat(np.arange(len(starts) - 1), np.diff(starts))
        grouped = pl.DataFrame({"group": numbers, "value": values.gather(pl.Series(rows))})
        return Groups.of([values], grouped, len(starts) - 1)

    @cached_property
    def _sums(self) -> list[int | float]:
        return self._groups.sums()

    @property
    def _too_large(self) -> bool:
        if self.params.aggregate is not Aggregate.SUM:
            return False
        values = self._groups.values
        most = 10**MAX_DECIMAL_DIGITS - 1 if isinstance(values.dtype, pl.Decimal) else 2**63 - 1
        return any((isinstance(one, int) and abs(one) > most) or math.isinf(one) for one in self._sums)

    @cached_property
    def _results(self) -> pl.Series:
        """The value of each group, and last that of all rows."""
        groups = self._groups
        match self.params.aggregate:
            case Aggregate.COUNT:
                return pl.Series(groups.counts)
            case Aggregate.MIN:
                return groups.at(np.zeros_like(groups.counts))
            case Aggregate.MAX:
                return groups.at(groups.counts - 1)
            case Aggregate.P95:
                return groups.at((groups.counts * 95 + 99) // 100 - 1)
            case Aggregate.SUM:
                return self._numbers([one if count else None for one, count in self._parts(self._sums)], divided=False)
            case Aggregate.AVG:
                return self._means(self._parts(self._sums))
            case _:
                lower, upper = (
                    groups.at(place).to_physical().to_list() for place in ((groups.counts - 1) // 2, groups.counts // 2)
                )
                pairs = [0 if one is None else one + two for one, two in zip(lower, upper, strict=True)]
                return self._means([(pair, 2 if count else 0) for pair, count in self._parts(pairs)])

    def _parts(self, numbers: Sequence[Any]) -> list[tuple[Any, int]]:
        return list(zip(numbers, self._groups.counts.tolist(), strict=True))

    def _means(self, parts: Sequence[tuple[Any, int]]) -> pl.Series:
        """The quotients, null where the divisor is 0."""
        dtype = self._groups.values.dtype
        if not isinstance(dtype, pl.Decimal):
            return pl.Series([total / count if count else None for total, count in parts], dtype=pl.Float64)
        lost = 10**dtype.scale
        unit = 10**self._scale
        means = [_half_even(total * unit, count * lost) if count else None for total, count in parts]
        return self._numbers(means, divided=True)

    @property
    def _scale(self) -> int:
        """The scale of means of decimals."""
        dtype = self._groups.values.dtype
        own = dtype.scale if isinstance(dtype, pl.Decimal) else 0
        return own if self.scope.output_scale is None else self.scope.output_scale

    def _numbers(self, numbers: Sequence[int | float | None], *, divided: bool) -> pl.Series:
        dtype = self._groups.values.dtype
        if isinstance(dtype, pl.Decimal):
            return to_decimal(pl.Series(numbers, dtype=pl.Int64), self._scale if divided else dtype.scale)
        return pl.Series(numbers, dtype=dtype)

    @cached_property
    def _default(self) -> pl.Series:
        """The value of a key without rows, as a column of one row."""
        match self.params.on_missing:
            case OnMissing.DEFAULT:
                return column_of(self.params.default, self._results.dtype)
            case OnMissing.ANY:
                return self._results.tail(1)
            case _:
                return pl.Series([None], dtype=self._results.dtype)

    def output(self) -> Output:
        if self._index is None:
            return column_output(self._results, self._results, self._results, nullable=False)
        possible = self._results.head(self._index.groups)
        if self.params.on_missing is not OnMissing.ERROR:
            possible = pl.concat([possible, self._default.alias(possible.name)])
        return column_output(
            possible, possible, possible.unique(maintain_order=True).drop_nulls(), nullable=self._may_have_no_key
        )

    @property
    def _may_have_no_key(self) -> bool:
        return self.params.key_field is not None and may_be_null(self.params.key_field, self.scope)

    def bind(self, tables: Tables) -> None:
        self._found = self._results
        if self._index is not None:
            # Two rows behind the groups: what a key without rows has, and what no key has.
            null = pl.Series([None], dtype=self._results.dtype)
            groups = self._results.head(self._index.groups).alias("")
            self._found = pl.concat([groups, self._default.alias(""), null], rechunk=True)

    def values(self, span: Span, columns: Columns) -> pl.Series:
        if self._index is None or self.params.key_field is None:
            return self._found.new_from_index(0, span.count)
        keys = columns[self.params.key_field]
        groups = self._index.find(keys)
        missing = groups < 0
        if missing.any():
            without_key = keys.is_null().to_numpy()
            unknown = missing & ~without_key
            groups = np.where(missing, self._index.groups + without_key, groups)
            if unknown.any() and self.params.on_missing is OnMissing.ERROR:
                where = f'pool "{self._name}" has no row in which "{self.params.group_by}"'
                found = self._found.gather(pl.Series(groups))
                partial = Partial(found, unknown, lambda place: f"{where} is {shown(keys[place])}")
                raise RecordInvalid.of("RECORD_INVALID", partial, field=self.scope.field, start=span.start)
        return self._found.gather(pl.Series(groups))


class Groups:
    """The values of several groups, each in ascending order and without null."""

    def __init__(self, values: pl.Series, counts: NDArray[np.int64]) -> None:
        self.values, self.counts = values, counts
        """All values, one group behind the other; and how many each group has."""
        self._starts = np.cumsum(counts) - counts

    @classmethod
    def of(cls, whole: Sequence[pl.Series], grouped: pl.DataFrame | None = None, groups: int = 0) -> Groups:
        """The groups of a frame of "group" and "value", and behind them each series of `whole` as a group."""
        parts = [series.drop_nulls().sort() for series in whole]
        counts = [len(part) for part in parts]
        if grouped is None:
            return cls(pl.concat(parts), np.array(counts, np.int64))
        rows = grouped.drop_nulls("value").sort("group", "value")
        sizes = np.bincount(rows["group"].to_numpy(), minlength=groups)
        values = pl.concat([rows["value"].alias(""), *(part.alias("") for part in parts)], rechunk=True)
        return cls(values, np.concatenate([sizes, counts]).astype(np.int64))

    def at(self, places: NDArray[np.int64]) -> pl.Series:
        """The value at a place of each group, null where a group is empty."""
        rows = pl.Series(np.where(self.counts > 0, self._starts + places, -1))
        return self.values.gather(pl.select(pl.when(rows >= 0).then(rows)).to_series())

    def sums(self) -> list[int | float]:
        """The sum of each group: exact for whole numbers and decimals (in their units), rounded once for doubles."""
        if self.values.dtype == pl.Float64:
            return self._each(math.fsum)
        units = self.values.to_physical().cast(pl.Int64)
        high, low = units.to_numpy() >> 32, units.to_numpy() & 0xFFFFFFFF
        ends = self._starts + self.counts
        sums = []
        for half in (high, low):
            running = np.concatenate([[0], np.cumsum(half)])  # less than 2**31 rows: below 2**63
            sums.append((running.take(ends) - running.take(self._starts)).tolist())
        return [(upper << 32) + lower for upper, lower in zip(*sums, strict=True)]

    def _each(self, function: Callable[[list[float]], float]) -> list[int | float]:
        numbers = self.values.to_numpy()
        bounds = zip(self._starts.tolist(), self.counts.tolist(), strict=True)
        return [function(numbers[start : start + count].tolist()) for start, count in bounds]


def _half_even(dividend: int, divisor: int) -> int:
    quotient, rest = divmod(dividend, divisor)
    return quotient + (2 * rest > divisor or (2 * rest == divisor and quotient % 2 == 1))

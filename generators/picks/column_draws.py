"""DISTRIBUTION: values drawn as those of a column of a pool are distributed, without telling of single rows."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from functools import cached_property
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from engine.choice import Tables, WeightedChoice, weight_tables
from engine.continuous import Normal
from engine.decimals import to_decimal
from engine.issues import Issue
from engine.ranges import Continuum, Lattice
from engine.sample_bins import Bins, Sample, empirical_bins, histogram_bins, mean_and_deviation
from engine.samplers import HistogramNumbers, HistogramOffsets, Sampler, build_tables, sampler
from engine.schema import MAX_DECIMAL_DIGITS, OutputType
from engine.span import Span
from generators.fields.base import Columns, FieldType, Output
from generators.picks.derived_params import Method, PoolDerivedParams
from generators.picks.pool_columns import column_output, dictionary, output_type
from generators.picks.pool_issues import no_column, pool_issues
from pools.snapshot import Snapshot

T = OutputType
_REACH = 6.0
"""A bell curve ends so many standard deviations from its middle: one draw in 500 million would lie further out."""
_LARGEST_DOUBLE = 1e300
_DAYS = (-719_162, 2_932_896)
_DAY_MS = 86_400_000
"""From the first day of the year 1 to the last of the year 9999."""
_NOISE = "noise"


@dataclass(frozen=True, slots=True)
class Reach:
    """Between which numbers the values lie, in the units of the column, noise included."""

    low: int | float
    high: int | float


class ColumnDraw(FieldType[PoolDerivedParams]):
    """Values that are distributed as those of a column are; nulls are left out, `nullRate` makes them.

    Texts and truth values are drawn by their frequency. Numbers, dates and instants are drawn by `method`: EMPIRICAL
    and HISTOGRAM as `sample_bins` says; NORMAL_FIT is cut at six standard deviations. Then noise is added. Where no
    number of the column is negative, none is drawn: NORMAL_FIT is cut at 0, and noise is reflected there.
    """

    Params = PoolDerivedParams

    @property
    def _snapshot(self) -> Snapshot:
        return self.scope.pools[str(self.params.pool)]

    @property
    def _column(self) -> pl.Series:
        return self._snapshot.records[str(self.params.column)]

    @cached_property
    def _pool_issues(self) -> tuple[Issue, ...]:
        return tuple(pool_issues(self, str(self.params.pool)))

    @property
    def _is_categorical(self) -> bool:
        return self._column.dtype in (pl.String, pl.Boolean)

    # What is wrong with it.

    def check(self) -> Iterator[Issue]:
        yield from self._issues

    @cached_property
    def _issues(self) -> tuple[Issue, ...]:
        if self._pool_issues:
            return self._pool_issues
        if self.params.column not in self._snapshot.records.columns:
            return (no_column(self, self._snapshot, str(self.params.column), "/column"),)
        return tuple(self._category_issues() if self._is_categorical else self._number_issues())

    def _category_issues(self) -> Iterator[Issue]:
        params, type_ = self.params, output_type(self._column)[0]
        if params.method is not Method.EMPIRICAL:
            message = f'{params.method} needs numbers, dates or instants, and "{params.column}" is {type_}'
            yield self.issue("TYPE_MISMATCH", message, at="/method", hint="accepted is EMPIRICAL")
        yield from self.not_applicable("noise", when=f"to a column of type {type_}")
        if type_ is not T.STRING:
            yield from self.not_applicable("other_value", when=f"to a column of type {type_}")
        if not len(self._categories[0]):
            yield self._too_few("no value")

    def _number_issues(self) -> Iterator[Issue]:
        params, type_ = self.params, output_type(self._column)[0]
        yield from self.not_applicable("other_value", when=f"to a column of type {type_}")
        if type_ is T.DOUBLE and len(self._sample) and np.abs(self._sample).max() > _LARGEST_DOUBLE:
            message = f'"{params.column}" holds numbers beyond {_LARGEST_DOUBLE:g}, whose spread cannot be computed'
            yield self.issue("INVALID_VALUE", message, at="/column")
        elif len(self._sample) < params.min_count:
            yield self._too_few(f"with {len(self._sample)} values that are not null, nothing")
        elif params.method is not Method.NORMAL_FIT and not len(self._bins.weight):
            yield self._too_few("no bin" if params.method is Method.HISTOGRAM else "no value")

    def _too_few(self, what: str) -> Issue:
        message = (
            f'{what} of "{self.params.column}" in pool "{self.params.pool}" stands for {self.params.min_count} rows,'
            " as minCount demands"
        )
        return self.issue("POOL_FILTER_EMPTY", message, at="/minCount", hint="use a smaller minCount or a larger pool")

    # Categories.

    @cached_property
    def _categories(self) -> tuple[pl.Series, NDArray[np.int64]]:
        """The values that can come in ascending order, with `otherValue` last, and how many rows each stands for."""
        counted = self._column.drop_nulls().value_counts(name="rows").sort(self._column.name)
        values, rows = counted[self._column.name], counted["rows"].to_numpy().astype(np.int64)
        kept, other = rows >= self.params.min_count, self.params.other_value
        left = int(rows[~kept].sum())
        values, rows = values.filter(pl.Series(kept)), rows[kept]
        if other is None or not left or values.dtype != pl.String:
            return values, rows
        there = (values == other).to_numpy()
        if there.any():  # a category of the column has that very name
            return values, rows + there * left
        return values.extend(pl.Series([other])), np.append(rows, left)

    # Numbers.

    @cached_property
    def _sample(self) -> Sample:
        column = self._column.drop_nulls()
        return np.sort((column if column.dtype == pl.Float64 else column.to_physical().cast(pl.Int64)).to_numpy())

    @cached_property
    def _bins(self) -> Bins:
        make = histogram_bins if self.params.method is Method.HISTOGRAM else empirical_bins
        return make(self._sample, self.params.min_count)

    @cached_property
    def _moments(self) -> tuple[float, float]:
        return mean_and_deviation(self._sample)

    @property
    def _is_never_negative(self) -> bool:
        return self._column.dtype.is_numeric() and bool(self._sample[0] >= 0)

    @property
    def _limits(self) -> tuple[int | float, int | float]:
        """What the type can hold."""
        match self._column.dtype:
            case pl.Float64():
                return -_LARGEST_DOUBLE, _LARGEST_DOUBLE
            case pl.Decimal():
                return 1 - 10**MAX_DECIMAL_DIGITS, 10**MAX_DECIMAL_DIGITS - 1
            case pl.Date():
                return _DAYS
            case pl.Datetime():
                return _DAYS[0] * _DAY_MS, (_DAYS[1] + 1) * _DAY_MS - 1
            case _:
                return -(2**63), 2**63 - 1

    @property
    def _is_whole(self) -> bool:
        return self._column.dtype != pl.Float64

    @cached_property
    def _drawn(self) -> Reach:
        """Between which numbers the values lie before noise is added."""
        low, high = self._limits
        if self.params.method is Method.NORMAL_FIT:
            mean, deviation = self._moments
            ends = mean - _REACH * deviation, mean + _REACH * deviation
            floor = 0 if self._is_never_negative else low
            first, last = (round(end) for end in ends) if self._is_whole else ends
            return Reach(max(first, floor), min(last, high))
        first, last = self._bins.first.min().item(), self._bins.last.max().item()
        return Reach(max(first, 0 if self._is_never_negative else low), min(last, high))

    @cached_property
    def _noise(self) -> int | float:
        """The largest noise."""
        reach = _REACH * self.params.noise * self._moments[1] if self.params.noise else 0.0
        return round(min(reach, 2.0**62)) if self._is_whole else reach

    @cached_property
    def _reach(self) -> Reach:
        (low, high), drawn = self._limits, self._drawn
        first, last = drawn.low - self._noise, drawn.high + self._noise
        if self._is_never_negative:
            last = max(last, -first)
            first = max(first, 0)
        return Reach(max(first, low), min(last, high))

    def _range(self, reach: Reach) -> Lattice | Continuum:
        if self._is_whole:
            return Lattice(Decimal(reach.low), Decimal(1), int(reach.high) - int(reach.low) + 1)
        return Continuum(float(reach.low), float(reach.high))

    @property
    def _bell(self) -> Normal:
        mean, deviation = self._moments
        return _bell(mean, deviation)

    # What it makes.

    def output(self) -> Output:
        if self._is_categorical:
            values, _ = self._categories
            return column_output(self._column, values, dictionary(values), nullable=False)
        ends = self._as_column(np.array([self._reach.low, self._reach.high], self._sample.dtype))
        return column_output(ends, ends, None, nullable=False)

    def tables(self) -> dict[str, NDArray[Any]]:
        if self._is_categorical:
            return weight_tables(self._categories[1].astype(np.float64))
        noise = {}
        if self._noise:
            over = self._range(Reach(-self._noise, self._noise))
            made = build_tables(_bell(0.0, self.params.noise * self._moments[1]), over)
            noise = {f"{_NOISE}.{name}": table for name, table in made.items()}
        if self.params.method is Method.NORMAL_FIT:
            over = self._range(self._drawn)
            return {**noise, **(build_tables(self._bell, over) if over.low < over.high else {})}
        bins = self._bins
        if self._is_whole:
            first, last = bins.first.view(np.uint64), bins.last.view(np.uint64)
            places = {"first": first, "size": last - first + np.uint64(1)}  # two's complement: exact
        else:
            places = {"first": bins.first, "size": bins.last - bins.first}
        return {**noise, **places, **weight_tables(bins.weight.astype(np.float64))}

    def bind(self, tables: Tables) -> None:
        if self._is_categorical:
            values, _ = self._categories
            listed = dictionary(values) if values.dtype == pl.String else None
            self._values = values if listed is None else values.cast(pl.Enum(listed))
            self._choice = WeightedChoice(tables)
            return
        own = {name: table for name, table in tables.items() if not name.startswith(f"{_NOISE}.")}
        self._origin = 0
        self._sampler: Sampler[Any]
        if self.params.method is Method.NORMAL_FIT:
            over = self._range(self._drawn)
            self._sampler = sampler(self._bell, over, own)
            self._origin = int(self._drawn.low) if isinstance(over, Lattice) else 0
        elif self._is_whole:
            self._sampler = HistogramOffsets(own)
        else:
            self._sampler = HistogramNumbers(Continuum(float(self._drawn.low), float(self._drawn.high)), own)
        if self._noise:
            shaking = {name.removeprefix(f"{_NOISE}."): table for name, table in tables.items() if name not in own}
            self._shaker: Sampler[Any] = sampler(
                _bell(0.0, 1.0), self._range(Reach(-self._noise, self._noise)), shaking
            )

    def values(self, span: Span, columns: Columns) -> pl.Series:
        if self._is_categorical:
            return self._values.gather(self._choice(self.stream().words(span)))
        words = [self.stream(lane=lane).words(span) for lane in range(self._sampler.lanes)]
        numbers = self._sampler.draw(words)
        numbers += numbers.dtype.type(self._origin)
        if self._noise:
            numbers = self._shaken(numbers, self._shaker.draw([self.stream(_NOISE).words(span)]))
        return self._as_column(numbers)

    def _shaken(self, numbers: NDArray[Any], noise: NDArray[Any]) -> NDArray[Any]:
        low, high = self._limits
        if self._is_whole:
            noise -= np.int64(self._noise)
        numbers = np.clip(numbers, low + self._noise, high - self._noise) + noise
        return np.abs(numbers) if self._is_never_negative else numbers

    def _as_column(self, numbers: NDArray[Any]) -> pl.Series:
        """Numbers in the units of the column, as values of the field."""
        dtype = self._column.dtype
        values = pl.Series(numbers)
        if isinstance(dtype, pl.Decimal):
            return to_decimal(values, dtype.scale)
        return values if dtype.is_numeric() else values.cast(dtype)


def _bell(mean: float, deviation: float) -> Normal:
    return Normal(type="NORMAL", mean=mean, stdDev=deviation)

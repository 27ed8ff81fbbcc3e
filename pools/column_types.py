"""From what a source has read to columns with types: as declared, else as the values are."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl

from engine.issues import Issue, pointer
from engine.schema import MAX_DECIMAL_DIGITS
from pools.definition import DeclaredColumn
from pools.enums import ColumnType
from pools.raw import RawColumn, RawTable, Written, raw_table_of
from pools.text_values import (
    EXACT_INTEGERS,
    INTEGER,
    LEADING_ZERO,
    NOT_FINITE,
    is_finer_than_ms,
    is_number,
    loses_digits,
    parse,
)
from sdg_project.text import quoted, shown

_SHOWN = 3
_FEW = 1_000
_NEARLY_ALL = 0.9
_INTEGERS = (pl.Int8, pl.Int16, pl.Int32, pl.Int64, pl.UInt8, pl.UInt16, pl.UInt32)
_CUT = "cut to milliseconds"


@dataclass(frozen=True, slots=True)
class TypedColumn:
    """A column of a pool; `note` says what somebody who looks at the source might wonder about."""

    name: str
    type: ColumnType
    values: pl.Series
    note: str | None = None


@dataclass(frozen=True, slots=True)
class ColumnReader:
    """Gives the columns of one raw table their types, and collects what stands against it."""

    table: RawTable
    issues: list[Issue]

    def typed(self, column: RawColumn, declared: DeclaredColumn | None, index: int | None) -> TypedColumn | None:
        """The column, or None when there are issues; `index` is its place among the declared ones."""
        wanted = declared.type if declared else None
        if column.written is Written.TYPED:
            natural = self._converted(column, wanted)
        elif wanted is None:
            natural = self._as_written(column)
        else:
            natural = TypedColumn(column.name, ColumnType.STRING, column.values)
        if natural is None:
            return None
        scale = declared.scale if declared else None
        if wanted is not None and (natural.type is not wanted or scale is not None):
            return self._as_declared(natural, wanted, scale, index)
        if natural.type is ColumnType.STRING and not self._storable(natural):
            return None
        return natural

    def _as_declared(
        self, natural: TypedColumn, wanted: ColumnType, scale: int | None, index: int | None
    ) -> TypedColumn | None:
        texts = _texts(natural.values)
        if wanted is not ColumnType.STRING:
            texts = pl.select(pl.when(texts != "").then(texts)).to_series()  # an empty text is no value of these
        values = parse(texts, wanted, scale)
        wrong = texts.is_not_null() & values.is_null()
        if wrong.any():
            kind = f"DECIMAL with {scale} digits behind the point" if scale is not None else wanted.value
            message = f"column {quoted(natural.name)} is declared {kind}, but {self._examples(texts, wrong)}"
            self._refuse("TYPE_MISMATCH", pointer("columns", index or 0, "type"), message)
            return None
        column = TypedColumn(natural.name, wanted, values, _cut(texts) if wanted is ColumnType.TIMESTAMP else None)
        return column if wanted is not ColumnType.STRING or self._storable(column) else None

    # Text.

    def _as_written(self, column: RawColumn) -> TypedColumn | None:
        texts, name = column.values, column.name
        present = texts.drop_nulls()
        if not len(present):
            return TypedColumn(name, ColumnType.STRING, texts, "no values" if len(texts) else None)
        match column.written:
            case Written.MIXED:
                message = f"column {quoted(name)} mixes numbers, texts or Booleans"
                self._refuse("TYPE_MISMATCH", "/source", message, "write all of them as one kind, or declare it STRING")
                return None
            case Written.BOOLEAN:
                return self._parsed(column, ColumnType.BOOLEAN)
            case Written.INTEGER | Written.NUMBER:
                return self._numbers(column)
            case Written.TEXT:
                return self._moments(column) or TypedColumn(name, ColumnType.STRING, texts)
            case _:
                return self._cells(column)

    def _cells(self, column: RawColumn) -> TypedColumn | None:
        """A column without types: whatever all of its values can be."""
        texts, name = column.values, column.name
        present = texts.drop_nulls()
        few = _few_of(present)
        if few.str.contains(INTEGER).all() and (whole := _plain_integers(texts)) is not None:
            return TypedColumn(name, ColumnType.LONG, whole)
        if parse(few, ColumnType.BOOLEAN).null_count() == 0 and parse(present, ColumnType.BOOLEAN).null_count() == 0:
            return self._parsed(column, ColumnType.BOOLEAN)
        moments = self._moments(column)
        if moments is not None:
            return moments
        if not (is_number(few) | few.str.contains(LEADING_ZERO) | few.str.contains(NOT_FINITE)).any():
            return TypedColumn(name, ColumnType.STRING, texts)
        numbers = is_number(present)
        if numbers.all():
            return self._numbers(column)
        padded = present.str.contains(LEADING_ZERO)
        if (numbers | padded).all():
            first = self._first(texts, texts.str.contains(LEADING_ZERO))
            return TypedColumn(name, ColumnType.STRING, texts, f"text, because of {first}")
        not_finite = present.str.contains(NOT_FINITE)
        if numbers.any() and (numbers | not_finite).all():
            mask = texts.str.contains(NOT_FINITE).fill_null(value=False)
            message = f"column {quoted(name)}: numbers must be finite, but {self._examples(texts, mask)}"
            self._refuse("NON_FINITE", "/source", message, "leave the cells empty, or declare the column STRING")
            return None
        note = None
        if int(numbers.sum()) >= _NEARLY_ALL * len(present):
            note = f"text, because of {self._first(texts, ~is_number(texts))}"
        return TypedColumn(name, ColumnType.STRING, texts, note)

    def _numbers(self, column: RawColumn) -> TypedColumn | None:
        texts, name = column.values, column.name
        integers = _few_of(texts).str.contains(INTEGER).all() and texts.str.contains(INTEGER).all()
        values = parse(texts, ColumnType.LONG if integers else ColumnType.DOUBLE)
        wrong = texts.is_not_null() & values.is_null()
        if integers:
            if wrong.any():
                note = f"text, because {self._first(texts, wrong)} is not from {-(2**63):,} to {2**63 - 1:,}"
                return TypedColumn(name, ColumnType.STRING, texts, note)
            return TypedColumn(name, ColumnType.LONG, values)
        if wrong.any():
            message = f"column {quoted(name)}: numbers must be finite, but {self._examples(texts, wrong)}"
            self._refuse("NON_FINITE", "/source", message, "numbers are at most about 1.8e308")
            return None
        is_large = (values.abs() >= EXACT_INTEGERS).any()
        inexact = loses_digits(texts).fill_null(value=False) if is_large else pl.Series([False])
        if inexact.any():
            note = f"text, because a DOUBLE cannot hold {self._first(texts, inexact)}"
            return TypedColumn(name, ColumnType.STRING, texts, note)
        return TypedColumn(name, ColumnType.DOUBLE, values)

    def _moments(self, column: RawColumn) -> TypedColumn | None:
        few = _few_of(column.values)
        for type_ in (ColumnType.DATE, ColumnType.TIMESTAMP):
            if parse(few, type_).null_count() > few.null_count():
                continue
            values = parse(column.values, type_)
            if values.null_count() == column.values.null_count():
                note = _cut(column.values) if type_ is ColumnType.TIMESTAMP else None
                return TypedColumn(column.name, type_, values, note)
        return None

    def _parsed(self, column: RawColumn, type_: ColumnType) -> TypedColumn:
        return TypedColumn(column.name, type_, parse(column.values, type_))

    # Columns with a type of their own.

    def _converted(self, column: RawColumn, wanted: ColumnType | None) -> TypedColumn | None:
        values, name, dtype = column.values, column.name, column.values.dtype
        if dtype in _INTEGERS:
            return TypedColumn(name, ColumnType.LONG, values.cast(pl.Int64))
        if dtype in (pl.UInt64, pl.Int128):
            return self._numbers(RawColumn(name, values.cast(pl.String), Written.INTEGER))
        if dtype in (pl.Float32, pl.Float64):
            return self._floats(name, values.cast(pl.Float64))
        if dtype == pl.Boolean:
            return TypedColumn(name, ColumnType.BOOLEAN, values)
        if dtype in (pl.String, pl.Categorical, pl.Enum, pl.Null):
            return TypedColumn(name, ColumnType.STRING, values.cast(pl.String))
        if dtype == pl.Date:
            return TypedColumn(name, ColumnType.DATE, values)
        if isinstance(dtype, pl.Datetime):
            return _instants(name, values)
        if isinstance(dtype, pl.Decimal):
            return self._decimals(name, values, dtype.scale or 0, wanted)
        message = f"column {quoted(name)} has the type {dtype}, which a pool cannot hold"
        self._refuse("TYPE_MISMATCH", "/source", message, "leave it out, or write it as text, numbers or instants")
        return None

    def _floats(self, name: str, values: pl.Series) -> TypedColumn | None:
        wrong = ~values.is_finite().fill_null(value=True)
        if wrong.any():
            found = self._examples(values.cast(pl.String), wrong)
            message = f"column {quoted(name)}: numbers must be finite, but {found}"
            self._refuse("NON_FINITE", "/source", message, "write null for what is no number")
            return None
        return TypedColumn(name, ColumnType.DOUBLE, values)

    def _decimals(self, name: str, values: pl.Series, scale: int, wanted: ColumnType | None) -> TypedColumn | None:
        if wanted not in {None, ColumnType.DECIMAL}:
            return TypedColumn(name, ColumnType.STRING, values.cast(pl.String))
        narrow = parse(values.cast(pl.String), ColumnType.DECIMAL, min(scale, MAX_DECIMAL_DIGITS))
        wrong = values.is_not_null() & narrow.is_null()
        if wrong.any():
            found = self._examples(values.cast(pl.String), wrong)
            message = f"column {quoted(name)}: decimals have at most {MAX_DECIMAL_DIGITS} digits, but {found}"
            self._refuse("TYPE_MISMATCH", "/source", message, "declare the column STRING or DOUBLE")
            return None
        return TypedColumn(name, ColumnType.DECIMAL, narrow)

    # Sentences.

    def _storable(self, column: TypedColumn) -> bool:
        """Whether its texts can be stored everywhere: NUL cannot."""
        wrong = column.values.str.contains("\0", literal=True).fill_null(value=False)
        if wrong.any():
            message = f"column {quoted(column.name)}: {self._examples(column.values, wrong)}: NUL cannot be stored"
            self._refuse("INVALID_VALUE", "/source", message)
        return not wrong.any()

    def _refuse(self, code: str, path: str, message: str, hint: str | None = None) -> None:
        self.issues.append(Issue(code, path, f"{self.table.origin}: {message}", hint))

    def _first(self, texts: pl.Series, mask: pl.Series) -> str:
        row = int(mask.fill_null(value=False).arg_true()[0])
        return f"{shown(texts[row])[len('text ') :]} ({self.table.place(row)})"

    def _examples(self, texts: pl.Series, mask: pl.Series) -> str:
        rows = mask.arg_true()
        listed = ", ".join(f"{self.table.place(int(row))} has {quoted(texts[int(row)])}" for row in rows[:_SHOWN])
        rest = len(rows) - _SHOWN
        return f"{listed} and {rest:,} more do not fit" if rest > 0 else listed


def typed_columns(records: pl.DataFrame) -> list[TypedColumn]:
    """The columns of a table that is a pool's already."""
    reader = ColumnReader(raw_table_of(records, "table"), [])
    columns = [reader.typed(column, None, None) for column in reader.table.columns]
    return [column for column in columns if column is not None]


def column_metadata(column: TypedColumn, declared: DeclaredColumn | None) -> dict[str, Any]:
    """What is told of a column beside its values."""
    values = column.values
    metadata: dict[str, Any] = {"name": column.name, "type": column.type.value}
    if isinstance(values.dtype, pl.Decimal):
        metadata["scale"] = values.dtype.scale
    metadata |= {"distinct": _distinct(values.drop_nulls()), "nulls": values.null_count()}
    if declared is not None and declared.unique:
        metadata["unique"] = True
    if column.note:
        metadata["note"] = column.note
    return metadata


def duplicates(table: RawTable, column: TypedColumn) -> Iterator[str]:
    """Which values stand in several rows, for people: the first of them, and how many there are."""
    values = column.values
    repeated = values.is_not_null() & ~values.is_first_distinct()
    rows = repeated.arg_true()
    for row in rows[:_SHOWN]:
        value = values[int(row)]
        first = int((values == value).arg_true()[0])
        yield f"{shown(value)} in {table.place(first)} and {table.place(int(row))}"
    if len(rows) > _SHOWN:
        yield f"{len(rows) - _SHOWN:,} more"


def _distinct(values: pl.Series) -> int:
    """How many different values there are; texts whose hashes all differ, as those of keys do, need not be compared."""
    if values.dtype == pl.String and _few_of(values).is_unique().all():
        words = np.sort(values.hash().to_numpy())
        if (words[1:] != words[:-1]).all():
            return len(values)
    return values.n_unique()


def _few_of(texts: pl.Series) -> pl.Series:
    """Some of many texts, evenly spread: what does not hold for them need not be asked of all."""
    return texts.gather_every(max(1, len(texts) // _FEW))


def _plain_integers(texts: pl.Series) -> pl.Series | None:
    """The numbers that texts stand for, if all are integers as programs write them; which is quick to know."""
    whole = texts.cast(pl.Int64, strict=False)
    return whole if (whole.cast(pl.String).eq_missing(texts)).all() else None


def _texts(values: pl.Series) -> pl.Series:
    """Values as texts that `parse` reads."""
    if values.dtype == pl.Datetime:
        return values.dt.strftime("%Y-%m-%dT%H:%M:%S%.3fZ")
    return values.cast(pl.String)


def _instants(name: str, values: pl.Series) -> TypedColumn:
    dtype = values.dtype
    assert isinstance(dtype, pl.Datetime)  # noqa: S101  # the caller has looked
    zoned = values.dt.replace_time_zone("UTC") if dtype.time_zone is None else values.dt.convert_time_zone("UTC")
    cut = zoned.dt.cast_time_unit("ms")
    lost = bool((cut.dt.cast_time_unit(dtype.time_unit) != zoned).any())
    return TypedColumn(name, ColumnType.TIMESTAMP, cut, _CUT if lost else None)


def _cut(texts: pl.Series) -> str | None:
    return _CUT if is_finer_than_ms(texts).any() else None

"""Columns of a pool: their types as fields have them, and what is known of their values."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import polars as pl

from engine.schema import OutputType
from generators.fields.base import Output

_DICTIONARY = 16_384
"""Text columns with at most so many distinct values are handed on as dictionary codes.

With more, asking a column for its words costs more than writing each text: see `Dictionaries`.
"""
_LISTED = 10_000


def output_type(column: pl.Series) -> tuple[OutputType, int]:
    """The type of a field that copies from a column, and the scale of a decimal."""
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


def column_output(whole: pl.Series, possible: pl.Series, listed: pl.Series | None, *, nullable: bool) -> Output:
    """What is known of a field that copies from a column.

    The type is that of the `whole` column, the rest that of the values that can come; `listed` is their `dictionary`.
    """
    type_, scale = output_type(whole)
    numeric = possible.dtype.is_numeric()
    return Output(
        type_,
        scale,
        max_length=longest(possible) if possible.dtype == pl.String else None,
        minimum=exact(possible.min()) if numeric else None,
        maximum=exact(possible.max()) if numeric else None,
        values=tuple(listed) if listed is not None and len(listed) <= _LISTED else None,
        nullable=nullable or possible.null_count() > 0,
    )


def dictionary(column: pl.Series) -> pl.Series | None:
    """The distinct values of a column, in order of appearance, without null; None when there are many."""
    if column.dtype.is_temporal() or column.head(4 * _DICTIONARY).n_unique() > _DICTIONARY + 1:
        return None
    values = column.unique(maintain_order=True).drop_nulls()
    return values if len(values) <= _DICTIONARY else None


def longest(texts: pl.Series) -> int:
    """How many characters the longest of some texts has."""
    length = texts.str.len_chars().max()
    return length if isinstance(length, int) else 0


def exact(number: Any) -> int | Decimal | None:
    """A bound as an exact number: what a float shows as 0.1 is 0.1."""
    return Decimal(repr(number)) if isinstance(number, float) else number


def kept(rows: pl.Series | None, column: pl.Series, condition: Callable[[pl.Series], pl.Series]) -> pl.Series:
    """Those of some rows, or of all, whose values meet a condition."""
    if rows is None:
        return condition(column).arg_true()
    return rows.filter(condition(column.gather(rows)))

"""Columns of a pool: their types as fields have them, and what is known of their values."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import polars as pl

from engine.schema import OutputType


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

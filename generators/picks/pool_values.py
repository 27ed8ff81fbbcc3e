"""Values that a definition writes for a column of a pool: numbers as they are written, dates and instants as texts."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Any

import polars as pl
from pydantic import TypeAdapter, ValidationError

from engine.decimals import to_decimal
from engine.schema import MAX_DECIMAL_DIGITS
from sdg_project.shapes import Number
from sdg_project.text import shown

LOWEST, HIGHEST = -(2**63), 2**63 - 1
_NUMBER: TypeAdapter[int | Decimal] = TypeAdapter(Number)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def column_of(value: Any, dtype: pl.DataType) -> pl.Series:
    """A value as a column of one row, of the type of a pool's column.

    Raises ValueError with a sentence when no cell of such a column could hold it.
    """
    match dtype:
        case pl.String():
            return pl.Series([text_of(value)])
        case pl.Boolean():
            return pl.Series([truth_of(value)])
        case pl.Float64():
            return pl.Series([float(number_of(value, "a DOUBLE"))])
    units = units_of(value, dtype)
    largest = 10**MAX_DECIMAL_DIGITS - 1 if isinstance(dtype, pl.Decimal) else HIGHEST
    if units.denominator != 1 or not -largest - (largest == HIGHEST) <= units <= largest:
        raise ValueError(f"{shown(value)} does not fit the column: {_held(dtype)}")
    whole = pl.Series([int(units)], dtype=pl.Int64)
    return to_decimal(whole, dtype.scale) if isinstance(dtype, pl.Decimal) else whole.cast(dtype)


def units_of(value: Any, dtype: pl.DataType) -> Fraction:
    """A value in the units in which a column of whole numbers counts: days, milliseconds, hundredths, ones."""
    match dtype:
        case pl.Date():
            return Fraction((_date(value) - _EPOCH.date()).days)
        case pl.Datetime():
            return Fraction((_instant(value) - _EPOCH) // timedelta(microseconds=1), 1_000)
        case pl.Decimal():
            return Fraction(number_of(value, "a DECIMAL")) * Fraction(10**dtype.scale)
        case _:
            return Fraction(number_of(value, "a LONG"))


def number_of(value: Any, column: str) -> int | Decimal:
    """A number; raises ValueError with a sentence that names the column's type."""
    try:
        return _NUMBER.validate_python(value)
    except ValidationError as error:
        message = f"{shown(value)} does not fit {column} column, only a number of at most 40 digits does"
        raise ValueError(message) from error


def text_of(value: Any) -> str:
    """A text; raises ValueError with a sentence."""
    if not isinstance(value, str):
        raise ValueError(f"{shown(value)} does not fit a STRING column, only a text does")
    return value


def truth_of(value: Any) -> bool:
    """A truth value; raises ValueError with a sentence."""
    if not isinstance(value, bool):
        raise ValueError(f"{shown(value)} does not fit a BOOLEAN column, only true and false do")
    return value


def _date(value: Any) -> date:
    try:
        return date.fromisoformat(text_of(value))
    except ValueError as error:
        message = f"{shown(value)} does not fit a DATE column, only a date such as 2026-01-31 does"
        raise ValueError(message) from error


def _instant(value: Any) -> datetime:
    try:
        instant = datetime.fromisoformat(text_of(value))
        return instant.astimezone(UTC) if instant.tzinfo else instant.replace(tzinfo=UTC)
    except (ValueError, OverflowError) as error:
        message = f"{shown(value)} does not fit a TIMESTAMP column, only an instant such as 2026-01-31T12:00:00Z does"
        raise ValueError(message) from error


def _held(dtype: pl.DataType) -> str:
    match dtype:
        case pl.Decimal():
            return f"a DECIMAL has at most {MAX_DECIMAL_DIGITS} digits, {dtype.scale} of them behind the point"
        case pl.Datetime():
            return "a TIMESTAMP is in whole milliseconds"
        case _:
            return f"a LONG is a whole number from {LOWEST:,} to {HIGHEST:,}"

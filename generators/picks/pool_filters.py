"""Conditions on the rows of a pool: numbers are compared as they are written, dates and instants come as ISO texts."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Any, Literal

import polars as pl
from pydantic import TypeAdapter, ValidationError

from sdg_project.shapes import Number
from sdg_project.text import shown

FilterOp = Literal["EQ", "NE", "IN", "GT", "GE", "LT", "LE"]
FILTERS: Mapping[FilterOp, str] = {
    "EQ": "equal to",
    "NE": "not equal to",
    "IN": "one of",
    "GT": "greater than",
    "GE": "at least",
    "LT": "less than",
    "LE": "at most",
}
"""The operators of a pool filter, in words."""

_NUMBER: TypeAdapter[int | Decimal] = TypeAdapter(Number)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_LOWEST, _HIGHEST = -(2**63), 2**63 - 1


def filter_mask(column: pl.Series, op: FilterOp, value: Any) -> pl.Series:
    """Which rows pass a filter; null never does.

    Texts are compared by their code points, false is less than true, an instant without a zone is in UTC. Raises
    ValueError with a sentence when the value cannot be compared with the column.
    """
    if (op == "IN") != isinstance(value, list):
        raise ValueError("IN takes a list of values" if op == "IN" else f"{op} takes one value, not a list")
    wanted = value if isinstance(value, list) else [value]
    if not wanted:
        raise ValueError("IN needs at least one value")
    match column.dtype:
        case pl.String():
            passes = _compared(column, op, pl.Series([_text(one) for one in wanted], dtype=pl.String))
        case pl.Boolean():
            passes = _compared(column, op, pl.Series([_truth(one) for one in wanted], dtype=pl.Boolean))
        case pl.Float64():
            passes = _compared(column, op, pl.Series([float(_number(one, "a DOUBLE")) for one in wanted]))
        case _:
            units = column.to_physical().cast(pl.Int64)
            passes = _compared_exactly(units, op, [_units(one, column.dtype) for one in wanted])
    return passes.fill_null(value=False)


def _compared(column: pl.Series, op: FilterOp, wanted: pl.Series) -> pl.Series:
    match op:
        case "EQ" | "IN":
            return column.is_in(wanted.implode())
        case "NE":
            return column != wanted
        case "GT":
            return column > wanted
        case "GE":
            return column >= wanted
        case "LT":
            return column < wanted
        case "LE":
            return column <= wanted


def _compared_exactly(units: pl.Series, op: FilterOp, wanted: Sequence[Fraction]) -> pl.Series:
    """As `_compared`, for whole units and any rational numbers: 3 is greater than 2.5, nothing is equal to 2.5."""
    match op:
        case "EQ" | "IN" | "NE":
            whole = [int(one) for one in wanted if one.denominator == 1 and _LOWEST <= one <= _HIGHEST]
            equal = units.is_in(pl.Series(whole, dtype=pl.Int64).implode())
            return ~equal if op == "NE" else equal
        case "GT":
            return _at_least(units, math.floor(wanted[0]) + 1)
        case "GE":
            return _at_least(units, math.ceil(wanted[0]))
        case "LT":
            return ~_at_least(units, math.ceil(wanted[0]))
        case "LE":
            return ~_at_least(units, math.floor(wanted[0]) + 1)


def _at_least(units: pl.Series, bound: int) -> pl.Series:
    return units > _HIGHEST if bound > _HIGHEST else units >= max(bound, _LOWEST)


def _units(value: Any, dtype: pl.DataType) -> Fraction:
    """A value in the units in which a column of whole numbers counts: days, milliseconds, hundredths, ones."""
    match dtype:
        case pl.Date():
            return Fraction((_date(value) - _EPOCH.date()).days)
        case pl.Datetime():
            return Fraction((_instant(value) - _EPOCH) // timedelta(microseconds=1), 1_000)
        case pl.Decimal():
            return Fraction(_number(value, "a DECIMAL")) * Fraction(10**dtype.scale)
        case _:
            return Fraction(_number(value, "a LONG"))


def _number(value: Any, column: str) -> int | Decimal:
    try:
        return _NUMBER.validate_python(value)
    except ValidationError as error:
        message = f"{shown(value)} cannot be compared with {column} column, only a number of at most 40 digits can"
        raise ValueError(message) from error


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise ValueError(f"{shown(value)} cannot be compared with a STRING column, only a text can")
    return value


def _truth(value: Any) -> bool:
    if not isinstance(value, bool):
        raise ValueError(f"{shown(value)} cannot be compared with a BOOLEAN column, only true and false can")
    return value


def _date(value: Any) -> date:
    try:
        return date.fromisoformat(_text(value))
    except ValueError as error:
        message = f"{shown(value)} cannot be compared with a DATE column, only a date such as 2026-01-31 can"
        raise ValueError(message) from error


def _instant(value: Any) -> datetime:
    try:
        instant = datetime.fromisoformat(_text(value))
        return instant.astimezone(UTC) if instant.tzinfo else instant.replace(tzinfo=UTC)
    except (ValueError, OverflowError) as error:
        message = (
            f"{shown(value)} cannot be compared with a TIMESTAMP column, only an instant such as "
            "2026-01-31T12:00:00Z can"
        )
        raise ValueError(message) from error

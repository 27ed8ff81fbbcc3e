"""Conditions on the rows of a pool: numbers are compared as they are written, dates and instants come as ISO texts."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from fractions import Fraction
from typing import Any, Literal

import polars as pl

from generators.picks.pool_values import HIGHEST, LOWEST, number_of, text_of, truth_of, units_of

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
            passes = _compared(column, op, pl.Series([text_of(one) for one in wanted], dtype=pl.String))
        case pl.Boolean():
            passes = _compared(column, op, pl.Series([truth_of(one) for one in wanted], dtype=pl.Boolean))
        case pl.Float64():
            passes = _compared(column, op, pl.Series([float(number_of(one, "a DOUBLE")) for one in wanted]))
        case _:
            units = column.to_physical().cast(pl.Int64)
            passes = _compared_exactly(units, op, [units_of(one, column.dtype) for one in wanted])
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
            whole = [int(one) for one in wanted if one.denominator == 1 and LOWEST <= one <= HIGHEST]
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
    return units > HIGHEST if bound > HIGHEST else units >= max(bound, LOWEST)

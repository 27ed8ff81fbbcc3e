"""Casts of a field's values to another output type: which are possible, and how each is done on columns."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from decimal import Decimal
from fractions import Fraction

import numpy as np
import polars as pl

from engine.decimals import to_decimal
from engine.errors import RecordInvalid
from engine.schema import MAX_DECIMAL_DIGITS, Column, OutputType
from engine.span import Span
from generators.fields.base import Output
from sinks.encoding.texts import value_texts

T = OutputType
_WHOLE = {T.INTEGER, T.LONG}
_NUMBERS = _WHOLE | {T.DECIMAL, T.DOUBLE}
_LIMITS = {T.INTEGER: (-(2**31), 2**31 - 1), T.LONG: (-(2**63), 2**63 - 1)}
_PARSED = _NUMBERS | {T.BOOLEAN, T.DATE, T.UUID}
UUID_PATTERN = "^[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}$"


def cast_output(output: Output, to: OutputType, scale: int | None) -> Output:
    """What is known about the values after the cast; raises ValueError with a sentence when it is impossible."""
    if to == output.type and (to is not T.DECIMAL or scale in (None, output.scale)):
        return output
    cast = replace(output, type=to, scale=(scale or 0) if to is T.DECIMAL else 0, max_length=None, values=None)
    if to is T.STRING:
        return replace(cast, minimum=None, maximum=None)
    if to in _WHOLE and output.type in _NUMBERS:
        if output.type is T.DOUBLE or (output.type is T.DECIMAL and output.scale > 0):
            raise ValueError(f"{output.type} has digits behind the point, which {to} would lose")
        low, high = _LIMITS[to]
        if output.minimum is None or output.maximum is None:
            if output.type is T.LONG and to is T.INTEGER:
                raise ValueError(f"LONG values may lie outside {low} … {high}")
        elif output.minimum < low or output.maximum > high:
            raise ValueError(f"values from {output.minimum} to {output.maximum} do not fit {to} ({low} … {high})")
        return cast
    if to is T.DECIMAL and output.type in _NUMBERS:
        bounds = [_bound(bound, cast.scale) for bound in (output.minimum, output.maximum)]
        if None in bounds and output.type is not T.INTEGER:
            digits = MAX_DECIMAL_DIGITS - cast.scale
            raise ValueError(f"{output.type} values without known bounds may have more than {digits} digits")
        limits = [abs(bound) for bound in bounds if bound is not None] or [2**31 * 10**cast.scale]
        if max(limits) >= 10**MAX_DECIMAL_DIGITS:
            largest = Decimal(max(limits)).scaleb(-cast.scale)
            raise ValueError(f"values up to {largest} have more than {MAX_DECIMAL_DIGITS} digits at scale {cast.scale}")
        exact = [None if bound is None else Decimal(bound).scaleb(-cast.scale) for bound in bounds]
        return replace(cast, minimum=exact[0], maximum=exact[1])
    if to is T.DOUBLE and output.type in _NUMBERS:
        return cast
    if output.type is T.TIMESTAMP and to in {T.DATE, T.TIME}:
        return cast
    if output.type is T.DATE and to is T.TIMESTAMP:
        return cast
    if output.type is T.STRING and to in _PARSED:
        if output.values is not None:
            texts = pl.Series([str(value) for value in output.values if value is not None], dtype=pl.String)
            bad = texts.filter(cast_values(texts, output, Column("", to, cast.scale)).is_null())
            if len(bad):
                raise ValueError(f'"{bad[0]}" cannot be read as {to}')
        return cast
    raise ValueError(f"{output.type} cannot be cast to {to}")


def _bound(bound: Decimal | int | None, scale: int) -> int | None:
    """A bound, scaled, as it is after the cast: 9.995 becomes 10.00."""
    return None if bound is None else round(Fraction(bound) * 10**scale)


def cast_values(values: pl.Series, output: Output, column: Column) -> pl.Series:
    """The values as the column's type; null where a text cannot be read as such (see `refuse_unread`)."""
    to, source = column.type, output.type
    if to == source and (to is not T.DECIMAL or column.scale == output.scale):
        return (
            values if values.dtype == column.dtype or isinstance(values.dtype, pl.Enum) else values.cast(column.dtype)
        )
    if isinstance(values.dtype, pl.Enum):
        values = values.cast(pl.String)
    if to is T.STRING:
        return _as_text(values, source)
    if source is T.STRING and to is T.UUID:
        return pl.select(pl.when(values.str.contains(UUID_PATTERN)).then(values.str.to_lowercase())).to_series()
    if source is T.STRING and to is T.BOOLEAN:
        lower = values.str.to_lowercase()
        return pl.select(pl.when(lower.is_in(["true", "false"])).then(lower == "true")).to_series()
    if source is T.STRING and to is T.DATE:
        dates = values.str.to_date("%Y-%m-%d", strict=False)
        return pl.select(pl.when(dates.is_between(date.min, date.max)).then(dates)).to_series()
    if source is T.STRING and to is T.DOUBLE:
        numbers = values.cast(pl.Float64, strict=False)
        return pl.select(pl.when(numbers.is_finite()).then(numbers)).to_series()
    if to is T.DECIMAL and source in {T.DECIMAL, T.DOUBLE}:
        return _rounded(values, source, output.scale, column)
    return values.cast(column.dtype, strict=False)


def refuse_unread(before: pl.Series, after: pl.Series, span: Span, column: Column) -> None:
    """Raise RecordInvalid for the first text that the cast could not read."""
    unread = (before.is_not_null() & after.is_null()).arg_true()
    if len(unread):
        first = int(unread[0])
        raise RecordInvalid(
            "RECORD_INVALID",
            f'"{before[first]}" cannot be read as {column.type}',
            field=column.name,
            record_number=span.start + first,
        )


def _as_text(values: pl.Series, source: OutputType) -> pl.Series:
    return value_texts(values, source)


def _rounded(values: pl.Series, source: OutputType, scale: int, column: Column) -> pl.Series:
    """To another scale, half to even: decimals exactly, doubles after one multiplication."""
    if source is T.DECIMAL:
        lost = scale - column.scale
        scaled = (values * pl.Series([Decimal(10) ** scale])).cast(pl.Int64)
        if lost > 0:
            unit = 10**lost
            quotient, rest = scaled // unit, scaled % unit
            up = (rest * 2 > unit) | ((rest * 2 == unit) & (quotient % 2 == 1))
            scaled = quotient + up.cast(pl.Int64)
        else:
            scaled = scaled * 10**-lost
    else:
        scaled = pl.Series(np.rint(values.to_numpy() * 10.0**column.scale)).fill_nan(None).cast(pl.Int64)
    return to_decimal(scaled, column.scale)

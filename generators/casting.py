"""Casts of a field's values to another output type: which are possible, and how each is done on columns."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from fractions import Fraction

import numpy as np
import polars as pl

from engine.decimals import to_decimal
from engine.errors import Partial, RecordInvalid
from engine.schema import MAX_DECIMAL_DIGITS, Column, OutputType
from engine.span import Span
from generators.fields.base import Output
from generators.values.read_texts import READABLE, read_texts, unread
from sinks.encoding.texts import value_texts

T = OutputType
_WHOLE = frozenset({T.INTEGER, T.LONG})
_NUMBERS = _WHOLE | {T.DECIMAL, T.DOUBLE}
_LIMITS = {T.INTEGER: (-(2**31), 2**31 - 1), T.LONG: (-(2**63), 2**63 - 1)}


class CannotCast(ValueError):
    """An impossible cast; `is_of_scale` says that another scale would make it possible."""

    def __init__(self, message: str, hint: str | None = None, *, is_of_scale: bool = False) -> None:
        super().__init__(message)
        self.hint, self.is_of_scale = hint, is_of_scale


def cast_output(output: Output, to: OutputType, scale: int | None) -> Output:
    """What is known about the values after the cast from their type alone; raises CannotCast."""
    if to == output.type and (to is not T.DECIMAL or scale in (None, output.scale)):
        return output
    cast = replace(output, type=to, scale=(scale or 0) if to is T.DECIMAL else 0, max_length=None, values=None)
    unbound = replace(cast, minimum=None, maximum=None)
    if to is T.STRING:
        return unbound
    if to is T.DECIMAL and scale is None and output.type in {T.DOUBLE, T.STRING}:
        message = f"DECIMAL needs a scale, since a {output.type} has no fixed number of digits"
        raise CannotCast(message, 'declare the field in the schema, with "scale"', is_of_scale=True)
    if to in _WHOLE and output.type in _NUMBERS:
        return _whole(output, cast)
    if to is T.DECIMAL and output.type in _NUMBERS:
        return _decimal(output, cast)
    if to is T.DOUBLE and output.type in _NUMBERS:
        return cast
    if (output.type is T.TIMESTAMP and to in {T.DATE, T.TIME}) or (output.type is T.DATE and to is T.TIMESTAMP):
        return unbound
    if output.type is T.STRING and to in READABLE:
        return cast
    raise CannotCast(f"{output.type} cannot be cast to {to}")


def _whole(output: Output, cast: Output) -> Output:
    low, high = _LIMITS[cast.type]
    if output.type is T.DOUBLE or (output.type is T.DECIMAL and output.scale > 0):
        raise CannotCast(f"{output.type} has digits behind the point, which {cast.type} would lose")
    if output.minimum is None or output.maximum is None:
        if output.type is T.LONG and cast.type is T.INTEGER:
            raise CannotCast(f"LONG values may lie outside {low} … {high}")
    elif output.minimum < low or output.maximum > high:
        raise CannotCast(f"values from {output.minimum} to {output.maximum} do not fit {cast.type} ({low} … {high})")
    return cast


def _decimal(output: Output, cast: Output) -> Output:
    bounds = [_bound(bound, cast.scale) for bound in (output.minimum, output.maximum)]
    if None in bounds and output.type is not T.INTEGER:
        digits = MAX_DECIMAL_DIGITS - cast.scale
        raise CannotCast(f"{output.type} values without known bounds may have more than {digits} digits")
    limits = [abs(bound) for bound in bounds if bound is not None] or [2**31 * 10**cast.scale]
    if max(limits) >= 10**MAX_DECIMAL_DIGITS:
        largest = Decimal(max(limits)).scaleb(-cast.scale)
        raise CannotCast(f"values up to {largest} have more than {MAX_DECIMAL_DIGITS} digits at scale {cast.scale}")
    exact = [None if bound is None else Decimal(bound).scaleb(-cast.scale) for bound in bounds]
    return replace(cast, minimum=exact[0], maximum=exact[1])


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
        return value_texts(values, source)
    if source is T.STRING:
        return read_texts(values, column)
    if to is T.DECIMAL and source in {T.DECIMAL, T.DOUBLE}:
        return _rounded(values, source, output.scale, column)
    return values.cast(column.dtype, strict=False)


def refuse_unread(before: pl.Series, after: pl.Series, span: Span, column: Column) -> None:
    """Raise RecordInvalid for the first text that the cast could not read."""
    bad = before.is_not_null() & after.is_null()
    if bad.any():
        partial = Partial(after, bad.to_numpy(), lambda place: unread(str(before[place]), column))
        raise RecordInvalid.of("RECORD_INVALID", partial, field=column.name, start=span.start)


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

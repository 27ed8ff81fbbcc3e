"""Exact arithmetic on columns: integers of 64 or 128 bits, scaled by powers of ten, and where they would overflow."""

from __future__ import annotations

from collections.abc import Sequence
from enum import Enum, auto

import numpy as np
import polars as pl
from numpy.typing import NDArray

from engine.expression.cells import Alarms, without
from engine.expression.forms import LIMIT, Form, at_scale

TOO_LARGE = "the number is larger than 2^127"
_TWO_127 = 2.0**127
_INT64 = 2**63


class Rounding(Enum):
    """Which neighbour a number becomes; FLOOR and CEILING are down and up, DOWN and UP to and from 0."""

    HALF_AWAY = auto()
    HALF_EVEN = auto()
    FLOOR = auto()
    CEILING = auto()
    DOWN = auto()
    UP = auto()


def whole(value: int, dtype: pl.DataType) -> pl.Series:
    """One row with a number."""
    return pl.Series([value], dtype=dtype)


def product(one: pl.Series, other: pl.Series, to: Form, alarms: Alarms) -> pl.Series:
    """The product as a column of the form; what is too large fails."""
    left, right = _of_one_type(one, other, to)
    found = left * right
    if to.is_clipped:
        _refuse_wrapped(found, left.cast(pl.Float64) * right.cast(pl.Float64), alarms)
    return found.cast(to.dtype)


def difference(one: pl.Series, other: pl.Series, to: Form, alarms: Alarms) -> pl.Series:
    """The difference as a column of the form; what is too large fails."""
    left, right = _of_one_type(one, other, to)
    found = left - right
    if to.is_clipped:
        _refuse_wrapped(found, left.cast(pl.Float64) - right.cast(pl.Float64), alarms)
    return found.cast(to.dtype)


def sum_of(columns: Sequence[pl.Series], forms: Sequence[Form], to: Form, alarms: Alarms) -> pl.Series:
    """The sum of columns of one scale as a column of the form; what is too large fails.

    A sum on the way may wrap around: the next ones take that back, so that only the last one is looked at.
    """
    dtype = pl.Int64 if sum(form.size for form in forms) < _INT64 else pl.Int128
    numbers = [column.cast(dtype) for column in columns]
    found = sum(numbers[1:], numbers[0])
    if to.is_clipped:
        floats = [column.cast(pl.Float64) for column in numbers]
        _refuse_wrapped(found, sum(floats[1:], floats[0]), alarms)
    return found.cast(to.dtype)


def _of_one_type(one: pl.Series, other: pl.Series, to: Form) -> tuple[pl.Series, pl.Series]:
    """Two columns in a type that holds both and the result."""
    dtype = pl.Int128 if pl.Int128 in {one.dtype, other.dtype, to.dtype} else pl.Int64
    return one.cast(dtype), other.cast(dtype)


def at_one_scale(
    one: pl.Series, other: pl.Series, forms: Sequence[Form], alarms: Alarms
) -> tuple[tuple[pl.Series, pl.Series], tuple[Form, Form]]:
    """Two columns of exact numbers at the larger of their scales, and their forms there."""
    scale = max(form.scale for form in forms)
    at = tuple(at_scale(form, scale) for form in forms)
    columns = tuple(
        shifted(values, scale - form.scale, to, alarms)
        for values, form, to in zip((one, other), forms, at, strict=True)
    )
    return columns, at  # type: ignore[return-value]


def shifted(values: pl.Series, digits: int, to: Form, alarms: Alarms) -> pl.Series:
    """The numbers with so many more digits, as a column of the form; what is too large fails."""
    if not digits:
        return values.cast(to.dtype)
    unit = 10**digits
    # Where every value is 0, the unit may be larger than all that the form has room for.
    return product(values, whole(unit, pl.Int64() if unit < _INT64 else pl.Int128()), to, alarms)


def _refuse_wrapped(found: pl.Series, estimate: pl.Series, alarms: Alarms) -> None:
    """Let results fail that have wrapped around in 128 bits: they differ from the true ones by multiples of 2^128."""
    alarms.raise_where((found.cast(pl.Float64) - estimate).abs() > _TWO_127, TOO_LARGE)


def rounded(values: pl.Series, unit: int, how: Rounding) -> pl.Series:
    """The number of units in each integer, rounded: column of the same type; ``unit >= 1``."""
    if unit == 1:
        return values
    if values.dtype == pl.Int64 and unit < _INT64 // 2:
        numbers = values.fill_null(0).to_numpy()
        quotients = numbers // unit
        rests = numbers - quotients * unit
        quotients += _is_next(numbers, quotients, rests, unit, how)
        return with_nulls(quotients, values)
    wide = values.cast(pl.Int128)
    if unit > LIMIT:
        return pl.Series([0], dtype=pl.Int128).new_from_index(0, len(values)) + wide * whole(0, wide.dtype)
    size = whole(unit, wide.dtype)
    quotient = wide // size
    rest = wide - quotient * size
    return quotient + _is_next_wide(wide, quotient, rest, size, how).cast(pl.Int128)


def _is_next(
    numbers: NDArray[np.int64],
    quotients: NDArray[np.int64],
    rests: NDArray[np.int64],
    unit: int,
    how: Rounding,
) -> NDArray[np.bool_]:
    """Whether the number above the quotient, which is rounded down, is the right one."""
    match how:
        case Rounding.HALF_AWAY:
            return rests * 2 + (numbers >= 0) > unit
        case Rounding.HALF_EVEN:
            return rests * 2 + (quotients & 1) > unit
        case Rounding.CEILING:
            return rests > 0
        case Rounding.DOWN:
            return (rests > 0) & (numbers < 0)
        case Rounding.UP:
            return (rests > 0) & (numbers > 0)
        case Rounding.FLOOR:
            return np.zeros(len(numbers), np.bool_)


def _is_next_wide(
    numbers: pl.Series, quotient: pl.Series, rest: pl.Series, unit: pl.Series, how: Rounding
) -> pl.Series:
    nought = whole(0, numbers.dtype)
    missing = unit - rest  # not twice the rest, which might be too large
    match how:
        case Rounding.HALF_AWAY:
            return (rest > missing) | ((rest == missing) & (numbers >= nought))
        case Rounding.HALF_EVEN:
            return (rest > missing) | ((rest == missing) & is_odd(quotient))
        case Rounding.CEILING:
            return rest > nought
        case Rounding.DOWN:
            return (rest > nought) & (numbers < nought)
        case Rounding.UP:
            return (rest > nought) & (numbers > nought)
        case Rounding.FLOOR:
            return rest < nought


def is_odd(numbers: pl.Series) -> pl.Series:
    """Whether each of some integers is odd."""
    return numbers % whole(2, numbers.dtype) == whole(1, numbers.dtype)


def floor_division(one: pl.Series, other: pl.Series, *, wide: bool) -> tuple[pl.Series, pl.Series]:
    """Quotients, rounded down, and what is left, with the sign of the divisor; both null where that is 0."""
    if wide:
        left, right = one.cast(pl.Int128), other.cast(pl.Int128)
        quotient = left // right
        return quotient, left - quotient * right
    divisors = other.fill_null(1).to_numpy()
    nought = divisors == 0
    divisors = np.where(nought, 1, divisors)
    numbers = one.fill_null(0).to_numpy()
    quotients = numbers // divisors
    rests = numbers - quotients * divisors
    return tuple(with_nulls(found, one, other, nought=nought) for found in (quotients, rests))  # type: ignore[return-value]


def quotient(
    one: pl.Series, other: pl.Series, digits: int, forms: tuple[Form, Form, Form], alarms: Alarms
) -> pl.Series:
    """``one * 10**digits / other``, half to even; null where the divisor is 0.

    `forms` are those of the dividend, the divisor and the result. Where the shifted dividend might not fit, the digits
    are worked out some at a time, as on paper.
    """
    dividend, divisor, to = forms
    room = headroom(divisor)
    size = max(dividend.size, 1) * 10**digits
    if size <= LIMIT:
        narrow = max(size, divisor.size) < _INT64 and to.fits_int64 and other.dtype == pl.Int64
        start = one if not digits else one.cast(pl.Int64 if narrow else pl.Int128)
        if digits:
            start = start * whole(10**digits, start.dtype)
        found, rest = floor_division(start, other, wide=not narrow)
    else:
        found, rest = floor_division(one, other, wide=True)
        left = digits
        while left:
            step = min(left, room)
            unit = whole(10**step, rest.dtype)
            more, rest = floor_division(rest * unit, other, wide=True)
            found, left = found * unit + more, left - step
    size = other.cast(rest.dtype).abs()
    rest = rest.abs()
    up = (rest > size - rest) | ((rest == size - rest) & is_odd(found))
    found = found + up.cast(found.dtype)
    if to.is_clipped:
        estimate = one.cast(pl.Float64) / other.cast(pl.Float64) * 10.0**digits
        _refuse_wrapped(found, estimate.fill_nan(None), alarms)
    return found.cast(to.dtype, strict=False) if not to.is_clipped else found


def headroom(form: Form) -> int:
    """By how many digits every number of the form can be shifted."""
    return len(str(LIMIT // max(form.size, 1))) - 1


def to_floats(values: pl.Series, form: Form) -> pl.Series:
    """Exact numbers as doubles: of up to 15 digits the nearest one."""
    floats = values.cast(pl.Float64)
    return float_quotient(floats, pl.Series([float(10**form.scale)])) if form.scale else floats


def float_quotient(one: pl.Series, other: pl.Series) -> pl.Series:
    """Quotients of doubles, each the nearest one: polars multiplies by the reciprocal where one number divides all."""
    with np.errstate(all="ignore"):
        found = pl.Series(one.fill_null(1.0).to_numpy() / other.fill_null(1.0).to_numpy())
    if not one.null_count() and not other.null_count():
        return found
    return pl.select(pl.when(one.is_not_null() & other.is_not_null()).then(found)).to_series()


def with_nulls(found: NDArray[np.int64], *like: pl.Series, nought: NDArray[np.bool_] | None = None) -> pl.Series:
    """Numbers as a column, null where any of the columns is, and where a divisor was 0."""
    gone = None if nought is None or not nought.any() else nought
    for one in like:
        if one.null_count():
            mask = one.is_null().to_numpy()
            gone = mask if gone is None else gone | mask
    column = pl.Series(found)
    return column if gone is None else without(column, np.broadcast_to(gone, found.shape))

"""Values that are written as text: which type a column of them has, and what they are in that type."""

from __future__ import annotations

from datetime import date
from typing import cast

import polars as pl

from engine.schema import MAX_DECIMAL_DIGITS
from engine.zones import MAX_MS, MIN_MS
from pools.enums import ColumnType

INTEGER = r"^(?:0|-?[1-9][0-9]*)$"
NUMBER = r"^-?(?:0|[1-9][0-9]*)?(?:\.[0-9]+)?(?:[eE][-+]?[0-9]+)?$"
LEADING_ZERO = r"^[-+]?0[0-9]+$"
NOT_FINITE = r"^[-+]?(?i:nan|inf|infinity)$"

_ANY_INTEGER = r"^[-+]?[0-9]+$"
_ANY_NUMBER = r"^[-+]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][-+]?[0-9]+)?$"
_HAS_DIGIT = r"^-?\.?[0-9]"
_BOOLEAN = r"^(?i:true|false)$"
_INSTANT = (
    r"^(?P<day>\d{4}-\d{2}-\d{2})[Tt ](?P<hour>\d{2}):(?P<minute>\d{2})"
    r"(?::(?P<second>\d{2})(?:\.(?P<fraction>\d{1,9}))?)?"
    r" ?(?:[Zz]|(?P<sign>[-+])(?P<zone_hour>\d{2}):?(?P<zone_minute>\d{2})?)?$"
)
_FINER = r"\.\d{3}\d*[1-9]"
EXACT_INTEGERS = 2**53
_FIRST_DAY = date(1, 1, 1)


def is_number(texts: pl.Series) -> pl.Series:
    """Which texts are numbers as programs write them: no plus sign, no leading zeros."""
    return texts.str.contains(NUMBER) & texts.str.contains(_HAS_DIGIT)


def is_finer_than_ms(texts: pl.Series) -> pl.Series:
    """Which instants have a part below a millisecond."""
    return texts.str.contains(_FINER)


def parse(texts: pl.Series, type_: ColumnType, scale: int | None = None) -> pl.Series:
    """The values that texts stand for; null where a text is none of this type (and where there is no text).

    Zoneless instants are in UTC, and cut to milliseconds. A decimal has `scale` digits behind the point, or as many as
    the longest; one that needs more is none.
    """
    match type_:
        case ColumnType.STRING:
            return texts
        case ColumnType.LONG:
            return _where(texts.str.contains(_ANY_INTEGER), texts).cast(pl.Int64, strict=False)
        case ColumnType.DOUBLE:
            numbers = _where(texts.str.contains(_ANY_NUMBER), texts).cast(pl.Float64, strict=False)
            return _where(numbers.is_finite(), numbers)
        case ColumnType.DECIMAL:
            return _decimals(_where(texts.str.contains(_ANY_NUMBER), texts), scale)
        case ColumnType.BOOLEAN:
            return _where(texts.str.contains(_BOOLEAN), texts.str.to_lowercase() == "true")
        case ColumnType.DATE:
            days = _where(texts.str.len_bytes() == len("2026-01-31"), texts).str.to_date("%Y-%m-%d", strict=False)
            return _where(days >= _FIRST_DAY, days)
        case ColumnType.TIMESTAMP:
            return _instants(texts)


def loses_digits(texts: pl.Series) -> pl.Series:
    """Which texts are integers beyond those up to which a DOUBLE holds every one."""
    values = texts.cast(pl.Int64, strict=False)
    outside = values.is_null() | (values > EXACT_INTEGERS) | (values < -EXACT_INTEGERS)
    return texts.str.contains(_ANY_INTEGER) & outside


def _where(mask: pl.Series, values: pl.Series) -> pl.Series:
    return pl.select(pl.when(mask).then(values).alias(values.name)).to_series()


def _decimals(texts: pl.Series, scale: int | None) -> pl.Series:
    """Exact decimals: what has too many digits before or behind the point is null."""
    wide = texts.cast(pl.Decimal(38, MAX_DECIMAL_DIGITS), strict=False)
    # The parser rounds behind the scale: only what reads back as the same number was exact.
    longest = texts.str.extract(r"\.([0-9]*?)0*(?:[eE]|$)").str.len_bytes().fill_null(0)
    shift = texts.str.extract(r"[eE]([-+]?[0-9]{1,4})$").cast(pl.Int64, strict=False).fill_null(0)
    needed = (longest.cast(pl.Int64) - shift).clip(0, None)
    places = scale if scale is not None else min(cast(int | None, needed.max()) or 0, MAX_DECIMAL_DIGITS)
    exact = _where(needed <= places, wide)
    limit = 10 ** (MAX_DECIMAL_DIGITS - places)
    fits = exact.abs() < pl.Series([limit], dtype=pl.Decimal(38, 0))
    return _where(fits, exact).cast(pl.Decimal(38, places)).cast(pl.Decimal(MAX_DECIMAL_DIGITS, places))


def _instants(texts: pl.Series) -> pl.Series:
    parts = pl.col("text").str.extract_groups(_INSTANT)

    def number(name: str) -> pl.Expr:
        return pl.col(name).cast(pl.Int64).fill_null(0)

    frame = texts.rename("text").to_frame().select(parts.alias("parts")).unnest("parts")
    hours, minutes, seconds = number("hour"), number("minute"), number("second")
    zone = number("zone_hour") * 60 + number("zone_minute")
    day = pl.col("day").str.to_date("%Y-%m-%d", strict=False)
    ms = pl.col("fraction").str.pad_end(3, "0").str.slice(0, 3).cast(pl.Int64).fill_null(0)
    offset = pl.when(pl.col("sign") == "-").then(-zone).otherwise(zone)
    instant = ((day.cast(pl.Int64) * 24 + hours) * 60 + minutes - offset) * 60_000 + seconds * 1000 + ms
    valid = (
        (day >= _FIRST_DAY)
        & (hours < 24)
        & (minutes < 60)
        & (seconds < 60)
        & (number("zone_hour") <= 18)
        & (number("zone_minute") < 60)
        & instant.is_between(MIN_MS, MAX_MS)  # in UTC, too, it must be of the years 1 to 9999
    )
    return frame.select(pl.when(valid).then(instant).cast(pl.Datetime("ms", "UTC")).alias(texts.name)).to_series()

"""Values of expressions as texts: the canonical form of each kind, as it is also written to destinations."""

from __future__ import annotations

import numpy as np
import polars as pl

from engine.expression.exact import whole
from engine.expression.forms import Form, Kind
from engine.time_pattern import TimePattern

INSTANT = TimePattern("%Y-%m-%dT%H:%M:%S.%3fZ")
DAY = TimePattern("%Y-%m-%d")
DAY_MS = 86_400_000
_LONGEST = {Kind.NULL: 0, Kind.TRUTH: 5, Kind.DOUBLE: 24, Kind.DATE: 10, Kind.INSTANT: 24, Kind.TIME: 18}


def written_length(form: Form) -> int:
    """No text of a value of the form has more characters."""
    match form.kind:
        case Kind.TEXT:
            return form.max_length
        case Kind.NUMBER:
            point = 2 if form.scale else 0
            longest = max(len(str(form.low)), len(str(form.high)))
            return max(longest + point, form.scale + 3 if form.scale else 0)
        case _:
            return _LONGEST[form.kind]


def texts_of(values: pl.Series, form: Form) -> pl.Series:
    """The text of each value: shape and nulls of `values`, String."""
    match form.kind:
        case Kind.TEXT:
            return values
        case Kind.NUMBER:
            return number_texts(values, form.scale)
        case Kind.INSTANT:
            return instant_texts(values, INSTANT)
        case Kind.DATE:
            return instant_texts(values.cast(pl.Datetime("ms", "UTC")), DAY)
        case Kind.TIME:
            return values.dt.to_string("%H:%M:%S%.3f")
        case _:
            return values.cast(pl.String)


def instant_texts(values: pl.Series, pattern: TimePattern) -> pl.Series:
    """Instants in UTC by a pattern."""
    instants = values.to_physical().fill_null(0).to_numpy()
    texts = pattern.texts(instants, np.zeros(len(instants), np.int64))
    return _null_like(texts, values)


def number_texts(values: pl.Series, scale: int) -> pl.Series:
    """Scaled integers with exactly so many digits behind the point."""
    if not scale:
        return values.cast(pl.String)
    unit = whole(10**scale, values.dtype)
    size = values.abs()
    before = size // unit
    behind = (size - before * unit).cast(pl.String).str.zfill(scale)
    sign = pl.when(pl.lit(values < whole(0, values.dtype))).then(pl.lit("-")).otherwise(pl.lit(""))
    return pl.select(pl.concat_str([sign, pl.lit(before.cast(pl.String)), pl.lit("."), pl.lit(behind)])).to_series()


def _null_like(texts: pl.Series, values: pl.Series) -> pl.Series:
    return pl.select(pl.when(values.is_not_null()).then(texts)).to_series() if values.null_count() else texts

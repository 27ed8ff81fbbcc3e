"""Forms: what is known about a value of an expression before any is computed."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from decimal import Decimal
from enum import StrEnum
from functools import reduce

import polars as pl

from engine.expression.faults import Mismatch

LIMIT = 2**127 - 1
"""Whole numbers and scaled decimals are not larger than this, nor smaller than its negative."""
MAX_SCALE = 38
MAX_TEXT_BYTES = 64 * 1024
MAX_TEXT = MAX_TEXT_BYTES // 4
"""A text of so many characters fits the limit in bytes, whatever its script."""
_INT64 = 2**63
_MOST_LISTED = 100


class Kind(StrEnum):
    """What a value is; the word is that of messages."""

    NULL = "null"
    TRUTH = "truth value"
    NUMBER = "number"
    DOUBLE = "double"
    TEXT = "text"
    DATE = "date"
    INSTANT = "instant"
    TIME = "time of day"


NUMBERS = frozenset({Kind.NUMBER, Kind.DOUBLE})
TEXTS = frozenset({Kind.TEXT})
TRUTHS = frozenset({Kind.TRUTH})
DATES = frozenset({Kind.DATE, Kind.INSTANT})
CLOCKS = frozenset({Kind.INSTANT, Kind.TIME})
ANY = frozenset(Kind)
_DTYPES = {
    Kind.NULL: pl.Null(),
    Kind.TRUTH: pl.Boolean(),
    Kind.DOUBLE: pl.Float64(),
    Kind.TEXT: pl.String(),
    Kind.DATE: pl.Date(),
    Kind.INSTANT: pl.Datetime("ms", "UTC"),
    Kind.TIME: pl.Time(),
}


@dataclass(frozen=True, slots=True)
class Form:
    """The kind of a value, and its bounds.

    A NUMBER is exact: an integer scaled by ``10**scale`` from `low` to `high`, both scaled, too. `extra` of its digits
    come from a division, which keeps more of them than anybody asked for. `is_clipped` says that the bounds were cut to
    what can be held, so that a value may lie outside. A TEXT has at most `max_length` characters, and is one of `texts`
    if these are given.
    """

    kind: Kind
    scale: int = 0
    extra: int = 0
    low: int = 0
    high: int = 0
    max_length: int = 0
    nullable: bool = False
    is_clipped: bool = False
    texts: frozenset[str] | None = None

    @property
    def dtype(self) -> pl.DataType:
        """The type of its columns: numbers of more than 64 bits have 128."""
        if self.kind is Kind.NUMBER:
            return pl.Int64() if self.fits_int64 else pl.Int128()
        return _DTYPES[self.kind]

    @property
    def fits_int64(self) -> bool:
        return self.low >= -_INT64 and self.high < _INT64

    @property
    def is_exact(self) -> bool:
        return self.kind is Kind.NUMBER

    @property
    def is_whole(self) -> bool:
        return self.kind is Kind.NUMBER and self.scale == 0

    @property
    def size(self) -> int:
        """No scaled number is further from 0."""
        return max(abs(self.low), abs(self.high))

    def or_null(self, *others: Form) -> Form:
        """The same, null where one of the others may be."""
        return self if not any(other.nullable for other in others) else replace(self, nullable=True)


def number(low: int, high: int, scale: int = 0, *, extra: int = 0) -> Form:
    """An exact number between scaled bounds; raises Mismatch when it is certain that nothing can hold it."""
    if scale > MAX_SCALE:
        message = f"the result would have {scale} digits behind the point, at most {MAX_SCALE} are possible"
        raise Mismatch(message, hint="ROUND the operands", code="EXPRESSION_TOO_COMPLEX")
    if low > LIMIT or high < -LIMIT:
        message = "the result would be larger than 2^127, whatever the record"
        raise Mismatch(message, code="EXPRESSION_TOO_COMPLEX")
    clipped = low < -LIMIT or high > LIMIT
    return Form(Kind.NUMBER, scale, extra, low=max(low, -LIMIT), high=min(high, LIMIT), is_clipped=clipped)


def text(max_length: int, texts: Iterable[str] | None = None) -> Form:
    """A text of at most so many characters; raises Mismatch when that is more than is possible."""
    if max_length > MAX_TEXT:
        message = (
            f"the text may have {max_length:,} characters, at most {MAX_TEXT:,} ({MAX_TEXT_BYTES:,} bytes) are possible"
        )
        raise Mismatch(message, hint="cut its parts with LEFT", code="EXPRESSION_TOO_COMPLEX")
    listed = None if texts is None else frozenset(texts)
    return Form(Kind.TEXT, max_length=max_length, texts=listed if listed and len(listed) <= _MOST_LISTED else None)


@dataclass(frozen=True, slots=True)
class Array:
    """What is known of an array of a record: its path, and how many elements it has at least and at most."""

    path: str
    fewest: int
    most: int


TRUTH = Form(Kind.TRUTH)
DOUBLE = Form(Kind.DOUBLE)
DATE = Form(Kind.DATE)
INSTANT = Form(Kind.INSTANT)
NULL = Form(Kind.NULL, nullable=True)


def literal_form(value: bool | int | Decimal | float | str | None) -> Form:
    """The form of a literal."""
    match value:
        case None:
            return NULL
        case bool():
            return TRUTH
        case int():
            return number(value, value)
        case Decimal():
            scaled, scale = scaled_literal(value)
            return number(scaled, scaled, scale)
        case float():
            return DOUBLE
        case str():
            return text(len(value), [value])


def common(forms: Iterable[Form], *, what: str) -> Form:
    """The form that holds every one of some values; raises Mismatch when they are of different kinds."""
    return reduce(lambda one, other: _either(one, other, what), forms)


def scaled_literal(value: int | Decimal) -> tuple[int, int]:
    """A number as a scaled integer and its scale, exactly: Decimal's own arithmetic would round to 28 digits."""
    if isinstance(value, int):
        return value, 0
    sign, digits, exponent = value.as_tuple()
    if not isinstance(exponent, int):
        raise ValueError(f"{value} is no number")
    whole = int("".join(map(str, digits))) * 10 ** max(0, exponent)
    return -whole if sign else whole, max(0, -exponent)


def at_scale(form: Form, scale: int) -> Form:
    """The form of an exact number at a scale that is not smaller; raises Mismatch when no number fits there."""
    unit = 10 ** (scale - form.scale)
    extra = form.extra + scale - form.scale
    return number(form.low * unit, form.high * unit, scale, extra=extra) if unit > 1 else form


def _either(one: Form, other: Form, what: str) -> Form:
    if one.kind is Kind.NULL or other.kind is Kind.NULL:
        return replace(one if other.kind is Kind.NULL else other, nullable=True)
    if one.kind is not other.kind and not {one.kind, other.kind} <= NUMBERS:
        message = f"{what} must be of one kind, not {one.kind} and {other.kind}"
        raise Mismatch(message, hint="TOSTRING makes text of anything")
    if one.kind is not other.kind:
        return DOUBLE.or_null(one, other)
    match one.kind:
        case Kind.NUMBER:
            scale = max(one.scale, other.scale)
            left, right = at_scale(one, scale), at_scale(other, scale)
            extra = min(left.extra, right.extra)
            both = number(min(left.low, right.low), max(left.high, right.high), scale, extra=extra)
            # Bounds that were cut on the way to the scale say nothing more of it, but the values have to be looked at.
            return replace(both, is_clipped=left.is_clipped or right.is_clipped).or_null(one, other)
        case Kind.TEXT:
            texts = None if one.texts is None or other.texts is None else one.texts | other.texts
            return text(max(one.max_length, other.max_length), texts).or_null(one, other)
        case _:
            return one.or_null(other)

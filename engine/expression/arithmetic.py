"""The signs of arithmetic, and the functions that are other names for them."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence

import numpy as np
import polars as pl

from engine.expression.cells import Alarms
from engine.expression.exact import (
    at_one_scale,
    difference,
    float_quotient,
    floor_division,
    headroom,
    product,
    quotient,
    sum_of,
    whole,
)
from engine.expression.faults import Mismatch
from engine.expression.forms import DATE, DOUBLE, LIMIT, MAX_SCALE, NUMBERS, Form, Kind, at_scale, number, text
from engine.expression.functions import Application, Node, Parameter, Strict, function, promoted

_DIVISION_DIGITS = 10
NOT_FINITE = "the result is too large for a double, or no number"
BY_ZERO = "division by zero"
_DAYS = (-719_162, 2_932_896)
"""The years 1 to 9999."""


def refuse_not_finite(found: pl.Series, alarms: Alarms) -> pl.Series:
    """Let doubles fail that are not finite."""
    alarms.raise_where(found.is_infinite() | found.is_nan(), NOT_FINITE)
    return found


class Arithmetic(Strict):
    """An operator on two numbers: exact for two exact ones, else on doubles."""

    def form(self, arguments: Sequence[Node]) -> Form:
        one, other = (argument.form for argument in arguments)
        return DOUBLE if Kind.DOUBLE in {one.kind, other.kind} else self.exact_form(one, other)

    def column(self, call: Application, alarms: Alarms, *columns: pl.Series) -> pl.Series:
        forms = [argument.form for argument in call.arguments]
        if call.form.kind is Kind.DOUBLE:
            floats = [promoted(column, form, DOUBLE, alarms) for column, form in zip(columns, forms, strict=True)]
            return refuse_not_finite(self.floats(alarms, *floats), alarms)
        return self.exact(call.form, alarms, (columns[0], forms[0]), (columns[1], forms[1]))

    @abstractmethod
    def exact_form(self, one: Form, other: Form) -> Form:
        """The form of results that are exact."""

    @abstractmethod
    def exact(
        self, form: Form, alarms: Alarms, one: tuple[pl.Series, Form], other: tuple[pl.Series, Form]
    ) -> pl.Series:
        """Exact results, of the form."""

    @abstractmethod
    def floats(self, alarms: Alarms, one: pl.Series, other: pl.Series) -> pl.Series:
        """The results on doubles."""

    def hint(self, given: Kind) -> str | None:
        if given is Kind.TEXT:
            return "join texts by & or CONCAT; TODECIMAL(text, digits) reads a number"
        if given is Kind.INSTANT:
            return "DATEADD(instant, 1, 'day') moves instants, DATEDIFF(start, end, 'minute') is the time between two"
        if given is Kind.TRUTH:
            return "IF(truth, 1, 0) makes a number of a truth value"
        return super().hint(given)


@function(
    "+",
    takes=[Parameter("a", NUMBERS | {Kind.TEXT, Kind.DATE}), Parameter("b", NUMBERS | {Kind.TEXT, Kind.DATE})],
    says="Adds two numbers, or days to a date; joins two texts.",
    group="operators",
    examples={"1 + 2.50": "3.50", "DATE(2026, 1, 31) + 1": "2026-02-01", "'a' + 'b'": "ab"},
)
class Plus(Arithmetic):
    def form(self, arguments: Sequence[Node]) -> Form:
        one, other = (argument.form for argument in arguments)
        if {one.kind, other.kind} == {Kind.TEXT}:
            return text(one.max_length + other.max_length)
        if one.kind is Kind.DATE or other.kind is Kind.DATE:
            _check_days(one, other)
            return DATE
        _refuse_mixed(self.name, one, other)
        return super().form(arguments)

    def column(self, call: Application, alarms: Alarms, *columns: pl.Series) -> pl.Series:
        if call.form.kind is Kind.TEXT:
            return columns[0] + columns[1]
        if call.form.kind is Kind.DATE:
            return _moved(columns[0].to_physical(), columns[1].to_physical(), alarms)
        return super().column(call, alarms, *columns)

    def exact_form(self, one: Form, other: Form) -> Form:
        scale = max(one.scale, other.scale)
        left, right = at_scale(one, scale), at_scale(other, scale)
        return number(left.low + right.low, left.high + right.high, scale, extra=min(left.extra, right.extra))

    def exact(
        self, form: Form, alarms: Alarms, one: tuple[pl.Series, Form], other: tuple[pl.Series, Form]
    ) -> pl.Series:
        columns, forms = at_one_scale(one[0], other[0], (one[1], other[1]), alarms)
        return sum_of(columns, forms, form, alarms)

    def floats(self, alarms: Alarms, one: pl.Series, other: pl.Series) -> pl.Series:
        return one + other


@function(
    "-",
    takes=[Parameter("a", NUMBERS | {Kind.DATE}), Parameter("b", NUMBERS | {Kind.DATE})],
    says="Subtracts numbers, days from a date, or one date from another one, in days.",
    group="operators",
    examples={"1 - 0.05": "0.95", "DATE(2026, 3, 1) - DATE(2026, 2, 1)": "28", "DATE(2026, 3, 1) - 1": "2026-02-28"},
)
class Minus(Arithmetic):
    def form(self, arguments: Sequence[Node]) -> Form:
        one, other = (argument.form for argument in arguments)
        if one.kind is other.kind is Kind.DATE:
            return number(_DAYS[0] - _DAYS[1], _DAYS[1] - _DAYS[0])
        if one.kind is Kind.DATE:
            _check_days(one, other)
            return DATE
        _refuse_mixed(self.name, one, other)
        return super().form(arguments)

    def column(self, call: Application, alarms: Alarms, *columns: pl.Series) -> pl.Series:
        if call.arguments[0].form.kind is Kind.DATE:
            one, other = (column.to_physical().cast(pl.Int64) for column in columns)
            return one - other if call.form.kind is Kind.NUMBER else _moved(one, whole(0, pl.Int64()) - other, alarms)
        return super().column(call, alarms, *columns)

    def exact_form(self, one: Form, other: Form) -> Form:
        scale = max(one.scale, other.scale)
        left, right = at_scale(one, scale), at_scale(other, scale)
        return number(left.low - right.high, left.high - right.low, scale, extra=min(left.extra, right.extra))

    def exact(
        self, form: Form, alarms: Alarms, one: tuple[pl.Series, Form], other: tuple[pl.Series, Form]
    ) -> pl.Series:
        columns, _ = at_one_scale(one[0], other[0], (one[1], other[1]), alarms)
        return difference(*columns, form, alarms)

    def floats(self, alarms: Alarms, one: pl.Series, other: pl.Series) -> pl.Series:
        return one - other


def _refuse_mixed(name: str, one: Form, other: Form) -> None:
    if not {one.kind, other.kind} <= NUMBERS:
        hint = "join texts and values by & or CONCAT" if Kind.TEXT in {one.kind, other.kind} else None
        raise Mismatch(f"{name} does not fit a {one.kind} and a {other.kind}", hint=hint)


def _check_days(one: Form, other: Form) -> None:
    days = other if one.kind is Kind.DATE else one
    if not days.is_whole or days.size > 10**9:
        raise Mismatch("days that are added to a date are whole numbers up to 10^9", hint="INT rounds, CLAMP bounds")


def _moved(days: pl.Series, by: pl.Series, alarms: Alarms) -> pl.Series:
    moved = days.cast(pl.Int64) + by.cast(pl.Int64)
    outside = (moved < _DAYS[0]) | (moved > _DAYS[1])
    alarms.raise_where(outside, "the date is outside the years 1 to 9999")
    return moved.cast(pl.Int32, strict=False).cast(pl.Date)


@function(
    "*",
    takes=[Parameter("a", NUMBERS), Parameter("b", NUMBERS)],
    says="Multiplies two numbers; the digits behind the point add up.",
    group="operators",
    examples={"3 * 4": "12", "1.5 * 0.10": "0.150"},
)
class Times(Arithmetic):
    def exact_form(self, one: Form, other: Form) -> Form:
        corners = [a * b for a in (one.low, one.high) for b in (other.low, other.high)]
        scale = one.scale + other.scale
        return number(min(corners), max(corners), scale, extra=one.extra + other.extra)

    def exact(
        self, form: Form, alarms: Alarms, one: tuple[pl.Series, Form], other: tuple[pl.Series, Form]
    ) -> pl.Series:
        return product(one[0], other[0], form, alarms)

    def floats(self, alarms: Alarms, one: pl.Series, other: pl.Series) -> pl.Series:
        return one * other


@function(
    "/",
    takes=[Parameter("a", NUMBERS), Parameter("b", NUMBERS)],
    says="Divides. Of exact numbers the result has ten digits more behind the point than the longer one of the two,"
    " half to even; a field then rounds it to its own scale.",
    group="operators",
    examples={"1 / 3": "0.3333333333", "10.0 / 4": "2.50000000000", "IFERROR(1 / 0, 0)": "0.0000000000"},
)
class DividedBy(Arithmetic):
    def exact_form(self, one: Form, other: Form) -> Form:
        scale = min(MAX_SCALE, max(one.scale, other.scale) + _DIVISION_DIGITS)
        digits = scale - one.scale + other.scale
        if headroom(other) == 0 and one.size * 10**digits > LIMIT:
            message = "the divisor may have too many digits to be divided by"
            raise Mismatch(message, hint="ROUND it, or bound it by CLAMP", code="EXPRESSION_TOO_COMPLEX", argument=1)
        low, high = quotient_bounds(one, other, 10**digits)
        return number(low, high, scale, extra=scale - max(one.scale - one.extra, other.scale - other.extra))

    def exact(
        self, form: Form, alarms: Alarms, one: tuple[pl.Series, Form], other: tuple[pl.Series, Form]
    ) -> pl.Series:
        alarms.raise_where((other[0] == whole(0, other[0].dtype)) & one[0].is_not_null(), BY_ZERO)
        digits = form.scale - one[1].scale + other[1].scale
        return quotient(one[0], other[0], digits, (one[1], other[1], form), alarms)

    def floats(self, alarms: Alarms, one: pl.Series, other: pl.Series) -> pl.Series:
        return _divided(one, other, alarms)


def _divided(one: pl.Series, other: pl.Series, alarms: Alarms) -> pl.Series:
    """The quotient of doubles; no number where the divisor is 0, which fails."""
    alarms.raise_where((other == 0.0) & one.is_not_null(), BY_ZERO)
    return float_quotient(one, other)


def quotient_bounds(one: Form, other: Form, unit: int) -> tuple[int, int]:
    """Bounds of ``one * unit / other``, rounded anyhow, where the divisor is not 0."""
    divisors = [n for n in (other.low, other.high) if n]
    if other.low < 0 < other.high or 0 in {other.low, other.high}:
        divisors += [n for n in (-1, 1) if other.low <= n <= other.high]
    corners = [n * unit // d for n in (one.low, one.high) for d in divisors or [1]]
    return min(corners) - 1 if min(corners) else 0, max(corners) + 1


@function(
    "//",
    "QUOTIENT",
    takes=[Parameter("a", NUMBERS), Parameter("b", NUMBERS)],
    says="How many times b fits into a, rounded down: -7 // 2 is -4.",
    group="operators",
    examples={"7 // 2": "3", "-7 // 2": "-4", "QUOTIENT(7.5, 0.5)": "15"},
)
class FloorDivision(Arithmetic):
    def exact_form(self, one: Form, other: Form) -> Form:
        scale = max(one.scale, other.scale)
        return number(*quotient_bounds(at_scale(one, scale), at_scale(other, scale), 1))

    def exact(
        self, form: Form, alarms: Alarms, one: tuple[pl.Series, Form], other: tuple[pl.Series, Form]
    ) -> pl.Series:
        found, _ = _floored(alarms, one, other)
        return found.cast(form.dtype, strict=False)

    def floats(self, alarms: Alarms, one: pl.Series, other: pl.Series) -> pl.Series:
        quotients, _ = _floored_floats(one, other, alarms)
        return quotients


@function(
    "%",
    "MOD",
    takes=[Parameter("a", NUMBERS), Parameter("b", NUMBERS)],
    says="What is left of a when b is taken away as often as it fits; it has the sign of b: -7 % 2 is 1.",
    group="operators",
    examples={"7 % 2": "1", "MOD(-7, 2)": "1", "7 % -2": "-1", "7.25 % 1": "0.25"},
)
class Remainder(Arithmetic):
    def exact_form(self, one: Form, other: Form) -> Form:
        scale = max(one.scale, other.scale)
        left, right = at_scale(one, scale), at_scale(other, scale)
        extra = min(left.extra, right.extra)
        return number(min(right.low + 1, 0), max(right.high - 1, 0), scale, extra=extra)

    def exact(
        self, form: Form, alarms: Alarms, one: tuple[pl.Series, Form], other: tuple[pl.Series, Form]
    ) -> pl.Series:
        _, rest = _floored(alarms, one, other)
        return rest.cast(form.dtype, strict=False)

    def floats(self, alarms: Alarms, one: pl.Series, other: pl.Series) -> pl.Series:
        _, rests = _floored_floats(one, other, alarms)
        return rests

    def hint(self, given: Kind) -> str | None:
        return "TEXT(value, format) and CONCAT make texts" if given is Kind.TEXT else super().hint(given)


def _floored(alarms: Alarms, one: tuple[pl.Series, Form], other: tuple[pl.Series, Form]) -> tuple[pl.Series, pl.Series]:
    (left, right), forms = at_one_scale(one[0], other[0], (one[1], other[1]), alarms)
    alarms.raise_where((right == whole(0, right.dtype)) & left.is_not_null(), BY_ZERO)
    wide = pl.Int128 in {left.dtype, right.dtype} or forms[0].size >= 2**63
    return floor_division(left, right, wide=wide)


def _floored_floats(one: pl.Series, other: pl.Series, alarms: Alarms) -> tuple[pl.Series, pl.Series]:
    nought = (other == 0.0).fill_null(value=False)
    alarms.raise_where(nought & one.is_not_null(), BY_ZERO)
    divisors = other.set(nought, 1.0) if nought.any() else other
    with np.errstate(all="ignore"):
        found = np.divmod(one.fill_null(0.0).to_numpy(), divisors.fill_null(1.0).to_numpy())
    gone = one.is_null() | other.is_null() | nought
    return tuple(pl.select(pl.when(~gone).then(pl.Series(part))).to_series() for part in found)  # type: ignore[return-value]


@function(
    "NEGATIVE",
    takes=[Parameter("a", NUMBERS)],
    says="The number with the other sign, as -a.",
    group="operators",
    examples={"NEGATIVE(1.50)": "-1.50", "-(1 + 2)": "-3"},
)
class Negative(Strict):
    def form(self, arguments: Sequence[Node]) -> Form:
        own = arguments[0].form
        return own if own.kind is Kind.DOUBLE else number(-own.high, -own.low, own.scale, extra=own.extra)

    def column(self, call: Application, alarms: Alarms, *columns: pl.Series) -> pl.Series:
        if call.form.kind is Kind.DOUBLE:
            return -columns[0]
        wide = call.form.dtype if columns[0].dtype == pl.Int64 else columns[0].dtype
        return (whole(0, wide) - columns[0].cast(wide)).cast(call.form.dtype)


@function(
    "POSITIVE",
    takes=[Parameter("a", NUMBERS)],
    says="The number itself, as +a.",
    group="operators",
    examples={"POSITIVE(1.50)": "1.50", "+(1 + 2)": "3"},
)
class Positive(Strict):
    def form(self, arguments: Sequence[Node]) -> Form:
        return arguments[0].form

    def column(self, call: Application, alarms: Alarms, *columns: pl.Series) -> pl.Series:
        return columns[0]

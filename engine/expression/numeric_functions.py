"""Functions of numbers."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import polars as pl
from numpy.typing import NDArray

from engine.expression.cells import Alarms
from engine.expression.exact import Rounding, float_quotient, rounded, shifted, sum_of, whole
from engine.expression.faults import Mismatch
from engine.expression.forms import (
    DOUBLE,
    NUMBERS,
    TEXTS,
    TRUTHS,
    Form,
    Kind,
    at_scale,
    common,
    number,
)
from engine.expression.functions import (
    Application,
    Node,
    Parameter,
    Strict,
    function,
    promoted,
    whole_literal,
)
from engine.expression.operators import DividedBy, refuse_not_finite

_X = Parameter("number", NUMBERS)
_DIGITS = Parameter("digits", frozenset({Kind.NUMBER}), optional=True, literal=True)
_MOST_DIGITS = 18
_GROUP = "numbers"
Floats = NDArray[np.float64]
_TEXT_DIGITS = 6


class _Rounds(Strict):
    """Rounds to a number of digits behind the point; negative digits are those before it."""

    how: Rounding

    def form(self, arguments: Sequence[Node]) -> Form:
        digits = self._digits(arguments)
        return rounded_form(arguments[0].form, digits, self.how)

    def _digits(self, arguments: Sequence[Node]) -> int:
        if len(arguments) < 2:
            return 0
        return whole_literal(arguments[1], "digits", -_MOST_DIGITS, _MOST_DIGITS, argument=1)

    def column(self, call: Application, alarms: Alarms, *columns: pl.Series) -> pl.Series:
        own, digits = call.arguments[0].form, self._digits(call.arguments)
        if own.kind is Kind.DOUBLE:
            return refuse_not_finite(_rounded_floats(columns[0], digits, self.how), alarms)
        return rounded_to(columns[0], own, digits, self.how, call.form)


def rounded_form(own: Form, digits: int, how: Rounding) -> Form:
    """The form of numbers rounded to so many digits."""
    if own.kind is Kind.DOUBLE or digits >= own.scale:
        return own
    unit = 10 ** (own.scale - digits)
    low, high = (_rounded_whole(bound, unit, how) for bound in (own.low, own.high))
    scale, back = max(digits, 0), 10 ** max(-digits, 0)
    return number(low * back, high * back, scale, extra=max(0, own.extra - (own.scale - scale)))


def rounded_to(values: pl.Series, own: Form, digits: int, how: Rounding, to: Form) -> pl.Series:
    """Exact numbers rounded to so many digits, as a column of the form."""
    if digits >= own.scale:
        return values
    found = rounded(values, 10 ** (own.scale - digits), how)
    if digits < 0:
        found = found.cast(pl.Int128) * whole(10**-digits, pl.Int128())
    return found.cast(to.dtype)


def _rounded_whole(value: int, unit: int, how: Rounding) -> int:
    down, rest = divmod(value, unit)
    match how:
        case Rounding.HALF_AWAY:
            return down + (2 * rest + (value >= 0) > unit)
        case Rounding.HALF_EVEN:
            return down + (2 * rest + (down & 1) > unit)
        case Rounding.CEILING:
            return down + (rest > 0)
        case Rounding.DOWN:
            return down + (rest > 0 and value < 0)
        case Rounding.UP:
            return down + (rest > 0 and value > 0)
        case Rounding.FLOOR:
            return down


def _rounded_floats(values: pl.Series, digits: int, how: Rounding) -> pl.Series:
    """Doubles, after one multiplication: from 2^52 on they have no digits to round."""
    numbers = values.fill_null(0.0).to_numpy()
    unit = float(10 ** abs(digits))
    with np.errstate(all="ignore"):
        scaled = numbers * unit if digits >= 0 else numbers / unit
        size = np.abs(scaled)
        match how:
            case Rounding.HALF_AWAY:
                below = np.floor(size)
                whole_part = np.copysign(below + (size - below >= 0.5), scaled)
            case Rounding.HALF_EVEN:
                whole_part = np.rint(scaled)
            case Rounding.CEILING:
                whole_part = np.ceil(scaled)
            case Rounding.FLOOR:
                whole_part = np.floor(scaled)
            case Rounding.DOWN:
                whole_part = np.trunc(scaled)
            case Rounding.UP:
                whole_part = np.copysign(np.ceil(size), scaled)
        back = whole_part / unit if digits >= 0 else whole_part * unit
    found = pl.Series(np.where(size < 2.0**52, back, numbers) + 0.0)  # + 0.0: no -0.0
    return pl.select(pl.when(values.is_not_null()).then(found)).to_series() if values.null_count() else found


@function(
    "ROUND",
    takes=[_X, _DIGITS],
    says="Rounds to digits behind the point (0), half away from zero, as spreadsheets and PostgreSQL do.",
    group=_GROUP,
    examples={"ROUND(2.345, 2)": "2.35", "ROUND(-2.5)": "-3", "ROUND(1250, -2)": "1300"},
)
class Round(_Rounds):
    how = Rounding.HALF_AWAY


@function(
    "ROUNDEVEN",
    takes=[_X, _DIGITS],
    says="Rounds to digits behind the point (0), half to the even neighbour.",
    group=_GROUP,
    examples={"ROUNDEVEN(2.345, 2)": "2.34", "ROUNDEVEN(2.5)": "2"},
)
class RoundEven(_Rounds):
    how = Rounding.HALF_EVEN


@function(
    "ROUNDUP",
    takes=[_X, _DIGITS],
    says="Rounds to digits behind the point (0), away from zero.",
    group=_GROUP,
    examples={"ROUNDUP(2.341, 2)": "2.35", "ROUNDUP(-1.1)": "-2"},
)
class RoundUp(_Rounds):
    how = Rounding.UP


@function(
    "ROUNDDOWN",
    "TRUNC",
    takes=[_X, _DIGITS],
    says="Rounds to digits behind the point (0), towards zero.",
    group=_GROUP,
    examples={"ROUNDDOWN(2.349, 2)": "2.34", "TRUNC(-1.9)": "-1"},
)
class RoundDown(_Rounds):
    how = Rounding.DOWN


@function(
    "INT",
    takes=[_X],
    says="The largest whole number that is not above the number.",
    group=_GROUP,
    examples={"INT(2.9)": "2", "INT(-2.1)": "-3"},
)
class Int(_Rounds):
    how = Rounding.FLOOR


class _ToStep(Strict):
    """Rounds to a multiple of a step that is written out."""

    how: Rounding

    def form(self, arguments: Sequence[Node]) -> Form:
        own, step = arguments[0].form, self._step(arguments)
        if own.kind is Kind.DOUBLE or step.kind is Kind.DOUBLE:
            raise Mismatch(f"{self.name} takes exact numbers, not doubles", hint="TODECIMAL(number, digits) converts")
        if step.low <= 0:
            raise Mismatch("the step must be above 0", argument=1)
        scale = max(own.scale, step.scale)
        at, unit = at_scale(own, scale), at_scale(step, scale).low
        low, high = (_rounded_whole(bound, unit, self.how) * step.low for bound in (at.low, at.high))
        return number(low, high, step.scale)

    @staticmethod
    def _step(arguments: Sequence[Node]) -> Form:
        return arguments[1].form if len(arguments) > 1 else number(1, 1)

    def column(self, call: Application, alarms: Alarms, *columns: pl.Series) -> pl.Series:
        own, step = call.arguments[0].form, self._step(call.arguments)
        scale = max(own.scale, step.scale)
        at = shifted(columns[0], scale - own.scale, at_scale(own, scale), alarms)
        found = rounded(at, at_scale(step, scale).low, self.how).cast(call.form.dtype)
        return found * whole(step.low, found.dtype)


_STEP = Parameter("step", NUMBERS, optional=True, literal=True)


@function(
    "FLOOR",
    takes=[_X, _STEP],
    says="The largest multiple of the step (1) that is not above the number.",
    group=_GROUP,
    examples={"FLOOR(2.9)": "2", "FLOOR(7.38, 0.25)": "7.25", "FLOOR(-1, 5)": "-5"},
)
class Floor(_ToStep):
    how = Rounding.FLOOR


@function(
    "CEILING",
    "CEIL",
    takes=[_X, _STEP],
    says="The smallest multiple of the step (1) that is not below the number.",
    group=_GROUP,
    examples={"CEILING(2.1)": "3", "CEILING(7.38, 0.25)": "7.50", "CEIL(-1, 5)": "0"},
)
class Ceiling(_ToStep):
    how = Rounding.CEILING


@function(
    "MROUND",
    takes=[_X, Parameter("step", NUMBERS, literal=True)],
    says="The nearest multiple of the step, half away from zero.",
    group=_GROUP,
    examples={"MROUND(7.38, 0.05)": "7.40", "MROUND(12, 5)": "10"},
)
class MRound(_ToStep):
    how = Rounding.HALF_AWAY


@function(
    "ABS",
    takes=[_X],
    says="The number without its sign.",
    group=_GROUP,
    examples={"ABS(-2.50)": "2.50"},
)
class Abs(Strict):
    def form(self, arguments: Sequence[Node]) -> Form:
        own = arguments[0].form
        if own.kind is Kind.DOUBLE:
            return own
        least = 0 if own.low <= 0 <= own.high else min(abs(own.low), abs(own.high))
        return number(least, own.size, own.scale, extra=own.extra)

    def column(self, call: Application, alarms: Alarms, *columns: pl.Series) -> pl.Series:
        return columns[0].cast(call.form.dtype).abs()


@function(
    "SIGN",
    takes=[_X],
    says="1, 0 or -1: whether the number is above, at or below zero.",
    group=_GROUP,
    examples={"SIGN(-2.5)": "-1", "SIGN(0)": "0"},
)
class Sign(Strict):
    def form(self, arguments: Sequence[Node]) -> Form:
        return number(-1, 1)

    def column(self, call: Application, alarms: Alarms, *columns: pl.Series) -> pl.Series:
        nought = pl.Series([0], dtype=columns[0].dtype)
        return (columns[0] > nought).cast(pl.Int64) - (columns[0] < nought).cast(pl.Int64)


class _Of(Strict):
    """Something of several numbers, exact if all of them are."""

    def form(self, arguments: Sequence[Node]) -> Form:
        forms = [argument.form for argument in arguments]
        whole_form = common(forms, what=f"the arguments of {self.name}")
        return (
            whole_form
            if whole_form.kind is Kind.DOUBLE
            else self.exact_form([at_scale(f, whole_form.scale) for f in forms])
        )

    def exact_form(self, forms: Sequence[Form]) -> Form:
        raise NotImplementedError

    def promoted(self, call: Application, alarms: Alarms, columns: Sequence[pl.Series]) -> list[pl.Series]:
        """The columns in one form."""
        forms = [argument.form for argument in call.arguments]
        to = common(forms, what=f"the arguments of {self.name}")
        return [promoted(column, form, to, alarms) for column, form in zip(columns, forms, strict=True)]


_SEVERAL = [Parameter("number", NUMBERS, repeated=True)]


class _Extreme(_Of):
    is_larger: bool

    def column(self, call: Application, alarms: Alarms, *columns: pl.Series) -> pl.Series:
        first, *others = self.promoted(call, alarms, columns)
        for other in others:
            known = first.is_not_null() & other.is_not_null()
            better = other > first if self.is_larger else other < first
            first = pl.select(pl.when(known & better).then(other).when(known).then(first)).to_series()
        return first.cast(call.form.dtype)


@function(
    "MIN",
    takes=_SEVERAL,
    says="The smallest of several numbers.",
    group=_GROUP,
    examples={"MIN(3, 1.5, 2)": "1.5"},
)
class Min(_Extreme):
    is_larger = False

    def exact_form(self, forms: Sequence[Form]) -> Form:
        extra = min(form.extra for form in forms)
        return number(min(f.low for f in forms), min(f.high for f in forms), forms[0].scale, extra=extra)


@function(
    "MAX",
    takes=_SEVERAL,
    says="The largest of several numbers.",
    group=_GROUP,
    examples={"MAX(3, 1.5, 2)": "3.0"},
)
class Max(_Extreme):
    is_larger = True

    def exact_form(self, forms: Sequence[Form]) -> Form:
        extra = min(form.extra for form in forms)
        return number(max(f.low for f in forms), max(f.high for f in forms), forms[0].scale, extra=extra)


@function(
    "CLAMP",
    takes=[_X, Parameter("low", NUMBERS), Parameter("high", NUMBERS)],
    says="The number, but not below low and not above high. It also tells what a formula may count on.",
    group=_GROUP,
    examples={"CLAMP(120, 0, 100)": "100", "CLAMP(-5, 0, 100)": "0"},
)
class Clamp(_Of):
    def exact_form(self, forms: Sequence[Form]) -> Form:
        own, low, high = forms
        least, most = max(own.low, low.low), max(own.high, low.high)
        return number(min(least, high.low), min(most, high.high), own.scale, extra=min(f.extra for f in forms))

    def column(self, call: Application, alarms: Alarms, *columns: pl.Series) -> pl.Series:
        own, low, high = self.promoted(call, alarms, columns)
        known = own.is_not_null() & low.is_not_null() & high.is_not_null()
        raised = pl.select(pl.when(low > own).then(low).otherwise(own)).to_series()
        found = pl.select(pl.when(high < raised).then(high).otherwise(raised)).to_series()
        return pl.select(pl.when(known).then(found)).to_series().cast(call.form.dtype)


@function(
    "SUM",
    takes=_SEVERAL,
    says="The sum of several numbers.",
    group=_GROUP,
    examples={"SUM(1, 2, 0.5)": "3.5"},
)
class Sum(_Of):
    def exact_form(self, forms: Sequence[Form]) -> Form:
        extra = min(form.extra for form in forms)
        return number(sum(f.low for f in forms), sum(f.high for f in forms), forms[0].scale, extra=extra)

    def column(self, call: Application, alarms: Alarms, *columns: pl.Series) -> pl.Series:
        numbers = self.promoted(call, alarms, columns)
        if call.form.kind is Kind.DOUBLE:
            return refuse_not_finite(sum(numbers[1:], numbers[0]), alarms)
        return sum_of(
            numbers, [at_scale(argument.form, call.form.scale) for argument in call.arguments], call.form, alarms
        )


@function(
    "AVERAGE",
    "AVG",
    takes=_SEVERAL,
    says="The mean of several numbers, divided as / does.",
    group=_GROUP,
    examples={"AVERAGE(1, 2)": "1.5000000000", "AVG(2.50, 3.50)": "3.000000000000"},
)
class Average(_Of):
    def form(self, arguments: Sequence[Node]) -> Form:
        summed = SUM.form(arguments)
        return summed if summed.kind is Kind.DOUBLE else _DIVIDED_BY.exact_form(summed, number(*[len(arguments)] * 2))

    def column(self, call: Application, alarms: Alarms, *columns: pl.Series) -> pl.Series:
        summed = SUM.form(call.arguments)
        sums = SUM.column(Application(summed, call.position, SUM, call.arguments), alarms, *columns)
        count = len(columns)
        if summed.kind is Kind.DOUBLE:
            return float_quotient(sums, pl.Series([float(count)]))
        counts = whole(count, pl.Int64())
        return _DIVIDED_BY.exact(call.form, alarms, (sums, summed), (counts, number(count, count)))


SUM, _DIVIDED_BY = Sum(), DividedBy()


class _Float(Strict):
    """A function of doubles."""

    def form(self, arguments: Sequence[Node]) -> Form:
        return DOUBLE

    def column(self, call: Application, alarms: Alarms, *columns: pl.Series) -> pl.Series:
        floats = [
            promoted(column, argument.form, DOUBLE, alarms)
            for column, argument in zip(columns, call.arguments, strict=True)
        ]
        known = pl.Series([True])
        for column in floats:
            known = known & column.is_not_null()
        with np.errstate(all="ignore"):
            found = pl.Series(self.floats(alarms, *(column.fill_null(1.0).to_numpy() for column in floats)) + 0.0)
        return refuse_not_finite(pl.select(pl.when(known).then(found)).to_series(), alarms)

    def floats(self, alarms: Alarms, *numbers: Floats) -> Floats:
        raise NotImplementedError


class _Library(_Float):
    """A function whose last digits are those of the machine's library."""

    def reason(self, call: Application) -> str | None:
        return f"the last digits of {self.name} may be others on another processor"


@function(
    "SQRT",
    takes=[_X],
    says="The square root, a double; of a negative number there is none.",
    group=_GROUP,
    examples={"SQRT(6.25)": "2.5"},
)
class Sqrt(_Float):
    def floats(self, alarms: Alarms, *numbers: Floats) -> Floats:
        alarms.raise_where(numbers[0] < 0, "a negative number has no square root")
        found: Floats = np.sqrt(numbers[0])
        return found


@function(
    "EXP",
    takes=[_X],
    says="e to the power of the number, a double.",
    group=_GROUP,
    examples={"EXP(0)": "1.0", "ROUND(EXP(1), 4)": "2.7183"},
)
class Exp(_Library):
    def floats(self, alarms: Alarms, *numbers: Floats) -> Floats:
        found: Floats = np.exp(numbers[0])
        return found


@function(
    "LN",
    takes=[_X],
    says="The natural logarithm, a double; there is none of 0 and below.",
    group=_GROUP,
    examples={"LN(1)": "0.0", "ROUND(LN(10), 4)": "2.3026"},
)
class Ln(_Library):
    def floats(self, alarms: Alarms, *numbers: Floats) -> Floats:
        alarms.raise_where(numbers[0] <= 0, "there is no logarithm of 0 and below")
        found: Floats = np.log(numbers[0])
        return found


@function(
    "LOG",
    takes=[_X, Parameter("base", NUMBERS, optional=True)],
    says="The logarithm to a base (10), as in spreadsheets, a double; LN is the natural one.",
    group=_GROUP,
    examples={"LOG(1000)": "3.0", "ROUND(LOG(8, 2), 6)": "3.0"},
)
class Log(_Library):
    def floats(self, alarms: Alarms, *numbers: Floats) -> Floats:
        alarms.raise_where(numbers[0] <= 0, "there is no logarithm of 0 and below")
        if len(numbers) == 1:
            decimal: Floats = np.log10(numbers[0])
            return decimal
        alarms.raise_where((numbers[1] <= 0) | (numbers[1] == 1), "the base of a logarithm is above 0, and not 1")
        found: Floats = np.log(numbers[0]) / np.log(numbers[1])
        return found


@function("PI", says="The number pi, a double.", group=_GROUP, examples={"ROUND(PI(), 4)": "3.1416"})
class Pi(Strict):
    def form(self, arguments: Sequence[Node]) -> Form:
        return DOUBLE

    def column(self, call: Application, alarms: Alarms, *columns: pl.Series) -> pl.Series:
        return pl.Series([np.pi])


# Conversions to numbers.


@function(
    "TOINT",
    takes=[Parameter("value", NUMBERS | TEXTS | TRUTHS)],
    says="A whole number: of a number without what is behind the point, of a text with digits only, of true 1.",
    group="conversions",
    examples={"TOINT('42')": "42", "TOINT(-2.9)": "-2", "TOINT(true)": "1"},
)
class ToInt(Strict):
    def form(self, arguments: Sequence[Node]) -> Form:
        own = arguments[0].form
        match own.kind:
            case Kind.TRUTH:
                return number(0, 1)
            case Kind.NUMBER:
                return rounded_form(own, min(0, own.scale), Rounding.DOWN)
            case _:
                return number(-(2**63), 2**63 - 1)

    def column(self, call: Application, alarms: Alarms, *columns: pl.Series) -> pl.Series:
        own, values = call.arguments[0].form, columns[0]
        match own.kind:
            case Kind.TRUTH:
                return values.cast(pl.Int64)
            case Kind.NUMBER:
                return rounded_to(values, own, 0, Rounding.DOWN, call.form)
            case Kind.DOUBLE:
                return scaled_floats(_rounded_floats(values, 0, Rounding.DOWN), 0, alarms)
            case _:
                return read_numbers(values, 0, 18, alarms)


@function(
    "TODECIMAL",
    "VALUE",
    takes=[Parameter("value", NUMBERS | TEXTS), Parameter("digits", frozenset({Kind.NUMBER}), True, True)],
    says=f"An exact number with digits behind the point: of a text with at most so many ({_TEXT_DIGITS}), of a number"
    " rounded half to even.",
    group="conversions",
    examples={"TODECIMAL('12.5', 2)": "12.50", "VALUE('-3')": "-3.000000", "TODECIMAL(2.345, 2)": "2.34"},
)
class ToDecimal(Strict):
    def form(self, arguments: Sequence[Node]) -> Form:
        own, digits = arguments[0].form, self._digits(arguments)
        if own.kind is not Kind.NUMBER:
            return number(-(10**_MOST_DIGITS) + 1, 10**_MOST_DIGITS - 1, digits)
        return at_scale(own, digits) if digits > own.scale else rounded_form(own, digits, Rounding.HALF_EVEN)

    @staticmethod
    def _digits(arguments: Sequence[Node]) -> int:
        if len(arguments) < 2:
            return _TEXT_DIGITS
        return whole_literal(arguments[1], "digits", 0, _MOST_DIGITS, argument=1)

    def column(self, call: Application, alarms: Alarms, *columns: pl.Series) -> pl.Series:
        own, digits, values = call.arguments[0].form, self._digits(call.arguments), columns[0]
        match own.kind:
            case Kind.NUMBER if digits > own.scale:
                return shifted(values, digits - own.scale, call.form, alarms)
            case Kind.NUMBER:
                return rounded_to(values, own, digits, Rounding.HALF_EVEN, call.form)
            case Kind.DOUBLE:
                return refuse_long(scaled_floats(values, digits, alarms), alarms)
            case _:
                return refuse_long(read_numbers(values, digits, _MOST_DIGITS - digits, alarms), alarms)


@function(
    "TODOUBLE",
    takes=[_X],
    says="The nearest number in binary floating point, which has about 16 digits and a large range.",
    group="conversions",
    examples={"TODOUBLE(0.10)": "0.1", "TODOUBLE(2)": "2.0"},
)
class ToDouble(Strict):
    def form(self, arguments: Sequence[Node]) -> Form:
        return DOUBLE

    def column(self, call: Application, alarms: Alarms, *columns: pl.Series) -> pl.Series:
        return promoted(columns[0], call.arguments[0].form, DOUBLE, alarms)


def scaled_floats(values: pl.Series, scale: int, alarms: Alarms) -> pl.Series:
    """Doubles as integers scaled by a power of ten, half to even after one multiplication; Int64."""
    with np.errstate(all="ignore"):
        scaled = pl.Series(np.rint(values.fill_null(0.0).to_numpy() * float(10**scale)))
    alarms.raise_where(scaled.abs() >= 2.0**63, f"the number has no room with {scale} digits behind the point")
    whole_numbers = scaled.cast(pl.Int64, strict=False)
    return pl.select(pl.when(values.is_not_null()).then(whole_numbers)).to_series()


def refuse_long(scaled: pl.Series, alarms: Alarms) -> pl.Series:
    """Let numbers fail that have more than 18 digits."""
    most = pl.Series([10**_MOST_DIGITS - 1], dtype=scaled.dtype)
    alarms.raise_where((scaled > most) | (scaled < pl.Series([1 - 10**_MOST_DIGITS], dtype=scaled.dtype)), TOO_LONG)
    return scaled


TOO_LONG = f"the number has more than {_MOST_DIGITS} digits"


def read_numbers(texts: pl.Series, scale: int, most_before: int, alarms: Alarms) -> pl.Series:
    """Texts such as ``-12.5`` as scaled integers; others fail. Int64."""
    behind = rf"(?:\.([0-9]{{1,{scale}}}))?" if scale else r"(?:\.(0+))?"
    pattern = rf"^\s*([+-]?)0*([0-9]{{1,{max(most_before, 1)}}}){behind}\s*$"
    sign, before, after = (texts.str.extract(pattern, group) for group in (1, 2, 3))
    form = f"a number with at most {scale} digits behind the point" if scale else "a whole number"
    alarms.raise_where(texts.is_not_null() & before.is_null(), f"the text cannot be read as {form}")
    fraction = after.fill_null("").str.slice(0, scale).str.pad_end(scale, "0")
    digits = (before + fraction).cast(pl.Int64, strict=False)
    return pl.select(pl.when(sign == "-").then(-digits).otherwise(digits)).to_series()

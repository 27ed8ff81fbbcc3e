"""Functions that round."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import polars as pl

from engine.expression.arithmetic import refuse_not_finite
from engine.expression.cells import Alarms
from engine.expression.exact import Rounding, rounded, shifted, whole
from engine.expression.faults import Mismatch
from engine.expression.forms import NUMBERS, Form, Kind, at_scale, number
from engine.expression.functions import Application, Node, Parameter, Strict, function, whole_literal

A_NUMBER = Parameter("number", NUMBERS)
_DIGITS = Parameter("digits", frozenset({Kind.NUMBER}), optional=True, literal=True)
MOST_DIGITS = 18


class _Rounds(Strict):
    """Rounds to a number of digits behind the point; negative digits are those before it."""

    how: Rounding

    def form(self, arguments: Sequence[Node]) -> Form:
        digits = self._digits(arguments)
        return rounded_form(arguments[0].form, digits, self.how)

    def _digits(self, arguments: Sequence[Node]) -> int:
        if len(arguments) < 2:
            return 0
        return whole_literal(arguments[1], "digits", -MOST_DIGITS, MOST_DIGITS, argument=1)

    def column(self, call: Application, alarms: Alarms, *columns: pl.Series) -> pl.Series:
        own, digits = call.arguments[0].form, self._digits(call.arguments)
        if own.kind is Kind.DOUBLE:
            return refuse_not_finite(rounded_floats(columns[0], digits, self.how), alarms)
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


def rounded_floats(values: pl.Series, digits: int, how: Rounding) -> pl.Series:
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
    takes=[A_NUMBER, _DIGITS],
    says="Rounds to digits behind the point (0), half away from zero, as spreadsheets and PostgreSQL do.",
    group="numbers",
    examples={"ROUND(2.345, 2)": "2.35", "ROUND(-2.5)": "-3", "ROUND(1250, -2)": "1300"},
)
class Round(_Rounds):
    how = Rounding.HALF_AWAY


@function(
    "ROUNDEVEN",
    takes=[A_NUMBER, _DIGITS],
    says="Rounds to digits behind the point (0), half to the even neighbour.",
    group="numbers",
    examples={"ROUNDEVEN(2.345, 2)": "2.34", "ROUNDEVEN(2.5)": "2"},
)
class RoundEven(_Rounds):
    how = Rounding.HALF_EVEN


@function(
    "ROUNDUP",
    takes=[A_NUMBER, _DIGITS],
    says="Rounds to digits behind the point (0), away from zero.",
    group="numbers",
    examples={"ROUNDUP(2.341, 2)": "2.35", "ROUNDUP(-1.1)": "-2"},
)
class RoundUp(_Rounds):
    how = Rounding.UP


@function(
    "ROUNDDOWN",
    "TRUNC",
    takes=[A_NUMBER, _DIGITS],
    says="Rounds to digits behind the point (0), towards zero.",
    group="numbers",
    examples={"ROUNDDOWN(2.349, 2)": "2.34", "TRUNC(-1.9)": "-1"},
)
class RoundDown(_Rounds):
    how = Rounding.DOWN


@function(
    "INT",
    takes=[A_NUMBER],
    says="The largest whole number that is not above the number.",
    group="numbers",
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
    takes=[A_NUMBER, _STEP],
    says="The largest multiple of the step (1) that is not above the number.",
    group="numbers",
    examples={"FLOOR(2.9)": "2", "FLOOR(7.38, 0.25)": "7.25", "FLOOR(-1, 5)": "-5"},
)
class Floor(_ToStep):
    how = Rounding.FLOOR


@function(
    "CEILING",
    "CEIL",
    takes=[A_NUMBER, _STEP],
    says="The smallest multiple of the step (1) that is not below the number.",
    group="numbers",
    examples={"CEILING(2.1)": "3", "CEILING(7.38, 0.25)": "7.50", "CEIL(-1, 5)": "0"},
)
class Ceiling(_ToStep):
    how = Rounding.CEILING


@function(
    "MROUND",
    takes=[A_NUMBER, Parameter("step", NUMBERS, literal=True)],
    says="The nearest multiple of the step, half away from zero.",
    group="numbers",
    examples={"MROUND(7.38, 0.05)": "7.40", "MROUND(12, 5)": "10"},
)
class MRound(_ToStep):
    how = Rounding.HALF_AWAY

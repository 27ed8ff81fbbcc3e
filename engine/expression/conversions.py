"""Conversions of one kind of value to another one."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import polars as pl

from engine.expression.cells import Alarms
from engine.expression.exact import Rounding, shifted
from engine.expression.forms import (
    DATE,
    DATES,
    DOUBLE,
    NUMBERS,
    TEXTS,
    TRUTH,
    TRUTHS,
    Form,
    Kind,
    at_scale,
    number,
    text,
)
from engine.expression.functions import Application, Node, Parameter, Strict, function, promoted, whole_literal
from engine.expression.rounding import A_NUMBER, MOST_DIGITS, rounded_floats, rounded_form, rounded_to
from engine.expression.written import texts_of, written_length

_TEXT_DIGITS = 6


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
                return scaled_floats(rounded_floats(values, 0, Rounding.DOWN), 0, alarms)
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
            return number(-(10**MOST_DIGITS) + 1, 10**MOST_DIGITS - 1, digits)
        return at_scale(own, digits) if digits > own.scale else rounded_form(own, digits, Rounding.HALF_EVEN)

    @staticmethod
    def _digits(arguments: Sequence[Node]) -> int:
        if len(arguments) < 2:
            return _TEXT_DIGITS
        return whole_literal(arguments[1], "digits", 0, MOST_DIGITS, argument=1)

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
                return refuse_long(read_numbers(values, digits, MOST_DIGITS - digits, alarms), alarms)


@function(
    "TODOUBLE",
    takes=[A_NUMBER],
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
    most = pl.Series([10**MOST_DIGITS - 1], dtype=scaled.dtype)
    alarms.raise_where((scaled > most) | (scaled < pl.Series([1 - 10**MOST_DIGITS], dtype=scaled.dtype)), TOO_LONG)
    return scaled


TOO_LONG = f"the number has more than {MOST_DIGITS} digits"


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


@function(
    "TOSTRING",
    takes=[Parameter("value")],
    says="The value as text: numbers with all of their digits, true and false, instants in ISO 8601.",
    group="conversions",
    examples={"TOSTRING(1.50)": "1.50", "TOSTRING(DATE(2026, 1, 31))": "2026-01-31"},
)
class ToString(Strict):
    def form(self, arguments: Sequence[Node]) -> Form:
        own = arguments[0].form
        return text(written_length(own), own.texts)

    def column(self, call: Application, alarms: Alarms, *columns: pl.Series) -> pl.Series:
        return texts_of(columns[0], call.arguments[0].form)


@function(
    "TOBOOL",
    takes=[Parameter("value", NUMBERS | TRUTHS | frozenset({Kind.TEXT}))],
    says="A truth value: of the texts true and false in any case, of a number whether it is not 0.",
    group="conversions",
    examples={"TOBOOL('TRUE')": "true", "TOBOOL(0)": "false"},
)
class ToBool(Strict):
    def form(self, arguments: Sequence[Node]) -> Form:
        return TRUTH

    def column(self, call: Application, alarms: Alarms, *columns: pl.Series) -> pl.Series:
        match call.arguments[0].form.kind:
            case Kind.TRUTH:
                return columns[0]
            case Kind.TEXT:
                words = columns[0].str.strip_chars().str.to_lowercase()
                alarms.raise_where(~words.is_in(["true", "false"]), "the text is neither true nor false")
                return words == "true"
            case _:
                return columns[0] != pl.Series([0], dtype=columns[0].dtype)


@function(
    "DATEVALUE",
    "TODATE",
    takes=[Parameter("text", TEXTS | DATES)],
    says="The date of a text such as 2026-01-31, or of an instant.",
    group="conversions",
    examples={"DATEVALUE('2026-01-31')": "2026-01-31", "ISERROR(DATEVALUE('2026-02-30'))": "true"},
)
class DateValue(Strict):
    def form(self, arguments: Sequence[Node]) -> Form:
        return DATE

    def column(self, call: Application, alarms: Alarms, *columns: pl.Series) -> pl.Series:
        own = columns[0]
        if call.arguments[0].form.kind is not Kind.TEXT:
            return own.cast(pl.Date)
        texts = pl.select(pl.when(own.str.contains(r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$")).then(own)).to_series()
        found = texts.str.to_date("%Y-%m-%d", strict=False)
        found = pl.select(pl.when(found >= pl.date(1, 1, 1)).then(found)).to_series()
        alarms.raise_where(own.is_not_null() & found.is_null(), "the text is no date such as 2026-01-31")
        return found

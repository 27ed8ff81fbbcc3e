"""Operands: other fields' values in a formula, what is known about them, and their columns."""

from __future__ import annotations

import math
from fractions import Fraction

import polars as pl

from engine.expression.forms import DATE, DOUBLE, INSTANT, MAX_TEXT, TRUTH, Form, Kind, number, text
from engine.expression.written import written_length
from engine.schema import MAX_DECIMAL_DIGITS, OutputType
from generators.fields.base import Output, Scope
from generators.references import may_be_null, output_of

T = OutputType
_WHOLE = {T.INTEGER: (-(2**31), 2**31 - 1), T.LONG: (-(2**63), 2**63 - 1)}
_NUMBERS = {T.INTEGER, T.LONG, T.DECIMAL, T.DOUBLE}
_TEXTUAL = {T.STRING, T.UUID, T.JSON}
_UUID_LENGTH = 36


def form_of(name: str, scope: Scope) -> Form | None:
    """The form of another field's values, as those who refer to it see them; None while it is not known."""
    output = output_of(name, scope)
    if output is None:
        return None
    other = scope.fields[name].scope
    form = _form(output, other.output_type or output.type, other.output_scale)
    return form.or_null(Form(Kind.NULL, nullable=may_be_null(name, scope)))


def form_of_output(output: Output) -> Form:
    """The form of values of which this is known, in their own type."""
    form = _form(output, output.type, None)
    return form.or_null(Form(Kind.NULL, nullable=output.nullable))


def operand(column: pl.Series, form: Form) -> pl.Series:
    """A field's column as the form's."""
    if isinstance(column.dtype, pl.Decimal):
        column = column.to_physical()
    return column.cast(form.dtype)


def _form(output: Output, to: OutputType, scale: int | None) -> Form:
    match to:
        case T.INTEGER | T.LONG:
            return number(*_bounds(output, 0, _WHOLE[to]))
        case T.DECIMAL:
            digits = scale if scale is not None else output.scale if output.type is T.DECIMAL else 0
            most = 10**MAX_DECIMAL_DIGITS - 1
            return number(*_bounds(output, digits, (-most, most)), digits)
        case T.DOUBLE:
            return DOUBLE
        case T.BOOLEAN:
            return TRUTH
        case T.DATE:
            return DATE
        case T.TIMESTAMP:
            return INSTANT
        case T.TIME:
            return Form(Kind.TIME)
        case T.UUID:
            return text(_UUID_LENGTH)
        case _:
            return _text_form(output)


def _bounds(output: Output, scale: int, limits: tuple[int, int]) -> tuple[int, int]:
    """The bounds of numbers, scaled; those of the type where none are known."""
    low, high = limits
    if output.type in _NUMBERS and output.minimum is not None:
        low = max(low, math.floor(Fraction(output.minimum) * 10**scale))
    if output.type in _NUMBERS and output.maximum is not None:
        high = min(high, math.ceil(Fraction(output.maximum) * 10**scale))
    return low, max(low, high)


def _text_form(output: Output) -> Form:
    if output.type not in _TEXTUAL:
        return text(written_length(_form(output, output.type, None)))
    texts = None
    if output.type is T.STRING and output.values is not None:
        texts = [value for value in output.values if isinstance(value, str)]
    longest = _UUID_LENGTH if output.type is T.UUID else MAX_TEXT
    return text(longest if output.max_length is None else min(output.max_length, MAX_TEXT), texts)

"""What functions of numbers do, one record at a time: exact numbers are fractions."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence
from datetime import date, timedelta
from fractions import Fraction
from typing import Any

from engine.expression.forms import Form, Kind

LIMIT = 2**127


class Failed(Exception):
    """There is no value for the record."""


def held(value: Fraction, form: Form) -> Fraction:
    """The number, if it can be held at the form's scale."""
    scaled = value * 10**form.scale
    assert scaled.denominator == 1, "a number has more digits than its form"
    if not -LIMIT <= scaled < LIMIT:
        raise Failed
    return value


def at_scale(value: Fraction, scale: int) -> Fraction:
    if not -LIMIT <= value * 10**scale < LIMIT:
        raise Failed
    return value


def is_float(*forms: Form) -> bool:
    return any(form.kind is Kind.DOUBLE for form in forms)


def as_float(value: Any, form: Form) -> float:
    """What the conversion of scaled integers says: the integer and the power of ten are made doubles first."""
    if isinstance(value, float):
        return value
    scaled = int(value * 10**form.scale)
    return float(scaled) / float(10**form.scale) if form.scale else float(scaled)


def finite(value: float) -> float:
    if not math.isfinite(value):
        raise Failed
    return value


def half_even(value: Fraction) -> int:
    return round(value)


def half_away(value: Fraction) -> int:
    size = math.floor(abs(value) + Fraction(1, 2))
    return size if value >= 0 else -size


def towards_zero(value: Fraction) -> int:
    return math.trunc(value)


def from_zero(value: Fraction) -> int:
    return math.ceil(value) if value > 0 else math.floor(value)


def pair(forms: Sequence[Form], a: Any, b: Any) -> tuple[Any, Any]:
    """Two numbers as they are computed with: doubles, or exact at the larger scale."""
    if is_float(*forms):
        return as_float(a, forms[0]), as_float(b, forms[1])
    scale = max(form.scale for form in forms)
    return at_scale(a, scale), at_scale(b, scale)


def plus(form: Form, forms: Sequence[Form], a: Any, b: Any) -> Any:
    if form.kind is Kind.TEXT:
        return a + b
    if form.kind is Kind.DATE:
        return moved(a, b) if isinstance(a, date) else moved(b, a)
    a, b = pair(forms, a, b)
    return finite(a + b) if form.kind is Kind.DOUBLE else held(a + b, form)


def minus(form: Form, forms: Sequence[Form], a: Any, b: Any) -> Any:
    if form.kind is Kind.DATE:
        return moved(a, -b)
    if isinstance(a, date):
        return Fraction((a - b).days)
    a, b = pair(forms, a, b)
    return finite(a - b) if form.kind is Kind.DOUBLE else held(a - b, form)


def moved(day: date, by: Fraction) -> date:
    try:
        return day + timedelta(days=int(by))
    except OverflowError as error:
        raise Failed from error


def times(form: Form, forms: Sequence[Form], a: Any, b: Any) -> Any:
    if form.kind is Kind.DOUBLE:
        return finite(as_float(a, forms[0]) * as_float(b, forms[1]))
    return held(a * b, form)


def divided(form: Form, forms: Sequence[Form], a: Any, b: Any) -> Any:
    if b == 0:
        raise Failed
    if form.kind is Kind.DOUBLE:
        return finite(as_float(a, forms[0]) / as_float(b, forms[1]))
    return held(Fraction(half_even(a / b * 10**form.scale), 10**form.scale), form)


def floor_divided(form: Form, forms: Sequence[Form], a: Any, b: Any) -> Any:
    a, b = pair(forms, a, b)
    if b == 0:
        raise Failed
    return finite(a // b) if form.kind is Kind.DOUBLE else held(Fraction(a // b), form)


def remainder(form: Form, forms: Sequence[Form], a: Any, b: Any) -> Any:
    a, b = pair(forms, a, b)
    if b == 0:
        raise Failed
    return finite(a % b) if form.kind is Kind.DOUBLE else held(a % b, form)


def power(form: Form, forms: Sequence[Form], a: Any, b: Any) -> Any:
    if form.kind is Kind.NUMBER:
        return held(a ** int(b), form)
    exponent = int(b)
    found, factor = 1.0, as_float(a, forms[0])
    size = abs(exponent)
    while size:
        found = found * factor if size & 1 else found
        factor, size = factor * factor, size >> 1
    if exponent < 0:
        if found == 0.0:
            raise Failed
        found = 1.0 / found
    return finite(found)


def rounds(how: Callable[[Fraction], int]) -> Callable[..., Any]:
    def rounded(form: Form, forms: Sequence[Form], value: Any, digits: Any = Fraction(0)) -> Any:
        if isinstance(value, float):
            unit = float(10 ** abs(int(digits)))
            scaled = value * unit if digits >= 0 else value / unit
            if not math.isfinite(scaled) or abs(scaled) >= 2.0**52:
                return value
            whole = float(how(Fraction(scaled)))
            return (whole / unit if digits >= 0 else whole * unit) + 0.0
        unit_ = Fraction(10) ** int(digits)
        if digits >= forms[0].scale:
            return value
        return held(how(value * unit_) / unit_, form)

    return rounded


def to_step(how: Callable[[Fraction], int]) -> Callable[..., Any]:
    def rounded(form: Form, forms: Sequence[Form], value: Fraction, step: Fraction = Fraction(1)) -> Fraction:
        at_scale(value, max(one.scale for one in forms))
        return held(how(value / step) * step, form)

    return rounded


def extreme(better: Callable[[Any, Any], bool]) -> Callable[..., Any]:
    def found(form: Form, forms: Sequence[Form], *values: Any) -> Any:
        numbers = common(forms, values)
        first = numbers[0]
        for other in numbers[1:]:
            first = other if better(other, first) else first
        return first

    return found


def common(forms: Sequence[Form], values: Sequence[Any]) -> list[Any]:
    if is_float(*forms):
        return [as_float(value, form) for value, form in zip(values, forms, strict=True)]
    scale = max(form.scale for form in forms)
    return [at_scale(value, scale) for value in values]


def summed(form: Form, forms: Sequence[Form], *values: Any) -> Any:
    numbers = common(forms, values)
    found = numbers[0]
    for other in numbers[1:]:
        found += other
    return finite(found) if isinstance(found, float) else held(found, form)


def averaged(form: Form, forms: Sequence[Form], *values: Any) -> Any:
    numbers = common(forms, values)
    if isinstance(numbers[0], float):
        return finite(summed(form, forms, *values)) / float(len(values))
    scale = max(one.scale for one in forms)
    total = at_scale(sum(numbers, Fraction(0)), scale)
    return held(Fraction(half_even(total / len(values) * 10**form.scale), 10**form.scale), form)


def clamped(form: Form, forms: Sequence[Form], *values: Any) -> Any:
    own, low, high = common(forms, values)
    raised = low if low > own else own
    return high if high < raised else raised


def to_int(form: Form, forms: Sequence[Form], value: Any) -> Fraction:
    if isinstance(value, bool):
        return Fraction(int(value))
    if isinstance(value, float):
        if abs(math.trunc(value)) >= 2**63:
            raise Failed
        return Fraction(math.trunc(value))
    if isinstance(value, str):
        match = re.fullmatch(r"\s*([+-]?)0*([0-9]{1,18})(?:\.0+)?\s*", value)
        if match is None:
            raise Failed
        return Fraction(int(match[1] + match[2]))
    return held(Fraction(math.trunc(value)), form)


def to_decimal(form: Form, forms: Sequence[Form], value: Any, digits: Any = Fraction(6)) -> Fraction:
    digits = int(digits)
    if isinstance(value, str):
        pattern = r"\s*([+-]?)0*([0-9]+)(?:\.([0-9]+))?\s*"
        match = re.fullmatch(pattern, value)
        behind = "" if match is None else match[3] or ""
        if match is None or len(behind if digits else behind.strip("0")) > digits:
            raise Failed
        number = Fraction(f"{match[1]}{match[2]}.{match[3] or 0}")
    else:
        number = value
        if isinstance(value, float):
            scaled = value * float(10**digits)
            if not math.isfinite(scaled) or abs(scaled) >= 2.0**63:
                raise Failed
            number = Fraction(round(scaled), 10**digits)
        elif digits >= forms[0].scale:
            return held(value, form)
        number = Fraction(half_even(number * 10**digits), 10**digits)
        if not isinstance(value, float):
            return held(number, form)
    if abs(number * 10**digits) >= 10**18:
        raise Failed
    return number


def compared(how: Callable[[Any, Any], bool]) -> Callable[..., bool]:
    def found(form: Form, forms: Sequence[Form], a: Any, b: Any) -> bool:
        if forms[0].kind in {Kind.NUMBER, Kind.DOUBLE}:
            a, b = pair(forms, a, b)
        if isinstance(a, str):
            a, b = a.encode(), b.encode()
        return how(a, b)

    return found

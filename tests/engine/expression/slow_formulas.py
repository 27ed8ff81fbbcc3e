"""A slow and obvious interpreter of formulas: one record at a time, with Python's integers, fractions and texts.

It takes the kinds and scales of the parts from the compiled formula, and nothing else: what each function does, what
null is and what fails is written here a second time. Exact numbers are `Fraction`.
"""

from __future__ import annotations

import calendar
import hashlib
import math
import re
import unicodedata
import zlib
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from fractions import Fraction
from typing import Any

from engine.expression.forms import Form, Kind, scaled_literal
from engine.expression.functions import Application, Constant, Node, Options, Reference

Record = Mapping[str, Any]
LIMIT = 2**127


class Failed(Exception):
    """There is no value for the record."""


def value_of(node: Node, record: Record) -> Any:
    """The value of a part for a record: None for null; raises Failed."""
    match node:
        case Constant():
            return _literal(node)
        case Reference():
            return record[node.name]
        case Application():
            name = node.function.name
            if name in LAZY:
                return LAZY[name](node, record)
            return _strict(node, record)
        case _:
            raise TypeError(f"no value: {node}")


def _literal(node: Constant) -> Any:
    if node.form.kind is Kind.NUMBER:
        scaled, scale = scaled_literal(node.value)  # type: ignore[arg-type]
        return Fraction(scaled, 10**scale)
    return node.value


def _strict(node: Application, record: Record) -> Any:
    values, failure = [], None
    for argument in node.arguments:
        try:
            values.append(value_of(argument, record))
        except Failed as error:
            failure = failure or error
    if failure is not None:
        raise failure
    if any(value is None for value in values):
        return None
    forms = [argument.form for argument in node.arguments]
    return STRICT[node.function.name](node.form, forms, *values)


# Numbers.


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
        if factor == 0.0 or found == 0.0:
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


# Texts.


def text_of(value: Any, form: Form) -> str:
    match value:
        case bool():
            return str(value).lower()
        case Fraction():
            scaled = int(value * 10**form.scale)
            digits = str(abs(scaled)).rjust(form.scale + 1, "0")
            point = f"{digits[: -form.scale]}.{digits[-form.scale :]}" if form.scale else digits
            return f"-{point}" if scaled < 0 else point
        case datetime():
            return f"{value:%Y-%m-%dT%H:%M:%S}.{value.microsecond // 1000:03}Z".rjust(24, "0")
        case date():
            return value.isoformat()
        case _:
            return str(value)


def joined(form: Form, forms: Sequence[Form], *values: Any) -> str:
    return "".join(text_of(value, own) for value, own in zip(values, forms, strict=True))


def count_of(value: Fraction) -> int:
    if value < 0:
        raise Failed
    return int(value)


def start_of(value: Fraction) -> int:
    if value < 1:
        raise Failed
    return int(value) - 1


def left(form: Form, forms: Sequence[Form], own: str, count: Fraction = Fraction(1)) -> str:
    return own[: count_of(count)]


def right(form: Form, forms: Sequence[Form], own: str, count: Fraction = Fraction(1)) -> str:
    size = count_of(count)
    return own[max(0, len(own) - size) :]


def mid(form: Form, forms: Sequence[Form], own: str, start: Fraction, count: Fraction = Fraction(10**9)) -> str:
    begin = start_of(start)
    return own[begin : begin + count_of(count)]


def character(form: Form, forms: Sequence[Form], own: str, index: Fraction) -> str:
    place = int(index) if index >= 0 else len(own) + int(index)
    return own[place : place + 1] if place >= 0 else ""


def substituted(form: Form, forms: Sequence[Form], own: str, old: str, new: str) -> str:
    if not old:
        raise Failed
    return own.replace(old, new)


def replaced(form: Form, forms: Sequence[Form], own: str, *rest: Any) -> str:
    if len(rest) == 2:
        return substituted(form, forms, own, *rest)
    begin, size = start_of(rest[0]), count_of(rest[1])
    return own[:begin] + rest[2] + own[begin + size :]


def found_at(form: Form, forms: Sequence[Form], part: str, own: str, start: Fraction = Fraction(1)) -> Fraction:
    begin = start_of(start)
    place = own.find(part, begin) if begin <= len(own) else -1
    if place < 0:
        raise Failed
    return Fraction(place + 1)


def slug(form: Form, forms: Sequence[Form], own: str) -> str:
    plain = own.lower()
    for letter, letters in {"ß": "ss", "æ": "ae", "œ": "oe", "ø": "o", "đ": "d", "ł": "l", "ı": "i", "þ": "th"}.items():
        plain = plain.replace(letter, letters)
    plain = "".join(c for c in unicodedata.normalize("NFD", plain) if not unicodedata.category(c).startswith("M"))
    return re.sub("[^a-z0-9]+", "-", plain).strip("-")


def initials(form: Form, forms: Sequence[Form], own: str) -> str:
    return "".join(word[0] for word in re.split(r"[\s-]+", own) if word).upper()


def to_bool(form: Form, forms: Sequence[Form], value: Any) -> bool:
    if isinstance(value, str):
        word = value.strip().lower()
        if word not in {"true", "false"}:
            raise Failed
        return word == "true"
    return bool(value)


def luhn(form: Form, forms: Sequence[Form], own: str) -> Fraction:
    if not re.fullmatch("[0-9]+", own):
        raise Failed
    total = 0
    for place, digit in enumerate(reversed(own)):
        value = int(digit) * (2 if place % 2 == 0 else 1)
        total += value - 9 if value > 9 else value
    return Fraction(-total % 10)


# Dates.


def day_of(value: date | datetime) -> date:
    return value.date() if isinstance(value, datetime) else value


def made_date(form: Form, forms: Sequence[Form], year: Fraction, month: Fraction, day: Fraction) -> date:
    months = int(year) * 12 + int(month) - 1
    try:
        return date(1, 1, 1) + timedelta(days=_days_before(months) + int(day) - 1)
    except OverflowError as error:
        raise Failed from error


def _days_before(months: int) -> int:
    """Days from 0001-01-01 to the first of a month that is counted from the year 0."""
    year, month = divmod(months, 12)
    cycles, rest = divmod(year, 400)
    return date(rest + 400, month + 1, 1).toordinal() - 1 + (cycles - 1) * 146_097


def months_later(value: date, by: int) -> date:
    months = value.year * 12 + value.month - 1 + by
    year, month = divmod(months, 12)
    if not 1 <= year <= 9999:
        raise Failed
    return value.replace(year=year, month=month + 1, day=min(value.day, calendar.monthrange(year, month + 1)[1]))


def edate(form: Form, forms: Sequence[Form], value: date, by: Fraction) -> date:
    return day_of(months_later(value, int(by)))


def eomonth(form: Form, forms: Sequence[Form], value: date, by: Fraction) -> date:
    last = day_of(months_later(value, int(by)))
    return last.replace(day=calendar.monthrange(last.year, last.month)[1])


def weekday(form: Form, forms: Sequence[Form], value: date, kind: Fraction = Fraction(1)) -> Fraction:
    return Fraction({1: value.isoweekday() % 7 + 1, 2: value.isoweekday(), 3: value.weekday()}[int(kind)])


UNITS = {"millisecond": 1, "second": 1000, "minute": 60_000, "hour": 3_600_000, "day": 86_400_000, "week": 604_800_000}


def instant(value: date | datetime) -> datetime:
    return value if isinstance(value, datetime) else datetime(value.year, value.month, value.day, tzinfo=UTC)


def date_add(form: Form, forms: Sequence[Form], value: date, amount: Fraction, unit: str) -> date:
    unit = unit.removesuffix("s")
    if unit in {"month", "year"}:
        found: date = months_later(value, int(amount) * (12 if unit == "year" else 1))
    else:
        try:
            found = instant(value) + timedelta(milliseconds=int(amount) * UNITS[unit])
        except OverflowError as error:
            raise Failed from error
    return day_of(found) if form.kind is Kind.DATE else instant(found)


def date_dif(form: Form, forms: Sequence[Form], start: date, end: date, unit: str) -> Fraction:
    unit = {"D": "day", "M": "month", "Y": "year"}.get(unit, unit)
    one, other = instant(start), instant(end)
    sign = 1 if one <= other else -1
    one, other = min(one, other), max(one, other)
    if unit in UNITS:
        return Fraction(sign * ((other - one) // timedelta(milliseconds=UNITS[unit])))
    months = (other.year - one.year) * 12 + other.month - one.month
    within = [at - at.replace(day=1, hour=0, minute=0, second=0, microsecond=0) for at in (one, other)]
    months -= within[1] < within[0]
    return Fraction(sign * (months // (12 if unit == "year" else 1)))


def part(of: Callable[[Any], int]) -> Callable[..., Fraction]:
    return lambda form, forms, value: Fraction(of(value))


# What does not look at all of its arguments.


def promoted(value: Any, form: Form, to: Form) -> Any:
    if value is None or form.kind is not Kind.NUMBER:
        return value
    return as_float(value, form) if to.kind is Kind.DOUBLE else at_scale(value, to.scale)


def taken(node: Application, chosen: Node, record: Record) -> Any:
    return promoted(value_of(chosen, record), chosen.form, node.form)


def if_(node: Application, record: Record) -> Any:
    condition = value_of(node.arguments[0], record)
    if condition is None:
        return None
    if condition:
        return taken(node, node.arguments[1], record)
    return taken(node, node.arguments[2], record) if len(node.arguments) > 2 else None


def ifs(node: Application, record: Record) -> Any:
    for condition, value in zip(node.arguments[::2], node.arguments[1::2], strict=True):
        found = value_of(condition, record)
        if found is None:
            return None
        if found:
            return taken(node, value, record)
    return None


def equal_to(one: Node, other: Node, record: Record) -> bool | None:
    a, b, failure = None, None, None
    try:
        a = value_of(one, record)
    except Failed as error:
        failure = error
    b = value_of(other, record) if failure is None else None
    if failure is not None:
        raise failure
    return None if a is None or b is None else compared(lambda x, y: x == y)(None, [one.form, other.form], a, b)


def switch(node: Application, record: Record) -> Any:
    value, *rest = node.arguments
    while len(rest) > 1:
        case, result, *rest = rest
        found = equal_to(value, case, record)
        if found is None:
            return None
        if found:
            return taken(node, result, record)
    return taken(node, rest[0], record) if rest else None


def case(node: Application, record: Record) -> Any:
    value, options, *default = node.arguments
    assert isinstance(options, Options)
    own = value_of(value, record)
    for key, result in zip(options.keys, options.values, strict=True):
        constant = Constant.of(key, 0)
        if own is not None and equal_to(value, constant, record):
            return taken(node, result, record)
    return taken(node, default[0], record) if default else None


def choose(node: Application, record: Record) -> Any:
    number = value_of(node.arguments[0], record)
    if number is None:
        return None
    if not 1 <= number < len(node.arguments):
        raise Failed
    return taken(node, node.arguments[int(number)], record)


def decides(decisive: bool) -> Callable[..., bool | None]:
    def found(node: Application, record: Record) -> bool | None:
        first, *others = node.arguments
        value = value_of(first, record)
        for other in others:
            try:
                following = value_of(other, record)
            except Failed:
                if value is None:
                    continue
                if value is not decisive:
                    raise
                continue
            if value is None or following is None:
                value = None
            elif value is not decisive:
                value = following
        return value

    return found


def coalesce(node: Application, record: Record) -> Any:
    for argument in node.arguments:
        value = value_of(argument, record)
        if value is not None:
            return promoted(value, argument.form, node.form)
    return None


def null_if(node: Application, record: Record) -> Any:
    return None if equal_to(*node.arguments, record) else taken(node, node.arguments[0], record)


def if_error(node: Application, record: Record) -> Any:
    try:
        value = value_of(node.arguments[0], record)
    except Failed:
        return taken(node, node.arguments[1], record)
    return promoted(value, node.arguments[0].form, node.form)


def is_error(node: Application, record: Record) -> bool:
    try:
        value_of(node.arguments[0], record)
    except Failed:
        return True
    return False


def text_join(node: Application, record: Record) -> str | None:
    values = [value_of(argument, record) for argument in node.arguments]
    if values[0] is None:
        return None
    texts = [
        text_of(value, argument.form)
        for value, argument in zip(values[1:], node.arguments[1:], strict=True)
        if value is not None
    ]
    return str(values[0]).join(texts)


LAZY: dict[str, Callable[[Application, Record], Any]] = {
    "IF": if_,
    "IFS": ifs,
    "SWITCH": switch,
    "CASE": case,
    "CHOOSE": choose,
    "AND": decides(False),
    "OR": decides(True),
    "COALESCE": coalesce,
    "NULLIF": null_if,
    "IFERROR": if_error,
    "ISERROR": is_error,
    "ISBLANK": lambda node, record: value_of(node.arguments[0], record) is None,
    "TEXTJOIN": text_join,
}
STRICT: dict[str, Callable[..., Any]] = {
    "+": plus,
    "-": minus,
    "*": times,
    "/": divided,
    "//": floor_divided,
    "%": remainder,
    "**": power,
    "NEGATIVE": lambda form, forms, a: -a if isinstance(a, float) else held(-a, form),
    "POSITIVE": lambda form, forms, a: a,
    "=": compared(lambda a, b: a == b),
    "<>": compared(lambda a, b: a != b),
    "<": compared(lambda a, b: a < b),
    "<=": compared(lambda a, b: a <= b),
    ">": compared(lambda a, b: a > b),
    ">=": compared(lambda a, b: a >= b),
    "ROUND": rounds(half_away),
    "ROUNDEVEN": rounds(half_even),
    "ROUNDUP": rounds(from_zero),
    "ROUNDDOWN": rounds(towards_zero),
    "INT": rounds(math.floor),
    "FLOOR": to_step(math.floor),
    "CEILING": to_step(math.ceil),
    "MROUND": to_step(half_away),
    "ABS": lambda form, forms, a: abs(a) if isinstance(a, float) else held(abs(a), form),
    "SIGN": lambda form, forms, a: Fraction((a > 0) - (a < 0)),
    "MIN": extreme(lambda a, b: a < b),
    "MAX": extreme(lambda a, b: a > b),
    "CLAMP": clamped,
    "SUM": summed,
    "AVERAGE": averaged,
    "TOINT": to_int,
    "TODECIMAL": to_decimal,
    "TODOUBLE": lambda form, forms, a: as_float(a, forms[0]),
    "&": joined,
    "CONCAT": joined,
    "TOSTRING": joined,
    "LOWER": lambda form, forms, a: a.lower(),
    "UPPER": lambda form, forms, a: a.upper(),
    "PROPER": lambda form, forms, a: a.title(),
    "TRIM": lambda form, forms, a: re.sub(" +", " ", a).strip(),
    "LEN": lambda form, forms, a: Fraction(len(a)),
    "LEFT": left,
    "RIGHT": right,
    "MID": mid,
    "CHARACTER": character,
    "SUBSTITUTE": substituted,
    "REPLACE": replaced,
    "REPT": lambda form, forms, a, count: a * count_of(count),
    "PADLEFT": lambda form, forms, a, width, fill=" ": a.rjust(max(0, int(width)), fill),
    "PADRIGHT": lambda form, forms, a, width, fill=" ": a.ljust(max(0, int(width)), fill),
    "EXACT": lambda form, forms, a, b: a == b,
    "CONTAINS": lambda form, forms, a, b: b in a,
    "STARTSWITH": lambda form, forms, a, b: a.startswith(b),
    "ENDSWITH": lambda form, forms, a, b: a.endswith(b),
    "FIND": found_at,
    "SLUG": slug,
    "INITIALS": initials,
    "NOT": lambda form, forms, a: not a,
    "XOR": lambda form, forms, *values: sum(values) % 2 == 1,
    "TOBOOL": to_bool,
    "YEAR": part(lambda at: at.year),
    "MONTH": part(lambda at: at.month),
    "DAY": part(lambda at: at.day),
    "HOUR": part(lambda at: at.hour),
    "MINUTE": part(lambda at: at.minute),
    "SECOND": part(lambda at: at.second),
    "WEEKDAY": weekday,
    "DATE": made_date,
    "EDATE": edate,
    "EOMONTH": eomonth,
    "DATEADD": date_add,
    "DATEDIF": date_dif,
    "DATEDIFF": date_dif,
    "DAYS": lambda form, forms, end, start: Fraction((day_of(end) - day_of(start)).days),
    "EPOCHMILLIS": lambda form, forms, at: Fraction(
        (instant(at) - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(milliseconds=1)
    ),
    "CRC32": lambda form, forms, a: Fraction(zlib.crc32(a.encode())),
    "MD5": lambda form, forms, a: hashlib.md5(a.encode()).hexdigest(),
    "SHA256": lambda form, forms, a: hashlib.sha256(a.encode()).hexdigest(),
    "LUHN": luhn,
}

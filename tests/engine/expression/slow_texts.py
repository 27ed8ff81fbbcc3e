"""What functions of texts do, one record at a time."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from datetime import date, datetime
from fractions import Fraction
from typing import Any

from engine.expression.forms import Form
from tests.engine.expression.slow_numbers import Failed


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

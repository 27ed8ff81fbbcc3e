"""A slow and obvious interpreter of formulas: one record at a time, with Python's integers, fractions and texts.

It takes the kinds and scales of the parts from the compiled formula, and nothing else: what each function does, what
null is and what fails is written here a second time. Exact numbers are `Fraction`.
"""

from __future__ import annotations

import hashlib
import math
import re
import zlib
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from typing import Any

from engine.expression.folds import Fold
from engine.expression.forms import Form, Kind, scaled_literal
from engine.expression.functions import Application, Constant, Node, Options, Reference
from tests.engine.expression.slow_dates import (
    date_add,
    date_dif,
    day_of,
    edate,
    eomonth,
    instant,
    made_date,
    part,
    weekday,
)
from tests.engine.expression.slow_numbers import (
    Failed,
    as_float,
    at_scale,
    averaged,
    clamped,
    compared,
    divided,
    extreme,
    floor_divided,
    from_zero,
    half_away,
    half_even,
    held,
    minus,
    plus,
    power,
    remainder,
    rounds,
    summed,
    times,
    to_decimal,
    to_int,
    to_step,
    towards_zero,
)
from tests.engine.expression.slow_texts import (
    character,
    count_of,
    found_at,
    initials,
    joined,
    left,
    luhn,
    mid,
    replaced,
    right,
    slug,
    substituted,
    text_of,
    to_bool,
)

Record = Mapping[str, Any]


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
        case Fold():
            return folded(node, record)
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


def count(node: Application, record: Record) -> Fraction:
    return Fraction(sum(value_of(argument, record) is not None for argument in node.arguments))


# What is made of all elements of an array.


def folded(node: Fold, record: Record) -> Any:
    record, each = record.get("", record), node.arguments[-1]
    lists = {name: values for name, values in record.items() if name.startswith(f"{node.over.path}[]")}
    values = []
    for place in range(max(map(len, lists.values()))):
        element = {name: values[place] for name, values in lists.items()}
        values.append(value_of(each, {**record, **element, "": record}))
    found = [value for value in values if value is not None]
    forms = [each.form] * len(found)
    match node.name:
        case "COUNT":
            return Fraction(len(found))
        case "TEXTJOIN":
            between = value_of(node.arguments[0], record)
            return str(between).join(text_of(value, each.form) for value in found)
        case "SUM" if each.form.kind is Kind.DOUBLE:
            return summed(node.form, [each.form, *forms], 0.0, *found)
        case "SUM":
            return summed(node.form, forms, *found) if found else Fraction(0)
        case "AVERAGE" if found and each.form.kind is Kind.DOUBLE:
            return summed(node.form, [each.form, *forms], 0.0, *found) / float(len(found))
        case _:
            return STRICT[node.name](node.form, forms, *found) if found else None


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
    "COUNT": count,
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

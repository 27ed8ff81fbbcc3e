"""Formulas outside of any field: fields to name, and what a formula makes of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from fractions import Fraction
from typing import Any

import numpy as np
import polars as pl

from engine.expression.cells import Surroundings
from engine.expression.faults import ExpressionFault, Mismatch
from engine.expression.forms import DATE, DOUBLE, INSTANT, TRUTH, Array, Form, Kind, number, text
from engine.expression.formula import Evaluation, Expression, evaluate
from engine.expression.functions import Node
from engine.expression.lookups import LookupTable
from engine.expression.written import texts_of
from engine.span import Span
from engine.stream import Source
from generators.picks.pool_table import PoolTable
from pools.builtin.base import builtin_pools
from pools.snapshot import snapshot_of

STARTED_AT = datetime(2026, 3, 29, 12, 0, tzinfo=UTC)
SURROUNDINGS = Surroundings(
    lambda site: Source(1, "orders", "it").stream("rand", site), run_id="preview", started_at=STARTED_AT
)


def table(name: str) -> LookupTable:
    """A built-in pool."""
    if name not in builtin_pools:
        raise Mismatch(f'there is no pool "{name}"', code="POOL_NOT_FOUND", argument=0)
    return PoolTable(snapshot_of(builtin_pools[name].records(), pool=name, version=1))


def compiled(expression: str, forms: Mapping[str, Form] | None = None, *, null_is_blank: bool = False) -> Node:
    """The root of an expression; raises its first fault."""
    known = forms or {}
    elements = {name: array for name, array in ELEMENTS.items() if name in known}
    compilation = Expression.parse(expression).compile(
        known, elements=elements, tables=table, null_is_blank=null_is_blank
    )
    if compilation.faults:
        raise compilation.faults[0]
    assert compilation.root is not None
    return compilation.root


def faults_of(expression: str, forms: Mapping[str, Form] | None = None) -> tuple[ExpressionFault, ...]:
    """Everything that is wrong with an expression, but for names that nobody knows."""
    try:
        known = forms or {}
        elements = {name: array for name, array in ELEMENTS.items() if name in known}
        return Expression.parse(expression).compile(known, elements=elements, tables=table).faults
    except ExpressionFault as fault:
        return (fault,)


def evaluated(root: Node, columns: Mapping[str, pl.Series] | None = None, *, count: int = 1) -> Evaluation:
    """What a formula makes for the first records."""
    lengths = {path: np.array(counts) for path, counts in LENGTHS.items()}
    return evaluate(root, columns or {}, Span(0, count), SURROUNDINGS, lengths)


def said(expression: str) -> str | None:
    """The text of the value of a formula without fields; the reason in angle brackets where it fails."""
    root = compiled(expression)
    evaluation = evaluated(root)
    if evaluation.failures is not None and evaluation.failures[0]:
        return f"<{evaluation.reasons[evaluation.failures[0] - 1]}>"
    return texts_of(evaluation.values, root.form)[0]


def column_of(values: Sequence[Any], form: Form) -> pl.Series:
    """A column of the form: exact numbers are given as fractions."""
    if form.kind is Kind.NUMBER:
        values = [None if value is None else int(value * 10**form.scale) for value in values]
    return pl.Series(values, dtype=form.dtype)


def values_of(column: pl.Series, form: Form) -> list[Any]:
    """A column as Python's values, exact numbers as fractions."""
    if form.kind is Kind.NUMBER:
        return [None if value is None else Fraction(value, 10**form.scale) for value in column.to_list()]
    return column.to_list()


def or_null(form: Form) -> Form:
    return form.or_null(Form(Kind.NULL, nullable=True))


_MOST = 10**18 - 1
FIELDS: dict[str, tuple[Form, list[Any]]] = {
    "small": (or_null(number(-9, 9)), [3, -2, 0, None, 9, -9, 1, 7]),
    "whole": (or_null(number(-(2**31), 2**31 - 1)), [2**31 - 1, -(2**31), 0, -7, None, 12, 1, 100]),
    "long": (or_null(number(-(2**63), 2**63 - 1)), [2**63 - 1, -(2**63), 0, None, 1, -1, 10**18, 12345]),
    "price": (
        or_null(number(-_MOST, _MOST, 2)),
        [Fraction(1999, 100), Fraction(-5, 100), Fraction(_MOST, 100), 0, None, Fraction(-_MOST, 100), 1, 2],
    ),
    "fine": (
        or_null(number(-_MOST, _MOST, 9)),
        [Fraction(1, 10**9), Fraction(-5, 10**8), Fraction(_MOST, 10**9), None, 0, Fraction(1, 2), 3, -3],
    ),
    "rate": (number(0, 50, 2), [Fraction(n, 100) for n in (0, 5, 50, 1, 25, 10, 33, 7)]),
    "double": (or_null(DOUBLE), [0.1, -2.5, 1e300, None, 0.0, 1e-300, 2.0**53, 3.0]),
    "name": (or_null(text(12)), ["Ada King", "", "ÄÖ straße", None, "日本 🦊", "a-b  c ", "o'neil", "42"]),
    "digits": (text(9), ["7992", "0", "12.50", "-3", "x", "", " 8 ", "123456789"]),
    "flag": (or_null(TRUTH), [True, False, None, True, False, True, None, False]),
    "day": (
        or_null(DATE),
        [
            *(date(2024, 2, 29), date(1, 1, 1), date(9999, 12, 31), date(2026, 1, 31)),
            *(None, date(2000, 3, 1), date(1969, 12, 31), date(2025, 6, 15)),
        ],
    ),
    "at": (
        or_null(INSTANT),
        [
            *(STARTED_AT, None, STARTED_AT + timedelta(days=40)),
            *(datetime(1969, 12, 31, 23, 59, 59, 999000, tzinfo=UTC), datetime(1, 1, 1, tzinfo=UTC)),
            *(datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC), datetime(2024, 2, 29, 6, 30, 15, tzinfo=UTC)),
            datetime(2000, 1, 1, tzinfo=UTC),
        ],
    ),
}
"""Fields with the values that are most likely to go wrong, eight of each."""
FORMS = {name: form for name, (form, _) in FIELDS.items()}
COUNT = 8

LENGTHS = {"items": [2, 0, 3, 1, 3, 0, 1, 2], "tags": [1, 2, 1, 1, 2, 1, 2, 1]}
"""How many elements each record has in each array."""
ARRAYS = {"items": Array("items", 0, 3), "tags": Array("tags", 1, 2)}
_FIELDS_OF_ELEMENTS: dict[str, tuple[Form, list[Any]]] = {
    "items[].quantity": (or_null(number(-9, 9)), [3, None, 0, -9, 9, None, 1, None, 2, 3, -2, 7]),
    "items[].price": (
        number(-_MOST, _MOST, 2),
        [Fraction(n, 100) for n in (1999, -5, _MOST, _MOST, _MOST, 0, -_MOST, 1, 2, 3, 250, 4)],
    ),
    "items[].long": (or_null(number(-(2**63), 2**63 - 1)), [2**63 - 1, 1, *[-(2**63)] * 3, None, 5, 0, -1, 7, 8, 9]),
    "items[].double": (or_null(DOUBLE), [0.1, 0.2, 1e308, 1e308, -1e308, -0.0, 1e300, 1.0, -1e300, None, 3.0, 2.5]),
    "items[].name": (or_null(text(9)), ["a", "", "Ä b", None, "🦊", "x", "42", "-3", None, "o'neil", "b", "7.5"]),
    "items[].flag": (TRUTH, [True, False] * 6),
    "items[].day": (
        or_null(DATE),
        [date(2024, 2, 29), None, *[date(1, 1, 1), date(9999, 12, 31)] * 4, date(2026, 1, 31), date(2000, 3, 1)],
    ),
    "tags[]": (number(-99, 99, 1), [Fraction(n, 10) for n in (5, -7, 99, 1, 2, 3, 4, 0, -99, 12, 13)]),
}
ELEMENTS = {name: ARRAYS[name.partition("[]")[0]] for name in _FIELDS_OF_ELEMENTS}
FORMS |= {name: form for name, (form, _) in _FIELDS_OF_ELEMENTS.items()}
COLUMNS = {name: column_of(values, form) for name, (form, values) in (FIELDS | _FIELDS_OF_ELEMENTS).items()}


def records() -> list[dict[str, Any]]:
    """The values of every record by name, exact numbers as fractions; a list where it has several elements."""
    found: list[dict[str, Any]] = []
    for place in range(COUNT):
        record: dict[str, Any] = {name: _exact(values[place], form) for name, (form, values) in FIELDS.items()}
        for name, (form, values) in _FIELDS_OF_ELEMENTS.items():
            lengths = LENGTHS[ELEMENTS[name].path]
            first = sum(lengths[:place])
            record[name] = [_exact(value, form) for value in values[first : first + lengths[place]]]
        found.append(record)
    return found


def _exact(value: Any, form: Form) -> Any:
    return Fraction(value) if form.kind is Kind.NUMBER and value is not None else value

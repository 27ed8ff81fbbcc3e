"""Formulas beside a slow interpreter: random ones over values that are most likely to go wrong."""

from __future__ import annotations

import math
import random
from collections.abc import Callable
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engine.expression.formula import FUNCTIONS
from engine.expression.functions import Node
from tests.engine.expression.formulas import (
    ARRAYS,
    COLUMNS,
    COUNT,
    FORMS,
    compiled,
    evaluated,
    faults_of,
    records,
    values_of,
)
from tests.engine.expression.slow_formulas import LAZY, STRICT, value_of
from tests.engine.expression.slow_numbers import Failed

NOT_INTERPRETED = {
    # Their examples and tests of their own say what they do.
    *(
        "POOLLOOKUP",
        "TEXT",
        "FORMATDATE",
        "DATEVALUE",
        "HASHPICK",
        "RECORDINDEX",
        "RUNID",
        "STARTEDAT",
        "RAND",
        "RANDBETWEEN",
    ),
    # Those of the machine's library.
    *("SQRT", "EXP", "LN", "LOG", "PI"),
}
FAULTS = {"INVALID_VALUE", "EXPRESSION_TOO_COMPLEX", "EXPRESSION_NOT_ALLOWED", "TYPE_MISMATCH", "EXPRESSION_SYNTAX"}
FAILED = object()


def test_every_function_is_interpreted_or_left_out_on_purpose() -> None:
    assert {function.name for function in FUNCTIONS.values()} == {*STRICT, *LAZY, *NOT_INTERPRETED}


class Writer:
    """Writes random formulas of a kind; of a value for each element of an array where it is given one."""

    def __init__(self, choose: random.Random, array: str | None = None) -> None:
        self._choose, self._array = choose, array

    def any(self, depth: int) -> str:
        return self._choose.choice([self.number, self.text, self.truth, self.day])(depth)

    def number(self, depth: int) -> str:
        leaves = ["small", "whole", "long", "price", "fine", "rate", "double"]
        leaves += ["0", "1", "-3", "2.50", "0.001", "7", "1e3", "99999999999999999999", "-0.5", "1e40"]
        leaves += self._elements("items[].quantity", "items[].price", "items[].long", "items[].double", "tags[]")
        if depth <= 0 or self._choose.random() < 0.15:
            return self._choose.choice(leaves)
        n, t, d = self.number, self.text, self.day
        digits = self._choose.choice([-2, 0, 1, 2, 5, 18])
        return self._pick(
            *[lambda sign=sign: f"({n(depth - 1)} {sign} {n(depth - 1)})" for sign in "+-*/%" * 2],
            lambda: f"({n(depth - 1)} // {n(depth - 1)})",
            lambda: f"({n(depth - 1)} ** {self._choose.choice([0, 1, 2, 3, 5, -1, 'small'])})",
            lambda: f"-{n(depth - 1)}",
            *[
                lambda name=name: f"{name}({n(depth - 1)}, {digits})"
                for name in ("ROUND", "ROUNDEVEN", "ROUNDUP", "ROUNDDOWN")
            ],
            lambda: f"TODECIMAL({n(depth - 1)}, {abs(digits)})",
            *[lambda name=name: f"{name}({n(depth - 1)})" for name in ("INT", "ABS", "SIGN", "TOINT", "TODOUBLE")],
            *[lambda name=name: f"{name}({n(depth - 1)}, 0.25)" for name in ("FLOOR", "CEILING", "MROUND")],
            *[
                lambda name=name: f"{name}({n(depth - 1)}, {n(depth - 1)}, {n(depth - 1)})"
                for name in ("MIN", "MAX", "SUM", "AVERAGE", "CLAMP")
            ],
            lambda: f"LEN({t(depth - 1)})",
            lambda: f"FIND({t(0)}, {t(depth - 1)}, {self._choose.choice([1, 2, 9, 'small'])})",
            lambda: f"TOINT({t(depth - 1)})",
            lambda: f"TODECIMAL({t(depth - 1)}, {abs(digits)})",
            lambda: f"CRC32({t(depth - 1)})",
            lambda: f"LUHN({t(depth - 1)})",
            *[lambda name=name: f"{name}({d(depth - 1)})" for name in ("YEAR", "MONTH", "DAY", "EPOCHMILLIS")],
            *[lambda name=name: f"{name}(at)" for name in ("HOUR", "MINUTE", "SECOND")],
            lambda: f"WEEKDAY({d(depth - 1)}, {self._choose.choice([1, 2, 3])})",
            lambda: f"DAYS({d(depth - 1)}, {d(depth - 1)})",
            lambda: f"DATEDIF({d(depth - 1)}, {d(depth - 1)}, '{self._choose.choice('DMY')}')",
            lambda: f"DATEDIFF({d(depth - 1)}, at, '{self._choose.choice(['hour', 'minute', 'week'])}')",
            lambda: f"CHOOSE(small, {n(depth - 1)}, {n(depth - 1)}, 3.25)",
            lambda: f"SWITCH({n(depth - 1)}, 3, {n(depth - 1)}, small, {n(0)}, {n(0)})",
            lambda: f"CASE(name, {{'': {n(depth - 1)}, '42': 1.5}}, {n(0)})",
            *self._folds(*self._ways_to_fold(depth)),
            lambda: f"COUNT({self.any(depth - 1)}, {n(0)})",
            *self._choices(n, depth),
        )

    def _elements(self, *names: str) -> list[str]:
        """Those of some names that are of the array."""
        return [name for name in names if self._array is not None and name.startswith(self._array)] * 3

    def _folds(self, *ways: Callable[[Writer], str]) -> list[Callable[[], str]]:
        """Ways to make one value of those of all elements; none inside an element."""
        if self._array is not None:
            return []
        inner = [Writer(self._choose, path) for path in ARRAYS]
        return [lambda way=way, of=of: way(of) for way in ways for of in inner]  # type: ignore[misc]

    def fold(self, depth: int) -> str:
        return self._pick(*self._folds(*self._ways_to_fold(depth)))

    def _ways_to_fold(self, depth: int) -> list[Callable[[Writer], str]]:
        return [
            *[lambda of, name=name: f"{name}({of.number(depth - 1)})" for name in ("SUM", "AVERAGE", "MIN", "MAX")],
            *[lambda of, name=name: f"{name}({of.number(depth - 1)}, {self.number(0)})" for name in ("SUM", "MIN")],
            lambda of: f"COUNT({of.any(depth - 1)})",
        ]

    def text(self, depth: int) -> str:
        leaves = ["name", "digits", "''", "'a'", '"Ä b"', "'-'", "'🦊'", *self._elements("items[].name")]
        if depth <= 0 or self._choose.random() < 0.15:
            return self._choose.choice(leaves)
        t, count = self.text, self._choose.choice(["0", "1", "2", "30", "small", "whole"])
        exact = self._choose.choice(["small", "long", "price", "flag", "day", "at", "fine"])
        return self._pick(
            lambda: f"({t(depth - 1)} & {t(depth - 1)})",
            lambda: f"({t(depth - 1)} + {t(depth - 1)})",
            lambda: f"CONCAT({exact}, {t(depth - 1)})",
            lambda: f"TOSTRING({exact})",
            *[
                lambda name=name: f"{name}({t(depth - 1)})"
                for name in ("LOWER", "UPPER", "PROPER", "TRIM", "SLUG", "INITIALS", "MD5", "SHA256")
            ],
            lambda: f"LEFT({t(depth - 1)}, {count})",
            lambda: f"RIGHT({t(depth - 1)}, {count})",
            lambda: f"MID({t(depth - 1)}, {count}, {self._choose.choice(['1', '2', 'small'])})",
            lambda: f"({t(depth - 1)})[{self._choose.choice([0, 1, -1, -3, 9])}]",
            lambda: f"SUBSTITUTE({t(depth - 1)}, {t(0)}, {t(0)})",
            lambda: f"REPLACE({t(depth - 1)}, small, 2, {t(0)})",
            lambda: f"REPLACE({t(depth - 1)}, 'a', {t(0)})",
            lambda: f"REPT({t(depth - 1)}, {self._choose.choice(['0', '2', 'small'])})",
            lambda: f"PADLEFT({t(depth - 1)}, {self._choose.choice(['0', '5', 'small'])}, '0')",
            lambda: f"PADRIGHT({t(depth - 1)}, 14)",
            lambda: f"TEXTJOIN({t(0)}, {t(depth - 1)}, {exact}, {t(0)})",
            *self._folds(lambda of: f"JOIN('', {of.any(depth - 1)})", lambda of: f"JOIN(', ', {of.any(depth - 1)})"),
            *self._choices(t, depth),
        )

    def truth(self, depth: int) -> str:
        if depth <= 0 or self._choose.random() < 0.15:
            return self._choose.choice(["flag", "true", "false", *self._elements("items[].flag")])
        w, same = self.truth, self._choose.choice([self.number, self.text, self.day])
        sign = self._choose.choice(["=", "<>", "<", "<=", ">", ">=", "==", "!="])
        return self._pick(
            *[lambda: f"({same(depth - 1)} {sign} {same(depth - 1)})"] * 4,
            lambda: f"({self.number(depth - 1)} < {self.number(depth - 1)} <= {self.number(depth - 1)})",
            lambda: f"({w(depth - 1)} and {w(depth - 1)})",
            lambda: f"OR({w(depth - 1)}, {w(depth - 1)}, {w(0)})",
            lambda: f"(not {w(depth - 1)})",
            lambda: f"XOR({w(depth - 1)}, {w(depth - 1)})",
            lambda: f"ISBLANK({self.any(depth - 1)})",
            lambda: f"ISERROR({self.any(depth - 1)})",
            lambda: f"TOBOOL({self._choose.choice([self.number, self.text, self.truth])(depth - 1)})",
            *[
                lambda name=name: f"{name}({self.text(depth - 1)}, {self.text(0)})"
                for name in ("CONTAINS", "STARTSWITH", "ENDSWITH", "EXACT")
            ],
            *self._choices(w, depth),
        )

    def day(self, depth: int) -> str:
        if depth <= 0 or self._choose.random() < 0.2:
            return self._choose.choice(["day", *self._elements("items[].day")])
        d, count = self.day, self._choose.choice(["1", "-13", "small", "whole", "1000000000000"])
        unit = self._choose.choice(["day", "weeks", "month", "year"])
        return self._pick(
            lambda: f"({d(depth - 1)} + {self._choose.choice(['1', 'small', '999999999'])})",
            lambda: f"({d(depth - 1)} - {self._choose.choice(['1', 'small', '999999999'])})",
            lambda: f"DATE({count}, small, {count})",
            lambda: f"EDATE({d(depth - 1)}, {count})",
            lambda: f"EOMONTH({d(depth - 1)}, {count})",
            lambda: f"DATEADD({d(depth - 1)}, {count}, '{unit}')",
            *self._choices(d, depth),
        )

    def _choices(self, same: Callable[[int], str], depth: int) -> list[Callable[[], str]]:
        return [
            lambda: f"IF({self.truth(depth - 1)}, {same(depth - 1)}, {same(depth - 1)})",
            lambda: f"({same(depth - 1)} if {self.truth(depth - 1)} else {same(depth - 1)})",
            lambda: f"IFS({self.truth(depth - 1)}, {same(depth - 1)}, {self.truth(0)}, {same(0)})",
            lambda: f"IF({self.truth(depth - 1)}, {same(depth - 1)})",
            lambda: f"COALESCE({same(depth - 1)}, {same(depth - 1)})",
            lambda: f"NULLIF({same(depth - 1)}, {same(0)})",
            lambda: f"IFERROR({same(depth - 1)}, {same(depth - 1)})",
        ]

    def _pick(self, *ways: Callable[[], str]) -> str:
        return self._choose.choice(ways)()


def interpreted(root: Node) -> list[Any]:
    """What the interpreter says for each record."""
    found = []
    for record in records():
        try:
            found.append(value_of(root, record))
        except Failed:
            found.append(FAILED)
    return found


def made(root: Node) -> list[Any]:
    """What the compiled formula says for each record."""
    evaluation = evaluated(root, COLUMNS, count=COUNT)
    values = values_of(evaluation.values, root.form)
    failures = [0] * COUNT if evaluation.failures is None else evaluation.failures.tolist()
    assert evaluation.values.dtype == root.form.dtype
    return [FAILED if failure else value for value, failure in zip(values, failures, strict=True)]


def agree(one: Any, other: Any) -> bool:
    if isinstance(one, float) and isinstance(other, float):
        return one == other or (math.isnan(one) and math.isnan(other))
    return one is other or (type(one) is type(other) and one == other)


def check(expression: str) -> bool:
    """Compare both; False when the formula is refused."""
    faults = faults_of(expression, FORMS)
    if faults:
        assert {fault.code for fault in faults} <= FAULTS, (expression, faults)
        return False
    root = compiled(expression, FORMS)
    wanted, found = interpreted(root), made(root)
    assert all(map(agree, wanted, found)), (expression, wanted, found)
    form = root.form
    for value in found:
        assert value is not None or form.nullable, (expression, form)
        if isinstance(value, Fraction):
            assert form.low <= value * 10**form.scale <= form.high, (expression, value, form)
        if isinstance(value, str):
            assert len(value) <= form.max_length, (expression, value, form)
            assert form.texts is None or value in form.texts, (expression, value, form)
    return True


@pytest.mark.parametrize("kind", ["number", "text", "truth", "day", "fold"])
@settings(max_examples=400, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck), database=None)
@given(seed=st.integers(0, 2**32), depth=st.integers(1, 4))
def test_random_formulas_make_what_the_interpreter_makes(kind: str, seed: int, depth: int) -> None:
    check(getattr(Writer(random.Random(seed)), kind)(depth))


def test_most_random_formulas_are_computed() -> None:
    """Or the comparison would compare little; the refused ones have wrong kinds or results that are too large."""
    writer = Writer(random.Random(7))
    accepted = [check(writer.any(2)) for _ in range(200)]

    assert sum(accepted) > 140

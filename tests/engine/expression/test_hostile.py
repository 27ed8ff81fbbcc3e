"""Formulas that want to get out, or to take too long: each is refused, with its place, before anything is computed."""

from __future__ import annotations

import sys
import time

import polars as pl
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from engine.expression.forms import MAX_TEXT
from engine.expression.formula import Expression
from engine.expression.functions import FUNCTIONS
from engine.expression.syntax import MAX_DEPTH, MAX_NODES, Call, Literal, Name, Node, Several
from engine.expression.tokens import MAX_CHARACTERS
from tests.engine.expression.formulas import FORMS, compiled, evaluated, faults_of

ESCAPES = [
    "__import__('os')",
    "().__class__.__mro__[1].__subclasses__()",
    "''.__class__",
    "'{0.__class__}'.format(x)",
    "f'{name}'",
    'f"{name.__class__}"',
    "getattr(name, '__class__')",
    "(lambda: 1)()",
    "lambda x: x",
    "[x for x in name]",
    "{x: 1 for x in name}",
    "(x for x in name)",
    "SUM(x for x in name)",
    "(y := 1)",
    "x.gi_frame.f_globals",
    "type(name)",
    "eval('1')",
    "exec('1')",
    "open('/etc/passwd')",
    "breakpoint()",
    "raise SystemExit",
    "await name",
    "CONCAT(*name)",
    "CONCAT(**name)",
    "print(*[name])",
    "ｅval('1')",
    "__ｉmport__('os')",
    "name.__ｃlass__",
    "{{name}}",
    "{% name %}",
    "${name}",
    "name.upper()",
    "name[0].x",
    "name[name]",
    "name[0:1]",
    "name[small]",
    "import os",
    "name; small",
    "name = small; 1",
    "a = b = c := 1",
    "`ls`",
    "$(ls)",
    "name | name",
    "name ^ small",
    "~small",
    "name @ name",
    "b'name'",
    "r'name'",
    "u'name'",
    "_private",
    "field(name)",
    "field('a' & 'b')",
    "None.real",
    "True.__class__",
    "1 .real",
    "globals()",
    "vars()",
    "field.__globals__",
    "IF.__globals__",
    "not",
    "yield name",
    "name is name",
    "'a' in name",
    "del name",
    "assert false",
    "print\x00('a')",
    "'\ud800'",
    "name\u202e",
    "\\",
    "#",
    "[",
    "{1: 2}",
    "[1, 2]",
    "(1, 2)",
    "()",
    "",
    " ",
    "'",
    "'a\\x41'",
    "1..2",
    "1__0",
    "0x10",
    "1if 2",
    "IF(",
    "IF)",
    ",",
    "1,",
    "IF(1,,2)",
    "name name",
    "1 2",
    "* 1",
    "1 +",
    "a..b",
    "a.1",
]
BLOW_UPS = [
    "9**9**9",
    "9**9**9**9",
    "2 ** 64 ** 2",
    "10 ** 39",
    "1<<10**9",
    "'a'*10**9",
    "10**9*'a'",
    "'%300000000d' % 1",
    "'a'.ljust(10**9)",
    "'a'.zfill(10**9)",
    "','.join(name)",
    "'a'.replace('', 'a' * 99)",
    "ljust('a', 10**9)",
    "PADLEFT('a', 10 ** 9)",
    "PADRIGHT('a', 1000000000)",
    "REPT('a', 10 ** 9)",
    "REPT(name, whole)",
    "REPT(REPT(REPT(REPT('a', 100), 100), 100), 100)",
    "SUBSTITUTE(SUBSTITUTE(REPT('a', 1000), 'a', REPT('a', 1000)), 'a', REPT('a', 1000))",
    "SUBSTITUTE('a', '', REPT('a', 16000))",
    "TEXTJOIN(REPT('a', 9000), 'a', 'b', 'c')",
    "UPPER(REPT('ΐ', 16000))",
    "(" * 10_000 + "1" + ")" * 10_000,
    "(" * 900 + "1" + ")" * 900,
    "-" * 1_500 + "1",
    "not " * 400 + "true",
    "2" + "**2" * 500,
    "1" + "+1" * 20_000,
    "1" + "+1" * 900,
    "1 if true else " * 100 + "1",
    "[" * 900 + "]" * 900,
    "IF(true, " * 200 + "1" + ")" * 200,
    "1" * 1_000,
    "1e999999999",
    "1e9999",
    "a" * 1_000_000,
    "'" + "a" * 1_000_000 + "'",
    "REGEX('(a+)+$', name)",
    "MATCH(name, '(a+)+$')",
    "whole ** whole",
    "CONCAT(" + ", ".join(["name"] * 201) + ")",
    "fine * fine * fine * fine * fine",
]
CODES = {"EXPRESSION_SYNTAX", "EXPRESSION_NOT_ALLOWED", "EXPRESSION_TOO_COMPLEX", "UNKNOWN_FUNCTION"}
CPU_S = 0.1
"""The time in which a hostile formula has to be refused; most take less than a thousandth."""


@pytest.mark.parametrize("expression", [*ESCAPES, *BLOW_UPS], ids=lambda text: ascii(text)[:40])
def test_it_is_refused_with_its_place_at_once(expression: str) -> None:
    started = time.process_time()
    faults = faults_of(expression, FORMS)
    taken = time.process_time() - started

    unknown = (
        [] if faults else [place for name, place in Expression.parse(expression).names.items() if name not in FORMS]
    )
    assert taken < CPU_S
    assert faults or unknown
    assert {fault.code for fault in faults} <= CODES
    for place in [*unknown, *(fault.position for fault in faults)]:
        assert 0 <= place <= min(len(expression), MAX_CHARACTERS)


@pytest.mark.parametrize("expression", BLOW_UPS, ids=lambda text: ascii(text)[:40])
def test_what_would_blow_up_is_refused_as_an_expression(expression: str) -> None:
    assert faults_of(expression, FORMS)


def test_numbers_that_only_some_records_make_too_large_fail_for_these() -> None:
    root = compiled("long * long * long", FORMS)
    longs = [2**40, 2**43, -(2**42), 2**42, 0, None, 2**63 - 1, -(2**63)]

    evaluation = evaluated(root, {"long": pl.Series(longs)}, count=len(longs))

    assert evaluation.values.to_list() == [2**120, None, -(2**126), 2**126, 0, None, None, None]
    assert evaluation.failures is not None
    assert (evaluation.failures > 0).tolist() == [False, True, False, False, False, False, True, True]
    assert evaluation.reasons == ["the number is larger than 2^127, at character 13"]


def test_limits_are_those_that_are_said() -> None:
    def accepted(expression: str) -> bool:
        codes = {fault.code for fault in faults_of(expression)}
        assert codes <= {"EXPRESSION_TOO_COMPLEX"}
        return not codes

    assert accepted("(" * (MAX_DEPTH - 1) + "1" + ")" * (MAX_DEPTH - 1))
    assert not accepted("(" * MAX_DEPTH + "1" + ")" * MAX_DEPTH)
    assert accepted("+".join(["1"] * (MAX_NODES // 2)))
    assert not accepted("+".join(["1"] * (MAX_NODES // 2 + 1)))
    assert accepted("1".ljust(MAX_CHARACTERS))
    assert not accepted("1".ljust(MAX_CHARACTERS + 1))
    assert accepted("1 ** 64")
    assert not accepted("1 ** 65")
    assert accepted("(2 ** 63) * (2 ** 63) + (2 ** 63 - 1) * 2 ** 63")
    assert not accepted("2 ** 64 * 2 ** 63")
    assert accepted(f"REPT('a', {MAX_TEXT})")
    assert not accepted(f"REPT('a', {MAX_TEXT + 1})")


MARKS = ["(", ")", ",", "'", '"', ".", "[", "]", "{", "}", ":", "**", "//", "&", "<>", "\\", "name", "small", "day"]
TEXTS = st.one_of(
    st.text(max_size=60),
    st.binary(max_size=60).map(lambda raw: raw.decode("latin-1")),
    st.lists(
        st.sampled_from([*MARKS, *FUNCTIONS, "if", "else", "and", "or", "not", "null", "1", "2.5", "1e9", " ", "="]),
        max_size=40,
    ).map(" ".join),
)


@settings(max_examples=3_000, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck), database=None)
@given(text=TEXTS)
@example(text="ROUND(" * 19 + "1" + ")" * 19)
def test_any_text_is_compiled_or_refused_and_imports_nothing(text: str) -> None:
    before = set(sys.modules)

    faults = faults_of(text, FORMS)

    assert all(0 <= fault.position <= len(text) for fault in faults)
    if not faults:
        assert set(map(type, _all_nodes(Expression.parse(text).tree))) <= {Literal, Name, Call, Several}
    assert set(sys.modules) == before


def _all_nodes(node: Node) -> list[Node]:
    inner = node.arguments if isinstance(node, Call) else node.values if isinstance(node, Several) else ()
    return [node, *(found for one in inner for found in _all_nodes(one))]

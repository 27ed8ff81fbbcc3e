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
from tests.engine.expression.hostile import BLOW_UPS, CODES, ESCAPES

CPU_S = 0.1
"""The time in which a hostile formula has to be refused; most take less than a thousandth."""


@pytest.mark.parametrize("expression", [*ESCAPES, *BLOW_UPS], ids=lambda text: ascii(text)[:40])
def test_it_is_refused_with_its_place_at_once(expression: str) -> None:
    taken = []
    for _ in range(3):  # of which one may collect the garbage of thousands of tests
        started = time.process_time()
        faults = faults_of(expression, FORMS)
        taken.append(time.process_time() - started)

    unknown = (
        [] if faults else [place for name, place in Expression.parse(expression).names.items() if name not in FORMS]
    )
    assert min(taken) < CPU_S
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


@pytest.mark.parametrize(
    "expression", ["SUM(long * long, -0.5)", "MAX(long * long, 0.5)", "IF(true, long * long, 0.5)"]
)
def test_numbers_that_are_too_large_at_the_scale_of_others_fail(expression: str) -> None:
    evaluation = evaluated(compiled(expression, FORMS), {"long": pl.Series([2**63 - 1, 3])}, count=2)

    assert evaluation.values.is_null().to_list() == [True, False]
    assert evaluation.failures is not None
    assert (evaluation.failures > 0).tolist() == [True, False]


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
MARKS += ["items[].price", "items[].name", "tags[]", "items", "'countries'", "'alpha2'"]
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

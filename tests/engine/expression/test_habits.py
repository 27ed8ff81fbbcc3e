"""Habits from spreadsheets and elsewhere: read as they are meant, or refused with what to write instead."""

from __future__ import annotations

import pytest

from engine.expression.functions import FUNCTIONS
from engine.expression.habits import FUNCTIONS_ELSEWHERE
from tests.engine.expression.formulas import FORMS, faults_of, said


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("=1 + 1", "2"),
        (" = ROUND(2.5)", "3"),
        ("IF(TRUE(), 1, 2)", "1"),
        ("false() = FALSE", "true"),
        ("1 <> 2", "true"),
        ("'a' & 1", "a1"),
    ],
)
def test_it_is_read_as_in_a_spreadsheet(expression: str, value: str) -> None:
    assert said(expression) == value


@pytest.mark.parametrize(
    ("expression", "position", "hint"),
    [
        ("small * 19%", 11, "write 0.19 for 19 %"),
        ("ROUND(small * 19%, 2)", 17, "write 0.19 for 19 %"),
        ("IF(flag; 1; 2)", 7, "separate arguments by commas"),
        ("small * 1,19", 9, "write numbers with a point"),
        ("flag && flag", 6, "write AND"),
        ("flag || flag", 5, "write OR"),
        ("small ^ 2", 6, "write ** for powers"),
        ("\u201ca\u201d & name", 0, "straight quotes"),
        ("small \u2212 1", 6, "write - for minus"),
        ("small \u00d7 2", 6, "write * for times"),
        ("small \u2265 2", 6, "write >="),
        ("Total Amount * 2", 6, 'field("two words")'),
        ("small is null", 6, "ISBLANK"),
        ("small in (1, 2)", 6, "OR(a = 1, a = 2)"),
        ("small between 1 and 2", 6, "low <= value <= high"),
        ("IF flag THEN 1 ELSE 2", 0, "IF(condition, then, else)"),
        ("CASE WHEN flag THEN 1 END", 5, "IFS(condition, value"),
        ("flag ? 1 : 2", 5, "IF(condition, then, else)"),
        ("TODAY()", 0, "STARTEDAT()"),
        ("SUMIF(items[].price, 2)", 0, "SUM(IF(items[].a > 1"),
        ("XLOOKUP(1, 2, 3)", 0, "POOLLOOKUP"),
        ("at + 1", 0, "DATEADD"),
        ("flag * 5", 0, "IF(truth, 1, 0)"),
        ("items[0].price", 8, "items[].price"),
        ("SUM(items[*].price)", 9, "items[].price"),
        ("1 2", 2, "an operator is missing"),
    ],
)
def test_it_is_refused_with_what_to_write_instead(expression: str, position: int, hint: str) -> None:
    [fault] = faults_of(expression, FORMS)

    assert fault.position == position
    assert hint in str(fault.hint)


def test_hints_for_functions_elsewhere_name_none_that_there_is() -> None:
    assert not FUNCTIONS_ELSEWHERE.keys() & FUNCTIONS.keys()

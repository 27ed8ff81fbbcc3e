"""Every function does what its declaration shows, and every limit of the declaration holds."""

from __future__ import annotations

import pytest

from engine.expression.faults import ExpressionFault
from engine.expression.formula import functions
from engine.expression.functions import FUNCTIONS, Function
from tests.engine.expression.formulas import compiled, faults_of, said

EXAMPLES = [(example, result) for function in functions() for example, result in function.examples.items()]


@pytest.mark.parametrize(("example", "result"), EXAMPLES)
def test_an_example_has_the_result_that_is_shown(example: str, result: str) -> None:
    value = said(example)

    assert ("null" if value is None else value) == result


@pytest.mark.parametrize("function", functions(), ids=lambda function: function.name)
def test_a_declaration_is_whole(function: Function) -> None:
    assert function.says.endswith(".")
    assert function.examples
    assert function.group
    assert all(name == name.upper() for name in function.names)


@pytest.mark.parametrize("name", [name for name in FUNCTIONS if name.isalnum()])
def test_a_name_is_read_in_any_case(name: str) -> None:
    """All arguments are missing, or there is none: what matters is that the function was found."""
    for spelled in (name.lower(), name.title(), name.upper()):
        for fault in faults_of(f"{spelled}()"):
            assert fault.code == "EXPRESSION_SYNTAX"
            assert f"{FUNCTIONS[name].name} takes" in str(fault)


@pytest.mark.parametrize(
    ("expression", "code", "position", "said_of_it"),
    [
        ("ROUND()", "EXPRESSION_SYNTAX", 0, "ROUND takes 1 to 2 arguments, not 0"),
        ("LEN('a', 'b')", "EXPRESSION_SYNTAX", 0, "LEN takes 1 argument, not 2"),
        ("PI(1)", "EXPRESSION_SYNTAX", 0, "PI takes no arguments, not 1"),
        ("1 + LOWER(5)", "TYPE_MISMATCH", 10, "LOWER takes a text as text, not a number"),
        ("ROUND(1.5, 1 + 1)", "TYPE_MISMATCH", 13, "digits of ROUND must be written out"),
        ("ROUND(1.5, 19)", "TYPE_MISMATCH", 11, "a whole number from -18 to 18"),
        ("IF(1, 2, 3)", "TYPE_MISMATCH", 3, "IF takes a truth value as condition"),
        ("IF(true, 1, 'a')", "TYPE_MISMATCH", 0, "must be of one kind, not number and text"),
        ("1 = 'a'", "TYPE_MISMATCH", 2, "a number and a text cannot be compared"),
        ("null = null", "TYPE_MISMATCH", 5, "nothing is equal to null"),
        ("CASE(1, 2)", "TYPE_MISMATCH", 8, "CASE takes its cases as"),
        ("LEN([1])", "TYPE_MISMATCH", 4, "LEN takes no list"),
        ("FORMATDATE(DATE(1, 1, 1), '%Q')", "TYPE_MISMATCH", 26, '"%Q"'),
        ("TEXT(1, 'abc')", "TYPE_MISMATCH", 8, "the format of a number"),
        ("DATEADD(DATE(1, 1, 1), 1, 'fortnight')", "TYPE_MISMATCH", 26, '"fortnight" is no unit'),
        ("RANDBETWEEN(2, 1)", "TYPE_MISMATCH", 0, "low (2) must not be greater than high (1)"),
        ("SUBSTITUTE('a', '', 'b')", "EXPRESSION_NOT_ALLOWED", 16, "the empty text"),
    ],
)
def test_arguments_that_do_not_fit_are_named_with_their_place(
    expression: str, code: str, position: int, said_of_it: str
) -> None:
    with pytest.raises(ExpressionFault) as caught:
        compiled(expression)

    assert (caught.value.code, caught.value.position) == (code, position)
    assert said_of_it in str(caught.value)
    assert f"at character {position + 1}" in str(caught.value)


@pytest.mark.parametrize(
    ("expression", "reason"),
    [
        ("1 / 0", "division by zero, at character 3"),
        ("7 // (1 - 1)", "division by zero, at character 3"),
        ("MOD(1, 0.0)", "division by zero, at character 1"),
        ("0 ** -1", "division by zero, at character 3"),
        ("SQRT(-1)", "a negative number has no square root, at character 1"),
        ("LN(0)", "there is no logarithm of 0 and below, at character 1"),
        ("EXP(1000)", "the result is too large for a double, or no number, at character 1"),
        ("TOINT('x')", "the text cannot be read as a whole number, at character 1"),
        ("TODECIMAL('1.234', 2)", "the text cannot be read as a number with at most 2 digits behind the point"),
        ("TOBOOL('yes')", "the text is neither true nor false"),
        ("FIND('x', 'abc')", "the part does not stand in the text"),
        ("LEFT('abc', -1)", "count is negative"),
        ("MID('abc', 0, 1)", "start is below 1"),
        ("LUHN('12a')", "the text has other characters than digits"),
        ("CHOOSE(3, 'a', 'b')", "there is no value of this number"),
        ("DATE(10000, 1, 1)", "the date is outside the years 1 to 9999"),
        ("DATEVALUE('2026-02-30')", "the text is no date such as 2026-01-31"),
    ],
)
def test_what_has_no_value_fails_with_its_reason(expression: str, reason: str) -> None:
    value = said(expression)

    assert value is not None
    assert value.startswith(f"<{reason}")


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("IF(1 = 2, 1 / 0, 5)", "5.0000000000"),
        ("COALESCE(1, 1 / 0)", "1.0000000000"),
        ("IFS(true, 'a', 1 / 0 > 1, 'b')", "a"),
        ("1 = 1 or 1 / 0 > 1", "true"),
        ("ISERROR(IFERROR(1 / 0, 2 / 0))", "true"),
        ("SWITCH(1, 1, 'a', TOSTRING(1 / 0))", "a"),
    ],
)
def test_what_is_not_chosen_cannot_fail(expression: str, value: str) -> None:
    assert said(expression) == value


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("-7 // 2", "-4"),
        ("-7 % 2", "1"),
        ("7 % -2", "-1"),
        ("-2 ** 2", "-4"),
        ("(-2) ** 2", "4"),
        ("2 ** 3 ** 2", "512"),
        ("1 - 2 - 3", "-4"),
        ("2 + 3 & 'x'", "5x"),
        ("'a' & 'b' = 'ab'", "true"),
        ("NOT(1 = 2) = true", "true"),
        ("not 1 = 2", "true"),
        ("1 < 2 = true", None),
        ("1 if 2 > 1 else 2 if 1 > 2 else 3", "1"),
        ("0.1 + 0.2", "0.3"),
        ("ROUND(2.5) & ROUND(-2.5) & ROUNDEVEN(2.5) & ROUNDEVEN(3.5)", "3-324"),
        ("1 / 3 * 3", "0.9999999999"),
        ("99999999999999999999 + 1", "100000000000000000000"),
        ("12345678901234567890 * 10", "123456789012345678900"),
        ('\'it\'\'s\' & "a \\"b\\" ""c"""', 'it\'sa "b" "c"'),
        ("'\\u00e4\\n'", "ä\n"),
    ],
)
def test_signs_bind_as_they_are_said_to(expression: str, value: str | None) -> None:
    if value is None:  # a comparison of three: 1 < 2 and 2 = true, which are of two kinds
        with pytest.raises(ExpressionFault, match="cannot be compared"):
            compiled(expression)
    else:
        assert said(expression) == value


def test_each_place_draws_for_itself_and_one_place_in_a_comparison_once() -> None:
    assert said("RAND() = RAND()") == "false"
    assert said("0 < RAND() < 1") == "true"

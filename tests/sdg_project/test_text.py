"""Names, and values shown inside a sentence."""

from __future__ import annotations

import time
from typing import Any

import pytest

from sdg_project.text import amount, clean_name, shown


@pytest.mark.parametrize(
    "name",
    [
        "orders",
        "🙂",
        "👩‍👩‍👧",
        "x\u0323\u0301",
        "../../x",
        "<script>",
        "'; drop table",
        "{{7*7}}",
        "%s%n",
        "שלום",
        "a\u200bb",
        " a ",
        "名",
    ],
)
def test_a_name_stays_as_it_is(name: str) -> None:
    assert clean_name(name) == name


def test_a_name_is_composed() -> None:
    assert clean_name("e\u0301" * 200) == "é" * 200


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("", "must not be blank"),
        ("  ", "must not be blank"),
        ("\u00a0\u3000", "must not be blank"),
        ("\u200b\u200d\ufeff", "must not be blank"),
        ("\u3164\u2800\ufe0f", "must not be blank"),
        ("a\nb", "control character U+000A"),
        ("a\x00", "control character U+0000"),
        ("a\x85", "control character U+0085"),
        ("a\u2028b", "control character U+2028"),
        ("a\ud800", "control character U+D800"),
        ("a\u202eb", "U+202E, which changes the direction"),
        ("a\u2066b", "U+2066, which changes the direction"),
        ("a" * 201, "at most 200 characters, not 201"),
        ("a" * 1_000, "at most 200 characters, not 1,000"),
    ],
)
def test_a_name_that_would_mislead_is_refused(name: str, says: str) -> None:
    with pytest.raises(ValueError, match=r"^must") as caught:
        clean_name(name)

    assert says in str(caught.value)


def test_the_length_is_the_callers_choice() -> None:
    assert clean_name("a" * 256, max_length=256) == "a" * 256
    with pytest.raises(ValueError, match="at most 3 characters"):
        clean_name("abcd", max_length=3)


def test_a_million_combining_marks_take_no_time() -> None:
    start = time.process_time()
    with pytest.raises(ValueError, match="at most 200"):
        clean_name("a" + "\u0301\u0323" * 500_000)

    # Sorting them into their canonical order takes minutes.
    assert time.process_time() - start < 0.5


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (None, "null"),
        (True, "true"),
        (3, "3"),
        (0.5, "0.5"),
        ("abc", 'text "abc"'),
        ('a"b\n\u202e\x1b', 'text "a\\"b\\n\\u202e\\u001b"'),
        ("x" * 50, f'text "{"x" * 40}…"'),
        ({}, "an object"),
        ([], "a list"),
    ],
)
def test_a_value_is_shown_short_and_harmless(value: Any, expected: str) -> None:
    assert shown(value) == expected


def test_a_number_that_python_cannot_write_out_is_shown_by_its_length() -> None:
    assert shown(10**5_000) == "a number of about 5,001 digits"


def test_an_amount_reads_as_people_write_it() -> None:
    assert [amount(number, "row") for number in (0, 1, 2, 3_376)] == ["0 rows", "1 row", "2 rows", "3,376 rows"]

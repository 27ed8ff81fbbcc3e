"""Issues: their ids, pointers and hints."""

from __future__ import annotations

import dataclasses

import pytest

from engine.issues import (
    CODES,
    PAUSING,
    UNREACHABLE,
    Issue,
    Severity,
    did_you_mean,
    issue_from_json,
    pointer,
    told_apart,
)

SWAPPED = Issue("RANGE_INVERTED", "/fieldMappings/3/params/min", "min (100) must not be greater than max (10)")


def test_an_id_never_changes() -> None:
    assert dataclasses.replace(SWAPPED, params='{"max":10,"min":100}').id == "af5b1ca0"


def test_an_id_tells_codes_places_and_parameters_apart_but_not_sentences() -> None:
    others = [
        dataclasses.replace(SWAPPED, code="INVALID_VALUE"),
        dataclasses.replace(SWAPPED, path="/fieldMappings/4/params/min"),
        dataclasses.replace(SWAPPED, params='{"max":10,"min":101}'),
    ]

    assert len({SWAPPED.id, *(issue.id for issue in others)}) == 4
    assert dataclasses.replace(SWAPPED, message="swap them", hint="swap", severity=Severity.WARNING).id == SWAPPED.id


def test_issues_of_one_answer_that_would_share_an_id_are_told_apart_the_same_way_every_time() -> None:
    again, other = dataclasses.replace(SWAPPED, field="b"), dataclasses.replace(SWAPPED, path="")
    issues = [SWAPPED, other, again, dataclasses.replace(SWAPPED, message="other words")]

    apart = told_apart(issues)

    assert len({issue.id for issue in apart}) == 4
    assert apart[:2] == [SWAPPED, other]
    assert [dataclasses.replace(issue, params="") for issue in apart] == issues
    assert told_apart(issues) == apart


def test_an_issue_as_json_has_every_member() -> None:
    assert dataclasses.replace(SWAPPED, hint="swap min and max", field="amount").as_json() == {
        "id": SWAPPED.id,
        "severity": "ERROR",
        "code": "RANGE_INVERTED",
        "path": "/fieldMappings/3/params/min",
        "field": "amount",
        "message": "min (100) must not be greater than max (10)",
        "hint": "swap min and max",
    }


def test_an_issue_inside_a_text_says_at_which_character() -> None:
    inside = dataclasses.replace(SWAPPED, offset=8)

    assert inside.as_json() == {**SWAPPED.as_json(), "offset": 8}
    assert issue_from_json(inside.as_json()) == inside


def test_a_code_that_is_not_listed_is_refused() -> None:
    with pytest.raises(ValueError, match="RANGE_INVERTE is no issue code"):
        Issue("RANGE_INVERTE", "", "")


def test_codes_are_upper_snake_and_have_a_sentence() -> None:
    assert all(code.replace("_", "").isupper() and text.endswith(".") for code, text in CODES.items())


def test_pointers_escape_slashes_and_tildes() -> None:
    assert pointer("fieldMappings", 3, "a/b~c") == "/fieldMappings/3/a~1b~0c"
    assert pointer() == ""


def test_the_closest_known_word_is_suggested_in_its_own_case() -> None:
    known = ["weights", "values", "stdDev"]

    assert did_you_mean("weight", known) == 'did you mean "weights"?'
    assert did_you_mean("STDDEV", known) == 'did you mean "stdDev"?'
    assert did_you_mean("zzz", known) is None
    assert did_you_mean("weight", []) is None


def test_classes_are_of_codes_that_there_are() -> None:
    assert CODES.keys() >= UNREACHABLE
    assert CODES.keys() >= PAUSING

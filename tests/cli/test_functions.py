"""`sdg functions`: the functions of formulas as a user looks them up."""

from __future__ import annotations

import json

from tests.cli.conftest import Sdg


def test_a_function_is_shown_with_its_names_its_sentence_and_its_examples(sdg: Sdg) -> None:
    answer = sdg("functions", "substr")

    assert answer.code == 0
    assert "MID(text, start, [count])  (also SUBSTR)" in answer.out
    assert "MID('abcdef', 2, 3)  →  bcd" in answer.out
    assert "ROUND" not in answer.out


def test_there_are_more_than_forty_of_them_with_examples(sdg: Sdg) -> None:
    listed = [json.loads(line) for line in sdg("functions", "--json").out.splitlines()]

    assert len(listed) > 40
    assert {"name", "otherNames", "group", "signature", "description", "examples"} == set(listed[0])
    assert all(function["description"] and function["examples"] for function in listed)


def test_a_word_that_no_name_has_is_refused_with_a_near_one(sdg: Sdg) -> None:
    answer = sdg("functions", "roound")

    assert answer.code == 2
    assert 'did you mean "ROUND"?' in answer.err

"""POST /generators/validate."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.support.api import Caller, assert_problem, definition, let_a_worker_beat, work


def _tight() -> dict[str, Any]:
    mapping = {"fieldName": "n", "type": "NUMERIC_RANGE", "params": {"min": 1, "max": 1000}, "unique": True}
    return definition(fieldMappings=[mapping], recordCount=990)


def test_a_valid_definition_is_answered_with_what_it_would_make(viewer: Caller) -> None:
    answer = viewer.post("/generators/validate?preview=2", definition()).json()

    assert answer["valid"] is True
    assert len(answer["preview"]) == 2
    assert answer["effectiveSeed"] == 0
    assert answer["estimates"]["records"] == 1000
    assert answer["dependencyOrder"] == ["id", "amount", "state"]


def test_the_preview_shows_the_records_of_the_stored_generator(editor: Caller) -> None:
    previewed = editor.post("/generators/validate?preview=5", definition(seed=11)).json()["preview"]
    stored = editor.post("/generators", definition(seed=11)).json()

    assert editor.get(f"/generators/{stored['id']}/records?limit=5").json()["records"] == previewed


def test_nothing_is_stored(viewer: Caller) -> None:
    viewer.post("/generators/validate", definition())

    assert viewer.get("/generators").json() == []


@pytest.mark.parametrize("body", [{}, [], "x", 5, {"name": "x"}, {"fieldMappings": [1]}])
def test_an_invalid_definition_is_answered_with_200(viewer: Caller, body: Any) -> None:
    response = viewer.post("/generators/validate", body)

    assert response.status_code == 200
    assert response.json()["valid"] is False


@pytest.mark.parametrize("body", [b"{", b'{"a": 1, "a": 2}', b"[" * 50 + b"]" * 50, b"\xff"])
def test_json_that_cannot_be_read_is_400(viewer: Caller, body: bytes) -> None:
    assert_problem(viewer.call("POST", "/generators/validate", body), 400)


def test_what_would_refuse_a_start_at_the_destination_is_a_warning(editor: Caller, home: Path) -> None:
    document = definition(destination={"type": "FILE", "config": {"path": "orders.jsonl", "beforeRun": "FAIL"}})
    before = editor.post("/generators/validate", document).json()
    stored = editor.post("/generators", document).json()
    let_a_worker_beat()
    editor.post(f"/generators/{stored['id']}/start")
    work()

    again = editor.post("/generators/validate", document).json()
    replacing = editor.post("/generators/validate", definition()).json()
    other = editor.post("/generators/validate", definition("other")).json()
    strict = editor.post("/generators/validate?strict=true", definition("other")).json()

    assert before["warnings"] == replacing["warnings"] == []
    for answer, words in ((again, "an earlier run has written"), (other, "was not written by this generator")):
        [warning] = answer["warnings"]
        assert (warning["code"], warning["path"]) == ("RERUN_WOULD_COLLIDE", "/destination/config/path")
        assert words in warning["message"]
        assert str(home) not in json.dumps(answer)
        assert answer["valid"] is True
    assert strict["valid"] is False


def test_strict_counts_warnings_and_acknowledged_ones_are_left_out(viewer: Caller) -> None:
    plain = viewer.post("/generators/validate", _tight()).json()
    strict = viewer.post("/generators/validate?strict=true", _tight()).json()
    [warning] = plain["warnings"]
    accepted = viewer.post(f"/generators/validate?strict=true&acknowledge={warning['id']}", _tight()).json()

    assert (plain["valid"], strict["valid"], accepted["valid"]) == (True, False, True)
    assert warning["code"] == "UNIQUE_TIGHT"


@pytest.mark.parametrize("query", ["preview=101", "preview=-1", "strict=yes", "strickt=true"])
def test_a_wrong_parameter_is_refused(viewer: Caller, query: str) -> None:
    assert_problem(viewer.post(f"/generators/validate?{query}", definition()), 400)


def test_a9_the_size_of_the_largest_count_is_estimated(viewer: Caller) -> None:
    answer = viewer.post("/generators/validate", definition(recordCount=10**12)).json()

    assert answer["estimates"]["records"] == 10**12
    assert answer["estimates"]["totalBytes"] > 10**13


def test_a14_get_is_not_allowed(viewer: Caller) -> None:
    response = viewer.get("/generators/validate")

    assert_problem(response, 405, "METHOD_NOT_ALLOWED")
    assert response["Allow"] == "POST"


def test_the_answer_holds_no_path_of_the_server(viewer: Caller, home: Any) -> None:
    answer = viewer.post("/generators/validate", definition()).json()

    assert str(home) not in json.dumps(answer)

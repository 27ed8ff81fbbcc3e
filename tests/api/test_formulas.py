"""Formulas through the API: hostile ones are refused by validate and by POST alike, each at its own place."""

from __future__ import annotations

import time
from typing import Any

from sdg_project.text import UNSTORABLE
from tests.engine.expression.hostile import BLOW_UPS, CODES, ESCAPES
from tests.support.api import Caller, assert_problem, definition

SENDABLE = [text for text in (*ESCAPES, *BLOW_UPS) if len(text) < 50_000 and not UNSTORABLE.search(text)]
NAMES = {"name": {"value": "Ada"}, "small": {"value": 3}, "whole": {"value": 2**31 - 1}, "fine": {"value": 1e-9}}


def hostile() -> dict[str, Any]:
    known = [{"fieldName": name, "type": "CONSTANT", "params": params} for name, params in NAMES.items()]
    formulas = [
        {"fieldName": f"f{place}", "type": "COMPUTED", "params": {"expression": text}}
        for place, text in enumerate(SENDABLE)
    ]
    return definition(fieldMappings=[*known, *formulas])


def test_s13_s14_every_hostile_formula_is_refused_at_its_own_place(editor: Caller) -> None:
    document = hostile()

    started = time.process_time()
    judged = editor.post("/generators/validate", document)
    taken = time.process_time() - started
    problem = assert_problem(editor.post("/generators", document), 400)

    assert judged.status_code == 200
    errors = judged.json()["errors"]
    refused = {issue["path"] for issue in errors}
    accepted = [
        text
        for place, text in enumerate(SENDABLE)
        if f"/fieldMappings/{place + len(NAMES)}/params/expression" not in refused
    ]
    assert accepted == []
    assert {issue["code"] for issue in errors} <= {*CODES, "UNKNOWN_FIELD", "TYPE_MISMATCH"}
    assert all(f"at character {issue['offset'] + 1}" in issue["message"] for issue in errors)
    assert [issue["id"] for issue in problem["errors"]] == [issue["id"] for issue in errors]
    assert taken < 0.1 * len(SENDABLE)
    assert editor.get("/generators").json() == []

"""Ids of issues depend on what the definition says at their place."""

from __future__ import annotations

from copy import deepcopy
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from engine.issues import Issue
from generators.issue_params import with_params
from generators.services.validation import validate_definition
from sdg_project.documents import STANDARD_INPUT, parse_documents

DOCUMENT: dict[str, Any] = {
    "name": "orders",
    "recordCount": 950,
    "fieldMappings": [
        {"fieldName": "n", "type": "NUMERIC_RANGE", "unique": True, "params": {"min": 1, "max": 1000}},
        {"fieldName": "m", "type": "CONSTANT", "params": {"value": Decimal("123456789012.345678")}},
    ],
}


def id_of(path: str, document: Any = DOCUMENT) -> str:
    [issue] = with_params([Issue("UNIQUE_TIGHT", path, "it is tight")], document)
    return issue.id


def changed(*path: str | int, to: Any) -> dict[str, Any]:
    document = deepcopy(DOCUMENT)
    inside: Any = document
    for step in path[:-1]:
        inside = inside[step]
    inside[path[-1]] = to
    return document


FIRST, PARAMS = "/fieldMappings/0/unique", ("fieldMappings", 0, "params")


@pytest.mark.parametrize(
    ("path", "document", "is_same"),
    [
        (FIRST, changed(*PARAMS, to={"max": 1000.0, "min": 1, "step": None}), True),
        (FIRST, changed("recordCount", to=960), True),
        (FIRST, changed("fieldMappings", 1, "params", "value", to=5), True),
        (FIRST, changed(*PARAMS, "max", to=1001), False),
        ("/fieldMappings/1", changed("fieldMappings", 1, "params", "value", to=Decimal("123456789012.345679")), False),
        ("/recordCount", changed("recordCount", to=960), False),
        ("/recordCount", changed(*PARAMS, "max", to=5), True),
        ("/fieldMappings", changed("name", to="x"), True),
        ("/schema/fields/3/type", changed("name", to="x"), True),
        ("", changed("name", to="x"), False),
    ],
)
def test_an_id_changes_with_the_part_that_the_issue_is_about(path: str, document: Any, is_same: bool) -> None:
    assert (id_of(path, document) == id_of(path)) is is_same


def test_a_warning_has_one_id_in_yaml_and_json_and_for_any_number_of_records() -> None:
    def warning(text: str) -> Any:
        [document] = parse_documents(text, origin=STANDARD_INPUT)
        validation = validate_definition(document.value, updated_at=datetime(2026, 1, 1, tzinfo=UTC), root="/tmp")
        [issue] = validation.issues
        return issue

    as_json = warning(
        '{"name": "a", "recordCount": 950, "fieldMappings": [{"fieldName": "n", "type": "NUMERIC_RANGE",'
        ' "unique": true, "params": {"min": 1, "max": 1000}}]}'
    )
    as_yaml = warning(
        "name: b\nrecordCount: 999\nfieldMappings:\n"
        "  - {fieldName: n, type: NUMERIC_RANGE, unique: true, params: {max: 1e3, min: 1}}\n"
    )

    assert as_json.code == as_yaml.code == "UNIQUE_TIGHT"
    assert as_json.message != as_yaml.message
    assert as_json.id == as_yaml.id

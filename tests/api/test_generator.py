"""GET, PUT and DELETE /generators/{id}."""

from __future__ import annotations

import json
import uuid
from typing import Any

import pytest

from generators.models import Generator
from tests.support.api import Caller, assert_problem, definition


@pytest.fixture
def stored(editor: Caller) -> dict[str, Any]:
    answer: dict[str, Any] = editor.post("/generators", definition(seed=3)).json()
    return answer


def test_what_get_answers_can_be_put_back_and_changes_nothing(editor: Caller, stored: dict[str, Any]) -> None:
    response = editor.put(f"/generators/{stored['id']}", stored)

    assert response.status_code == 200, response.content
    assert response.json() == stored


def test_numbers_keep_their_digits_in_the_store_in_answers_and_in_records(editor: Caller) -> None:
    digits = "123456789012.345678"
    fields = [
        {"fieldName": "c", "type": "CONSTANT", "params": {"value": "DIGITS"}},
        {"fieldName": "o", "type": "CONSTANT", "params": {"value": {"deep": ["DIGITS"]}}},
        {"fieldName": "n", "type": "NUMERIC_RANGE", "params": {"min": "DIGITS", "max": "DIGITS", "scale": 6}},
        {"fieldName": "p", "type": "NUMERIC_RANGE", "params": {"min": 0.50, "max": 0.50, "scale": 12}},
    ]
    body = json.dumps(definition(fieldMappings=fields)).replace('"DIGITS"', digits).encode()
    record = f'{{"c":{digits},"o":{{"deep":[{digits}]}},"n":{digits},"p":0.500000000000}}'

    validated = editor.post("/generators/validate?preview=1", body, idempotency_key="v").content.decode()
    again = editor.post("/generators/validate?preview=1", body, idempotency_key="v").content.decode()
    answer = editor.post("/generators", body)
    path = f"/generators/{answer.json()['id']}"
    shown = editor.get(path).content
    records = editor.get(f"{path}/records?limit=1").content.decode()

    assert answer.content.decode().count(digits) == shown.decode().count(digits) == 4
    assert f'"preview":[{record}]' in validated
    assert again == validated
    assert record in records
    assert editor.put(path, shown).content == shown


def test_put_replaces_the_definition(editor: Caller, stored: dict[str, Any]) -> None:
    response = editor.put(f"/generators/{stored['id']}", definition("renamed", recordCount=5))

    changed = response.json()
    assert (changed["name"], changed["recordCount"], changed["seed"]) == ("renamed", 5, None)
    assert changed["createdAt"] == stored["createdAt"]
    assert changed["updatedAt"] > stored["updatedAt"]


def test_a2_read_only_properties_are_not_taken_over(editor: Caller, stored: dict[str, Any]) -> None:
    forged = definition() | {"status": "COMPLETED", "createdBy": "me", "createdAt": "2000-01-01T00:00:00Z"}

    changed = editor.put(f"/generators/{stored['id']}", forged).json()

    assert (changed["status"], changed["createdBy"]) == ("CREATED", "test-editor")
    assert changed["createdAt"] == stored["createdAt"]


def test_a2_another_id_is_refused(editor: Caller, stored: dict[str, Any]) -> None:
    body = definition() | {"id": str(uuid.uuid4())}

    problem = assert_problem(editor.put(f"/generators/{stored['id']}", body), 400)

    assert problem["errors"][0]["path"] == "/id"


def test_a_name_in_use_is_refused_without_regard_to_case(editor: Caller, stored: dict[str, Any]) -> None:
    other = editor.post("/generators", definition("other")).json()

    problem = assert_problem(editor.put(f"/generators/{other['id']}", definition("ORDERS")), 409, "NAME_TAKEN")
    assert '"orders"' in problem["detail"]
    assert editor.put(f"/generators/{stored['id']}", definition("ORDERS")).status_code == 200


def test_a_running_generator_is_not_changed(editor: Caller, stored: dict[str, Any]) -> None:
    Generator.objects.filter(pk=stored["id"]).update(status="RUNNING")

    problem = assert_problem(editor.put(f"/generators/{stored['id']}", definition()), 409, "INVALID_TRANSITION")

    assert (problem["generatorStatus"], problem["action"], problem["allowed"]) == (
        "RUNNING",
        "update",
        ["pause", "stop"],
    )


def test_an_invalid_definition_leaves_the_stored_one(editor: Caller, stored: dict[str, Any]) -> None:
    assert_problem(editor.put(f"/generators/{stored['id']}", definition(recordCount=0)), 400)

    assert editor.get(f"/generators/{stored['id']}").json() == stored


def test_a_deleted_generator_is_gone(editor: Caller, stored: dict[str, Any]) -> None:
    response = editor.delete(f"/generators/{stored['id']}")

    assert (response.status_code, response.content) == (200, b"")
    assert_problem(editor.get(f"/generators/{stored['id']}"), 404, "NOT_FOUND")
    assert_problem(editor.delete(f"/generators/{stored['id']}"), 404, "NOT_FOUND")
    assert_problem(editor.put(f"/generators/{stored['id']}", definition()), 404, "NOT_FOUND")


@pytest.mark.parametrize("path", ["/generators/x", "/generators/1", "/generators/", "/nothing", "/generators/../me"])
def test_an_unknown_address_is_a_problem(editor: Caller, path: str) -> None:
    assert_problem(editor.get(path), 404, "NOT_FOUND")

"""POST /generators."""

# ruff: noqa: UP031  # braces are those of JSON here

from __future__ import annotations

from typing import Any

import pytest

from tests.support.api import Caller, assert_problem, definition


def test_a_definition_is_stored_and_shown_as_it_was_sent(editor: Caller) -> None:
    document = definition(description="of a shop", seed=7)

    response = editor.post("/generators", document)

    assert response.status_code == 201
    shown = response.json()
    assert {name: shown[name] for name in document} == document
    assert shown["status"] == "CREATED"
    assert shown["createdBy"] == "test-editor"
    assert shown["deliveryGuarantee"] == "EXACTLY_ONCE"
    assert shown["effectiveSeed"] == 7
    assert shown["generationMode"] == "BATCH"
    assert shown["runId"] is None
    assert shown["createdAt"].endswith("Z")
    assert editor.get(f"/generators/{shown['id']}").json() == shown


def test_the_time_of_making_lowers_what_a_generator_can_reach(editor: Caller) -> None:
    mapping = {"fieldName": "madeAt", "type": "TIMESTAMP_GENERATED", "params": {"mode": "NOW"}}

    shown = editor.post("/generators", definition(fieldMappings=[mapping])).json()

    assert shown["deliveryGuarantee"] == "AT_LEAST_ONCE"


@pytest.mark.parametrize("body", [b"", b"null", b"[]", b'"x"', b"{}", b"0"])
def test_a1_a_body_that_is_no_definition_is_refused_with_every_place(editor: Caller, body: bytes) -> None:
    problem = assert_problem(editor.post("/generators", body), 400)

    assert problem["errors"]
    if body in {b"", b"{}"}:
        paths = {issue["path"] for issue in problem["errors"]}
        assert paths >= {"/name", "/fieldMappings", "/destination"}


WRONG: dict[str, Any] = {
    "name": 5,
    "description": [],
    "schema": "x",
    "fieldMappings": {},
    "seed": "one",
    "streamName": 1,
    "generationMode": "SOMETIMES",
    "endCondition": 3,
    "recordCount": "10",
    "clock": True,
    "batchSize": 1.5,
    "shards": "many",
    "onError": {},
    "destination": "a file",
    "universeId": "x",
}


def test_a1_wrong_types_are_all_listed_at_once(editor: Caller) -> None:
    problem = assert_problem(editor.post("/generators", WRONG), 400, "INVALID_REQUEST")

    assert {"/" + issue["path"].split("/")[1] for issue in problem["errors"]} >= {f"/{name}" for name in WRONG}


@pytest.mark.parametrize("name", WRONG)
def test_a1_a_wrong_type_is_named_by_its_pointer(editor: Caller, name: str) -> None:
    problem = assert_problem(editor.post("/generators", definition() | {name: WRONG[name]}), 400)

    assert problem["errors"][0]["path"].startswith(f"/{name}")


def test_a2_an_unknown_property_is_refused_with_a_suggestion(editor: Caller) -> None:
    problem = assert_problem(editor.post("/generators", definition() | {"recordcount": 5}), 400, "UNKNOWN_PROPERTY")

    [issue] = problem["errors"]
    assert issue["path"] == "/recordcount"
    assert issue["hint"] == 'did you mean "recordCount"?'


@pytest.mark.parametrize(("name", "value"), [("id", "x"), ("status", "RUNNING"), ("createdBy", "me"), ("runId", "y")])
def test_a2_read_only_properties_are_refused(editor: Caller, name: str, value: str) -> None:
    problem = assert_problem(editor.post("/generators", definition() | {name: value}), 400, "READ_ONLY")

    assert problem["errors"][0]["path"] == f"/{name}"


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity", "1e999", "-0", "1e400", "9" * 5000])
@pytest.mark.parametrize("place", ["seed", "recordCount", "min"])
def test_a3_numbers_that_are_none_are_refused(editor: Caller, number: str, place: str) -> None:
    mapping = '{"fieldName": "n", "type": "NUMERIC_RANGE", "params": {"min": %s, "max": 9}}'
    values = {"seed": "1", "recordCount": "5", "min": "1"} | {place: number}
    body = (
        '{"name": "n", "seed": %(seed)s, "recordCount": %(recordCount)s, "fieldMappings": [MAPPING], '
        '"destination": {"type": "FILE", "config": {"path": "n.jsonl"}}}'
    ) % values
    sent = body.replace("MAPPING", mapping % values["min"])

    assert_problem(editor.post("/generators", sent.encode()), 400)


@pytest.mark.parametrize("value", [2**63, -(2**63) - 1, 2**64, 10**30])
@pytest.mark.parametrize("name", ["seed", "recordCount", "batchSize", "shards"])
def test_a3_integers_beyond_their_range_are_refused(editor: Caller, name: str, value: int) -> None:
    problem = assert_problem(editor.post("/generators", definition() | {name: value}), 400)

    assert problem["errors"][0]["path"] == f"/{name}"


def test_a3_the_largest_64_bit_integer_is_accepted_as_number_and_as_text(editor: Caller) -> None:
    for index, top in enumerate((2**63 - 1, str(2**63 - 1))):
        mapping = {"fieldName": "n", "type": "NUMERIC_RANGE", "params": {"min": 0, "max": top}}

        response = editor.post("/generators", definition(f"n{index}", fieldMappings=[mapping]))

        assert response.status_code == 201, response.content
        assert response.json()["fieldMappings"][0]["params"]["max"] == top


@pytest.mark.parametrize("depth", [900, 5_000, 100_000])
def test_a4_deep_json_is_refused(editor: Caller, depth: int) -> None:
    assert_problem(editor.post("/generators", b"[" * depth + b"]" * depth), 400, "JSON_TOO_DEEP")


def test_a4_large_json_is_refused(editor: Caller) -> None:
    assert_problem(editor.post("/generators", b"[" * 1_000_000), 400, "JSON_TOO_DEEP")
    assert_problem(editor.post("/generators", b"[" * 1_000_001), 413, "TOO_LARGE")
    keys = ",".join(f'"{number}":0' for number in range(60_000))
    assert_problem(editor.post("/generators", f"{{{keys}}}".encode()), 400, "JSON_TOO_DEEP")
    assert_problem(editor.post("/generators", b'{"%s": 1}' % (b"k" * 900_000)), 400, "JSON_TOO_DEEP")


@pytest.mark.parametrize("unit", [r"\u0000", r"\ud800", r"x\udfffy"])
@pytest.mark.parametrize("place", ["name", "key", "nested"])
def test_a5_what_no_database_can_hold_is_refused(editor: Caller, unit: str, place: str) -> None:
    texts = {"name": "n", "key": "description", "nested": "n.jsonl"} | {place: unit}
    body = (
        '{"name": "%(name)s", "%(key)s": "", "recordCount": 1, '
        '"fieldMappings": [{"fieldName": "n", "type": "UUID_GENERATED"}], '
        '"destination": {"type": "FILE", "config": {"path": "%(nested)s"}}}'
    ) % texts

    assert_problem(editor.post("/generators", body.encode()), 400)


@pytest.mark.parametrize("count", [0, -1, 1.5, "10", 10**12 + 1, 10**30])
def test_a9_a_count_out_of_range_is_refused_with_the_range(editor: Caller, count: Any) -> None:
    problem = assert_problem(editor.post("/generators", definition(recordCount=count)), 400)

    assert problem["errors"][0]["path"] == "/recordCount"


def test_a9_the_largest_count_is_accepted(editor: Caller) -> None:
    assert editor.post("/generators", definition(recordCount=10**12)).status_code == 201


def _mapping(name: str, type_: str, **params: Any) -> dict[str, Any]:
    return {"fieldName": name, "type": type_, "params": params}


BROKEN = {
    "RANGE_INVERTED": [_mapping("n", "NUMERIC_RANGE", min=9, max=1)],
    "INVALID_VALUE": [_mapping("n", "ENUM_RANDOM", values=[])],
    "INVALID_WEIGHTS": [_mapping("n", "ENUM_RANDOM", values=["a", "b"], weights=[1, -1])],
    "INVALID_STEP": [_mapping("n", "SEQUENCE", step=0)],
    "DUPLICATE_FIELD": [_mapping("n", "UUID_GENERATED"), _mapping("N", "UUID_GENERATED")],
    "POOL_NOT_FOUND": [_mapping("n", "POOL_REFERENCE", pool="nowhere", column="x")],
}


@pytest.mark.parametrize("code", BROKEN)
def test_a10_what_does_not_fit_is_named_and_validate_says_the_same(editor: Caller, code: str) -> None:
    document = definition(fieldMappings=BROKEN[code])

    problem = assert_problem(editor.post("/generators", document), 400)
    validation = editor.post("/generators/validate", document)

    assert code in {issue["code"] for issue in problem["errors"]}
    assert all(issue["path"].startswith("/fieldMappings/") for issue in problem["errors"])
    assert validation.status_code == 200
    assert validation.json()["valid"] is False
    assert validation.json()["errors"] == problem["errors"]


def test_a10_more_than_500_fields_are_refused(editor: Caller) -> None:
    mappings = [_mapping(f"f{number}", "UUID_GENERATED") for number in range(501)]

    problem = assert_problem(editor.post("/generators", definition(fieldMappings=mappings)), 400)

    assert problem["errors"][0]["path"] == "/fieldMappings"


@pytest.mark.parametrize("name", ["x" * 201, "x" * 1000, "", "   ", "a\u202eb", "\u200b\u200d", "a\nb"])
def test_a11_names_that_mislead_are_refused(editor: Caller, name: str) -> None:
    problem = assert_problem(editor.post("/generators", definition(name)), 400)

    assert problem["errors"][0]["path"] == "/name"


@pytest.mark.parametrize(
    "name", ["🛒 Körbe", "../../x", "<script>alert(1)</script>", "'; drop table", "{{7*7}}", "%s%n", "a\u0301\u0323"]
)
def test_a11_any_other_name_is_stored_and_shown_in_nfc(editor: Caller, name: str) -> None:
    import unicodedata

    response = editor.post("/generators", definition(name))

    assert response.status_code == 201, response.content
    assert response.json()["name"] == unicodedata.normalize("NFC", name)


def test_a17_without_a_key_the_second_post_finds_the_name_taken(editor: Caller) -> None:
    assert editor.post("/generators", definition("Straße")).status_code == 201

    problem = assert_problem(editor.post("/generators", definition("STRASSE")), 409, "NAME_TAKEN")
    assert '"Straße"' in problem["detail"]


def test_a17_with_a_key_the_second_post_gets_the_first_answer(editor: Caller) -> None:
    first = editor.post("/generators", definition(), idempotency_key="k1")
    second = editor.post("/generators", definition(), idempotency_key="k1")

    assert first.status_code == second.status_code == 201
    assert first.json() == second.json()
    assert second["Idempotent-Replayed"] == "true"
    assert len(editor.get("/generators").json()) == 1


def test_a17_a_key_belongs_to_one_body_and_to_one_caller(editor: Caller, admin: Caller) -> None:
    editor.post("/generators", definition(), idempotency_key="k1")

    assert_problem(editor.post("/generators", definition("other"), idempotency_key="k1"), 409, "IDEMPOTENCY_CONFLICT")
    assert admin.post("/generators", definition("third"), idempotency_key="k1").status_code == 201


def test_a17_a_refused_post_does_not_use_its_key_up(editor: Caller) -> None:
    assert_problem(editor.post("/generators", {}, idempotency_key="k1"), 400)

    assert editor.post("/generators", definition(), idempotency_key="k1").status_code == 201


@pytest.mark.parametrize(
    "path",
    [
        "../x.jsonl",
        "/etc/x.jsonl",
        "a/../../x.jsonl",
        "..\\x.jsonl",
        "x" * 300 + ".jsonl",
        "a/\u0007.jsonl",
        "a//b.jsonl",
    ],
)
def test_s12_a_path_that_leads_out_of_the_output_folder_is_refused(editor: Caller, path: str) -> None:
    destination = {"type": "FILE", "config": {"path": path, "format": "JSONL"}}

    problem = assert_problem(editor.post("/generators", definition(destination=destination)), 400)

    assert problem["errors"][0]["path"] == "/destination/config/path"

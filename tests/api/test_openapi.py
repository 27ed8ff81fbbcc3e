"""The OpenAPI document."""

from __future__ import annotations

import json
from io import StringIO
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from django.core.management import call_command

from generators.fields.base import field_types
from sdg_project.openapi import api_document, translated
from sinks.destinations.base import destinations
from tests.support.api import Caller, let_a_worker_beat

ROOT = Path(__file__).parents[2]
SCHEMAS = api_document()["components"]["schemas"]


def test_the_document_in_the_repository_is_current() -> None:
    kept = json.loads((ROOT / "Synthetic_Data_GEN_API.json").read_text())

    assert kept == api_document(), "run: sdg openapi > Synthetic_Data_GEN_API.json"


def test_the_document_is_valid_and_nothing_in_it_was_guessed(tmp_path: Path) -> None:
    call_command(
        "spectacular", "--format", "openapi-json", "--file", str(tmp_path / "a.json"), "--validate", "--fail-on-warn"
    )

    assert json.loads((tmp_path / "a.json").read_text())["openapi"] == "3.0.1"


def test_the_service_and_the_command_give_the_same_document(viewer: Caller) -> None:
    output = StringIO()
    call_command("openapi", stdout=output)

    assert json.loads(output.getvalue()) == viewer.get("/schema").json() == api_document()


@pytest.mark.parametrize("union", ["FieldMapping", "Destination"])
def test_unions_are_told_apart_by_the_type_of_their_variants(union: str) -> None:
    kinds = list(field_types) if union == "FieldMapping" else list(destinations)
    mapping = SCHEMAS[union]["discriminator"]["mapping"]

    assert list(mapping) == kinds
    assert [part["$ref"] for part in SCHEMAS[union]["oneOf"]] == list(mapping.values())
    for kind, place in mapping.items():
        variant = SCHEMAS[place.rpartition("/")[2]]
        assert variant["properties"]["type"] == {"type": "string", "enum": [kind]}
        assert "type" in variant["required"]


@pytest.mark.parametrize(
    "name",
    [
        "GeneratorStatus",
        "GenerationMode",
        "DestinationType",
        "FieldMappingType",
        "PoolLoadStrategy",
        "EndCondition",
        "OnError",
        "GeneratorResponse",
        "CreateGeneratorRequest",
        "UpdateGeneratorRequest",
    ],
)
def test_what_the_contract_names_has_its_name(name: str) -> None:
    assert name in SCHEMAS


def test_every_reference_leads_somewhere() -> None:
    text = json.dumps(api_document())
    names = {part.split('"')[0] for part in text.split("#/components/schemas/")[1:]}

    assert names <= set(SCHEMAS)


@pytest.mark.parametrize(
    ("schema", "expected"),
    [
        ({"const": "A"}, {"type": "string", "enum": ["A"]}),
        ({"anyOf": [{"type": "string"}, {"type": "null"}], "default": None}, {"type": "string", "nullable": True}),
        ({"type": ["string", "null"]}, {"type": "string", "nullable": True}),
        ({"type": "number", "exclusiveMinimum": 0}, {"type": "number", "minimum": 0, "exclusiveMinimum": True}),
        ({"type": "integer", "examples": [1, 2]}, {"type": "integer", "example": 1}),
        (
            {"anyOf": [{"$ref": "#/a"}, {"type": "null"}]},
            {"nullable": True, "allOf": [{"$ref": "#/a"}]},
        ),
        (
            {"type": "object", "properties": {"const": {"type": "string"}}, "required": ["const"]},
            {"type": "object", "properties": {"const": {"type": "string"}}, "required": ["const"]},
        ),
        (
            {"type": "array", "prefixItems": [{"type": "string"}, {"type": "integer"}]},
            {"type": "array", "items": {"oneOf": [{"type": "string"}, {"type": "integer"}]}},
        ),
    ],
)
def test_json_schema_becomes_openapi_3_0(schema: Any, expected: Any) -> None:
    assert translated(schema) == expected


# Examples.


def _contents() -> list[tuple[str, str, dict[str, Any]]]:
    """Every body and every answer: what it belongs to, its media type and its content."""
    found = []
    for path, item in api_document()["paths"].items():
        for method, described in item.items():
            parts = {"body": described.get("requestBody", {}), **described["responses"]}
            found += [
                (f"{method} {path} {part}", media_type, content)
                for part, holder in parts.items()
                for media_type, content in holder.get("content", {}).items()
            ]
    return found


UPLOADS = {"text/csv", "application/x-ndjson", "application/vnd.apache.parquet"}


@pytest.mark.parametrize(("place", "media_type", "content"), _contents(), ids=lambda part: str(part)[:60])
def test_every_body_and_every_answer_has_an_example_that_its_schema_allows(
    place: str, media_type: str, content: dict[str, Any]
) -> None:
    if media_type in UPLOADS:  # files, which have no example in JSON
        return
    schema = {**_with_nulls(content["schema"]), "components": _with_nulls(api_document()["components"])}

    assert [error.message for error in jsonschema.Draft4Validator(schema).iter_errors(content["example"])] == []


def _with_nulls(schema: Any) -> Any:
    """A schema of OpenAPI 3.0 in the words of JSON Schema's draft 4, which differs in ``nullable`` only."""
    if isinstance(schema, list):
        return [_with_nulls(part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    made = {name: _with_nulls(part) for name, part in schema.items() if name not in {"example", "nullable"}}
    return {"anyOf": [made, {"type": "null"}]} if schema.get("nullable") is True else made


def test_the_examples_of_requests_are_accepted(admin: Caller) -> None:
    """In an order that makes each possible."""
    let_a_worker_beat()
    document = api_document()["paths"]

    def body(method: str, path: str) -> Any:
        return document[f"/api/v1/{path}"][method]["requestBody"]["content"]["application/json"]["example"]

    pool = admin.post("/pools", body("post", "pools"))
    changed = admin.put("/pools/products", body("put", "pools/{poolName}"))
    validation = admin.post("/generators/validate", body("post", "generators/validate"))
    created = admin.post("/generators", body("post", "generators"))
    path = f"/generators/{created.json()['id']}"
    updated = admin.put(path, body("put", "generators/{id}"))
    started = admin.post(f"{path}/start", body("post", "generators/{id}/start"))
    paused = admin.post(f"{path}/pause")
    resumed = admin.post(f"{path}/resume", body("post", "generators/{id}/resume"))
    connected = admin.post("/connections", body("post", "connections"))
    reconnected = admin.put("/connections/refdata", body("put", "connections/{connectionName}"))

    assert (pool.status_code, changed.status_code) == (201, 200)
    assert validation.json()["errors"] == []
    assert (created.status_code, updated.status_code) == (201, 200), updated.content
    assert (started.status_code, paused.status_code) == (200, 200), started.content
    assert resumed.status_code == 200, resumed.content
    assert (connected.status_code, reconnected.status_code) == (201, 200), connected.content
    asked = {name for name, item in document.items() if any("requestBody" in one for one in item.values())}
    assert {name.removeprefix("/api/v1/") for name in asked} == {
        "generators", "generators/validate", "generators/{id}", "generators/{id}/start", "generators/{id}/resume",
        "pools", "pools/{poolName}", "pools/{poolName}/content", "connections", "connections/{connectionName}",
    }  # fmt: skip


def test_the_example_of_a_definition_has_every_field_type() -> None:
    example = api_document()["components"]["schemas"]["CreateGeneratorRequest"]["example"]

    assert [mapping["type"] for mapping in example["fieldMappings"]] == list(field_types)

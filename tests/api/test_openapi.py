"""The OpenAPI document."""

from __future__ import annotations

import json
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command

from generators.fields.base import field_types
from sdg_project.openapi import api_document, translated
from sinks.destinations.base import destinations
from tests.support.api import Caller

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

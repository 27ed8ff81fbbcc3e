"""The JSON Schema of a definition accepts null, and what is left out, just where validation does."""

from __future__ import annotations

import json
from collections.abc import Iterator
from copy import deepcopy
from typing import Any

import jsonschema
import pytest

from generators.definition import DefinitionShape, MappingShape, read_definition
from generators.fields.base import field_types
from generators.json_schema import definition_schema
from generators.planning import destination_kind
from generators.services.drafts import errors_of
from sdg_project.shape_issues import aliases
from sinks.destinations.file import FileConfig
from tests.generators.fields.examined import mapping
from tests.generators.fields.examples import examples

DESTINATION = {"type": "FILE", "config": {"path": "x.csv"}}


@pytest.fixture(scope="module")
def schema() -> jsonschema.Draft202012Validator:
    return jsonschema.Draft202012Validator(definition_schema())


def definition(kind: str, params: dict[str, Any]) -> dict[str, Any]:
    whole = {"name": "orders", "fieldMappings": [mapping(kind, params)], "destination": DESTINATION}
    return deepcopy(json.loads(json.dumps(whole)))


def without_and_null(document: dict[str, Any], at: dict[str, Any], known: frozenset[str]) -> Iterator[tuple[str, Any]]:
    """The document with each property of one of its objects left out, and null; the object is changed in place."""
    kept = dict(at)
    for name in sorted(known):
        for what in ("without", "null"):
            at.clear()
            at |= {key: value for key, value in kept.items() if key != name} | ({name: None} if what == "null" else {})
            yield f"{what} {name}", document
    at.clear()
    at |= kept


def is_accepted(document: dict[str, Any]) -> bool:
    """Whether validation finds nothing wrong with the shape of a definition; it may warn."""
    destination = document.get("destination")
    return not errors_of(read_definition(document).issues) and (
        destination is None or not destination_kind(destination)[2]
    )


CASES = [
    pytest.param(kind, params, id=f"{kind}-{number}")
    for kind, parameter_sets in examples().items()
    for number, params in enumerate(parameter_sets)
]


@pytest.mark.parametrize(("kind", "params"), CASES)
def test_schema_and_validation_agree_on_parameters(
    kind: str, params: dict[str, Any], schema: jsonschema.Draft202012Validator
) -> None:
    document = definition(kind, params)
    [field] = document["fieldMappings"]
    known = aliases(field_types[kind].Params)

    found = {
        what: (schema.is_valid(one), is_accepted(one))
        for what, one in without_and_null(document, field["params"], known)
    }

    assert {what: both for what, both in found.items() if both[0] != both[1]} == {}


@pytest.mark.parametrize("kind", list(field_types))
def test_schema_and_validation_agree_on_everything_around(kind: str, schema: jsonschema.Draft202012Validator) -> None:
    document = definition(kind, examples()[kind][0])
    [field] = document["fieldMappings"]
    document["clock"] = {"start": "now", "stepMs": 5}
    document["schema"] = {"fields": [{"name": "it", "type": "STRING"}]}
    places = {
        "definition": (document, aliases(DefinitionShape)),
        "mapping": (field, aliases(MappingShape)),
        "clock": (document["clock"], frozenset({"start", "stepMs"})),
        "field": (document["schema"]["fields"][0], frozenset({"name", "type", "scale", "enum", "required"})),
        "destination": (document["destination"], frozenset(DESTINATION)),
        "config": (document["destination"]["config"], aliases(FileConfig)),
    }

    different = {
        f"{place}: {what}": (schema.is_valid(one), is_accepted(one))
        for place, (at, known) in places.items()
        for what, one in without_and_null(document, at, known)
        if schema.is_valid(one) != is_accepted(one)
    }

    assert different == {}


@pytest.mark.parametrize("params", [{}, None, {"value": 1}, {"value": None}, "left out"])
def test_a_constant_needs_its_value(params: Any, schema: jsonschema.Draft202012Validator) -> None:
    document = definition("CONSTANT", {})
    document["fieldMappings"][0]["params"] = params
    if params == "left out":
        del document["fieldMappings"][0]["params"]

    assert schema.is_valid(document) == is_accepted(document) == (isinstance(params, dict) and "value" in params)


def test_a_filter_needs_a_value_that_is_not_null(schema: jsonschema.Draft202012Validator) -> None:
    for value in (1, "a", ["a"], None):
        params = {"pool": "p", "column": "c", "filter": [{"column": "c", "op": "EQ", "value": value}]}
        document = definition("POOL_REFERENCE", params)

        assert schema.is_valid(document) == is_accepted(document) == (value is not None)

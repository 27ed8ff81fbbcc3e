"""The JSON Schema (2020-12) of a definition, made from the same declarations that validate it."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from generators.definition import DefinitionShape, MappingShape
from generators.fields.base import field_types
from sinks.destinations.base import destinations

_REFERENCE = "#/$defs/{model}"


def definition_schema() -> dict[str, Any]:
    """The schema of a definition: mappings and destinations are told apart by their ``type``."""
    models: list[type[BaseModel]] = [
        DefinitionShape,
        MappingShape,
        *(kind.Params for kind in field_types.values()),
        *(kind.Config for kind in destinations.values()),
    ]
    references, document = models_json_schema([(model, "validation") for model in models], ref_template=_REFERENCE)
    parts = document["$defs"]
    names = {model: reference["$ref"].rpartition("/")[2] for (model, _), reference in references.items()}
    mapping = parts.pop(names[MappingShape])
    variants = [
        _variant(mapping, kind, _REFERENCE.format(model=names[field.Params]), "params")
        for kind, field in field_types.items()
    ]
    root = parts.pop(names[DefinitionShape])
    root["properties"]["fieldMappings"]["items"] = {"oneOf": variants}
    root["properties"]["destination"] = {
        "description": root["properties"]["destination"].get("description", ""),
        "oneOf": [
            _destination(kind, _REFERENCE.format(model=names[place.Config])) for kind, place in destinations.items()
        ],
    }
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Generator definition",
        **{key: value for key, value in root.items() if key != "title"},
        "$defs": parts,
    }


def _variant(mapping: dict[str, Any], kind: str, params: str, key: str) -> dict[str, Any]:
    """The schema of a mapping of one type."""
    properties = {**mapping["properties"], "type": {"const": kind}, key: {"$ref": params}}
    return {"type": "object", "properties": properties, "required": mapping["required"], "additionalProperties": False}


def _destination(kind: str, config: str) -> dict[str, Any]:
    properties = {"type": {"const": kind}, "config": {"$ref": config}}
    return {"type": "object", "properties": properties, "required": ["type", "config"], "additionalProperties": False}

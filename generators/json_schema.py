"""The JSON Schema (2020-12) of a definition, made from the same declarations that validate it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from generators.definition import DefinitionShape, MappingShape
from generators.fields.base import field_types
from sdg_project.shapes import or_null
from sinks.connections.base import connection_kinds
from sinks.definition import MAX_SECRET
from sinks.destinations.base import destinations

REFERENCE = "#/$defs/{model}"
_CONNECTION = "Name of a stored connection; else the server's details stand in config."


def definition_schema() -> dict[str, Any]:
    """The schema of a definition: mappings and destinations are told apart by their ``type``."""
    parts, root = definition_parts(REFERENCE, in_file=True)
    root["properties"]["destination"] = or_null(root["properties"]["destination"])
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Generator definition",
        **{key: value for key, value in root.items() if key != "title"},
        "$defs": parts,
    }


def definition_parts(reference: str, *, in_file: bool = False) -> tuple[dict[str, Any], dict[str, Any]]:
    """The schemas that a definition consists of, by name, and its own; `reference` is how they refer to each other.

    ``FieldMapping`` and ``Destination`` are unions, told apart by ``type``, of variants that have names, too.
    """
    models: list[type[BaseModel]] = [
        DefinitionShape,
        MappingShape,
        *(kind.Params for kind in field_types.values()),
        *(kind.Config for kind in destinations.values()),
        *(connection_kinds[kind.connects_to].Config for kind in destinations.values() if kind.connects_to),
    ]
    references, document = models_json_schema([(model, "validation") for model in models], ref_template=reference)
    parts: dict[str, Any] = document["$defs"]
    names = {
        model: next(name for name in parts if found["$ref"] == reference.format(model=name))
        for (model, _), found in references.items()
    }
    mapping = parts.pop(names[MappingShape])
    for kind, field in field_types.items():
        params = {"$ref": reference.format(model=names[field.Params])}
        needed = bool(parts[names[field.Params]].get("required"))
        properties = {
            **mapping["properties"],
            "type": {"const": kind},
            "params": params if needed else or_null(params),
        }
        required = [*mapping["required"], *(["params"] if needed else [])]
        parts[variant_name(kind, "Mapping")] = _closed(properties, required)
    for kind, place in destinations.items():
        properties = {"type": {"const": kind}, "config": {"$ref": reference.format(model=names[place.Config])}}
        if place.connects_to is not None:
            server = connection_kinds[place.connects_to]
            details = parts[names[server.Config]]["properties"]
            secrets = dict.fromkeys(server.secret_names, or_null(_secret(in_file=in_file)))
            own = parts[names[place.Config]]
            beside = {name: or_null(part) for name, part in details.items()}
            own["properties"] = {**own["properties"], **beside, **secrets}
            properties["connection"] = or_null({"type": "string", "description": _CONNECTION, "examples": ["target"]})
        parts[variant_name(kind, "Destination")] = _closed(properties, ["type", "config"])
    for place in destinations.values():
        if place.connects_to is not None:
            parts.pop(names[connection_kinds[place.connects_to].Config], None)
    parts["FieldMapping"] = _union({kind: variant_name(kind, "Mapping") for kind in field_types}, reference)
    parts["Destination"] = _union({kind: variant_name(kind, "Destination") for kind in destinations}, reference)
    root = parts.pop(names[DefinitionShape])
    root["properties"]["fieldMappings"]["items"] = {"$ref": reference.format(model="FieldMapping")}
    root["properties"]["destination"] = {
        "description": root["properties"]["destination"].get("description", ""),
        "$ref": reference.format(model="Destination"),
    }
    return parts, root


def _secret(*, in_file: bool) -> dict[str, Any]:
    """The schema of a secret; a file names a variable of the environment instead."""
    if in_file:
        named = {"env": {"type": "string", "minLength": 1}}
        return {"type": "object", "properties": named, "required": ["env"], "additionalProperties": False}
    return {"type": "string", "minLength": 1, "maxLength": MAX_SECRET, "description": "Never shown."}


def variant_name(kind: str, of: str) -> str:
    """The name of a variant: NUMERIC_RANGE of Mapping is NumericRangeMapping."""
    return "".join(word.capitalize() for word in kind.split("_")) + of


def _closed(properties: Mapping[str, Any], required: Iterable[str]) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": dict(properties),
        "required": list(required),
        "additionalProperties": False,
    }


def _union(variants: Mapping[str, str], reference: str) -> dict[str, Any]:
    places = {kind: reference.format(model=name) for kind, name in variants.items()}
    return {
        "oneOf": [{"$ref": place} for place in places.values()],
        "discriminator": {"propertyName": "type", "mapping": places},
    }

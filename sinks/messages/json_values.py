"""JSON and JSON_SCHEMA: a value is one JSON object, as in a file of JSON lines."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import polars as pl

from engine.batch import Batch
from engine.schema import ArrayNode, Column, ObjectNode, OutputType, RecordSchema
from engine.template import Template
from sinks.encoding.base import Unsupported
from sinks.encoding.json_lines import JsonLines, JsonLinesOptions
from sinks.messages.base import ValueFormat, value_formats

_TYPES: dict[OutputType, dict[str, Any]] = {
    OutputType.STRING: {"type": "string"},
    OutputType.INTEGER: {"type": "integer", "minimum": -(2**31), "maximum": 2**31 - 1},
    OutputType.LONG: {"type": "integer"},
    OutputType.DOUBLE: {"type": "number"},
    OutputType.DECIMAL: {"type": "number"},
    OutputType.BOOLEAN: {"type": "boolean"},
    OutputType.TIMESTAMP: {"type": "string", "format": "date-time"},
    OutputType.DATE: {"type": "string", "format": "date"},
    OutputType.TIME: {"type": "string"},  # that of RFC 3339, which is meant by the format, has a zone
    OutputType.UUID: {"type": "string", "format": "uuid"},
    OutputType.JSON: {},
}


@value_formats.register("JSON")
class JsonValues(ValueFormat):
    """JSON objects without a schema."""

    def __init__(self, schema: RecordSchema, template: Template | None = None) -> None:
        super().__init__(schema, template)
        self._encoder = JsonLines(schema, JsonLinesOptions())

    @classmethod
    def check(cls, schema: RecordSchema) -> Sequence[Unsupported]:
        return []

    def values(self, batch: Batch) -> pl.Series:
        return self._encoder.documents(batch).cast(pl.Binary)


@value_formats.register("JSON_SCHEMA")
class JsonSchemaValues(JsonValues):
    """JSON objects with a JSON Schema (draft 7) of just these members."""

    schema_type = "JSON"

    def schema_text(self) -> str:
        head = {"$schema": "http://json-schema.org/draft-07/schema#", "title": self.record_name}
        return json.dumps({**head, **_object(self.schema.tree())}, ensure_ascii=False)


def _object(node: ObjectNode) -> dict[str, Any]:
    required = [name for name, member in node.members.items() if _is_always_there(member)]
    properties = {name: _member(member) for name, member in node.members.items()}
    return {
        "type": "object",
        "properties": properties,
        **({"required": required} if required else {}),
        "additionalProperties": False,
    }


def _is_always_there(member: Column | ObjectNode | ArrayNode) -> bool:
    """An object is left out when all its members are missing; an array never is."""
    if isinstance(member, Column):
        return not member.may_be_missing
    return isinstance(member, ArrayNode) or any(map(_is_always_there, member.members.values()))


def _member(member: Column | ObjectNode | ArrayNode) -> dict[str, Any]:
    if isinstance(member, ObjectNode):
        return _object(member)
    if isinstance(member, ArrayNode):
        return {"type": "array", "items": _member(member.element)}
    known = _TYPES[member.type]
    if not member.nullable or not known:
        return known
    return {"oneOf": [{"type": "null"}, known]}

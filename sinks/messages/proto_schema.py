"""The text of a .proto file for records: one message, and one inside it for each object."""

from __future__ import annotations

import json

from engine.schema import ArrayNode, Column, ObjectNode, OutputType, RecordSchema
from sinks.encoding.avro_schema import valid_names

_TYPES = {
    OutputType.STRING: "string",
    OutputType.INTEGER: "int32",
    OutputType.LONG: "int64",
    OutputType.DOUBLE: "double",
    OutputType.DECIMAL: "string",
    OutputType.BOOLEAN: "bool",
    OutputType.TIMESTAMP: "google.protobuf.Timestamp",
    OutputType.DATE: "string",
    OutputType.TIME: "string",
    OutputType.UUID: "string",
    OutputType.JSON: "string",
}
_INDENT = "  "


def proto_text(schema: RecordSchema) -> str:
    """The file. Names that proto3 does not take are made valid, with the original as ``json_name``."""
    [name] = valid_names([schema.name or "record"])
    lines = ['syntax = "proto3";', ""]
    if any(column.type is OutputType.TIMESTAMP for column in schema.columns):
        lines += ['import "google/protobuf/timestamp.proto";', ""]
    return "\n".join([*lines, *_message(schema.tree(), name), ""])


def _message(node: ObjectNode, name: str) -> list[str]:
    names = valid_names(list(node.members))
    taken = set(names)
    inner: list[str] = []
    fields: list[str] = []
    for number, (valid, (original, member)) in enumerate(zip(names, node.members.items(), strict=True), start=1):
        is_list = isinstance(member, ArrayNode)
        element = member.element if isinstance(member, ArrayNode) else member
        if isinstance(element, ObjectNode):
            kind = _type_name(valid, taken)  # fields and messages of a message share one name space
            inner += _message(element, kind)
            label = "repeated " if is_list else ""
        else:
            kind = _TYPES[element.type]
            label = "repeated " if is_list else _label(element)
        option = "" if valid == original else f" [json_name = {json.dumps(original, ensure_ascii=False)}]"
        fields.append(f"{label}{kind} {valid} = {number}{option};")
    return [f"message {name} {{", *(_INDENT + line for line in [*inner, *fields]), "}"]


def _label(column: Column) -> str:
    """``optional`` where readers are to tell null from zero; a message can be left out anyway."""
    return "optional " if column.nullable and column.type is not OutputType.TIMESTAMP else ""


def _type_name(field: str, taken: set[str]) -> str:
    """A name for the message of a field, which nothing else has beside it."""
    wanted = "".join(part[:1].upper() + part[1:] for part in field.split("_")) or "Object"
    name, number = wanted if wanted[:1].isalpha() else f"Object{wanted}", 1
    first = name
    while name in taken:
        number += 1
        name = f"{first}{number}"
    taken.add(name)
    return name

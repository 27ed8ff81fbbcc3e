"""Avro schemas of records: types, valid names, objects as nested records."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TypeAlias

from engine.issues import Severity
from engine.schema import MAX_DECIMAL_DIGITS, ArrayNode, Column, ObjectNode, OutputType, RecordSchema
from sdg_project.text import quoted
from sinks.encoding.base import Unsupported

AvroSchema: TypeAlias = "str | list[AvroSchema] | dict[str, object]"

_TYPES: dict[OutputType, AvroSchema] = {
    OutputType.STRING: "string",
    OutputType.INTEGER: "int",
    OutputType.LONG: "long",
    OutputType.DOUBLE: "double",
    OutputType.BOOLEAN: "boolean",
    OutputType.TIMESTAMP: {"type": "long", "logicalType": "timestamp-millis"},
    OutputType.DATE: {"type": "int", "logicalType": "date"},
    OutputType.TIME: {"type": "long", "logicalType": "time-micros"},
    OutputType.UUID: {"type": "string", "logicalType": "uuid"},
    OutputType.JSON: "string",
}


def avro_schema(schema: RecordSchema) -> AvroSchema:
    """The Avro schema of the records.

    Names that Avro does not take are made valid (`valid_names`), with the original as ``doc``. The record of an
    object is named like its field, in the namespace of the record around it. Decimals are bytes, since every scale
    would need a fixed type of its own.
    """
    [name] = valid_names([schema.name or "record"])
    return _record(schema.tree(), name, original=schema.name, namespace=None)


def name_problems(schema: RecordSchema, *, kind: str, kept_as: str) -> Iterator[Unsupported]:
    """The names that a format with Avro's rule does not take, each with what becomes of it.

    `kind` is the format as messages call it, `kept_as` the property of its schemas that has the original name.
    """
    rule = f"{kind}'s names have ASCII letters, digits and _ only, and no digit first"
    for column, name, valid, is_taken in _changed_names(schema):
        if is_taken:
            message = f"{rule}: {quoted(name)} becomes {quoted(valid)}, and so does another field, or is it already"
            yield Unsupported(column, "/fieldName", "DUPLICATE_FIELD", message, "rename one of the two")
        else:
            message = f"{rule}: {quoted(name)} is written as {quoted(valid)}, with its own name as {kept_as}"
            hint = "rename the field if readers are to see the same name everywhere"
            yield Unsupported(column, "/fieldName", "NAME_CHANGED", message, hint, Severity.WARNING)


def _changed_names(schema: RecordSchema) -> Iterator[tuple[Column, str, str, bool]]:
    """Fields and objects whose names Avro does not take: a column, the name, what it becomes, whether that is taken.

    The column of an object is the first one in it.
    """
    nodes = [schema.tree()]
    for node in nodes:
        names = list(node.members)
        wanted = [_wanted(name) for name in names]
        for name, valid, member in zip(names, wanted, node.members.values(), strict=True):
            inside = member.element if isinstance(member, ArrayNode) else member
            if isinstance(inside, ObjectNode):
                nodes.append(inside)
            if valid != name:
                column = member if isinstance(member, Column) else next(iter(member.columns()))
                yield column, name, valid, wanted.count(valid) > 1


def _wanted(name: str) -> str:
    """The name, or the nearest one that Avro takes."""
    if _is_valid(name):
        return name
    valid = re.sub(r"[^A-Za-z0-9_]", "_", name)
    return valid if _is_valid(valid) else f"_{valid}"


def valid_names(names: list[str]) -> list[str]:
    """The names as Avro takes them: ASCII letters, digits and ``_``, no digit first, no two alike.

    Any other character becomes ``_``; a name that is taken then gets ``_2``, ``_3`` …  Names that are valid keep
    theirs, whatever stands before them.
    """
    taken = {name for name in names if _is_valid(name)}
    result: list[str] = []
    for name in names:
        wanted = _wanted(name)
        if wanted == name:
            result.append(name)
            continue
        valid, number = wanted, 1
        while valid in taken:
            number += 1
            valid = f"{wanted}_{number}"
        taken.add(valid)
        result.append(valid)
    return result


def _is_valid(name: str) -> bool:
    return re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", name) is not None


def _record(node: ObjectNode, name: str, *, original: str, namespace: str | None) -> dict[str, object]:
    inner_namespace = f"{namespace}.{name}" if namespace else name
    fields = [
        _field(member, valid, original=member_name, namespace=inner_namespace)
        for valid, (member_name, member) in zip(valid_names(list(node.members)), node.members.items(), strict=True)
    ]
    head: dict[str, object] = {"type": "record", "name": name}
    if namespace:
        head["namespace"] = namespace
    if original != name:
        head["doc"] = original
    return {**head, "fields": fields}


def _field(member: Column | ObjectNode | ArrayNode, name: str, *, original: str, namespace: str) -> dict[str, object]:
    head = {"name": name} if original == name else {"name": name, "doc": original}
    if isinstance(member, ObjectNode):
        return {**head, "type": _record(member, name, original=original, namespace=namespace)}
    if isinstance(member, ArrayNode):
        if isinstance(member.element, ObjectNode):
            items: AvroSchema = _record(member.element, name, original=original, namespace=namespace)
        else:
            items = ["null", _type(member.element)] if member.element.nullable else _type(member.element)
        return {**head, "type": {"type": "array", "items": items}}
    if member.nullable:
        return {**head, "type": ["null", _type(member)], "default": None}
    return {**head, "type": _type(member)}


def _type(column: Column) -> AvroSchema:
    if column.type is OutputType.DECIMAL:
        return {
            "type": "bytes", "logicalType": "decimal", "precision": MAX_DECIMAL_DIGITS, "scale": column.scale,
        }  # fmt: skip
    return _TYPES[column.type]

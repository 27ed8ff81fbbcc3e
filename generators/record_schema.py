"""The declared schema against the mappings: what is missing, what does not fit, and which types it asks for."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from decimal import Decimal

import polars as pl

from engine.issues import Issue, Severity, did_you_mean, pointer
from engine.lists import elements_of
from engine.schema import Column, OutputType
from generators.casts import Cast
from generators.definition import Definition, FieldMapping, SchemaField
from generators.schema_enum import enum_column, outside
from generators.text_pattern import TextPattern
from generators.values.listed_values import digits_behind_point
from sdg_project.text import shown

_LISTED = 5


@dataclass(frozen=True, slots=True)
class Target:
    """What the schema asks of a field's values, and where it does."""

    type: OutputType
    scale: int | None
    pointer: str


def targets_of(definition: Definition) -> dict[str, Target]:
    """For each field of the schema what it asks for."""
    schema = definition.shape.record_schema
    return {
        field.name: Target(field.type, field.scale, pointer("schema", "fields", index))
        for index, field in enumerate(schema.fields if schema else ())
    }


def check_schema(
    definition: Definition, mappings: Mapping[str, FieldMapping], casts: Mapping[str, Cast], broken: frozenset[str]
) -> Iterator[Issue]:
    """Every place where the schema contradicts itself, or does not fit the mapped fields.

    `casts` are those of the fields whose cast to what the schema asks for is possible.
    """
    schema = definition.shape.record_schema
    if schema is None:
        return
    seen: set[str] = set()
    for index, field in enumerate(schema.fields):
        at = pointer("schema", "fields", index)
        if field.name.casefold() in seen:
            yield Issue("DUPLICATE_FIELD", f"{at}/name", f'"{field.name}" is declared twice', field=field.name)
        seen.add(field.name.casefold())
        yield from _declaration(field, at)
        if field.name in mappings:
            yield from _mapped(field, mappings[field.name], casts.get(field.name))
        elif field.name not in broken:
            yield _unmapped(field, at, mappings)
    names = [field.name for field in schema.fields]
    for name, mapping in mappings.items():
        if name not in names and not mapping.shape.omit:
            hint = did_you_mean(name, names) or "declare it in the schema, or set omit"
            message = f'"{name}" is written but the schema does not have it'
            at = f"{mapping.pointer}/fieldName"
            yield Issue("EXTRA_MAPPING", at, message, hint, name, Severity.WARNING)


def _declaration(field: SchemaField, at: str) -> Iterator[Issue]:
    """Properties that mean nothing for the declared type, and digits that contradict each other."""
    fits = {
        "precision": field.type is OutputType.DECIMAL,
        "scale": field.type is OutputType.DECIMAL,
        "maxLength": field.type is OutputType.STRING,
        "pattern": field.type is OutputType.STRING,
    }
    given = {
        "precision": field.precision,
        "scale": field.scale,
        "maxLength": field.max_length,
        "pattern": field.pattern,
    }
    for name, value in given.items():
        if value is not None and not fits[name]:
            message = f'"{name}" does not apply to {field.type}'
            yield Issue("PROPERTY_NOT_ALLOWED", f"{at}/{name}", message, f'remove "{name}"', field.name)
    if field.precision is not None and field.scale is not None and field.scale > field.precision:
        message = f"scale ({field.scale}) must not be greater than precision ({field.precision})"
        yield Issue("RANGE_INVERTED", f"{at}/scale", message, None, field.name)
    if field.pattern is not None:
        try:
            TextPattern.parse(field.pattern)
        except ValueError as error:
            hint = "accepted are regular expressions without look-around and backreferences"
            yield Issue("INVALID_SYNTAX", f"{at}/pattern", str(error), hint, field.name)
    _, wrong = enum_column(field.enum or (), _column(field))
    for place, message in wrong.items():
        yield Issue("TYPE_MISMATCH", f"{at}/enum/{place}", message, None, field.name)


def check_sample(definition: Definition, records: pl.DataFrame) -> list[Issue]:
    """Values of a few records that the schema does not allow: of a wrong pattern, too long, not in the enum.

    Patterns are matched against the whole text.
    """
    schema, issues = definition.shape.record_schema, []
    for index, field in enumerate(schema.fields if schema else ()):
        if field.name not in records.columns:
            continue
        at = pointer("schema", "fields", index)
        made, column = records[field.name], _column(field)
        values = elements_of(made) if column.is_element else made
        if field.enum is not None:
            enum, _ = enum_column(field.enum, replace(column, scale=getattr(values.dtype, "scale", 0)))
            if message := outside(values, enum, column):
                issues.append(Issue("INVALID_VALUE", f"{at}/enum", message, None, field.name))
        if field.type is not OutputType.STRING:
            continue
        texts = values.cast(pl.String).drop_nulls()
        if field.pattern is not None:
            wrong = texts.filter(~TextPattern(field.pattern).matches(texts))
            if len(wrong):
                message = f'"{wrong[0]}" does not match the pattern {field.pattern}'
                issues.append(Issue("INVALID_VALUE", f"{at}/pattern", message, None, field.name))
        if field.max_length is not None:
            long = texts.filter(texts.str.len_chars() > field.max_length)
            if len(long):
                message = f'"{long[0]}" has more than {field.max_length} characters'
                issues.append(Issue("VALUE_TOO_LONG", f"{at}/maxLength", message, None, field.name))
    return issues


def _unmapped(field: SchemaField, at: str, mappings: Mapping[str, FieldMapping]) -> Issue:
    hint = did_you_mean(field.name, mappings) or f'add a mapping with the fieldName "{field.name}"'
    if field.required or field.primary_key:
        message = f'the schema requires "{field.name}", but no mapping makes it'
        return Issue("REQUIRED_FIELD_UNMAPPED", at, message, hint, field.name)
    message = f'no mapping makes "{field.name}", so it will not be written'
    return Issue("UNMAPPED_COLUMN", at, message, hint, field.name, Severity.WARNING)


def _mapped(field: SchemaField, mapping: FieldMapping, cast: Cast | None) -> Iterator[Issue]:
    shape, at = mapping.shape, mapping.pointer
    for name, rate in (("nullRate", shape.null_rate), ("missingRate", shape.missing_rate)):
        if rate > 0 and (field.required or field.primary_key):
            message = f'"{field.name}" is required by the schema, so its {name} must be 0, not {rate}'
            yield Issue("REQUIRED_FIELD_NULLABLE", f"{at}/{name}", message, None, field.name)
    if shape.omit:
        message = f'"{field.name}" is in the schema, so it cannot be omitted'
        yield Issue(
            "PROPERTY_NOT_ALLOWED", f"{at}/omit", message, "remove omit, or the field from the schema", field.name
        )
    if shape.output_type is not None and shape.output_type != field.type:
        message = f"outputType {shape.output_type} differs from the schema's {field.type}"
        yield Issue("TYPE_MISMATCH", f"{at}/outputType", message, "leave outputType out", field.name)
    if cast is None:
        return
    output = cast.after
    if output.nullable and (field.required or field.primary_key):
        message = f'"{field.name}" is required by the schema, but its values can be null'
        yield Issue("REQUIRED_FIELD_NULLABLE", at, message, None, field.name)
    if field.max_length is not None and output.max_length is not None and output.max_length > field.max_length:
        message = f"the longest value has {output.max_length} characters, the schema allows {field.max_length}"
        yield Issue("VALUE_TOO_LONG", at, message, None, field.name)
    if field.precision is not None and output.type is OutputType.DECIMAL:
        for bound in (output.minimum, output.maximum):
            if bound is not None and abs(bound) >= 10 ** (field.precision - output.scale):
                message = f"{bound} has more digits than precision {field.precision}, scale {output.scale} allow"
                yield Issue("VALUE_TOO_LONG", at, message, None, field.name)
    if field.enum is not None and (results := cast.results()) is not None:
        enum, _ = enum_column(field.enum, cast.column)
        if strange := outside(results, enum, cast.column):
            accepted = ", ".join(shown(value) for value in field.enum[:_LISTED])
            hint = f"accepted are {accepted}{', …' if len(field.enum) > _LISTED else ''}"
            yield Issue("INVALID_VALUE", at, strange, hint, field.name)


def _column(field: SchemaField) -> Column:
    """The field as the schema declares it; a decimal without a scale has that of its enum."""
    scale = field.scale
    if scale is None:
        numbers = [value for value in field.enum or () if isinstance(value, (int, Decimal))]
        scale = max((digits_behind_point(number) for number in numbers), default=0)
    return Column(field.name, field.type, scale)

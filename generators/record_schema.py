"""The declared schema against the mappings: what is missing, what does not fit, and which types it asks for."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from fractions import Fraction

import polars as pl

from engine.issues import Issue, Severity, did_you_mean, pointer
from engine.schema import OutputType
from generators.definition import Definition, FieldMapping, SchemaField
from generators.fields.base import Output
from sdg_project.text import shown

Targets = dict[str, tuple[OutputType, int | None]]
"""For each field of the schema the type it asks for, and the scale of a decimal."""


def check_schema(
    definition: Definition,
    mappings: Mapping[str, FieldMapping],
    outputs: Mapping[str, Output],
    broken: frozenset[str],
) -> tuple[Targets, list[Issue]]:
    """What the schema asks of each mapped field, and every place where the two do not fit."""
    schema = definition.shape.record_schema
    if schema is None:
        return {}, []
    issues: list[Issue] = []
    targets: Targets = {}
    seen: set[str] = set()
    for index, field in enumerate(schema.fields):
        at = pointer("schema", "fields", index)
        if field.name.casefold() in seen:
            issues.append(Issue("DUPLICATE_FIELD", f"{at}/name", f'"{field.name}" is declared twice', field=field.name))
        seen.add(field.name.casefold())
        issues += _declaration(field, at)
        targets[field.name] = (field.type, field.scale)
        if field.name in mappings:
            issues += _mapped(field, mappings[field.name], outputs.get(field.name))
        elif field.name not in broken:
            issues.append(_unmapped(field, at, mappings))
    for name, mapping in mappings.items():
        if name not in targets and not mapping.shape.omit:
            hint = did_you_mean(name, targets) or "declare it in the schema, or set omit"
            message = f'"{name}" is written but the schema does not have it'
            at = f"{mapping.pointer}/fieldName"
            issues.append(Issue("EXTRA_MAPPING", at, message, hint, name, Severity.WARNING))
    return targets, issues


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
            pl.Series([""]).str.contains(field.pattern)
        except pl.exceptions.PolarsError as error:
            message = f"the pattern cannot be read: {str(error).splitlines()[-1]}"
            yield Issue("INVALID_SYNTAX", f"{at}/pattern", message, None, field.name)


def check_sample(definition: Definition, records: pl.DataFrame) -> list[Issue]:
    """Values of a few records that the schema does not allow: of a wrong pattern, too long, not in the enum.

    Patterns are matched against the whole text, by an engine whose time is linear in it.
    """
    schema, issues = definition.shape.record_schema, []
    for index, field in enumerate(schema.fields if schema else ()):
        if field.name not in records.columns or field.type is not OutputType.STRING:
            continue
        at, texts = pointer("schema", "fields", index), records[field.name].cast(pl.String).drop_nulls()
        if field.pattern is not None:
            wrong = texts.filter(~texts.str.contains(f"^(?:{field.pattern})$"))
            if len(wrong):
                message = f'"{wrong[0]}" does not match the pattern {field.pattern}'
                issues.append(Issue("INVALID_VALUE", f"{at}/pattern", message, None, field.name))
        if field.max_length is not None:
            long = texts.filter(texts.str.len_chars() > field.max_length)
            if len(long):
                message = f'"{long[0]}" has more than {field.max_length} characters'
                issues.append(Issue("VALUE_TOO_LONG", f"{at}/maxLength", message, None, field.name))
        if field.enum is not None:
            strange = texts.filter(~texts.is_in([str(value) for value in field.enum]))
            if len(strange):
                issues.append(
                    Issue("INVALID_VALUE", f"{at}/enum", f'"{strange[0]}" is not in the enum', None, field.name)
                )
    return issues


def _unmapped(field: SchemaField, at: str, mappings: Mapping[str, FieldMapping]) -> Issue:
    hint = did_you_mean(field.name, mappings) or f'add a mapping with the fieldName "{field.name}"'
    if field.required or field.primary_key:
        message = f'the schema requires "{field.name}", but no mapping makes it'
        return Issue("REQUIRED_FIELD_UNMAPPED", at, message, hint, field.name)
    message = f'no mapping makes "{field.name}", so it will not be written'
    return Issue("UNMAPPED_COLUMN", at, message, hint, field.name, Severity.WARNING)


def _mapped(field: SchemaField, mapping: FieldMapping, output: Output | None) -> Iterator[Issue]:
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
    if output is None:
        return
    if output.nullable and (field.required or field.primary_key):
        message = f'"{field.name}" is required by the schema, but its values can be null'
        yield Issue("REQUIRED_FIELD_NULLABLE", at, message, None, field.name)
    if field.max_length is not None and output.max_length is not None and output.max_length > field.max_length:
        message = f"the longest value has {output.max_length} characters, the schema allows {field.max_length}"
        yield Issue("VALUE_TOO_LONG", at, message, None, field.name)
    if field.precision is not None:
        scale = field.scale or 0
        for bound in (output.minimum, output.maximum):
            # Rounded to the scale, as it will be written: 9.995 becomes 10.00.
            if bound is not None and abs(round(Fraction(bound) * 10**scale)) >= 10**field.precision:
                message = f"{bound} has more digits than precision {field.precision}, scale {field.scale or 0} allow"
                yield Issue("VALUE_TOO_LONG", at, message, None, field.name)
    if field.enum is not None and output.values is not None:
        for value in output.values:
            if value is not None and value not in field.enum:
                message = f"the value {shown(value)} is not in the schema's enum"
                yield Issue("INVALID_VALUE", at, message, None, field.name)

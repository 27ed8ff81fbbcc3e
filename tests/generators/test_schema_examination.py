"""Examination: whether the mappings fit the schema of a definition."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from tests.generators.definitions import ENUM, NUMBER, number, text
from tests.generators.fields.examined import found, issues, mapping


def schema_of(*fields: Mapping[str, Any]) -> dict[str, Any]:
    return {"fields": list(fields)}


MAPPING, DECLARED = "/fieldMappings/0", "/schema/fields/0"
TOO_LONG = {("VALUE_TOO_LONG", MAPPING)}
INVOICE = mapping("SEQUENCE", {"template": "A{seq:05d}"}, name="x")
PRICE = mapping(NUMBER, {"min": 0, "max": 100, "scale": 2}, name="x")
REAL = mapping(NUMBER, {"min": 0, "max": 9.999}, name="x")
WRONG_ENUM = {("TYPE_MISMATCH", f"{DECLARED}/enum/{place}") for place in range(3)}
WRONG_DATE = {("TYPE_MISMATCH", f"{DECLARED}/enum/0")}
HALVES = mapping(NUMBER, {"min": 0.5, "max": 1, "step": 0.5}, name="x")


@pytest.mark.parametrize(
    ("field", "mapped", "expected"),
    [
        ({"type": "INTEGER"}, number("x"), set()),
        ({"type": "LONG"}, number("x"), set()),
        ({"type": "STRING"}, number("x"), set()),
        ({"type": "DECIMAL", "scale": 2}, number("x"), set()),
        ({"type": "DATE"}, number("x"), {("TYPE_MISMATCH", f"{DECLARED}/type")}),
        ({"type": "DATE"}, number("x", outputType="DATE"), {("TYPE_MISMATCH", f"{MAPPING}/outputType")}),
        ({"type": "TIMESTAMP"}, mapping("CONSTANT", {"value": "2026-01-31T12:00:00Z"}, name="x"), set()),
        ({"type": "TIMESTAMP"}, text("x", ["noon"]), {("TYPE_MISMATCH", f"{DECLARED}/type")}),
        ({"type": "DECIMAL", "scale": 1}, PRICE, {("TYPE_MISMATCH", f"{DECLARED}/scale")}),
        ({"type": "DECIMAL", "scale": 3}, PRICE, set()),
        ({"type": "DECIMAL"}, PRICE, set()),
        ({"type": "DECIMAL"}, REAL, {("TYPE_MISMATCH", f"{DECLARED}/type")}),
        ({"type": "DECIMAL", "scale": 0}, HALVES, {("TYPE_MISMATCH", f"{DECLARED}/scale")}),
        (
            {"type": "DECIMAL", "scale": 2},
            mapping("CONSTANT", {"value": 1.005}, name="x"),
            {("TYPE_MISMATCH", f"{DECLARED}/scale")},
        ),
        (
            {"type": "DECIMAL", "scale": 2},
            text("x", ["1.005"], outputType="DECIMAL"),
            {("TYPE_MISMATCH", f"{MAPPING}/outputType")},
        ),
        ({"type": "DOUBLE"}, number("x") | {"params": {"min": 0, "max": 2**60}}, {("ROUNDED", MAPPING)}),
        (
            {"type": "LONG", "required": True},
            number("x", nullRate=0.1),
            {("REQUIRED_FIELD_NULLABLE", f"{MAPPING}/nullRate")},
        ),
        (
            {"type": "LONG", "primaryKey": True},
            number("x", missingRate=0.1),
            {("REQUIRED_FIELD_NULLABLE", f"{MAPPING}/missingRate")},
        ),
        (
            {"type": "STRING", "required": True},
            text("x", ["a", None]),
            {("REQUIRED_FIELD_NULLABLE", MAPPING), ("INVALID_VALUE", f"{MAPPING}/params/values/1")},
        ),
        ({"type": "STRING", "maxLength": 3}, text("x", ["abc", "abcd"]), TOO_LONG),
        ({"type": "STRING", "maxLength": 4}, text("x", ["abc", "abcd"]), set()),
        ({"type": "STRING", "maxLength": 5}, INVOICE, TOO_LONG),
        ({"type": "STRING", "maxLength": 6}, INVOICE, set()),
        ({"type": "STRING", "maxLength": 2}, mapping("CONSTANT", {"value": "abc"}, name="x"), TOO_LONG),
        ({"type": "DECIMAL", "precision": 4, "scale": 2}, PRICE, TOO_LONG),
        ({"type": "DECIMAL", "precision": 5, "scale": 2}, PRICE, set()),
        ({"type": "DECIMAL", "precision": 3, "scale": 2}, REAL, TOO_LONG),  # it is rounded to 10.00
        ({"type": "DECIMAL", "precision": 4, "scale": 2}, REAL, set()),
        ({"type": "STRING", "enum": ["a"]}, text("x", ["a", "b"]), {("INVALID_VALUE", MAPPING)}),
        ({"type": "STRING", "enum": ["a", "b", "c"]}, text("x", ["a", "b"]), set()),
        ({"type": "INTEGER", "enum": list(range(1, 10))}, number("x"), {("INVALID_VALUE", MAPPING)}),
        ({"type": "DECIMAL", "scale": 1, "enum": [0.5, 1]}, HALVES, set()),
        ({"type": "DECIMAL", "scale": 1, "enum": [0.5, 1.5]}, HALVES, {("INVALID_VALUE", MAPPING)}),
        ({"type": "DECIMAL", "enum": [0.5, 1]}, HALVES, set()),
        ({"type": "STRING", "enum": ["1", "2"]}, text("x", [1, 2]), set()),
        ({"type": "STRING", "enum": ["1"]}, text("x", [1, 2]), {("INVALID_VALUE", MAPPING)}),
        ({"type": "INTEGER", "enum": [1]}, text("x", ["1", "2"]), {("INVALID_VALUE", MAPPING)}),
        ({"type": "BOOLEAN", "enum": [True]}, text("x", [True, False]), {("INVALID_VALUE", MAPPING)}),
        ({"type": "INTEGER", "enum": [True, 1.5, "a", 1]}, text("x", [1]), WRONG_ENUM),
        ({"type": "DATE", "enum": ["2026-01-31"]}, text("x", ["2026-01-31"]), set()),
        ({"type": "DATE", "enum": ["2026-01-30"]}, text("x", ["2026-01-31"]), {("INVALID_VALUE", MAPPING)}),
        ({"type": "DATE", "enum": ["31.1.2026"]}, mapping("CONSTANT", {"value": None}, name="x"), WRONG_DATE),
        (
            {"type": "INTEGER"},
            number("x", omit=True),
            {("PROPERTY_NOT_ALLOWED", f"{MAPPING}/omit"), ("INVALID_VALUE", "/fieldMappings")},
        ),
        ({"type": "INTEGER"}, number("x", outputType="LONG"), {("TYPE_MISMATCH", f"{MAPPING}/outputType")}),
        ({"type": "INTEGER", "precision": 5}, number("x"), {("PROPERTY_NOT_ALLOWED", f"{DECLARED}/precision")}),
        ({"type": "DECIMAL", "precision": 4, "scale": 5}, REAL, {("RANGE_INVERTED", f"{DECLARED}/scale"), *TOO_LONG}),
        ({"type": "INTEGER", "pattern": "a"}, number("x"), {("PROPERTY_NOT_ALLOWED", f"{DECLARED}/pattern")}),
        ({"type": "STRING", "pattern": "("}, text("x"), {("INVALID_SYNTAX", f"{DECLARED}/pattern")}),
    ],
)
def test_a_mapping_must_fit_its_field_of_the_schema(
    field: dict[str, Any], mapped: dict[str, Any], expected: set[tuple[str, str]]
) -> None:
    assert found(mapped, schema=schema_of({"name": "x", **field})) == expected


def test_what_is_not_in_the_enum_is_one_issue_with_the_first_of_it() -> None:
    declared = schema_of({"name": "x", "type": "STRING", "enum": ["a", "b"]})

    [issue] = issues(text("x", ["a", *(f"v{place}" for place in range(5_000))]), schema=declared)

    assert issue.message == '"v0", "v1", "v2" and 4,997 more values are not in the schema\'s enum'
    assert issue.hint == 'accepted are text "a", text "b"'


@pytest.mark.parametrize(
    ("pattern", "reason"),
    [
        ("(", "unclosed group"),
        ("a)(b", "unopened group"),
        ("[z-a]", "invalid character class range"),
        ("(?=x)", "look-around, including look-ahead and look-behind, is not supported"),
        (r"(a)\1", "backreferences are not supported"),
        ("a{1000}{1000}{1000}", "its repetitions make it too large"),
        ("(?x)a # b", "unclosed group"),
        ("a\n(", "unclosed group"),
    ],
)
def test_a_pattern_that_cannot_be_used_is_told_in_a_sentence(pattern: str, reason: str) -> None:
    [issue] = issues(text("x"), schema=schema_of({"name": "x", "type": "STRING", "pattern": pattern}))

    assert (issue.code, issue.path) == ("INVALID_SYNTAX", f"{DECLARED}/pattern")
    assert issue.message.startswith(f"the pattern cannot be used: {reason}")
    assert "\n" not in issue.message
    assert "col(" not in issue.message


def test_fields_of_the_schema_and_mappings_belong_together() -> None:
    declared = schema_of(
        {"name": "a", "type": "INTEGER", "required": True},
        {"name": "b", "type": "INTEGER"},
        {"name": "c", "type": "INTEGER", "primaryKey": True},
        {"name": "C", "type": "INTEGER"},
    )

    told = found(number("c"), number("d"), number("e", omit=True), schema=declared)

    assert told == {
        ("REQUIRED_FIELD_UNMAPPED", "/schema/fields/0"),
        ("UNMAPPED_COLUMN", "/schema/fields/1"),
        ("DUPLICATE_FIELD", "/schema/fields/3/name"),
        ("UNMAPPED_COLUMN", "/schema/fields/3"),
        ("EXTRA_MAPPING", "/fieldMappings/1/fieldName"),
    }


def test_a_field_whose_mapping_has_mistakes_is_mapped() -> None:
    told = found(
        mapping(ENUM, {"values": []}, name="a"), schema=schema_of({"name": "a", "type": "STRING", "required": True})
    )

    assert told == {("INVALID_VALUE", "/fieldMappings/0/params/values")}

"""Validation: what does not fit the destination is told where the definition says it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from engine.issues import Issue, Severity
from generators.services.validation import Validation, validate_definition
from tests.support.runs import Workshop

pytestmark = pytest.mark.django_db

HIDDEN: dict[str, Any] = {"fieldName": "hidden", "type": "SEQUENCE", "omit": True}
FORMATS = ["csv", "parquet", "avro"]


def validation(workshop: Workshop, *mappings: dict[str, Any], **changes: Any) -> Validation:
    document = workshop.document(HIDDEN, *mappings, **changes)
    return validate_definition(document, updated_at=datetime(2026, 5, 1, tzinfo=UTC), root=str(workshop.folder))


def told(issues: tuple[Issue, ...]) -> list[tuple[str, str, str | None]]:
    return [(issue.code, issue.path, issue.field) for issue in issues]


@pytest.mark.parametrize("suffix", FORMATS)
def test_a_format_without_missing_fields_is_told_at_each_mapping_s_rate(workshop: Workshop, suffix: str) -> None:
    fields = [{"fieldName": name, "type": "SEQUENCE", "missingRate": 0.1} for name in ("a", "b")]

    found = validation(workshop, *fields, path=f"x.{suffix}")

    assert told(found.issues) == [
        ("PROPERTY_NOT_ALLOWED", "/fieldMappings/1/missingRate", "a"),
        ("PROPERTY_NOT_ALLOWED", "/fieldMappings/2/missingRate", "b"),
    ]
    assert not validation(workshop, *fields, path="x.jsonl").issues


def test_what_is_wrong_with_a_field_does_not_hide_that_the_format_cannot_leave_it_out(workshop: Workshop) -> None:
    wrong: list[dict[str, Any]] = [
        {"fieldName": "inverted", "type": "NUMERIC_RANGE", "params": {"min": 2, "max": 1}},
        {"fieldName": "misspelt", "type": "CONSTANT", "params": {"valu": 1}},
        {"fieldName": "unwritten", "type": "CONSTANT", "params": {"valu": 1}, "omit": True},
    ]

    found = validation(workshop, *(field | {"missingRate": 0.1} for field in wrong), path="x.csv")

    assert sorted(told(found.issues)) == [
        ("PROPERTY_NOT_ALLOWED", "/fieldMappings/1/missingRate", "inverted"),
        ("PROPERTY_NOT_ALLOWED", "/fieldMappings/2/missingRate", "misspelt"),
        ("RANGE_INVERTED", "/fieldMappings/1/params/min", "inverted"),
        ("UNKNOWN_PROPERTY", "/fieldMappings/2/params/valu", "misspelt"),
        ("UNKNOWN_PROPERTY", "/fieldMappings/3/params/valu", "unwritten"),
    ]


@pytest.mark.parametrize("suffix", FORMATS)
@pytest.mark.parametrize("value", [{"a": 1}, [1, 2]])
def test_a_list_or_an_object_is_a_warning_where_it_becomes_text(workshop: Workshop, suffix: str, value: Any) -> None:
    field = {"fieldName": "c", "type": "CONSTANT", "params": {"value": value}}

    found = validation(workshop, field, path=f"x.{suffix}")

    assert told(found.issues) == [("TYPE_MISMATCH", "/fieldMappings/1", "c")]
    assert found.issues[0].severity is Severity.WARNING
    assert found.bytes_per_record
    assert workshop.make(field, path=f"x.{suffix}").status == "COMPLETED"
    assert not validation(workshop, field, path="x.jsonl").issues


def test_mistakes_in_the_destination_hide_none_there_nor_among_the_fields(workshop: Workshop) -> None:
    fields = [
        {"fieldName": "a", "type": "SEQUENCE", "missingRate": 0.1},
        {"fieldName": "b", "type": "NUMERIC_RANGE", "params": {"min": 2, "max": 1}},
    ]
    config = {"path": "../x.csv", "nullText": 5, "headr": True, "rollRecords": 5, "rollBytes": 5, "syncInterval": 1}

    found = validation(workshop, *fields, destination={"type": "FILE", "config": config})

    assert {(code, path) for code, path, _ in told(found.issues)} == {
        ("PROPERTY_NOT_ALLOWED", "/fieldMappings/1/missingRate"),
        ("RANGE_INVERTED", "/fieldMappings/2/params/min"),
        ("INVALID_VALUE", "/destination/config/path"),
        ("TYPE_MISMATCH", "/destination/config/nullText"),
        ("UNKNOWN_PROPERTY", "/destination/config/headr"),
        ("UNKNOWN_PROPERTY", "/destination/config/syncInterval"),
        ("PROPERTY_NOT_ALLOWED", "/destination/config/rollBytes"),
    }


def test_a_name_that_avro_does_not_take_is_a_warning_that_says_the_new_one(workshop: Workshop) -> None:
    fields = [{"fieldName": name, "type": "SEQUENCE"} for name in ("fine_1", "a b", "größe.x", "größe.2")]

    found = validation(workshop, *fields, path="x.avro")

    assert told(found.issues) == [
        ("NAME_CHANGED", "/fieldMappings/2/fieldName", "a b"),
        ("NAME_CHANGED", "/fieldMappings/3/fieldName", "größe.x"),
        ("NAME_CHANGED", "/fieldMappings/4/fieldName", "größe.2"),
    ]
    assert {issue.severity for issue in found.issues} == {Severity.WARNING}
    assert ['"a_b"' in found.issues[0].message, '"gr__e"' in found.issues[1].message] == [True, True]
    assert not validation(workshop, *fields, path="x.jsonl").issues


def test_names_that_would_be_one_in_avro_are_errors(workshop: Workshop) -> None:
    fields = [{"fieldName": name, "type": "SEQUENCE"} for name in ("a b", "a_b", "c-d", "c.d", "c d")]

    assert told(validation(workshop, *fields, path="x.avro").errors) == [
        ("DUPLICATE_FIELD", "/fieldMappings/1/fieldName", "a b"),
        ("DUPLICATE_FIELD", "/fieldMappings/3/fieldName", "c-d"),
        ("DUPLICATE_FIELD", "/fieldMappings/5/fieldName", "c d"),
    ]


def test_an_own_pool_that_hides_a_built_in_one_is_told_once(workshop: Workshop) -> None:
    fields = [
        {"fieldName": name, "type": "POOL_REFERENCE", "params": {"pool": "people", "column": "name"}} for name in "ab"
    ]
    before = validation(workshop, *fields)
    workshop.add_pool("name\nAda\n", name="people")

    found = validation(workshop, *fields)

    assert before.issues == ()
    assert told(found.issues) == [("POOL_HIDES_BUILTIN", "/fieldMappings/1/params/pool", "a")]
    assert found.issues[0].severity is Severity.WARNING


@pytest.mark.parametrize("name", ["onMissing", "onExhausted"])
def test_a_null_where_the_word_may_be_meant_is_a_warning(workshop: Workshop, name: str) -> None:
    workshop.add_pool("key,name\n1,Ada\n")
    params = {"pool": "things", "column": "name", name: None}
    field = {"fieldName": "a", "type": "POOL_REFERENCE", "params": params}

    found = validation(workshop, field)

    assert told(found.issues) == [("NULL_IGNORED", f"/fieldMappings/1/params/{name}", "a")]
    assert found.issues[0].severity is Severity.WARNING
    assert '"NULL" in quotes' in str(found.issues[0].hint)
    assert found.plan is not None


def test_columns_of_one_title_are_told_at_their_names(workshop: Workshop) -> None:
    fields = [{"fieldName": name, "type": "SEQUENCE"} for name in ("a.b", "a\\.b")]

    assert told(validation(workshop, *fields, path="x.csv").issues) == [
        ("DUPLICATE_FIELD", "/fieldMappings/1/fieldName", "a.b"),
        ("DUPLICATE_FIELD", "/fieldMappings/2/fieldName", "a\\.b"),
    ]


def test_a_null_text_that_could_not_be_read_is_told_where_it_stands(workshop: Workshop) -> None:
    config = {"path": "x.csv", "nullText": "a,b"}

    found = validation(workshop, destination={"type": "FILE", "config": config})

    assert ("INVALID_VALUE", "/destination/config/nullText", None) in told(found.issues)
    assert "nullText must be without the delimiter" in found.issues[-1].message

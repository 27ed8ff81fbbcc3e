"""POOL_REFERENCE with a key: what can be wrong with it, told where it stands."""

from __future__ import annotations

from typing import Any

import pytest

from tests.generators.fields.examined import NAME, mapping
from tests.generators.fields.shop import AT, KEYED, field, found, issues, key, records


@pytest.mark.parametrize(
    ("column", "default"),
    [
        *(("price", 0.125), ("price", "x"), ("stock", 1.5), ("stock", True), ("sku", 5), ("active", 0)),
        *(("since", "2026-02-30"), ("seen", "yesterday"), ("seen", "2026-01-01T00:00:00.0001Z")),
    ],
)
def test_a_default_that_no_cell_could_hold_is_refused(column: str, default: Any) -> None:
    [issue] = issues(field(column, **KEYED, onMissing="DEFAULT", default=default), key("red"))

    assert (issue.code, issue.path) == ("TYPE_MISMATCH", f"{AT}/default")


@pytest.mark.parametrize(
    ("params", "expected"),
    [
        ({"keyField": "key"}, ("MISSING_PARAM", "/keyColumn")),
        ({"keyColumn": "color"}, ("PROPERTY_NOT_ALLOWED", "/keyColumn")),
        ({"onMissing": "NULL"}, ("PROPERTY_NOT_ALLOWED", "/onMissing")),
        ({"default": "x"}, ("PROPERTY_NOT_ALLOWED", "/default")),
        ({**KEYED, "default": "x"}, ("PROPERTY_NOT_ALLOWED", "/default")),
        ({**KEYED, "onMissing": "DEFAULT"}, ("MISSING_PARAM", "/default")),
        ({**KEYED, "onMissing": "SKIP"}, ("INVALID_VALUE", "/onMissing")),
        ({**KEYED, "keyColumn": "colour"}, ("COLUMN_NOT_FOUND", "/keyColumn")),
        ({**KEYED, "keyField": "kex"}, ("UNKNOWN_FIELD", "/keyField")),
        ({**KEYED, "keyColumn": "weight"}, ("TYPE_MISMATCH", "/keyColumn")),
        ({**KEYED, "keyColumn": "shelf"}, ("TYPE_MISMATCH", "/keyField")),
        ({**KEYED, "keyColumn": "empty"}, ("POOL_FILTER_EMPTY", "/keyColumn")),
        ({**KEYED, "selection": "SEQUENTIAL"}, ("INVALID_VALUE", "/selection")),
        ({**KEYED, "selection": "SHUFFLE"}, ("INVALID_VALUE", "/selection")),
        ({**KEYED, "unique_": True}, ("UNIQUE_IMPOSSIBLE", "/keyField")),
        ({"refreshPolicy": "FOLLOW", "unique_": True}, ("UNIQUE_IMPOSSIBLE", "/refreshPolicy")),
        ({"refreshPolicy": "LATER"}, ("INVALID_VALUE", "/refreshPolicy")),
        ({"refreshPolicy": "PIN"}, None),
        ({"keyField": None, "keyColumn": None, "onMissing": None, "default": None, "refreshPolicy": None}, None),
    ],
)
def test_each_mistake_is_told_once_where_it_stands(params: dict[str, Any], expected: tuple[str, str] | None) -> None:
    told = found(field(**params), key("red", "blue"), count=2)

    assert told == ([] if expected is None else [(expected[0], f"{AT}{expected[1]}")])


@pytest.mark.parametrize(
    ("column", "keys"),
    [
        ("color", mapping("NUMERIC_RANGE", {"min": 1, "max": 2}, "key")),
        ("shelf", mapping("ENUM_RANDOM", {"values": ["1"]}, "key")),
        ("since", mapping("TIMESTAMP_GENERATED", {"mode": "SEQUENTIAL", "start": "2020-01-01"}, "key")),
        ("seen", field("since", "key")),
        ("active", mapping("CONSTANT", {"value": "true"}, "key")),
        ("price", field("weight", "key")),
        ("color", mapping("CONSTANT", {"value": {"a": 1}}, "key")),
        ("shelf", mapping("NUMERIC_RANGE", {"min": 1, "max": 2}, "key", outputType="STRING")),
    ],
)
def test_a_key_of_another_type_is_refused_with_those_accepted(column: str, keys: dict[str, Any]) -> None:
    [issue] = issues(field("sku", keyField="key", keyColumn=column), keys)

    assert (issue.code, issue.path) == ("TYPE_MISMATCH", f"{AT}/keyField")
    assert str(issue.hint).startswith("accepted are fields of type")


def test_a_cast_makes_a_key_fit() -> None:
    cast = mapping("CONSTANT", {"value": "1"}, "key", outputType="LONG")

    assert set(records(cast, field("sku", keyField="key", keyColumn="shelf"))[NAME]) == {"sku-0"}


def test_fields_that_look_each_other_up_are_a_circle() -> None:
    a, b = field("sku", "a", keyField="b", keyColumn="color"), field("color", "b", keyField="a", keyColumn="sku")

    assert found(a, b) == [("DEPENDENCY_CYCLE", "/fieldMappings/0")]
    assert found(field(**{**KEYED, "keyField": NAME})) == [("DEPENDENCY_CYCLE", "/fieldMappings/0")]
    bound = [field("color", "key", rowBinding="b"), field("sku", rowBinding="b", **KEYED)]
    assert {code for code, _ in found(*bound)} == {"DEPENDENCY_CYCLE"}


def test_two_fields_of_a_binding_with_different_keys_are_a_conflict() -> None:
    first = field("sku", "a", rowBinding="b", **KEYED)

    assert found(first, field("sku", "c", rowBinding="b", **{**KEYED, "keyColumn": "sku"}), key("red")) == [
        ("INVALID_VALUE", "/fieldMappings/1/params/keyColumn")
    ]
    assert not found(first, field("shelf", "c", rowBinding="b", **KEYED), key("red"))


def test_a_broken_key_field_is_no_second_error() -> None:
    broken = mapping("ENUM_RANDOM", {"values": []}, "key")

    assert {path for _, path in found(field(**KEYED), broken)} == {"/fieldMappings/1/params/values"}

"""POOLLOOKUP: formulas that find a row of a pool by a key."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import polars as pl
import pytest

from engine.errors import RecordInvalid
from engine.span import Span
from generators.definition import read_definition
from tests.generators.fields.examined import mapping
from tests.generators.fields.shop import examined, field, output, planned, records, shop


def computed(expression: str, **params: Any) -> dict[str, Any]:
    return mapping("COMPUTED", {"expression": expression, **params}, "it")


@pytest.mark.parametrize("column", ["price", "color", "stock", "since", "active", "seen", "weight", "empty"])
def test_a_column_of_the_row_is_taken(column: str) -> None:
    rows = dict(zip(shop().records["sku"], shop().records[column], strict=True))

    made = records(field("sku", "sku"), computed(f"POOLLOOKUP('shop', sku, '{column}', 'sku')", resultType=None))

    assert made["it"].to_list() == [rows[sku] for sku in made["sku"]]


def test_the_first_row_of_a_key_is_taken_whatever_the_kind_of_the_key() -> None:
    number = mapping("NUMERIC_RANGE", {"min": 1, "max": 8, "scale": 1, "step": 1}, "n")

    assert set(records(computed("POOLLOOKUP('shop', 'red', 'sku', 'color')"))["it"]) == {"sku-0"}
    assert set(records(computed("POOLLOOKUP('shop', 9.990, 'sku', 'price')"))["it"]) == {"sku-5"}
    assert set(records(computed("POOLLOOKUP('shop', DATE(2021, 1, 1), 'sku', 'since')"))["it"]) == {"sku-6"}
    made = records(number, computed("POOLLOOKUP('shop', n, 'sku', 'shelf')"))
    assert made["it"].to_list() == [f"sku-{int(n) - 1}" for n in made["n"]]


def test_a_null_key_has_no_row_and_one_that_is_not_there_fails() -> None:
    color = mapping("ENUM_RANDOM", {"values": ["red", "lilac"]}, "color", nullRate=0.3)
    safe = "IFERROR(POOLLOOKUP('shop', color, 'sku', 'color'), 'none')"
    place = {"red": "sku-0", "lilac": "none", None: None}

    made = records(color, computed(safe))

    assert made["it"].to_list() == [place[color] for color in made["color"]]
    first = made["color"].to_list().index("lilac")
    with pytest.raises(RecordInvalid, match='pool "shop" has no row of this color, at character 1') as caught:
        planned(color, computed("POOLLOOKUP('shop', color, 'sku', 'color')")).batch(Span(0, 2_000))
    assert caught.value.record_number == first


def test_an_indexed_pool_knows_its_key() -> None:
    indexed = replace(shop(), index_columns=("sku",))
    price = computed("POOLLOOKUP('shop', 'sku-5', 'price')")

    made = planned(price, pools={"shop": indexed}).batch(Span(0, 3)).records

    assert made["it"].cast(pl.String).to_list() == ["9.99"] * 3


def test_what_is_known_of_the_column_is_known_of_the_result() -> None:
    known = output(field("sku", "sku"), computed("POOLLOOKUP('shop', sku, 'color', 'sku')"), name="it")

    assert known.max_length == 5
    assert known.nullable


def test_the_pool_is_one_that_the_definition_uses() -> None:
    document = {"name": "a", "fieldMappings": [computed("1 + POOLLOOKUP('shop', 1, 'stock', 'shelf')")]}
    definition = read_definition(document).definition
    assert definition is not None

    [computed_field] = definition.mappings

    assert computed_field.kind.pool_names(computed_field.params) == ("shop",)
    assert list(planned(*document["fieldMappings"]).pools) == ["shop"]  # type: ignore[misc]


def test_each_element_of_an_array_finds_its_row() -> None:
    plan = planned(
        mapping("NUMERIC_RANGE", {"min": 1, "max": 8}, "items[].shelf"),
        mapping("COMPUTED", {"expression": "JOIN(' ', POOLLOOKUP('shop', items[].shelf, 'sku', 'shelf'))"}, "skus"),
        arrays=[{"path": "items", "min": 0, "max": 3}],
    )

    made = plan.batch(Span(0, 200)).records

    expected = [" ".join(f"sku-{shelf - 1}" for shelf in shelves) for shelves in made["items[].shelf"]]
    assert made["skus"].to_list() == expected


@pytest.mark.parametrize(
    ("expression", "code", "position", "said", "hint"),
    [
        ("POOLLOOKUP('shp', 1, 'sku', 'shelf')", "POOL_NOT_FOUND", 12, 'no pool "shp"', 'did you mean "shop"?'),
        ("POOLLOOKUP('shop', 1, 'skuu', 'shelf')", "COLUMN_NOT_FOUND", 23, 'no column "skuu"', 'did you mean "sku"?'),
        ("POOLLOOKUP('shop', 1, 'sku', 'self')", "COLUMN_NOT_FOUND", 30, 'no column "self"', 'did you mean "shelf"?'),
        ("POOLLOOKUP('shop', 'a', 'sku', 'shelf')", "TYPE_MISMATCH", 20, "the key is a text", "TOINT"),
        ("POOLLOOKUP('shop', 1, 'sku', 'weight')", "TYPE_MISMATCH", 20, "in which nobody can look", "convert"),
        ("POOLLOOKUP('shop', 1, 'sku')", "EXPRESSION_SYNTAX", 1, "is not INDEXED by one column", "[keyColumn]"),
        ("POOLLOOKUP(RUNID(), 1, 'sku')", "TYPE_MISMATCH", 12, "must be written out", None),
        ("VLOOKUP('shop', 1)", "EXPRESSION_SYNTAX", 1, "takes 3 to 4 arguments, not 2", "POOLLOOKUP(pool, key"),
    ],
)
def test_what_cannot_be_looked_up_is_told_with_its_place(
    expression: str, code: str, position: int, said: str, hint: str | None
) -> None:
    [issue] = examined(computed(expression)).errors

    assert (issue.code, issue.path) == (code, "/fieldMappings/0/params/expression")
    assert said in issue.message
    assert issue.message.endswith(f"at character {position}")
    assert hint is None or hint in str(issue.hint)

"""POOL_REFERENCE: fields that copy from one row, and what is said of several ways to choose it."""

from __future__ import annotations

from typing import Any

import polars as pl
import pytest

from tests.generators.fields.examined import NAME, mapping
from tests.generators.fields.shop import (
    AT,
    codes,
    field,
    found,
    issues,
    records,
    shop,
)


def test_fields_of_one_binding_copy_from_one_row_and_bindings_differ() -> None:
    rows = records(
        field("sku", "a", rowBinding="first"),
        field("shelf", "b", rowBinding="first", nullRate_=0.5),
        field("shelf", "c", rowBinding="second"),
    )

    both = rows.drop_nulls("b")
    assert both["a"].cast(pl.String).to_list() == [f"sku-{shelf - 1}" for shelf in both["b"]]
    assert 0.05 < (rows["c"] == rows["a"].cast(pl.String).str.slice(4).cast(pl.Int64) + 1).mean() < 0.2  # type: ignore[operator]


def test_a_binding_and_a_field_of_its_name_have_nothing_in_common() -> None:
    """The rows of binding `it` are drawn by streams of their own, also when a field `it` draws too."""
    number = mapping("NUMERIC_RANGE", {"min": 1, "max": 8}, NAME)
    rows = records(number, field("shelf", "shelf", rowBinding=NAME), field("shelf", "own"), count=20_000)
    pool = {"shop": shop(), "codes": codes(3)}
    own = records(field(), field(None, "code", pool="codes", rowBinding=NAME), pools=pool)

    assert 0.1 < (rows[NAME] == rows["shelf"]).mean() < 0.15  # type: ignore[operator]
    assert own[NAME].equals(records(field())[NAME])
    assert set(own["code"]) == {"code 0", "code 1", "code 2"}


def test_the_field_that_says_how_rows_are_chosen_says_it_for_all() -> None:
    choice = {"selection": "SHUFFLE", "filter": [{"column": "color", "op": "NE", "value": "red"}]}
    first = records(field("sku", rowBinding="b", **choice), field("shelf", "shelf", rowBinding="b"))

    last = records(field("sku", rowBinding="b"), field("shelf", "shelf", rowBinding="b", **choice))
    both = records(field("sku", rowBinding="b", **choice), field("shelf", "shelf", rowBinding="b", **choice))
    part = records(field("sku", rowBinding="b", **choice), field("shelf", "shelf", rowBinding="b", selection="SHUFFLE"))

    assert last.equals(first)
    assert both.equals(first)
    assert part.equals(first)
    assert set(first["shelf"]) == {2, 5, 6, 8}


def test_nulls_are_skipped_for_every_field_that_asks() -> None:
    rows = records(
        field("color", "color", rowBinding="b", skipNulls=True),
        field("stock", "stock", rowBinding="b", skipNulls=True),
        field("since", "since", rowBinding="b", skipNulls=False),
    )

    assert rows["color"].null_count() == rows["stock"].null_count() == 0
    assert rows["since"].null_count() > 0


@pytest.mark.parametrize(
    ("second", "expected"),
    [
        ({"selection": "SEQUENTIAL"}, "/selection"),
        ({"selection": "RANDOM"}, "/selection"),
        ({"filter": [{"column": "shelf", "op": "EQ", "value": 2}]}, "/filter"),
        ({"selection": "SHUFFLE", "filter": []}, "/filter"),
    ],
)
def test_a_second_way_to_choose_is_told_once_where_it_stands(second: dict[str, Any], expected: str) -> None:
    first = {"selection": "SHUFFLE", "filter": [{"column": "shelf", "op": "EQ", "value": 1}]}
    mappings = [
        field("sku", "a", rowBinding="b"),
        field("sku", "b", rowBinding="b", **first),
        field("sku", "c", rowBinding="b", **second),
        field("sku", "d", rowBinding="b"),
        field("sku", "e", rowBinding="b", **first),
    ]

    [issue] = issues(*mappings)

    assert (issue.code, issue.path, issue.field) == ("INVALID_VALUE", f"/fieldMappings/2/params{expected}", "c")
    assert '"b"' in issue.message


def test_one_binding_has_one_pool_and_one_stream_name() -> None:
    pools = {"shop": shop(), "codes": codes(5)}

    assert found(
        field("sku", "a", rowBinding="b"),
        field(None, "b", pool="codes", rowBinding="b", selection="SHUFFLE"),
        field("sku", "c", rowBinding="b", streamName_="other"),
        pools=pools,
    ) == [
        ("INVALID_VALUE", "/fieldMappings/1/params/pool"),
        ("INVALID_VALUE", "/fieldMappings/2/params/rowBinding"),
    ]


def test_different_weights_and_exponents_of_one_binding_are_conflicts() -> None:
    weighted, zipf = {"selection": "WEIGHTED", "rowBinding": "b"}, {"selection": "ZIPF", "rowBinding": "b"}

    assert found(field(**weighted, weightColumn="weight"), field("sku", "b", **weighted, weightColumn="shelf")) == [
        ("INVALID_VALUE", "/fieldMappings/1/params/weightColumn")
    ]
    assert found(field(**zipf, exponent=2), field("sku", "b", **zipf, exponent=3)) == [
        ("INVALID_VALUE", "/fieldMappings/1/params/exponent")
    ]


def test_a_field_named_like_the_rows_of_a_binding_is_refused() -> None:
    assert found(field("sku", "a", rowBinding="b"), mapping("CONSTANT", {"value": 1}, "b#row")) == [
        ("INVALID_VALUE", f"{AT}/rowBinding")
    ]


def test_a_field_whose_rows_are_chosen_in_a_pool_that_is_not_there_has_no_second_fault() -> None:
    chosen = field("sku", "a", rowBinding="b", pool="shpo", selection="SHUFFLE")

    for other in (field("shelf", "c", rowBinding="b"), field("shelf", "c", rowBinding="b", unique_=True)):
        assert found(chosen, other, count=2) == [("POOL_NOT_FOUND", f"{AT}/pool")]
        assert ("POOL_NOT_FOUND", "/fieldMappings/1/params/pool") in found(other, chosen, count=2)

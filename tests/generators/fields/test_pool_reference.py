"""POOL_REFERENCE: values of the rows, unique, what is known of the values, speed."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from scipy.stats import chi2

from engine.errors import RecordInvalid
from engine.schema import OutputType
from engine.span import MAX_RECORDS, Span
from engine.stream import Source
from pools.snapshot import open_snapshot, snapshot_of, write_snapshot
from tests.generators.fields.examined import NAME
from tests.generators.fields.shop import (
    SELECTIONS,
    codes,
    examined,
    field,
    found,
    output,
    planned,
    records,
    shop,
)

# Values.


@pytest.mark.parametrize("column", shop().records.columns)
@pytest.mark.parametrize("choice", SELECTIONS)
def test_values_and_nulls_are_those_of_the_rows(column: str, choice: dict[str, Any]) -> None:
    rows = records(field("shelf", "shelf", rowBinding="b"), field(column, rowBinding="b", **choice))

    expected = shop().records[column].gather(rows["shelf"] - 1)
    assert rows[NAME].cast(expected.dtype).equals(expected)


def test_a_field_alone_draws_from_its_own_stream() -> None:
    stream = Source(1, "orders", NAME).stream("value")

    expected = [f"sku-{stream.word(number) * 8 >> 64}" for number in range(MAX_RECORDS - 20, MAX_RECORDS)]

    assert records(field(), start=MAX_RECORDS - 20, count=20)[NAME].to_list() == expected


def test_the_only_column_need_not_be_named() -> None:
    values = records(field(None, pool="codes"), pools={"codes": codes(5)})[NAME]

    assert set(values) == {f"code {number}" for number in range(5)}


def test_weights_come_from_the_column_that_is_named_or_from_the_pool_s_own() -> None:
    own = snapshot_of(shop().records, pool="shop", version=1, weight_column="weight")
    weighted = field(selection="WEIGHTED")

    named = records(field(selection="WEIGHTED", weightColumn="weight"))
    default = records(weighted, pools={"shop": own})
    other = records(field(selection="WEIGHTED", weightColumn="shelf"), pools={"shop": own})

    assert default.equals(named)
    assert not other.equals(named)
    assert set(named[NAME]) == {f"sku-{number}" for number in (0, 1, 4, 5, 6, 7)}


@pytest.mark.parametrize("choice", SELECTIONS)
def test_a_filter_leaves_some_rows_and_their_shares(choice: dict[str, Any]) -> None:
    condition = [
        {"column": "price", "op": "GE", "value": 0},
        {"column": "color", "op": "IN", "value": ["red", "blue", "Ä"]},
        {"column": "since", "op": "LT", "value": "2021-01-01"},
    ]
    kept = [0, 1, 5]
    weights = {"WEIGHTED": [0.5, 3, 1], "ZIPF": [1, 2**-0.7, 3**-0.7]}.get(choice.get("selection", ""), [1, 1, 1])

    values = records(field("sku", filter=condition, **choice), count=60_000)[NAME]

    counts = np.array([(values == f"sku-{number}").sum() for number in kept])
    expected = np.array(weights) / sum(weights) * len(values)
    assert counts.sum() == len(values)
    # Fails for one seed in a million if all is well.
    assert float((np.square(counts - expected) / expected).sum()) < chi2.isf(1e-6, 2)


def test_nulls_stay_unless_they_are_skipped() -> None:
    assert records(field("color"))[NAME].null_count() > 0
    assert records(field("color", skipNulls=True))[NAME].null_count() == 0


@pytest.mark.parametrize("choice", SELECTIONS)
@pytest.mark.parametrize("column", ["color", "price", "active", "since"])
def test_a_mapped_pool_makes_the_same_as_a_fresh_one(column: str, choice: dict[str, Any], tmp_path: Path) -> None:
    write_snapshot(shop().records, tmp_path / "shop.arrow")
    mapped = open_snapshot(tmp_path / "shop.arrow", pool="shop", version=1, content_hash=shop().content_hash)
    asked = field(column, filter=[{"column": "shelf", "op": "GT", "value": 1}], **choice)

    fresh, other = planned(asked), planned(asked, pools={"shop": mapped})

    assert other.batch(Span(5, 500)).records.equals(fresh.batch(Span(5, 500)).records)
    assert (other.spec_hash, other.tables_hash) == (fresh.spec_hash, fresh.tables_hash)


@pytest.mark.parametrize("choice", SELECTIONS)
@pytest.mark.parametrize("start", [0, MAX_RECORDS - 1_000])
def test_any_cut_and_order_of_batches_makes_the_same(choice: dict[str, Any], start: int) -> None:
    plan = planned(field("color", rowBinding="b", **choice), field("sku", "sku", rowBinding="b"))
    whole = plan.batch(Span(start, 1_000)).records

    for size in (1, 7, 333):
        starts = range(start, start + 1_000, size)
        parts = {at: plan.batch(Span(at, min(size, start + 1_000 - at))).records for at in reversed(starts)}
        assert pl.concat([parts[at] for at in starts]).equals(whole)
    assert plan.batch(Span(start, 0)).records.height == 0


@pytest.mark.parametrize("count", [16_384, 16_385, 70_000])
@pytest.mark.parametrize("unique", [False, True])
def test_pools_of_many_texts_make_the_same_as_those_of_few(count: int, unique: bool) -> None:
    """Up to 16,384 distinct texts come as codes of a dictionary, more as they are."""
    values = records(field(None, pool="codes", unique_=unique), pools={"codes": codes(count)}, count=5_000)[NAME]
    numbers = snapshot_of(pl.DataFrame({"number": range(count)}), pool="codes", version=1)

    rows = records(field(None, pool="codes", unique_=unique), pools={"codes": numbers}, count=5_000)[NAME]

    assert values.cast(pl.String).to_list() == [f"code {row}" for row in rows]
    assert isinstance(values.dtype, pl.Enum) == (count <= 16_384)


def test_a_dictionary_holds_only_the_words_that_can_be_taken() -> None:
    words = records(field("color", filter=[{"column": "shelf", "op": "LE", "value": 3}]))[NAME]

    assert words.dtype == pl.Enum(["red", "blue"])
    assert words.null_count() > 0


@pytest.mark.parametrize("choice", SELECTIONS)
def test_a_pool_of_one_row_makes_it_always(choice: dict[str, Any]) -> None:
    one = snapshot_of(pl.DataFrame({"sku": ["only"], "weight": [0.001]}), pool="shop", version=1)

    for start in (0, MAX_RECORDS - 10):
        assert set(records(field(**choice), pools={"shop": one}, start=start, count=10)[NAME]) == {"only"}


# Hashes.


def test_another_version_of_the_pool_or_other_weights_change_the_spec_hash() -> None:
    changed = snapshot_of(shop().records.with_columns(pl.col("sku").str.to_uppercase()), pool="shop", version=2)
    again = snapshot_of(shop().records, pool="shop", version=3)
    weighted = snapshot_of(shop().records, pool="shop", version=1, weight_column="weight")

    hashes = [planned(field(), pools={"shop": pool}).spec_hash for pool in (shop(), changed, again, weighted)]

    assert hashes[0] == hashes[2]
    assert len(set(hashes)) == 3


def test_pools_that_no_field_looks_at_are_no_part_of_the_plan() -> None:
    alone, beside = planned(field()), planned(field(), pools={"shop": shop(), "codes": codes(5)})

    assert list(beside.pools) == ["shop"]
    assert alone.spec_hash == beside.spec_hash


# Unique.


@pytest.mark.parametrize(("column", "capacity"), [("sku", 8), ("color", 4), ("price", 6), ("active", 2), ("stock", 5)])
@pytest.mark.parametrize("selection", ["RANDOM", "SHUFFLE", "SEQUENTIAL"])
def test_unique_takes_every_value_but_null_once(column: str, capacity: int, selection: str) -> None:
    values = records(field(column, selection=selection, unique_=True), count=capacity)[NAME]

    assert values.n_unique() == capacity
    assert values.null_count() == 0
    if selection == "SEQUENTIAL":
        assert values.to_list() == shop().records[column].drop_nulls().unique(maintain_order=True).to_list()


def test_several_unique_fields_of_a_binding_are_all_distinct() -> None:
    mappings = [
        field("color", "color", rowBinding="b", unique_=True),
        field("stock", "stock", rowBinding="b", unique_=True),
    ]
    [capacity] = {one.field.capacity() for one in planned(*mappings).fields}

    rows = records(*mappings, count=capacity or 0)

    assert capacity == 3  # red with 5, blue with 7, green with 0; Ä has 5 too
    assert rows["color"].n_unique() == rows["stock"].n_unique() == capacity


def test_more_records_than_values_are_refused_before_the_run() -> None:
    assert found(field("color", unique_=True), count=4) == []
    assert found(field("color", unique_=True), count=5) == [("UNIQUE_IMPOSSIBLE", "/fieldMappings/0/unique")]
    assert [issue.code for issue in examined(field("color", unique_=True), count=4).issues] == ["UNIQUE_TIGHT"]


def test_without_a_planned_count_the_first_record_too_many_is_named_with_its_field() -> None:
    plan = planned(field("sku", "a", rowBinding="b"), field("color", "c", rowBinding="b", unique_=True))

    with pytest.raises(RecordInvalid, match="4 distinct values") as caught:
        plan.batch(Span(2, 10))

    assert (caught.value.code, caught.value.field, caught.value.record_number) == ("UNIQUE_EXHAUSTED", "c", 4)


def test_exhausted_values_wrap_stop_or_become_null() -> None:
    wrapped = records(field("color", onExhausted="WRAP", unique_=True), count=8, pools=None)[NAME]
    null = [field("color", onExhausted="NULL", unique_=True, rowBinding="b"), field("sku", "sku", rowBinding="b")]
    nulls = records(*null, count=6)
    stopping = planned(field("color", onExhausted="STOP", unique_=True), count=100)

    assert sorted(wrapped[:4]) == sorted(wrapped[4:]) == sorted(["red", "blue", "green", "Ä"])
    assert nulls[NAME][:4].n_unique() == 4
    assert nulls.slice(4).null_count().row(0) == (2, 2)
    assert {one.name: one.output.nullable for one in planned(*null).fields} == {NAME: True, "sku": True}
    assert stopping.record_limit == (4, "POOL_EXHAUSTED")
    assert planned(field("color", onExhausted="WRAP", unique_=True), count=100).record_limit is None


def test_what_follows_the_last_value_holds_for_every_unique_field_of_a_binding() -> None:
    mappings = [
        field("color", "color", rowBinding="b", selection="SHUFFLE", unique_=True),
        field("sku", "sku", rowBinding="b", onExhausted="STOP", unique_=True),
    ]

    assert planned(*mappings, count=100).record_limit == (4, "POOL_EXHAUSTED")
    assert found(*mappings, field("sku", "other", rowBinding="b", onExhausted="WRAP")) == [
        ("INVALID_VALUE", "/fieldMappings/2/params/onExhausted")
    ]


# What is known of the values.


def test_types_and_bounds_are_those_of_the_rows_that_can_be_taken() -> None:
    few = {"filter": [{"column": "shelf", "op": "IN", "value": [1, 2, 5, 6]}]}

    whole = {column: output(field(column)) for column in shop().records.columns}
    some = {column: output(field(column, **few)) for column in shop().records.columns}

    assert [one.type.value for one in whole.values()] == [
        *("STRING", "STRING", "DECIMAL", "DOUBLE", "LONG", "INTEGER", "BOOLEAN", "DATE", "TIMESTAMP", "STRING")
    ]
    assert {column: one.type for column, one in some.items()} == {column: one.type for column, one in whole.items()}
    assert (some["price"].minimum, some["price"].maximum, some["price"].scale) == (Decimal(0), Decimal("9.99"), 2)
    assert (some["weight"].minimum, some["weight"].maximum) == (Decimal("0.5"), Decimal(3))
    assert (some["stock"].minimum, some["stock"].maximum) == (-4, 7)
    assert some["color"].values == ("red", "blue", "green")
    assert some["color"].max_length == 5
    assert some["active"].values == (True, False)
    assert some["since"].values is None
    assert not some["color"].nullable
    assert some["since"].nullable
    assert whole["color"].nullable
    assert whole["empty"].max_length == 0


def test_many_values_are_not_listed() -> None:
    pools = {"codes": codes(10_001)}

    assert output(field(None, pool="codes"), pools=pools).values is None
    assert len(output(field(None, pool="codes"), pools={"codes": codes(10_000)}).values or ()) == 10_000


def test_a_schema_is_compared_with_the_rows_that_can_be_taken() -> None:
    declared: dict[str, Any] = {"name": NAME, "type": "STRING", "required": True, "enum": ["red", "blue"]}
    kept = [{"column": "color", "op": "IN", "value": ["red", "blue"]}]

    assert found(field("color", filter=kept), schema={"fields": [declared]}) == []
    assert {code for code, _ in found(field("color"), schema={"fields": [declared]})} == {
        *("REQUIRED_FIELD_NULLABLE", "INVALID_VALUE")
    }
    assert found(field("color", skipNulls=True), schema={"fields": [declared | {"enum": None}]}) == []


@pytest.mark.parametrize(
    ("column", "to", "first"),
    [
        ("price", OutputType.STRING, "1.50"),
        ("price", OutputType.DOUBLE, 1.5),
        ("shelf", OutputType.STRING, "1"),
        ("since", OutputType.TIMESTAMP, datetime(2020, 1, 1, tzinfo=UTC)),
        ("seen", OutputType.DATE, date(2026, 3, 1)),
        ("active", OutputType.STRING, "true"),
    ],
)
def test_values_can_be_cast(column: str, to: OutputType, first: Any) -> None:
    values = records(field(column, selection="SEQUENTIAL", outputType_=to.value), count=1)[NAME]

    assert values.to_list() == [first]

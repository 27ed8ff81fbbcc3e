"""POOL_DERIVED: what is made of the row that another field has chosen, and of whole columns."""

from __future__ import annotations

import statistics
from collections import Counter
from decimal import ROUND_HALF_EVEN, Decimal
from typing import Any

import numpy as np
import polars as pl
import pytest
from scipy.stats import chisquare, kstest

from engine.errors import RecordInvalid
from engine.schema import OutputType
from engine.span import Span
from pools.snapshot import Snapshot, snapshot_of
from tests.generators.fields.examined import NAME, mapping
from tests.generators.fields.shop import AT, SELECTIONS, field, found, issues, key, output, planned, records, shop

ALPHA = 1e-6
"""A statistical test here fails once in a million seeds, and its seed is fixed."""


def derived(name: str = NAME, **params: Any) -> dict[str, Any]:
    """A mapping; keys of the mapping itself end in an underscore."""
    keys = {one[:-1]: params.pop(one) for one in list(params) if one.endswith("_")}
    return mapping("POOL_DERIVED", params, name, **keys)


def column(name: str, **more: Any) -> dict[str, Any]:
    return derived(sourceField="sku", column=name, **more)


def pool(**columns: Any) -> dict[str, Snapshot]:
    return {"shop": snapshot_of(pl.DataFrame(columns), pool="shop", version=1)}


# The row of another field.


@pytest.mark.parametrize("name", shop().records.columns)
@pytest.mark.parametrize("choice", SELECTIONS)
def test_a_column_is_that_of_the_row_that_the_source_has_chosen(name: str, choice: dict[str, Any]) -> None:
    rows = records(column(name), field("sku", "sku", **choice))

    expected = shop().records[name].gather(rows["sku"].cast(pl.String).str.tail(1).cast(pl.Int64))
    assert rows[NAME].cast(expected.dtype).to_list() == expected.to_list()


def test_a_column_draws_nothing_of_its_own() -> None:
    fields = [column("shelf"), field("sku", "sku")]

    changed = records(column("shelf", streamName_="another"), field("sku", "sku"))

    assert changed.equals(records(*fields))


def test_a_source_may_be_one_of_a_binding_and_need_not_be_written() -> None:
    rows = records(
        column("shelf"), field("sku", "sku", rowBinding="b", omit_=True), field("shelf", "s", rowBinding="b")
    )

    assert rows.columns == [NAME, "s"]
    assert rows[NAME].equals(rows["s"], check_names=False)


def test_where_the_source_is_null_or_missing_so_is_what_is_derived() -> None:
    fields = [
        column("shelf"),
        derived("text", mode="TEMPLATE", sourceField="sku", template="always"),
        derived("formula", mode="EXPRESSION", sourceField="sku", expression="COALESCE(row.stock, 0)"),
        field("color", "sku", nullRate_=0.3, missingRate_=0.2),
    ]

    rows = records(*fields)

    null = rows["sku"].is_null()
    assert 0.5 < null.mean() < 0.7  # the rates and the null color
    for name in (NAME, "text", "formula"):
        assert rows[name].is_null().equals(null, check_names=False)


def test_a_formula_cannot_fail_where_there_is_no_row() -> None:
    fields = [
        derived(mode="EXPRESSION", sourceField="sku", expression="1 / COALESCE(row.shelf, 0)"),
        field("sku", "sku", nullRate_=0.5),
    ]

    assert records(*fields)[NAME].null_count() > 0


@pytest.mark.parametrize("on_missing", ["NULL", "DEFAULT", "ANY"])
def test_a_key_without_rows_has_no_row_to_derive_from_unless_any_is_taken(on_missing: str) -> None:
    choice = {"keyField": "key", "keyColumn": "color", "onMissing": on_missing}
    choice |= {"default": "none"} if on_missing == "DEFAULT" else {}

    rows = records(column("sku"), field("sku", "sku", **choice), key("red", "pink"))

    taken = rows.filter((pl.col("key") == "red") | (on_missing == "ANY"))
    left = rows.filter((pl.col("key") == "pink") & (on_missing != "ANY"))
    assert taken[NAME].cast(pl.String).equals(taken["sku"].cast(pl.String), check_names=False)
    assert left[NAME].null_count() == len(left)


def test_what_is_derived_of_distinct_rows_ends_where_they_end() -> None:
    fields = [column("shelf"), field("sku", "sku", onExhausted="NULL", unique_=True)]

    values = records(*fields, count=20)[NAME]

    assert sorted(values.head(8)) == list(range(1, 9))
    assert values.slice(8).null_count() == 12


def test_a_template_has_the_columns_as_they_are_written() -> None:
    template = "${pool.sku}|${pool.price}|${pool.since}|${pool.seen}|${pool.active}|${pool.weight}|$$"
    rows = records(derived(mode="TEMPLATE", sourceField="sku", template=template), field("sku", "sku"))

    found_texts = dict(zip(rows["sku"].cast(pl.String), rows[NAME], strict=True))

    assert found_texts["sku-0"] == "sku-0|1.50|2020-01-01|2026-03-01T12:00:00.000Z|true|0.5|$"
    assert found_texts["sku-2"] is None  # price is null there


def test_a_formula_computes_with_columns_and_fields() -> None:
    fields = [
        derived(mode="EXPRESSION", sourceField="sku", expression="ROUND(row.price * count, 1)", onNull="EVALUATE"),
        field("sku", "sku"),
        mapping("NUMERIC_RANGE", {"min": 1, "max": 9}, "count"),
    ]

    rows = records(*fields)

    prices = dict(zip(shop().records["sku"], shop().records["price"], strict=True))
    for made, sku, count in rows.rows():
        exact = (prices[sku] or Decimal(0)) * count
        assert abs(made - exact) <= Decimal("0.05")
        assert made == made.quantize(Decimal("0.1"))


def test_a_column_s_values_are_known_beforehand() -> None:
    known = output(column("price"), field("sku", "sku", filter=[{"column": "price", "op": "GT", "value": 1}]))

    assert (known.type, known.scale, known.nullable) == (OutputType.DECIMAL, 2, False)
    assert (known.minimum, known.maximum) == (Decimal("1.50"), Decimal(100))


# Aggregates.

_ORACLES = {
    "MIN": min,
    "MAX": max,
    "SUM": sum,
    "COUNT": len,
    "AVG": statistics.mean,
    "MEDIAN": statistics.median,
    "P95": lambda values: sorted(values)[-(-95 * len(values) // 100) - 1],
}


@pytest.mark.parametrize("aggregate", _ORACLES)
@pytest.mark.parametrize("name", ["price", "stock", "weight", "shelf"])
def test_an_aggregate_is_what_plain_arithmetic_says(aggregate: str, name: str) -> None:
    values = shop().records[name].drop_nulls().to_list()
    expected = _ORACLES[aggregate](values)
    if name == "price" and aggregate in {"AVG", "MEDIAN"}:
        expected = expected.quantize(Decimal("0.01"), ROUND_HALF_EVEN)

    made = records(derived(mode="AGGREGATE", pool="shop", column=name, aggregate=aggregate), count=3)[NAME]

    assert made.to_list() == [expected] * 3


@pytest.mark.parametrize("aggregate", _ORACLES)
def test_an_aggregate_of_groups_is_that_of_the_rows_with_the_key(aggregate: str) -> None:
    grouped = derived(
        mode="AGGREGATE", pool="shop", column="stock", aggregate=aggregate, groupBy="color", keyField="key"
    )
    rows = records(grouped, key("red", "blue", "green", None))

    for color in ("red", "blue", "green"):
        values = shop().records.filter(pl.col("color") == color)["stock"].drop_nulls().to_list()
        assert rows.filter(pl.col("key") == color)[NAME].unique().to_list() == [_ORACLES[aggregate](values)]
    assert rows.filter(pl.col("key").is_null())[NAME].null_count() > 0


def test_a_group_without_values_has_the_count_0_and_no_sum() -> None:
    pools = pool(color=["a", "a", "b"], size=[1, 2, None])

    def made(aggregate: str) -> dict[Any, Any]:
        one = derived(
            mode="AGGREGATE", pool="shop", column="size", aggregate=aggregate, groupBy="color", keyField="key"
        )
        return dict(records(one, key("a", "b"), pools=pools).select("key", NAME).unique().rows())

    assert made("COUNT") == {"a": 2, "b": 0}
    assert made("SUM") == {"a": 3, "b": None}
    assert made("AVG") == {"a": 1.5, "b": None}
    assert made("MEDIAN") == {"a": 1.5, "b": None}


@pytest.mark.parametrize(("on_missing", "expected"), [("NULL", None), ("DEFAULT", -5), ("ANY", 36)])
def test_a_key_without_a_group_has_what_on_missing_says(on_missing: str, expected: Any) -> None:
    more = {"default": -5} if on_missing == "DEFAULT" else {}
    one = derived(
        mode="AGGREGATE", pool="shop", column="shelf", aggregate="SUM", groupBy="color", keyField="key",
        onMissing=on_missing, **more,
    )  # fmt: skip

    assert set(records(one, key("pink"))[NAME]) == {expected}


def test_a_key_without_a_group_ends_the_run_if_nothing_else_is_said() -> None:
    one = derived(mode="AGGREGATE", pool="shop", column="shelf", aggregate="SUM", groupBy="color", keyField="key")

    with pytest.raises(RecordInvalid, match='no row in which "color" is'):
        records(one, key("pink"))


def test_sums_are_exact_and_a_mean_has_the_scale_of_the_schema() -> None:
    pools = pool(size=[2**62, 2**62 - 1, -(2**62)], price=pl.Series(["0.10", "0.20", "0.25"]).cast(pl.Decimal(18, 2)))
    schema = {
        "fields": [{"name": "mean", "type": "DECIMAL", "precision": 18, "scale": 6}, {"name": NAME, "type": "LONG"}]
    }
    fields = [
        derived("mean", mode="AGGREGATE", pool="shop", column="price", aggregate="AVG"),
        derived(mode="AGGREGATE", pool="shop", column="size", aggregate="SUM"),
    ]

    [row] = records(*fields, pools=pools, count=1, schema=schema).rows()

    assert row == (Decimal("0.183333"), 2**62 - 1)


# Distributions.


def drawn(values: Any, count: int = 100_000, **params: Any) -> pl.Series:
    one = derived(mode="DISTRIBUTION", pool="shop", column="x", **params)
    return records(one, pools=pool(x=values), count=count)[NAME]


def test_categories_come_as_often_as_in_the_pool() -> None:
    counts = {"a": 10, "b": 40, "c": 950}

    made = Counter(drawn([value for value, count in counts.items() for _ in range(count)]))

    assert chisquare([made[value] for value in counts], [100 * count for count in counts.values()]).pvalue > ALPHA


def test_rare_categories_are_left_out_or_merged() -> None:
    values = ["a"] * 60 + ["b"] * 30 + ["rare 1"] * 4 + ["rare 2"] * 4 + [f"only {n}" for n in range(2)] + [None] * 50

    left_out, merged = drawn(values), Counter(drawn(values, otherValue="other"))

    assert set(left_out) == {"a", "b"}
    assert chisquare([merged[v] for v in ("a", "b", "other")], [60_000, 30_000, 10_000]).pvalue > ALPHA
    assert sum(merged.values()) == merged["a"] + merged["b"] + merged["other"]
    assert set(drawn(values, minCount=4)) == {"a", "b", "rare 1", "rare 2"}


def test_frequent_numbers_come_as_often_as_in_the_pool_and_no_others_between_them() -> None:
    counts = {1: 50, 6: 30, 12: 15, 24: 5}

    made = Counter(drawn([value for value, count in counts.items() for _ in range(count)]))

    assert set(made) == set(counts)
    assert chisquare([made[value] for value in counts], [1_000 * count for count in counts.values()]).pvalue > ALPHA


@pytest.mark.parametrize("method", ["EMPIRICAL", "HISTOGRAM", "NORMAL_FIT"])
def test_numbers_are_distributed_as_those_of_the_pool(method: str) -> None:
    sample = np.random.default_rng(5).normal(100, 15, 20_000)

    made = drawn(sample, method=method).to_numpy()

    # The distances of pool and draws from their laws, and the smoothing: each below 0.015 but once in a million.
    assert kstest(made, sample).statistic < 0.03
    assert abs(made.mean() - sample.mean()) < 0.5
    assert abs(made.std() / sample.std() - 1) < 0.03


@pytest.mark.parametrize("method", ["EMPIRICAL", "HISTOGRAM"])
def test_no_number_of_a_single_row_is_told(method: str) -> None:
    sample = [*np.random.default_rng(6).lognormal(10, 1, 5_000), 1e9]

    made = drawn(sample, method=method)

    assert not set(made) & set(sample)
    assert made.max() < 3e8  # no more than the mean of the five largest


def test_noise_widens_the_distribution_and_makes_no_negative_number_of_a_column_without_any() -> None:
    sample = np.random.default_rng(7).exponential(10, 20_000)

    plain, noisy = drawn(sample), drawn(sample, noise=0.5)

    assert noisy.min() >= 0
    assert noisy.std() > plain.std()
    normal = np.random.default_rng(8).normal(0, 10, 20_000)
    assert abs(drawn(normal, noise=1).std() / drawn(normal).std() - 2**0.5) < 0.03


@pytest.mark.parametrize("method", ["EMPIRICAL", "HISTOGRAM", "NORMAL_FIT"])
@pytest.mark.parametrize("name", ["price", "stock", "since", "seen", "shelf", "weight"])
def test_values_have_the_type_of_the_column_and_lie_within_what_is_promised(method: str, name: str) -> None:
    one = derived(mode="DISTRIBUTION", pool="shop", column=name, method=method, minCount=1, noise=0.2)
    plan, whole = planned(one), shop().records[name]

    values = plan.batch(Span(0, 2_000)).records[NAME]

    assert values.dtype in {whole.dtype, pl.Int32}
    assert not values.null_count()
    known = output(one)
    if values.dtype.is_numeric():
        assert float(known.minimum) <= float(values.min())
        assert float(values.max()) <= float(known.maximum)


def test_whole_numbers_at_the_ends_of_64_bits_stay_inside() -> None:
    ends = [-(2**63), 2**63 - 1]

    for method in ("EMPIRICAL", "HISTOGRAM", "NORMAL_FIT"):
        made = drawn(ends * 10, count=1_000, method=method, noise=0.1)
        assert made.dtype == pl.Int64
        assert made.min() < 0 < made.max()


# What is wrong.


@pytest.mark.parametrize(
    ("params", "expected"),
    [
        ({}, {("MISSING_PARAM", "/sourceField"), ("MISSING_PARAM", "/column")}),
        ({"sourceField": "sku", "column": "nmae"}, {("COLUMN_NOT_FOUND", "/column")}),
        ({"sourceField": "key", "column": "sku"}, {("SOURCE_NOT_POOL_REFERENCE", "/sourceField")}),
        ({"sourceField": "suk", "column": "sku"}, {("UNKNOWN_FIELD", "/sourceField")}),
        (
            {"sourceField": "sku", "column": "sku", "template": "x", "noise": 0, "pool": "shop"},
            {("PROPERTY_NOT_ALLOWED", f"/{name}") for name in ("template", "noise", "pool")},
        ),
        ({"mode": "TEMPLATE", "sourceField": "sku", "template": "${pool.nmae"}, {("INVALID_VALUE", "/template")}),
        ({"mode": "TEMPLATE", "sourceField": "sku", "template": "${pool.nmae}"}, {("COLUMN_NOT_FOUND", "/template")}),
        ({"mode": "TEMPLATE", "sourceField": "sku", "template": "${sku}"}, {("INVALID_VALUE", "/template")}),
        ({"mode": "TEMPLATE", "sourceField": "sku", "column": "sku"},
         {("MISSING_PARAM", "/template"), ("PROPERTY_NOT_ALLOWED", "/column")}),
        ({"mode": "EXPRESSION", "sourceField": "sku", "expression": "row.prcie"},
         {("COLUMN_NOT_FOUND", "/expression")}),
        ({"mode": "EXPRESSION", "sourceField": "sku", "expression": "price"}, {("UNKNOWN_FIELD", "/expression")}),
        ({"mode": "EXPRESSION", "sourceField": "sku", "expression": "row.sku * 2"},
         {("EXPRESSION_NOT_ALLOWED", "/expression")}),
        ({"mode": "EXPRESSION", "sourceField": "key", "expression": "1 +"},
         {("SOURCE_NOT_POOL_REFERENCE", "/sourceField"), ("EXPRESSION_SYNTAX", "/expression")}),
        ({"mode": "AGGREGATE", "pool": "shpo", "column": "price", "aggregate": "MIN"}, {("POOL_NOT_FOUND", "/pool")}),
        ({"mode": "AGGREGATE", "pool": "shop", "column": "prcie", "aggregate": "MIN"},
         {("COLUMN_NOT_FOUND", "/column")}),
        ({"mode": "AGGREGATE", "pool": "shop", "aggregate": "SUM"}, {("MISSING_PARAM", "/column")}),
        ({"mode": "AGGREGATE", "pool": "shop", "column": "sku", "aggregate": "AVG"}, {("TYPE_MISMATCH", "/column")}),
        ({"mode": "AGGREGATE", "pool": "shop", "column": "active", "aggregate": "MAX"}, {("TYPE_MISMATCH", "/column")}),
        ({"mode": "AGGREGATE", "pool": "shop", "column": "empty", "aggregate": "MIN"},
         {("POOL_FILTER_EMPTY", "/column")}),
        ({"mode": "AGGREGATE", "pool": "shop", "column": "price", "aggregate": "MIN", "keyField": "key"},
         {("MISSING_PARAM", "/groupBy")}),
        ({"mode": "AGGREGATE", "pool": "shop", "column": "price", "aggregate": "MIN", "groupBy": "shelf",
          "keyField": "key"}, {("TYPE_MISMATCH", "/keyField")}),
        ({"mode": "AGGREGATE", "pool": "shop", "column": "price", "aggregate": "MIN", "groupBy": "weight"},
         {("MISSING_PARAM", "/keyField"), ("TYPE_MISMATCH", "/groupBy")}),
        ({"mode": "AGGREGATE", "pool": "shop", "column": "price", "aggregate": "MIN", "onMissing": "NULL"},
         {("PROPERTY_NOT_ALLOWED", "/onMissing")}),
        ({"mode": "AGGREGATE", "pool": "shop", "column": "price", "aggregate": "MIN", "groupBy": "color",
          "keyField": "key", "onMissing": "DEFAULT", "default": "x"}, {("TYPE_MISMATCH", "/default")}),
        ({"mode": "DISTRIBUTION", "pool": "shop", "column": "sku"}, {("POOL_FILTER_EMPTY", "/minCount")}),
        ({"mode": "DISTRIBUTION", "pool": "shop", "column": "price", "minCount": 9},
         {("POOL_FILTER_EMPTY", "/minCount")}),
        ({"mode": "DISTRIBUTION", "pool": "shop", "column": "empty"}, {("POOL_FILTER_EMPTY", "/minCount")}),
        ({"mode": "DISTRIBUTION", "pool": "shop", "column": "color", "method": "HISTOGRAM", "noise": 1, "minCount": 1},
         {("TYPE_MISMATCH", "/method"), ("PROPERTY_NOT_ALLOWED", "/noise")}),
        ({"mode": "DISTRIBUTION", "pool": "shop", "column": "price", "otherValue": "x"},
         {("PROPERTY_NOT_ALLOWED", "/otherValue")}),
    ],
)  # fmt: skip
def test_each_mistake_is_told_at_its_place(params: dict[str, Any], expected: set[tuple[str, str]]) -> None:
    told = found(derived(**params), field("sku", "sku"), key("red"))

    assert set(told) == {(code, AT + at) for code, at in expected}
    assert len(told) == len(expected)


@pytest.mark.parametrize(
    "params",
    [
        {"column": "x"},
        {"mode": "TEMPLATE", "template": "${pool.x}"},
        {"mode": "EXPRESSION", "expression": "row.x * 2"},
    ],
)
def test_a_source_with_a_mistake_is_no_further_mistake(params: dict[str, Any]) -> None:
    told = found(derived(sourceField="sku", **params), field("x", "sku", pool="nowhere"))

    assert told == [("POOL_NOT_FOUND", "/fieldMappings/1/params/pool")]


def test_a_sum_that_is_too_large_is_refused() -> None:
    one = derived(mode="AGGREGATE", pool="shop", column="x", aggregate="SUM")

    assert found(one, pools=pool(x=[2**63 - 1, 1])) == [("INVALID_VALUE", f"{AT}/column")]


def test_a_misspelt_column_is_told_with_the_one_that_was_meant() -> None:
    [issue] = issues(column("colour"), field("sku", "sku"))

    assert issue.hint == 'did you mean "color"?'

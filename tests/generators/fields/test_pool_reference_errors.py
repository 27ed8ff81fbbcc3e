"""POOL_REFERENCE: everything that can be wrong with it, told where it stands."""

from __future__ import annotations

from typing import Any

import polars as pl
import pytest

from engine.issues import Severity
from pools.snapshot import snapshot_of
from tests.generators.fields.examined import NAME
from tests.generators.fields.shop import (
    AT,
    field,
    found,
    issues,
    shop,
)


def test_an_unknown_pool_is_told_with_a_close_name() -> None:
    [issue] = issues(field(pool="shpo"))
    [far] = issues(field(pool="people"))

    assert (issue.code, issue.path, issue.hint) == ("POOL_NOT_FOUND", f"{AT}/pool", 'did you mean "shop"?')
    assert far.hint == "pools are shop"


def test_an_unknown_column_is_told_with_a_close_name_wherever_it_is_named() -> None:
    filters = [{"column": "shelf", "op": "GT", "value": 1}, {"column": "colour", "op": "EQ", "value": "red"}]
    told = issues(
        field("colr", "a"),
        field("sku", "b", selection="WEIGHTED", weightColumn="wait"),
        field("sku", "c", filter=filters),
        field("", "d"),
        field(None, "e"),
    )

    assert [(issue.code, issue.path) for issue in told] == [
        ("COLUMN_NOT_FOUND", "/fieldMappings/0/params/column"),
        ("COLUMN_NOT_FOUND", "/fieldMappings/1/params/weightColumn"),
        ("COLUMN_NOT_FOUND", "/fieldMappings/2/params/filter/1/column"),
        ("COLUMN_NOT_FOUND", "/fieldMappings/3/params/column"),
        ("MISSING_PARAM", "/fieldMappings/4/params/column"),
    ]
    assert [issue.hint for issue in told][:3] == [
        'did you mean "color"?',
        'did you mean "weight"?',
        'did you mean "color"?',
    ]


def test_a_pool_without_rows_is_refused() -> None:
    empty = snapshot_of(shop().records.clear(), pool="shop", version=1)

    assert found(field(), pools={"shop": empty}) == [("POOL_EMPTY", f"{AT}/pool")]


def test_a_choice_of_nothing_is_told_once() -> None:
    nothing = [{"column": "color", "op": "EQ", "value": "black"}]

    assert found(field("sku", "a", rowBinding="b"), field("sku", "c", rowBinding="b", filter=nothing)) == [
        ("POOL_FILTER_EMPTY", "/fieldMappings/1/params/filter")
    ]
    assert found(field("empty", skipNulls=True)) == [("POOL_FILTER_EMPTY", f"{AT}/column")]
    assert found(field("empty", unique_=True), count=1)[0] == ("POOL_FILTER_EMPTY", f"{AT}/column")
    assert found(field("empty")) == []


@pytest.mark.parametrize(
    ("value", "op", "column"),
    [
        ("forty", "GT", "stock"),
        (5, "EQ", "sku"),
        ("2026-02-30", "LT", "since"),
        ([1], "NE", "shelf"),
        (1, "IN", "shelf"),
    ],
)
def test_a_filter_s_value_must_fit_its_column(value: Any, op: str, column: str) -> None:
    [issue] = issues(field(filter=[{"column": column, "op": op, "value": value}]))

    assert (issue.code, issue.path) == ("TYPE_MISMATCH", f"{AT}/filter/0/value")
    assert op in str(issue.hint)


def test_a_filter_without_a_value_or_with_an_unknown_operator_is_refused() -> None:
    assert found(field(filter=[{"column": "sku", "op": "EQ", "value": None}])) == [
        ("MISSING_PARAM", f"{AT}/filter/0/value")
    ]
    assert found(field(filter=[{"column": "sku", "op": "LIKE", "value": "a"}])) == [
        ("INVALID_VALUE", f"{AT}/filter/0/op")
    ]


@pytest.mark.parametrize(
    ("weights", "params"),
    [
        ([1.0, -0.5], {}),
        ([1.0, float("nan")], {}),
        ([1.0, float("inf")], {}),
        ([0.0, 0.0], {}),
        ([None, None], {}),
        (["1", "2"], {}),
        ([1.0, 0.0], {"filter": [{"column": "sku", "op": "EQ", "value": "b"}]}),
    ],
)
def test_weights_must_be_numbers_not_negative_and_not_all_0_among_the_rows_left(
    weights: list[Any], params: dict[str, Any]
) -> None:
    dtype = pl.Float64 if not isinstance(weights[0], str) else pl.String
    pool = snapshot_of(
        pl.DataFrame({"sku": ["a", "b"], "weight": pl.Series(weights, dtype=dtype)}), pool="shop", version=1
    )
    bound = {"selection": "WEIGHTED", "weightColumn": "weight", "rowBinding": "b", **params}

    assert found(field(**bound), field("sku", "same", **bound), pools={"shop": pool}) == [
        ("INVALID_WEIGHTS", f"{AT}/weightColumn")
    ]


def test_weighted_needs_weights() -> None:
    assert found(field(selection="WEIGHTED")) == [("MISSING_PARAM", f"{AT}/weightColumn")]


@pytest.mark.parametrize("choice", [{"selection": "WEIGHTED", "weightColumn": "shelf"}, {"selection": "ZIPF"}])
def test_unique_cannot_prefer_rows(choice: dict[str, Any]) -> None:
    assert found(field(unique_=True, **choice)) == [("UNIQUE_DISTRIBUTION_CONFLICT", f"{AT}/selection")]
    assert found(field(rowBinding="b", unique_=True), field("sku", "b", rowBinding="b", **choice)) == [
        ("UNIQUE_DISTRIBUTION_CONFLICT", "/fieldMappings/1/params/selection")
    ]


def test_parameters_that_mean_nothing_are_refused() -> None:
    assert found(
        field(weightColumn="weight"), field("sku", "b", exponent=2), field("sku", "c", onExhausted="WRAP")
    ) == [
        ("PROPERTY_NOT_ALLOWED", "/fieldMappings/0/params/weightColumn"),
        ("PROPERTY_NOT_ALLOWED", "/fieldMappings/1/params/exponent"),
        ("PROPERTY_NOT_ALLOWED", "/fieldMappings/2/params/onExhausted"),
    ]


def test_one_broken_field_of_a_binding_hides_nothing_of_the_others() -> None:
    broken: list[dict[str, Any]] = [
        {"pool": "shpo"},
        {"column": "colour"},
        {"filter": [{"column": "shelf", "op": "GT", "value": "x"}], "selection": "SHUFFLE"},
        {"selection": "WEIGHTED", "weightColumn": "sku"},
    ]
    for params in broken:
        for unique in (False, True):
            others = [
                field("sku", "first", rowBinding="b", unique_=unique),
                field("sku", rowBinding="b", **params) if "column" not in params else field(**params, rowBinding="b"),
                field("shelf", "last", rowBinding="b", unique_=unique),
                field("nothing", "far"),
            ]

            told = issues(*others, count=5)

            assert {issue.field for issue in told} >= {NAME, "far"}, params
            assert all(issue.severity is Severity.ERROR for issue in told)

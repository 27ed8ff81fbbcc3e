"""ENUM_RANDOM: shares, turns, quotas and cases, and every error.

Seeds are fixed, so that the statistical tests pass or fail for good; with new seeds each of the 40 comparisons fails by
chance with probability 1e-6.
"""

from __future__ import annotations

from collections import Counter
from decimal import Decimal
from itertools import permutations
from typing import Any

import numpy as np
import polars as pl
import pytest

from engine.errors import RecordInvalid
from engine.schema import OutputType
from engine.span import Span
from tests.engine.chance import ALPHA, chi_square
from tests.generators.fields.examined import NAME, examined, found, issues, made, mapping, planned

KIND = "ENUM_RANDOM"
AT = "/fieldMappings/0/params"
MANY = Span(0, 60_000)


def enum(params: dict[str, Any], *others: dict[str, Any], unique: bool = False, **more: Any) -> pl.Series:
    return made(mapping(KIND, params, unique=unique), *others, **more)


def counts(values: pl.Series, listed: list[Any]) -> list[int]:
    found_counts = Counter(values.to_list())
    assert set(found_counts) <= set(listed)
    return [found_counts[value] for value in listed]


def country(values: list[Any], **more: Any) -> dict[str, Any]:
    return mapping(KIND, {"values": values}, name="country", **more)


# Types.


@pytest.mark.parametrize(
    ("values", "type_", "dtype"),
    [
        (["a", "b"], OutputType.STRING, pl.Enum(["a", "b"])),
        ([1, -(2**31)], OutputType.INTEGER, pl.Int32()),
        ([1, 2**31], OutputType.LONG, pl.Int64()),
        ([1, 0.25], OutputType.DECIMAL, pl.Decimal(18, 2)),
        ([1e-19, 1], OutputType.DOUBLE, pl.Float64()),
        ([True, False], OutputType.BOOLEAN, pl.Boolean()),
        ([1, "1"], OutputType.JSON, pl.String()),
        ([None], OutputType.STRING, pl.String()),
    ],
)
def test_the_type_is_the_narrowest_that_holds_all_values(values: list[Any], type_: OutputType, dtype: Any) -> None:
    plan = planned(mapping(KIND, {"values": values}))

    assert plan.schema.columns[0].type == type_
    assert plan.batch(Span(0, 10)).records[NAME].dtype == dtype


def test_decimals_print_what_was_typed() -> None:
    values = enum({"values": [0.1, 2.75, 3], "selection": "ROUND_ROBIN"}, span=Span(0, 3))

    assert values.to_list() == [Decimal("0.10"), Decimal("2.75"), Decimal("3.00")]


def test_values_of_several_sorts_are_json_documents() -> None:
    values = enum({"values": ['a"b', 1, True, 2.5, None], "selection": "ROUND_ROBIN"}, span=Span(0, 5))

    assert values.to_list() == [r'"a\"b"', "1", "true", "2.5", None]


def test_a_weight_of_0_does_not_change_the_type() -> None:
    assert enum({"values": [1, 0.25], "weights": [1, 0]}).dtype == pl.Decimal(18, 2)


# Shares.


@pytest.mark.parametrize("seed", [1, 20_260_101, 3])
@pytest.mark.parametrize("weights", [[1, 1, 1, 1, 1], [50, 30, 0, 15, 5], [1e-300, 3e-300, 0, 0, 2e-300]])
def test_shares_are_those_of_the_weights(weights: list[float], seed: int) -> None:
    listed = ["a", "b", "c", "d", "e"]

    values = enum({"values": listed, "weights": weights}, seed=seed, span=MANY)

    assert chi_square(counts(values, listed), np.array(weights) / sum(weights)) > ALPHA


def test_both_forms_of_weights_draw_the_same_values() -> None:
    apart = enum({"values": ["a", "b", "c"], "weights": [1, 2, 3]})
    inside = enum({"values": ["a", {"value": "b", "weight": 2}, {"value": "c", "weight": 3}]})

    assert apart.equals(inside)


@pytest.mark.parametrize("exponent", [0.5, 1.1, 3])
def test_zipf_prefers_the_first_values(exponent: float) -> None:
    listed = list(range(50))

    values = enum({"values": listed, "selection": "ZIPF", "exponent": exponent}, span=MANY)

    ranks = np.arange(1.0, 51.0) ** -exponent
    assert chi_square(counts(values, listed), ranks / ranks.sum()) > ALPHA


# Turns.


def test_round_robin_takes_turns() -> None:
    values = enum({"values": ["a", "b", "c"], "selection": "ROUND_ROBIN"}, span=Span(10**9, 5), count=10**10)

    assert values.to_list() == ["b", "c", "a", "b", "c"]


def test_every_cycle_of_a_shuffle_has_each_value_once_in_an_order_that_is_uniform() -> None:
    values = enum({"values": [0, 1, 2, 3], "selection": "SHUFFLE"}, span=Span(0, 4 * 24_000)).to_numpy().reshape(-1, 4)

    orders = Counter(map(tuple, values.tolist()))

    assert set(orders) == set(permutations(range(4)))
    assert chi_square(list(orders.values()), np.full(24, 1 / 24)) > ALPHA


def test_every_block_of_a_quota_has_exact_shares() -> None:
    params = {"values": ["NEW", "PAID", "SHIPPED", "FAILED"], "weights": [50, 30, 15, 5], "selection": "QUOTA"}

    blocks = enum(params, span=Span(100 * 10**7, 2_000), count=10**10).to_list()

    orders = set()
    for start in range(0, 2_000, 100):
        block = blocks[start : start + 100]
        assert Counter(block) == {"NEW": 50, "PAID": 30, "SHIPPED": 15, "FAILED": 5}
        orders.add(tuple(block))
    assert len(orders) == 20


@pytest.mark.parametrize(
    ("weights", "block", "expected"),
    [
        ([1, 1, 1], 10, [4, 3, 3]),  # equal remainders: the first ones
        ([0.1, 0.2, 0.7], 10, [1, 2, 7]),  # exact, although 0.1 is no binary fraction
        ([1, 1, 2], 3, [1, 1, 1]),
        ([49.5, 30.3, 20.2], 100, [50, 30, 20]),
        ([1, 0, 1], 3, [2, 0, 1]),
    ],
)
def test_quotas_are_rounded_by_largest_remainder(weights: list[float], block: int, expected: list[int]) -> None:
    params = {"values": ["a", "b", "c"], "weights": weights, "selection": "QUOTA", "quotaBlock": block}

    assert counts(enum(params, span=Span(0, block)), ["a", "b", "c"]) == expected


# Unique.


@pytest.mark.parametrize("selection", ["RANDOM", "SHUFFLE", "ROUND_ROBIN"])
def test_unique_takes_each_value_once_and_then_says_that_there_is_none(selection: str) -> None:
    listed = [f"v{number}" for number in range(300)]
    params = {"values": listed, "selection": selection}

    plan = planned(mapping(KIND, params, unique=True), count=None)

    assert set(plan.batch(Span(0, 300)).records[NAME]) == set(listed)
    with pytest.raises(RecordInvalid) as raised:
        plan.batch(Span(290, 20))
    assert (raised.value.code, raised.value.record_number) == ("UNIQUE_EXHAUSTED", 300)


def test_unique_leaves_out_values_of_weight_0() -> None:
    mapped = mapping(KIND, {"values": ["a", "b", "c"], "weights": [1, 0, 1]}, unique=True)

    assert set(made(mapped, count=2, span=Span(0, 2))) == {"a", "c"}
    assert ("UNIQUE_IMPOSSIBLE", "/fieldMappings/0/unique") in found(mapped, count=3)


# Cases.


def test_values_belong_to_the_case_of_the_condition() -> None:
    cases = {"DE": ["Berlin", "Köln"], "FR": [{"value": "Paris", "weight": 3}, "Lyon", {"value": "Nice", "weight": 0}]}
    params = {"conditionField": "country", "cases": cases, "defaultCase": ["Other"]}
    plan = planned(mapping(KIND, params), country(["DE", "FR", "IT"], nullRate=0.2))

    records = plan.batch(MANY).records

    by_country = {name: records.filter(pl.col("country").cast(pl.String) == name)[NAME] for name in ("DE", "FR", "IT")}
    assert chi_square(counts(by_country["DE"], ["Berlin", "Köln"]), [0.5, 0.5]) > ALPHA
    assert chi_square(counts(by_country["FR"], ["Paris", "Lyon"]), [0.75, 0.25]) > ALPHA
    assert set(by_country["IT"]) == {"Other"}
    assert set(records.filter(pl.col("country").is_null())[NAME]) == {"Other"}


def test_without_a_default_case_a_null_condition_makes_null() -> None:
    params = {"conditionField": "country", "cases": {"DE": ["Berlin"], "FR": ["Paris"]}}

    plan = planned(mapping(KIND, params), country(["DE", "FR"], nullRate=0.2))
    records = plan.batch(Span(0, 500)).records

    assert plan.schema.columns[0].nullable
    assert records[NAME].is_null().equals(records["country"].is_null())


def test_zipf_prefers_the_first_values_of_each_case() -> None:
    params = {"conditionField": "country", "cases": {"DE": [1, 2, 3], "FR": [4, 5]}, "selection": "ZIPF", "exponent": 1}
    records = planned(mapping(KIND, params), country(["DE", "FR"])).batch(MANY).records

    for name, listed, shares in (("DE", [1, 2, 3], [6 / 11, 3 / 11, 2 / 11]), ("FR", [4, 5], [2 / 3, 1 / 3])):
        values = records.filter(pl.col("country").cast(pl.String) == name)[NAME]
        assert chi_square(counts(values, listed), shares) > ALPHA


def test_another_case_changes_nothing_in_the_first_one() -> None:
    def berlin(cases: dict[str, Any]) -> pl.Series:
        params = {"conditionField": "country", "cases": cases, "defaultCase": ["x"]}
        return planned(mapping(KIND, params), country(["DE"])).batch(Span(0, 500)).records[NAME].cast(pl.String)

    before = {"AT": ["Wien"], "DE": ["Berlin", "Köln", "Ulm"]}

    assert berlin({"DE": ["Berlin", "Köln", "Ulm"]}).equals(berlin(before))


@pytest.mark.parametrize(
    ("condition", "cases"),
    [
        ({"type": KIND, "params": {"values": [1, 2]}}, {"1": ["one"], "2": ["two"]}),
        ({"type": KIND, "params": {"values": [True, False]}}, {"true": ["one"], "false": ["two"]}),
        ({"type": KIND, "params": {"values": [0.5, 1.25]}}, {"0.5": ["one"], "1.250": ["two"]}),
        ({"type": "NUMERIC_RANGE", "params": {"min": 1, "max": 2}}, {"1": ["one"], "2": ["two"]}),
        ({"type": "SEQUENCE", "params": {"end": 2, "onEnd": "WRAP"}}, {"1": ["one"], "2": ["two"]}),
        ({"type": KIND, "params": {"values": ["01", "2"]}, "outputType": "INTEGER"}, {"1": ["one"], "2": ["two"]}),
        ({"type": KIND, "params": {"values": ["2026-01-31", "2026-02-01"]}, "outputType": "DATE"},
         {"2026-01-31": ["one"], "2026-02-01": ["two"]}),
        ({"type": "CONSTANT", "params": {"value": "a/~b"}}, {"a/~b": ["one"]}),
    ],
)  # fmt: skip
def test_conditions_of_every_type_find_their_case(condition: dict[str, Any], cases: dict[str, list[str]]) -> None:
    mapped = mapping(KIND, {"conditionField": "other", "cases": cases})

    examination = examined(mapped, {"fieldName": "other", **condition})

    assert examination.issues == ()
    assert examination.plan is not None
    records = examination.plan.batch(Span(0, 100)).records
    pairs = records.select(pl.col("other").cast(pl.String), pl.col(NAME).cast(pl.String)).unique()
    assert pairs.height == len(cases)


def test_ten_thousand_cases_take_no_longer_than_their_look_up() -> None:
    listed = [f"c{number}" for number in range(5_000)]
    cases = {name: [f"{name} value"] for name in listed}
    plan = planned(mapping(KIND, {"conditionField": "country", "cases": cases}), country(listed))

    records = plan.batch(Span(0, 20_000)).records

    assert (records["country"].cast(pl.String) + " value").equals(records[NAME].cast(pl.String))


# What is wrong.

TWO = {"values": ["a", "b"]}
CASES = {"conditionField": "country", "cases": {"DE": ["Berlin"]}}


@pytest.mark.parametrize(
    ("params", "expected"),
    [
        ({}, {("MISSING_PARAM", "/values")}),
        ({"values": []}, {("INVALID_VALUE", "/values")}),
        ({"values": ["a"] * 10_001}, {("INVALID_VALUE", "/values")}),
        ({"values": ["a", "b", "a"]}, {("DUPLICATE_VALUE", "/values/2")}),
        ({"values": [1, 1.0, True]}, {("DUPLICATE_VALUE", "/values/1"), ("TYPE_MISMATCH", "/values")}),
        ({"values": [["a"]]}, {("TYPE_MISMATCH", "/values/0")}),
        ({"values": [{"value": "a"}]}, {("MISSING_PARAM", "/values/0/weight")}),
        ({"values": [{"value": "a", "weigth": 1}]}, {("UNKNOWN_PROPERTY", "/values/0/weigth")}),
        ({"values": [2**63]}, {("INVALID_VALUE", "/values")}),
        ({"values": [10**30 + 1, 0.5]}, {("INVALID_VALUE", "/values")}),
        ({"values": ["a\0"]}, {("INVALID_VALUE", "/values/0")}),
        ({**TWO, "weights": [1]}, {("INVALID_WEIGHTS", "/weights")}),
        ({**TWO, "weights": [1, -1]}, {("INVALID_WEIGHTS", "/weights/1")}),
        ({**TWO, "weights": [0, 0]}, {("INVALID_WEIGHTS", "/weights")}),
        ({"values": [{"value": "a", "weight": 0}]}, {("INVALID_WEIGHTS", "/values")}),
        ({**TWO, "weights": [1e308, 1e308]}, {("INVALID_WEIGHTS", "/weights")}),
        ({**TWO, "weights": [1, float("nan")]}, {("NON_FINITE", "/weights/1")}),
        ({**TWO, "weights": [1, "2"]}, {("TYPE_MISMATCH", "/weights/1")}),
        ({"values": [{"value": "a", "weight": 2}, "b"], "weights": [1, 1]}, {("PROPERTY_NOT_ALLOWED", "/weights")}),
        ({**TWO, "weights": [1, 0]}, {("NEVER_EMITTED", "/values/1")}),
        ({"values": ["a", None]}, {("INVALID_VALUE", "/values/1")}),
        ({"values": ["a", 1]}, {("TYPE_MISMATCH", "/values")}),
        ({**TWO, "quotaBlock": 10}, {("PROPERTY_NOT_ALLOWED", "/quotaBlock")}),
        ({**TWO, "selection": "QUOTA", "quotaBlock": 0}, {("INVALID_VALUE", "/quotaBlock")}),
        ({**TWO, "selection": "QUOTA", "weights": [1000, 1]}, {("NEVER_EMITTED", "/values/1")}),
        ({**TWO, "exponent": 2}, {("PROPERTY_NOT_ALLOWED", "/exponent")}),
        ({**TWO, "selection": "ZIPF", "exponent": 0}, {("INVALID_VALUE", "/exponent")}),
        ({**TWO, "selection": "ZIPF", "weights": [1, 2]}, {("PROPERTY_NOT_ALLOWED", "/weights")}),
        ({"values": [{"value": "a", "weight": 2}], "selection": "SHUFFLE"}, {("PROPERTY_NOT_ALLOWED", "/values")}),
        ({**TWO, "selection": "RANDOMLY"}, {("INVALID_VALUE", "/selection")}),
        ({**TWO, "transitions": {}}, {("UNKNOWN_PROPERTY", "/transitions")}),
        ({**TWO, **CASES}, {("PROPERTY_NOT_ALLOWED", "/cases"), ("PROPERTY_NOT_ALLOWED", "/conditionField")}),
        ({**TWO, "defaultCase": ["c"]}, {("PROPERTY_NOT_ALLOWED", "/defaultCase")}),
        ({"cases": {"DE": ["x"]}}, {("MISSING_PARAM", "/conditionField")}),
        ({**CASES, "weights": [1]}, {("PROPERTY_NOT_ALLOWED", "/weights"), ("CASE_NOT_COVERED", "/cases")}),
        ({**CASES, "cases": {}}, {("INVALID_VALUE", "/cases")}),
        ({**CASES, "cases": {"DE": [], "FR": ["x"]}}, {("INVALID_VALUE", "/cases/DE")}),
        ({**CASES, "selection": "SHUFFLE", "defaultCase": ["x"]}, {("INVALID_VALUE", "/selection")}),
        (CASES, {("CASE_NOT_COVERED", "/cases")}),
        ({**CASES, "cases": {"DE": ["a", "a"]}, "defaultCase": ["x"]}, {("DUPLICATE_VALUE", "/cases/DE/1")}),
        ({**CASES, "cases": {"DE": ["a"], "D": ["b"]}, "defaultCase": ["x"]}, {("NEVER_EMITTED", "/cases/D")}),
        (
            {**CASES, "conditionField": "number", "cases": {"one": ["a"]}, "defaultCase": ["x"]},
            {("TYPE_MISMATCH", "/cases/one")},
        ),
        ({**CASES, "conditionField": "number", "cases": {"1": ["a"]}}, {("CASE_NOT_COVERED", "/cases")}),
        ({**CASES, "conditionField": "real", "defaultCase": ["x"]}, {("TYPE_MISMATCH", "/conditionField")}),
        ({**CASES, "conditionField": "Country", "defaultCase": ["x"]}, {("UNKNOWN_FIELD", "/conditionField")}),
        ({**CASES, "conditionField": NAME, "defaultCase": ["x"]}, {("DEPENDENCY_CYCLE", "")}),
    ],
)  # fmt: skip
def test_every_wrong_parameter_is_told_at_its_place(params: dict[str, Any], expected: set[tuple[str, str]]) -> None:
    others = [
        country(["DE", "FR"]),
        mapping("NUMERIC_RANGE", {"min": 1, "max": 10**6}, name="number"),
        mapping("NUMERIC_RANGE", {"min": 0.5, "max": 1}, name="real"),
    ]

    at = {(code, f"{AT}{path}" if path else "/fieldMappings/0") for code, path in expected}
    assert found(mapping(KIND, params), *others) == at


@pytest.mark.parametrize(
    ("params", "expected"),
    [
        ({**TWO, "weights": [1, 2]}, ("UNIQUE_DISTRIBUTION_CONFLICT", f"{AT}/weights")),
        ({"values": ["a", {"value": "b", "weight": 2}]}, ("UNIQUE_DISTRIBUTION_CONFLICT", f"{AT}/values")),
        ({**TWO, "selection": "ZIPF"}, ("UNIQUE_DISTRIBUTION_CONFLICT", f"{AT}/selection")),
        ({**TWO, "selection": "QUOTA"}, ("UNIQUE_DISTRIBUTION_CONFLICT", f"{AT}/selection")),
        ({**CASES, "cases": {"DE": ["a"], "FR": ["b"]}}, ("UNIQUE_IMPOSSIBLE", "/fieldMappings/0/unique")),
    ],
)
def test_what_cannot_be_unique_is_told(params: dict[str, Any], expected: tuple[str, str]) -> None:
    assert found(mapping(KIND, params, unique=True), country(["DE", "FR"]), count=1) == {expected}


def test_what_is_not_covered_is_named() -> None:
    [issue] = issues(mapping(KIND, CASES), country(["DE", "FR", "IT"]))

    assert issue.message == '"country" can be "FR", "IT", for which there is no case'
    assert issue.field == NAME


def test_a_case_that_never_occurs_is_told_with_the_one_that_was_meant() -> None:
    params = {"conditionField": "country", "cases": {"DE": ["a"], "fr": ["b"]}, "defaultCase": ["c"]}

    [issue] = issues(mapping(KIND, params), country(["DE", "FR"]))

    assert issue.code == "NEVER_EMITTED"
    assert issue.hint == 'did you mean "FR"?'


def test_all_cases_together_have_at_most_ten_thousand_values() -> None:
    cases = {name: [f"{name}{number}" for number in range(5_001)] for name in ("DE", "FR")}

    assert ("INVALID_VALUE", f"{AT}/cases") in found(
        mapping(KIND, {"conditionField": "country", "cases": cases}), country(["DE", "FR"])
    )


def test_a_chain_of_500_conditions_is_examined_in_no_depth() -> None:
    cases = {"a": ["a", "b"], "b": ["a"]}
    chain = [mapping(KIND, {"conditionField": f"f{n + 1}", "cases": cases}, name=f"f{n}") for n in range(499)]

    plan = planned(*chain, mapping(KIND, TWO, name="f499"))

    assert set(plan.batch(Span(0, 100)).records["f0"]) == {"a", "b"}

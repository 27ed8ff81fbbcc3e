"""NUMERIC_RANGE: everything that is wrong with its parameters."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from tests.generators.fields.examined import examined, found, issues, mapping
from tests.generators.fields.numbered import AT, HIGH, KIND, LOW, MANY, numbers

TEN = {"min": 0, "max": 10}
NORMAL = {"type": "NORMAL", "mean": 5, "stdDev": 2}
BETA, POISSON = {"type": "BETA", "alpha": 1, "beta": 2}, {"type": "POISSON", "lambda": 3}


@pytest.mark.parametrize(
    ("params", "expected"),
    [
        ({}, {("MISSING_PARAM", "/min"), ("MISSING_PARAM", "/max")}),
        ({"min": 100, "max": 10}, {("RANGE_INVERTED", "/min")}),
        ({"min": 0.5, "max": 0.25}, {("RANGE_INVERTED", "/min")}),
        ({"min": 5, "max": 5}, {("INVALID_VALUE", "/max")}),
        ({"min": 0, "max": HIGH + 1}, {("INVALID_VALUE", "/max")}),
        ({"min": str(LOW - 1), "max": 0}, {("INVALID_VALUE", "/min")}),
        ({"min": str(LOW), "max": str(HIGH)}, set()),
        ({"min": float("inf"), "max": float("nan")}, {("NON_FINITE", "/min"), ("NON_FINITE", "/max")}),
        ({"min": True, "max": "10"}, {("TYPE_MISMATCH", "/min"), ("TYPE_MISMATCH", "/max")}),
        ({"min": 10**5_000, "max": 0}, {("INVALID_VALUE", "/min")}),
        ({"min": 0.5, "max": 10, "numericType": "INTEGER"}, {("TYPE_MISMATCH", "/min")}),
        ({**TEN, "numericType": "INTEGER", "step": 0.5}, {("INVALID_STEP", "/step")}),
        ({**TEN, "numericType": "INTEGER", "scale": 2}, {("PROPERTY_NOT_ALLOWED", "/scale")}),
        ({**TEN, "numericType": "DECIMAL"}, {("MISSING_PARAM", "/scale")}),
        ({**TEN, "numericType": "FLOAT"}, {("INVALID_VALUE", "/numericType")}),
        ({**TEN, "step": 0}, {("INVALID_STEP", "/step")}),
        ({**TEN, "step": -1}, {("INVALID_STEP", "/step")}),
        ({**TEN, "step": 3}, {("INVALID_STEP", "/max")}),
        ({**TEN, "step": 20}, {("INVALID_STEP", "/max")}),
        ({**TEN, "step": 0.25, "scale": 1}, {("INVALID_STEP", "/step")}),
        ({**TEN, "step": 1e-19}, {("INVALID_VALUE", "/max"), ("INVALID_STEP", "/step"), ("INVALID_VALUE", "/min")}),
        ({"min": 0.005, "max": 1, "scale": 2}, {("INVALID_VALUE", "/min")}),
        ({"min": 0, "max": 0.999, "scale": 2}, {("INVALID_STEP", "/max")}),
        ({"min": -1, "max": -0.005, "scale": 2}, {("INVALID_STEP", "/max")}),
        ({**TEN, "scale": 18}, {("INVALID_VALUE", "/max")}),
        ({**TEN, "scale": 19}, {("INVALID_VALUE", "/scale")}),
        ({"min": 0, "max": 10**16, "scale": 2}, {("INVALID_VALUE", "/max")}),
        ({"min": 0, "max": 10**15, "scale": 2, "numericType": "DOUBLE"}, {("INVALID_VALUE", "/max")}),
        ({"min": -1e308, "max": 1e308}, {("INVALID_VALUE", "/max")}),
        ({**TEN, "distribution": {"type": "POISON"}}, {("INVALID_VALUE", "/distribution/type")}),
        ({**TEN, "distribution": {"type": "NORMAL", "stdDev": 0}}, {("INVALID_VALUE", "/distribution/stdDev")}),
        ({**TEN, "distribution": {"type": "EXPONENTIAL"}}, {("MISSING_PARAM", "/distribution/mean")}),
        ({**TEN, "distribution": NORMAL | {"mean": 100}}, {("DISTRIBUTION_OUTSIDE_RANGE", "/distribution")}),
        ({**TEN, "distribution": {"type": "TRIANGULAR", "mode": 11}}, {("INVALID_VALUE", "/distribution/mode")}),
        ({**TEN, "scale": 1, "distribution": POISSON}, {("INVALID_VALUE", "/distribution/type")}),
        ({"min": 0, "max": 1.5, "distribution": {"type": "ZIPF"}}, {("INVALID_VALUE", "/distribution/type")}),
        ({**TEN, "outOfBounds": "CLAMP"}, {("PROPERTY_NOT_ALLOWED", "/outOfBounds")}),
        ({**TEN, "outOfBounds": "CLAMP", "distribution": BETA}, {("PROPERTY_NOT_ALLOWED", "/outOfBounds")}),
        ({**TEN, "outOfBounds": "CLAMP", "distribution": NORMAL}, set()),
        ({**TEN, "outOfBounds": "CUT", "distribution": NORMAL}, {("INVALID_VALUE", "/outOfBounds")}),
        ({**TEN, "specialValues": [{"value": 0.5, "rate": 0.1}]}, {("TYPE_MISMATCH", "/specialValues/0/value")}),
        (
            {**TEN, "scale": 1, "specialValues": [{"value": 0.05, "rate": 0.1}]},
            {("INVALID_VALUE", "/specialValues/0/value")},
        ),
        ({**TEN, "specialValues": [{"value": -1, "rate": 0.1}] * 2}, {("DUPLICATE_VALUE", "/specialValues/1/value")}),
        ({**TEN, "specialValues": [{"value": n, "rate": 0.6} for n in (1, 2)]}, {("INVALID_VALUE", "/specialValues")}),
        ({**TEN, "specialValues": [{"value": 1, "rate": 1.5}]}, {("INVALID_VALUE", "/specialValues/0/rate")}),
        ({**TEN, "outliers": {"rate": 0.1, "min": 5, "max": 1}}, {("RANGE_INVERTED", "/outliers/min")}),
        ({**TEN, "outliers": {"rate": 0.1, "min": 0.5, "max": 1}}, {("TYPE_MISMATCH", "/outliers/min")}),
        ({**TEN, "outliers": {"rate": 0.1}}, {("MISSING_PARAM", "/outliers/min"), ("MISSING_PARAM", "/outliers/max")}),
        (
            {"min": 0, "max": 0.5, "outliers": {"rate": 0.1, "min": -1e308, "max": 1e308}},
            {("INVALID_VALUE", "/outliers/max")},
        ),
        ({**TEN, "edgeCaseRate": -0.1}, {("INVALID_VALUE", "/edgeCaseRate")}),
        ({**TEN, "renderAs": "TEXT"}, {("INVALID_VALUE", "/renderAs")}),
        ({**TEN, "ditribution": NORMAL}, {("UNKNOWN_PROPERTY", "/ditribution")}),
    ],
)  # fmt: skip
def test_every_wrong_parameter_is_told_at_its_place(params: dict[str, Any], expected: set[tuple[str, str]]) -> None:
    assert found(mapping(KIND, params)) == {(code, f"{AT}{path}") for code, path in expected}


def test_a_lattice_with_a_maximum_below_its_last_digit_stays_below() -> None:
    values = numbers({"min": -0.02, "max": -0.005, "scale": 2}, MANY)

    assert set(values) == {Decimal("-0.02"), Decimal("-0.01")}


def test_messages_say_what_was_given_and_what_would_be_accepted() -> None:
    [inverted] = issues(mapping(KIND, {"min": 100, "max": 10}))
    [digits] = issues(mapping(KIND, {"min": 0, "max": 10, "step": 0.25, "scale": 1}))

    assert inverted.message == "min (100) must not be greater than max (10)"
    assert inverted.hint == "swap min and max"
    assert digits.message == "step (0.25) has more digits behind the point than the 1 that are possible"


def test_bounds_are_known_beforehand() -> None:
    examination = examined(
        mapping(KIND, {"min": 1, "max": 2**40}, outputType="INTEGER"),
        mapping(KIND, {"min": 0, "max": 999.99, "scale": 2}, name="price"),
        schema={"fields": [{"name": "price", "type": "DECIMAL", "precision": 4, "scale": 2}]},
    )

    assert {(issue.code, issue.path) for issue in examination.errors} == {
        ("TYPE_MISMATCH", "/fieldMappings/0/outputType"),
        ("VALUE_TOO_LONG", "/fieldMappings/1"),
    }

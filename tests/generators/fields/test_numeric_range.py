"""NUMERIC_RANGE: exact lattices in all of 64 bits, what takes the place of numbers, and every error.

The distributions themselves are tested with the engine. Seeds are fixed, so that the statistical tests pass or fail for
good; with new seeds each of the 40 comparisons fails by chance with probability 1e-6.
"""

from __future__ import annotations

import sys
from decimal import Decimal
from typing import Any

import numpy as np
import polars as pl
import pytest

from engine.declared import OutOfBounds
from engine.draws import bounded
from engine.errors import RecordInvalid
from engine.ranges import Lattice
from engine.schema import OutputType
from engine.span import Span
from engine.stream import Source
from tests.engine.chance import ALPHA, chi_square, normal_p
from tests.engine.oracles import declare, lattice_probabilities
from tests.generators.fields.examined import NAME, found, made, mapping, planned
from tests.generators.fields.numbered import AT, HIGH, KIND, LOW, MANY, numbers


def share_p(observed: int, count: int, share: float) -> float:
    """The p-value of how often something happened in so many trials."""
    return normal_p((observed - count * share) / (count * share * (1 - share)) ** 0.5)


# What kind of numbers.


@pytest.mark.parametrize(
    ("params", "type_", "dtype"),
    [
        ({"min": 1, "max": 2**31 - 1}, OutputType.INTEGER, pl.Int32()),
        ({"min": 1, "max": 2**31}, OutputType.LONG, pl.Int64()),
        ({"min": -(2**31) - 1, "max": 0}, OutputType.LONG, pl.Int64()),
        ({"min": 0, "max": 10, "step": 5}, OutputType.INTEGER, pl.Int32()),
        ({"min": 0, "max": 1, "specialValues": [{"value": 2**40, "rate": 0.1}]}, OutputType.LONG, pl.Int64()),
        ({"min": 0, "max": 1, "outliers": {"rate": 0.1, "min": 0, "max": 2**40}}, OutputType.LONG, pl.Int64()),
        ({"min": 0, "max": 10, "scale": 0}, OutputType.DECIMAL, pl.Decimal(18, 0)),
        ({"min": 0, "max": 10, "scale": 2}, OutputType.DECIMAL, pl.Decimal(18, 2)),
        ({"min": 0, "max": 10, "step": 0.25}, OutputType.DECIMAL, pl.Decimal(18, 2)),
        ({"min": 0.125, "max": 10, "step": 0.5}, OutputType.DECIMAL, pl.Decimal(18, 3)),
        ({"min": 0, "max": 0.5}, OutputType.DOUBLE, pl.Float64()),
        ({"min": 0, "max": 5, "numericType": "DOUBLE"}, OutputType.DOUBLE, pl.Float64()),
        ({"min": 0, "max": 5, "numericType": "DOUBLE", "scale": 2}, OutputType.DOUBLE, pl.Float64()),
        ({"min": 0, "max": 5, "renderAs": "STRING"}, OutputType.STRING, pl.String()),
    ],
)
def test_the_type_follows_from_the_parameters(params: dict[str, Any], type_: OutputType, dtype: Any) -> None:
    plan = planned(mapping(KIND, params))

    assert plan.schema.columns[0].type == type_
    assert plan.batch(Span(0, 10)).records[NAME].dtype == dtype


# Lattices.


@pytest.mark.parametrize(
    ("low", "high", "step"),
    [
        (1, 6, 1),
        (LOW, HIGH, 1),
        (LOW, HIGH, 2**62),
        (LOW + 1, HIGH, 3),
        (-5, 2**62, 7),
        (HIGH - 1, HIGH, 1),
        (LOW, LOW + 2, 1),
    ],
)
def test_whole_numbers_are_exact_in_all_of_64_bits(low: int, high: int, step: int) -> None:
    words = Source(1, "orders", NAME).stream("value").words(Span(0, 1_000))
    points = (high - low) // step + 1

    values = numbers({"min": low, "max": high, "step": step}).to_list()

    assert values == [low + step * int(offset) for offset in bounded(words, points)]


def test_decimals_of_18_digits_are_exact() -> None:
    words = Source(1, "orders", NAME).stream("value").words(Span(0, 1_000))
    params = {"min": "-99999999999999.9999", "max": "99999999999999.9999", "scale": 4}

    values = numbers(params).to_list()

    offsets = bounded(words, 2 * (10**18 - 1) + 1)
    assert values == [Decimal(int(offset) - (10**18 - 1)).scaleb(-4) for offset in offsets]


def test_all_points_of_a_lattice_come_and_both_bounds_are_included() -> None:
    values = numbers({"min": -0.2, "max": 0.3, "step": 0.1}, MANY)

    counts = values.value_counts().sort(NAME)
    assert counts[NAME].to_list() == [Decimal(n) / 10 for n in range(-2, 4)]
    assert chi_square(counts["count"].to_numpy(), np.full(6, 1 / 6)) > ALPHA


def test_the_lattice_counts_from_min() -> None:
    values = numbers({"min": 3, "max": 20, "step": 5})

    assert sorted(set(values)) == [3, 8, 13, 18]


def test_doubles_with_a_scale_are_those_next_to_a_decimal() -> None:
    values = numbers({"min": -3, "max": 3, "numericType": "DOUBLE", "scale": 3}, MANY)

    assert {repr(value) for value in values} == {repr(float(f"{n / 1000:.3f}") + 0.0) for n in range(-3_000, 3_001)}


def test_doubles_fill_their_range() -> None:
    values = numbers({"min": -0.5, "max": 1.5}, MANY)

    assert -0.5 <= values.min() < -0.4999 < 1.4999 < values.max() <= 1.5  # type: ignore[operator]
    assert values.n_unique() == len(values)


@pytest.mark.parametrize("bounds", list(OutOfBounds))
@pytest.mark.parametrize("distribution", [{"type": "NORMAL", "mean": 3, "stdDev": 4}, {"type": "POISSON", "lambda": 6}])
def test_a_distribution_is_drawn_on_the_lattice(distribution: dict[str, Any], bounds: OutOfBounds) -> None:
    values = numbers({"min": 1, "max": 12, "distribution": distribution, "outOfBounds": bounds.value}, MANY)

    lattice = Lattice(Decimal(1), Decimal(1), 12)
    shares = lattice_probabilities(declare(**distribution), lattice, bounds)
    assert chi_square(np.bincount(values.to_numpy(), minlength=13)[1:], shares) > ALPHA


def test_text_has_the_digits_of_the_scale() -> None:
    assert set(numbers({"min": -0.1, "max": 0.1, "scale": 2, "step": 0.05, "renderAs": "STRING"})) == {
        "-0.10", "-0.05", "0.00", "0.05", "0.10",
    }  # fmt: skip
    assert set(numbers({"min": -1, "max": 1, "renderAs": "STRING"})) == {"-1", "0", "1"}


# What takes the place of drawn numbers.

BASE = {"min": 10, "max": 20}
OTHERS: list[dict[str, Any]] = [
    {"specialValues": [{"value": -1, "rate": 0.1}, {"value": 99, "rate": 0.2}]},
    {"outliers": {"rate": 0.1, "min": 1_000, "max": 2_000}},
    {"edgeCaseRate": 0.1},
]


@pytest.mark.parametrize("more", OTHERS)
@pytest.mark.parametrize("base", [BASE, {"min": 10, "max": 20, "scale": 1}, {"min": 10, "max": 20.5}])
def test_switching_something_on_changes_only_the_records_that_it_takes(
    base: dict[str, Any], more: dict[str, Any]
) -> None:
    before = numbers(base, MANY).cast(pl.Float64)

    after = numbers(base | more, MANY).cast(pl.Float64)

    changed = (before != after).sum()
    assert 0.05 * len(before) < changed < 0.31 * len(before)  # an edge case may be the number that was there


def test_all_of_them_together_change_only_what_each_takes() -> None:
    alone = [numbers(BASE | more, MANY) for more in OTHERS]
    specials, outliers, edges = alone

    together = numbers(BASE | OTHERS[0] | OTHERS[1] | OTHERS[2], MANY)

    is_special = specials.is_in([-1, 99])
    assert together.filter(is_special).equals(specials.filter(is_special))
    is_outlier = (outliers >= 1_000) & ~is_special
    inside = together.filter(is_outlier)
    assert ((inside == outliers.filter(is_outlier)) | inside.is_in(edges.unique().implode())).all()


def test_special_values_have_exactly_their_rates() -> None:
    values = numbers(BASE | OTHERS[0], MANY)

    assert share_p((values == -1).sum(), len(values), 0.1) > ALPHA
    assert share_p((values == 99).sum(), len(values), 0.2) > ALPHA
    rest = values.filter(~values.is_in([-1, 99]))
    assert chi_square(np.bincount(rest.to_numpy() - 10, minlength=11), np.full(11, 1 / 11)) > ALPHA


def test_special_values_can_take_all_records() -> None:
    rates = [0.1, 0.2, 0.7]  # whose binary fractions are together more than 1
    values = numbers(BASE | {"specialValues": [{"value": n, "rate": rate} for n, rate in enumerate(rates)]}, MANY)

    assert chi_square(np.bincount(values.to_numpy(), minlength=3), rates) > ALPHA


def test_a_special_value_of_rate_0_never_comes() -> None:
    params = BASE | {"specialValues": [{"value": 0, "rate": 0}, {"value": 1, "rate": 1}]}

    assert found(mapping(KIND, params)) == {("NEVER_EMITTED", f"{AT}/specialValues/0/rate")}
    assert set(numbers(params)) == {1}


def test_outliers_are_uniform_in_their_range() -> None:
    values = numbers(BASE | {"outliers": {"rate": 0.3, "min": 100, "max": 109}}, MANY)

    outliers = values.filter(values > 50)
    assert share_p(len(outliers), len(values), 0.3) > ALPHA
    assert chi_square(np.bincount(outliers.to_numpy() - 100, minlength=10), np.full(10, 0.1)) > ALPHA


def test_outliers_come_by_the_last_digit_whatever_the_step() -> None:
    outliers = {"rate": 1, "min": 100, "max": 100.2}

    values = numbers({"min": 0, "max": 10, "step": 0.5, "scale": 1, "outliers": outliers})

    assert sorted(set(values)) == [Decimal("100.0"), Decimal("100.1"), Decimal("100.2")]


def test_outliers_of_doubles_fill_their_range() -> None:
    values = numbers({"min": 0, "max": 1.5, "outliers": {"rate": 1, "min": -5, "max": -4}}, MANY)

    assert chi_square(np.histogram(values.to_numpy(), bins=20, range=(-5, -4))[0], np.full(20, 0.05)) > ALPHA


@pytest.mark.parametrize(
    ("params", "edges"),
    [
        ({"min": 5, "max": 50, "step": 10}, [5, 45, 0, 1, -1, -(2**31), 2**31 - 1]),
        ({"min": 5, "max": 2**40}, [5, 2**40, 0, 1, -1, LOW, HIGH]),
        ({"min": 0, "max": 1}, [0, 1, -1, -(2**31), 2**31 - 1]),
        (
            {"min": 5, "max": 6, "scale": 2},
            [Decimal(text) for text in ("5", "6", "0", "1", "-1", "-9999999999999999.99", "9999999999999999.99")],
        ),
        (
            {"min": 0, "max": 0.5, "scale": 18},
            [Decimal(n).scaleb(-18) for n in (0, 5 * 10**17, 1 - 10**18, 10**18 - 1)],
        ),
        ({"min": 5, "max": 5.5}, [5.0, 5.5, 0.0, 1.0, -1.0, -sys.float_info.max, sys.float_info.max, -5e-324, 5e-324]),
    ],
)  # fmt: skip
def test_edge_cases_are_bounds_zero_one_and_limits_of_the_type(params: dict[str, Any], edges: list[Any]) -> None:
    values = numbers(params | {"edgeCaseRate": 1}, Span(0, 20_000))

    counts = [int((values == edge).sum()) for edge in pl.Series(edges, dtype=values.dtype)]
    assert sum(counts) == len(values)
    assert chi_square(counts, np.full(len(edges), 1 / len(edges))) > ALPHA


def test_limits_are_those_of_the_type_that_is_asked_for() -> None:
    params = {"min": 0, "max": 9, "edgeCaseRate": 0.9}

    assert numbers(params, keys={"outputType": "LONG"}).max() == HIGH
    assert numbers(params, keys={"outputType": "INTEGER"}).max() == 2**31 - 1


# Unique.


def test_a_million_distinct_numbers_of_a_million() -> None:
    mapped = mapping(KIND, {"min": 0, "max": 0.999999, "scale": 6}, unique=True)

    values = made(mapped, span=Span(0, 10**6), count=10**6)

    assert values.n_unique() == 10**6
    assert ("UNIQUE_IMPOSSIBLE", "/fieldMappings/0/unique") in found(mapped, count=10**6 + 1)


def test_the_record_behind_the_last_distinct_number_is_refused() -> None:
    plan = planned(mapping(KIND, {"min": 1, "max": 100}, unique=True), count=None)

    assert sorted(plan.batch(Span(0, 100)).records[NAME]) == list(range(1, 101))
    with pytest.raises(RecordInvalid) as raised:
        plan.batch(Span(50, 60))
    assert (raised.value.code, raised.value.record_number) == ("UNIQUE_EXHAUSTED", 100)


@pytest.mark.parametrize(
    ("params", "expected"),
    [
        ({"min": 0, "max": 1.5}, ("UNIQUE_IMPOSSIBLE", "/fieldMappings/0/unique")),
        (
            {"min": 0, "max": 9, "distribution": {"type": "NORMAL"}},
            ("UNIQUE_DISTRIBUTION_CONFLICT", f"{AT}/distribution"),
        ),
        *(
            ({"min": 0, "max": 9, **more}, ("UNIQUE_DISTRIBUTION_CONFLICT", f"{AT}/{next(iter(more))}"))
            for more in OTHERS
        ),
    ],
)
def test_what_cannot_be_unique_is_told(params: dict[str, Any], expected: tuple[str, str]) -> None:
    assert found(mapping(KIND, params, unique=True), count=1) == {expected}


def test_a_distribution_that_is_uniform_can_be_unique() -> None:
    assert not found(mapping(KIND, {"min": 0, "max": 9, "distribution": {"type": "UNIFORM"}}, unique=True), count=5)

"""Declarations of distributions, their constraints on a range, and what they say of it; the oracle is scipy.stats."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import numpy as np
import pytest
from pydantic import ValidationError

from engine.declared import OutOfBounds
from engine.issues import Severity
from engine.ranges import Continuum, Lattice, Range
from tests.engine.oracles import ADAPTER, BINS, CONTINUOUS, COUNTING, Case, declare, lattice_probabilities

HUNDRED = Lattice(Decimal(1), Decimal(1), 100)
REAL = Continuum(1.0, 100.0)
CENTS = Lattice(Decimal(1), Decimal("0.01"), 9_901)


def issues(over: Range, **properties: Any) -> list[tuple[str, str, Severity]]:
    return [(issue.code, issue.path, issue.severity) for issue in declare(**properties).issues(over)]


@pytest.mark.parametrize(
    "declared",
    [
        {"type": "NORMAL", "stdDev": 0},
        {"type": "NORMAL", "std_dev": 1},
        {"type": "NORMAL", "stdDev": "1"},
        {"type": "NORMAL", "stdDev": True},
        {"type": "NORMAL", "mean": float("nan")},
        {"type": "NORMAL", "mean": float("inf")},
        {"type": "NORMAL", "sigma": 1},
        {"type": "LOGNORMAL", "sigma": 1},
        {"type": "LOGNORMAL", "median": 0, "sigma": 1},
        {"type": "EXPONENTIAL"},
        {"type": "BETA", "alpha": 1},
        {"type": "GAMMA", "shape": -1, "scaleParam": 1},
        {"type": "PARETO", "alpha": 0},
        {"type": "ZIPF", "exponent": 0},
        {"type": "POISSON", "lambda": 0},
        {"type": "POISSON", "expected": 1},
        {"type": "POISSON", "lambda": 1e300},
        {"type": "BINOMIAL", "n": 1.5, "p": 0.5},
        {"type": "BINOMIAL", "n": 5, "p": 1.5},
        {"type": "GEOMETRIC", "p": 0},
        {"type": "HISTOGRAM", "bins": []},
        {"type": "HISTOGRAM", "bins": [{"from": 1, "to": 2, "weight": -1}]},
        {"type": "UNIFORM", "mean": 1},
        {"type": "CAUCHY"},
        {},
    ],
)
def test_a_wrong_declaration_is_refused(declared: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        ADAPTER.validate_python(declared)


@pytest.mark.parametrize("case", [*CONTINUOUS, *COUNTING], ids=lambda case: case.name)
def test_a_declaration_comes_back_as_it_was_sent(case: Case) -> None:
    assert case.distribution.model_dump(exclude_unset=True) == case.declared
    assert ADAPTER.validate_json(ADAPTER.dump_json(case.distribution)) == case.distribution


def test_bins_come_back_as_they_were_sent_and_keep_large_integers() -> None:
    bins = [{"from": 2**62 + 1, "to": 2**62 + 3, "weight": 1.0}]

    distribution = declare(type="HISTOGRAM", bins=bins)

    assert distribution.model_dump(mode="json") == {"type": "HISTOGRAM", "bins": bins}
    assert distribution.points(Lattice(Decimal(2**62), Decimal(1), 100)) == [(1, 3)]


def test_every_property_is_described_with_an_example() -> None:
    for name, schema in ADAPTER.json_schema()["$defs"].items():
        for key, declared in schema["properties"].items():
            assert key == "type" or (declared.get("description") and declared.get("examples")), f"{name}.{key}"


@pytest.mark.parametrize("case", [*CONTINUOUS, *COUNTING], ids=lambda case: case.name)
def test_the_cases_of_the_other_tests_are_accepted(case: Case) -> None:
    over = case.lattice(int(case.high - case.low) + 1) if case in COUNTING else case.continuum

    assert not [issue for issue in case.distribution.issues(over) if issue.severity is Severity.ERROR]


@pytest.mark.parametrize(
    ("over", "properties", "expected"),
    [
        (REAL, {"type": "TRIANGULAR", "mode": 101}, [("INVALID_VALUE", "/mode", Severity.ERROR)]),
        (CENTS, {"type": "TRIANGULAR", "mode": 0.99}, [("INVALID_VALUE", "/mode", Severity.ERROR)]),
        (HUNDRED, {"type": "TRIANGULAR", "mode": 1}, []),
        (Continuum(0.0, 1.0), {"type": "PARETO", "alpha": 1}, [("INVALID_VALUE", "/type", Severity.ERROR)]),
        (
            Continuum(-1.0, 9.0),
            {"type": "LOGNORMAL", "median": 2, "sigma": 1},
            [("INVALID_VALUE", "/type", Severity.ERROR)],
        ),
        (
            REAL,
            {"type": "LOGNORMAL", "median": 101, "sigma": 1},
            [("DISTRIBUTION_OUTSIDE_RANGE", "/median", Severity.WARNING)],
        ),
        (REAL, {"type": "NORMAL", "mean": 0, "stdDev": 0.55}, [("DISTRIBUTION_OUTSIDE_RANGE", "", Severity.WARNING)]),
        (REAL, {"type": "NORMAL", "mean": 0, "stdDev": 0.1}, [("DISTRIBUTION_OUTSIDE_RANGE", "", Severity.ERROR)]),
        (HUNDRED, {"type": "NORMAL", "stdDev": 1e308}, [("DISTRIBUTION_OUTSIDE_RANGE", "", Severity.ERROR)]),
        (HUNDRED, {"type": "POISSON", "lambda": 1_000}, [("DISTRIBUTION_OUTSIDE_RANGE", "", Severity.ERROR)]),
        (HUNDRED, {"type": "POISSON", "lambda": 130}, [("DISTRIBUTION_OUTSIDE_RANGE", "", Severity.WARNING)]),
        (REAL, {"type": "POISSON", "lambda": 3}, [("INVALID_VALUE", "/type", Severity.ERROR)]),
        (CENTS, {"type": "GEOMETRIC", "p": 0.5}, [("INVALID_VALUE", "/type", Severity.ERROR)]),
        (
            Lattice(Decimal(0), Decimal(5), 10),
            {"type": "BINOMIAL", "n": 9, "p": 0.5},
            [("INVALID_STEP", "/type", Severity.ERROR)],
        ),
        (HUNDRED, {"type": "GEOMETRIC", "p": 1e-9}, [("INVALID_VALUE", "/type", Severity.ERROR)]),
        (HUNDRED, {"type": "GEOMETRIC", "p": 5e-324}, [("INVALID_VALUE", "/type", Severity.ERROR)]),
        (HUNDRED, {"type": "POISSON", "lambda": 1e15}, [("INVALID_VALUE", "/type", Severity.ERROR)]),
        (REAL, {"type": "ZIPF"}, [("INVALID_VALUE", "/type", Severity.ERROR)]),
        (Lattice(Decimal(0), Decimal(1), 10**7 + 1), {"type": "ZIPF"}, [("INVALID_VALUE", "/type", Severity.ERROR)]),
        (Lattice(Decimal(0), Decimal(1), 10**7), {"type": "ZIPF", "exponent": 0.5}, []),
        (Lattice(-Decimal(2**63), Decimal(1), 2**64), {"type": "NORMAL"}, [("INVALID_VALUE", "/type", Severity.ERROR)]),
        (Lattice(-Decimal(2**63), Decimal(1), 2**64), {"type": "UNIFORM"}, []),
        (REAL, {"type": "HISTOGRAM", "bins": BINS}, []),
        (HUNDRED, {"type": "HISTOGRAM", "bins": BINS}, []),
        (
            HUNDRED,
            {"type": "HISTOGRAM", "bins": [{"from": 1, "to": 9, "weight": 0}]},
            [("INVALID_WEIGHTS", "/bins", Severity.ERROR)],
        ),
        (
            REAL,
            {"type": "HISTOGRAM", "bins": [{"from": 9, "to": 1, "weight": 1}]},
            [("RANGE_INVERTED", "/bins/0/from", Severity.ERROR)],
        ),
        (
            REAL,
            {"type": "HISTOGRAM", "bins": [{"from": 1, "to": 9, "weight": 1}, {"from": 8, "to": 10, "weight": 1}]},
            [("INVALID_VALUE", "/bins/1/from", Severity.ERROR)],
        ),
        (
            REAL,
            {"type": "HISTOGRAM", "bins": [{"from": 0, "to": 101, "weight": 1}]},
            [("INVALID_VALUE", "/bins/0/from", Severity.ERROR), ("INVALID_VALUE", "/bins/0/to", Severity.ERROR)],
        ),
        (
            HUNDRED,
            {"type": "HISTOGRAM", "bins": [{"from": 2.2, "to": 2.8, "weight": 1}, {"from": 3, "to": 100, "weight": 1}]},
            [("INVALID_VALUE", "/bins/0", Severity.ERROR)],
        ),
        (HUNDRED, {"type": "HISTOGRAM", "bins": [{"from": 1, "to": 100.5, "weight": 1}]}, []),
        (
            HUNDRED,
            {"type": "HISTOGRAM", "bins": [{"from": 1, "to": 101, "weight": 1}]},
            [("INVALID_VALUE", "/bins/0/to", Severity.ERROR)],
        ),
        (Continuum(5.0, 5.0), {"type": "NORMAL"}, []),
    ],
    ids=lambda part: "-".join(map(str, part.values()))[:50] if isinstance(part, dict) else None,
)
def test_a_range_must_suit_the_distribution(
    over: Range, properties: dict[str, Any], expected: list[tuple[str, str, Severity]]
) -> None:
    assert issues(over, **properties) == expected


@pytest.mark.parametrize("case", CONTINUOUS, ids=lambda case: case.name)
def test_the_mass_of_a_range_is_the_textbooks(case: Case) -> None:
    expected = case.oracle.cdf(case.high) - case.oracle.cdf(case.low)

    assert case.distribution.mass(case.continuum) == pytest.approx(expected, rel=1e-12)
    assert case.distribution.mass(case.lattice(101)) == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("case", COUNTING, ids=lambda case: case.name)
def test_the_mass_of_whole_numbers_is_the_textbooks(case: Case) -> None:
    expected = case.oracle.cdf(case.high) - case.oracle.cdf(case.low - 1)

    assert case.distribution.mass(case.lattice(int(case.high - case.low) + 1)) == pytest.approx(expected, rel=1e-9)


def test_a_mass_far_out_in_a_tail_keeps_its_digits() -> None:
    upper, lower = Continuum(9.0, 30.0), Continuum(-30.0, -9.0)
    bell = declare(type="NORMAL", mean=0, stdDev=1)

    assert bell.mass(upper) == pytest.approx(1.1285884059538324e-19, rel=1e-12)
    assert bell.mass(lower) == bell.mass(upper)


@pytest.mark.parametrize("bounds", list(OutOfBounds))
@pytest.mark.parametrize("case", CONTINUOUS, ids=lambda case: case.name)
def test_the_probabilities_of_a_lattice_are_those_of_rounding(case: Case, bounds: OutOfBounds) -> None:
    for points in (2, 3, 10, 1_001):
        lattice = case.lattice(points)
        bare = case.declared["type"] == "UNIFORM"  # points alike, not half cells at the ends

        found = lattice_probabilities(case.distribution, lattice, bounds)

        wanted = np.full(points, 1 / points) if bare else case.probabilities(lattice, bounds)
        assert found == pytest.approx(wanted, abs=1e-12)


@pytest.mark.parametrize("case", CONTINUOUS, ids=lambda case: case.name)
def test_the_cumulative_probability_of_a_continuum_is_the_textbooks(case: Case) -> None:
    places = np.linspace(case.low, case.high, 201)

    for bounds in OutOfBounds:
        found = case.distribution.cumulative(case.continuum, places, bounds)
        assert found[:-1] == pytest.approx(case.cdf(bounds)(places[:-1]), abs=1e-12)
        assert found[-1] == 1.0
        assert case.distribution.cumulative(case.continuum, case.low - 1, bounds) == 0.0


@pytest.mark.parametrize("case", COUNTING, ids=lambda case: case.name)
def test_the_probabilities_of_whole_numbers_are_the_textbooks(case: Case) -> None:
    lattice = case.lattice(int(case.high - case.low) + 1)
    numbers = np.arange(case.low, case.high + 1)
    inside = case.oracle.pmf(numbers)
    clamped = inside.copy()
    clamped[0], clamped[-1] = case.oracle.cdf(case.low), case.oracle.sf(case.high - 1)

    truncated = lattice_probabilities(case.distribution, lattice)

    assert truncated == pytest.approx(inside / inside.sum(), abs=1e-9)
    assert lattice_probabilities(case.distribution, lattice, OutOfBounds.CLAMP) == pytest.approx(clamped, abs=1e-9)


@pytest.mark.parametrize("exponent", [0.3, 1.0, 1.1, 4.0, 2_000.0])
def test_ranks_have_the_weights_of_zipf(exponent: float) -> None:
    ranks = np.arange(1.0, 101.0) ** -exponent

    assert lattice_probabilities(declare(type="ZIPF", exponent=exponent), HUNDRED) == pytest.approx(
        ranks / ranks.sum(), rel=1e-8
    )


def test_bins_give_their_points_equal_shares() -> None:
    expected = np.zeros(100)
    expected[2 - 1 : 10 - 1] = 0.75 / 8
    expected[20 - 1 : 90] = 0.25 / 71  # the last bin holds its upper bound

    assert lattice_probabilities(declare(type="HISTOGRAM", bins=BINS), HUNDRED) == pytest.approx(expected, abs=1e-12)


def test_bounds_of_bins_are_decimal_not_binary() -> None:
    tenths = Lattice(Decimal(0), Decimal("0.1"), 11)
    bins = [
        {"from": 0, "to": 0.3, "weight": 1},
        {"from": 0.3, "to": 0.7, "weight": 1},
        {"from": 0.7, "to": 1, "weight": 1},
    ]

    assert declare(type="HISTOGRAM", bins=bins).points(tenths) == [(0, 2), (3, 6), (7, 10)]


@pytest.mark.parametrize(
    ("minimum", "maximum"), [(2.0, 1.0), (0.0, float("inf")), (float("nan"), 1.0), (-1e308, 1e308)]
)
def test_a_continuum_has_two_bounds_in_order_and_a_finite_width(minimum: float, maximum: float) -> None:
    with pytest.raises(ValueError, match="no such range"):
        Continuum(minimum, maximum)


@pytest.mark.parametrize(("step", "points"), [("0", 5), ("-1", 5), ("1", 0), ("1", 2**64 + 1)])
def test_a_lattice_has_a_step_and_a_point(step: str, points: int) -> None:
    with pytest.raises(ValueError, match="no such lattice"):
        Lattice(Decimal(0), Decimal(step), points)

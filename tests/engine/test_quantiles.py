"""Quantile tables against scipy.stats, within the error that they state, to the ends of both tails."""

from __future__ import annotations

import warnings
from decimal import Decimal
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from engine.declared import OutOfBounds
from engine.quantiles import QuantileTable, quantile_tables
from engine.ranges import Continuum, Lattice, Range
from engine.samplers import build_tables, sampler
from tests.engine.chance import words
from tests.engine.oracles import CONTINUOUS, UNBOUNDED, Case, declare

CHORD = 2.0**-17 * 1.01
"""The stated error, in units of ``t**2 * Q''(t)``; 1 % because t varies along a line."""
EXTREME: list[tuple[dict[str, Any], float, float]] = [
    ({"type": "NORMAL", "mean": 0, "stdDev": 1e-9}, -1, 1),
    ({"type": "NORMAL", "mean": 0, "stdDev": 1}, 4.5, 100),
    ({"type": "NORMAL", "mean": 0, "stdDev": 1}, -100, -4.5),
    ({"type": "NORMAL"}, -1e306, 1e306),
    ({"type": "LOGNORMAL", "median": 1, "sigma": 50}, 1e-3, 1e3),
    ({"type": "LOGNORMAL", "median": 1, "sigma": 50}, 1e-300, 1e300),
    ({"type": "EXPONENTIAL", "mean": 1}, 0, 1e-3),
    ({"type": "EXPONENTIAL", "mean": 1e-5}, 0, 1e3),
    ({"type": "TRIANGULAR", "mode": 0}, 0, 1),
    ({"type": "TRIANGULAR", "mode": 1}, 0, 1),
    ({"type": "BETA", "alpha": 1e-3, "beta": 1e-3}, 0, 1),
    ({"type": "BETA", "alpha": 1e4, "beta": 1e4}, 0, 1),
    ({"type": "GAMMA", "shape": 1e-3, "scaleParam": 1}, 0, 10),
    ({"type": "GAMMA", "shape": 1e6, "scaleParam": 1}, 0, 2e6),
    ({"type": "PARETO", "alpha": 0.01}, 1, 1e300),
    ({"type": "PARETO", "alpha": 1_000}, 1, 10),
]


def spread() -> NDArray[np.uint64]:
    """Words in rising order: ordinary ones, and ones of every size at either end."""
    small = (
        [1 << bit for bit in range(11, 63)] + [3 << bit for bit in range(10, 62)] + [0, int(1e-12 * 2**64), 2**63 - 1]
    )
    ends = np.array(small, np.uint64)
    return np.sort(np.concatenate([words(20_000), ends, ~ends]))


def tails(all_words: NDArray[np.uint64]) -> tuple[NDArray[np.bool_], NDArray[np.float64]]:
    """Whether a word means the upper half, and its tail probability, which is exact in float64."""
    upper = all_words >= np.uint64(2**63)
    rest = np.where(upper, ~all_words, all_words) >> np.uint64(11)
    return upper, (rest.astype(np.float64) + 0.5) * 2.0**-53


def textbook(oracle: Any) -> NDArray[np.float64]:
    upper, t = tails(spread())
    quantiles: NDArray[np.float64] = np.where(upper, oracle.isf(t), oracle.ppf(t))
    return quantiles


def found(case: Case) -> NDArray[np.float64]:
    law = case.distribution.law(case.continuum)
    return QuantileTable(quantile_tables(law, -1e9, 1e9, clamp=True))(spread())


def by_name(name: str) -> Case:
    return next(case for case in CONTINUOUS if case.name == name)


def test_a_normal_law_is_within_its_stated_error() -> None:
    errors = np.abs(found(by_name("normal")) - textbook(by_name("normal").oracle)) / 15

    assert errors.max() < 3.4e-6


def test_an_exponential_law_is_within_its_stated_error() -> None:
    errors = np.abs(found(by_name("exponential")) - textbook(by_name("exponential").oracle)) / 30

    assert errors.max() < 7.7e-6 * 1.01


def test_a_pareto_law_is_within_its_stated_error() -> None:
    wanted = textbook(by_name("pareto").oracle)
    inside = wanted < 1e9

    errors = np.abs(found(by_name("pareto")) - wanted)[inside] / wanted[inside]

    assert errors.max() < (1 + 1 / 1.5) / 1.5 * 7.7e-6 * 1.01


def test_a_log_normal_law_is_within_its_stated_error() -> None:
    """Q'' by differences of the textbook's quantiles a thousandth of t apart."""
    oracle, (upper, t) = by_name("lognormal").oracle, tails(spread())
    values = [np.where(upper, oracle.isf(t * (1 + h)), oracle.ppf(t * (1 + h))) for h in (-1e-3, 0.0, 1e-3)]
    bend = np.abs(values[0] - 2 * values[1] + values[2]) * 1e6
    around = np.maximum.reduce([bend, np.roll(bend, 40), np.roll(bend, -40)])  # Q'' may be larger elsewhere on the line

    errors = np.abs(found(by_name("lognormal")) - values[1])

    assert (errors[40:-40] <= CHORD * around[40:-40] + 1e-9 * values[1][40:-40]).all()


@pytest.mark.filterwarnings("ignore:Error in function boost")  # scipy's own beta quantile at 1e-16
@pytest.mark.parametrize("case", [case for case in CONTINUOUS if case.name != "uniform"], ids=lambda case: case.name)
def test_a_truncated_law_has_the_quantiles_of_the_textbook(case: Case) -> None:
    """1e-5 of the width, and exact at the bounds."""
    upper, t = tails(spread())
    below, above = case.oracle.cdf([case.low, case.high]), case.oracle.sf([case.low, case.high])
    to_low, to_high = np.where(upper, t, 1 - t), np.where(upper, 1 - t, t)
    p, q = (side[0] * to_low + side[1] * to_high for side in (below, above))
    wanted = np.where(p < q, case.oracle.ppf(p), case.oracle.isf(q))

    tables = build_tables(case.distribution, case.continuum)
    values = sampler(case.distribution, case.continuum, tables).draw([spread()])

    assert np.abs(values - wanted).max() < 1e-5 * (case.high - case.low)
    assert values.min() >= case.low
    assert values.max() <= case.high


@pytest.mark.parametrize("case", [case for case in CONTINUOUS if case.name != "uniform"], ids=lambda case: case.name)
def test_probabilities_are_right_to_a_hundred_thousandth_of_the_tail_and_at_worst_to_a_line(case: Case) -> None:
    upper, t = tails(spread())
    unmoved = QuantileTable(quantile_tables(case.distribution.law(case.continuum), -1e30, 1e30, clamp=True))(spread())

    errors = np.abs(np.where(upper, case.oracle.sf(unmoved), case.oracle.cdf(unmoved)) / t - 1)
    checked = errors[t > 1e-5]  # further out, numbers just below an upper end have too few digits for the comparison

    assert checked.max() < 1 / 128
    assert np.quantile(checked, 0.9) < 1e-5


@pytest.mark.parametrize("bounds", list(OutOfBounds))
@pytest.mark.parametrize(("declared", "low", "high"), EXTREME, ids=lambda part: str(part)[:60])
def test_extreme_laws_stay_finite_inside_and_in_order(
    declared: dict[str, Any], low: float, high: float, bounds: OutOfBounds
) -> None:
    distribution = declare(**declared)
    step = (Decimal(str(high)) - Decimal(str(low))) / 1_000
    ranges: list[Range] = [Continuum(float(low), float(high)), Lattice(Decimal(str(low)), step, 1_001)]

    for over in ranges:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            values = sampler(distribution, over, build_tables(distribution, over, bounds)).draw([spread()])

        assert np.isfinite(values).all()
        assert over.low <= values.min()
        assert values.max() <= over.high
        assert (np.diff(values) >= 0).all()


@pytest.mark.parametrize("case", UNBOUNDED, ids=lambda case: case.name)
def test_truncating_leaves_no_mass_at_the_bounds_and_clamping_does(case: Case) -> None:
    values = {
        bounds: sampler(
            case.distribution, case.continuum, build_tables(case.distribution, case.continuum, bounds)
        ).draw([words(100_000)])
        for bounds in OutOfBounds
    }

    truncated, clamped = values[OutOfBounds.TRUNCATE], values[OutOfBounds.CLAMP]
    assert np.isin(truncated, [case.low, case.high]).sum() <= 1
    for bound, share in ((case.low, case.oracle.cdf(case.low)), (case.high, case.oracle.sf(case.high))):
        assert (clamped == bound).mean() == pytest.approx(share, abs=0.01)


def test_tables_keep_32_bits_of_the_standard_quantile() -> None:
    """So the knots of the standard normal law have no more, and a last bit of the library's does not show."""
    tables = quantile_tables(declare(type="NORMAL", mean=0, stdDev=1).law(Continuum(-9.0, 9.0)), -9.0, 9.0, clamp=True)

    mantissas, _ = np.frexp(tables["left"])

    assert np.array_equal(mantissas * 2.0**32, np.rint(mantissas * 2.0**32))


def test_a_large_lattice_far_from_0_has_its_quantiles_to_a_hundred_thousandth_of_the_spread() -> None:
    """Milliseconds of 9,500 years: 3e14 points."""
    over = Lattice(Decimal(-(10**14)), Decimal(1), 3 * 10**14)
    distribution = declare(type="TRIANGULAR", mode=10**14)
    upper, t = tails(spread())
    wanted = 3e14 * np.where(
        upper, 1 - np.sqrt(t / 3), np.where(t < 2 / 3, np.sqrt(t * 2 / 3), 1.0)
    )  # mode at two thirds: the lower half is below it
    wanted = np.where(upper & (t > 1 / 3), 3e14 * np.sqrt((1 - t) * 2 / 3), wanted)

    offsets = sampler(distribution, over, build_tables(distribution, over)).draw([spread()])

    assert np.abs(offsets - wanted).max() < 1e-5 * 3e14
    assert len(np.unique(offsets % 1_000)) == 1_000


@pytest.mark.parametrize("case", UNBOUNDED, ids=lambda case: case.name)
def test_clamping_moves_exactly_the_mass_outside_to_the_bounds(case: Case) -> None:
    """To 1 part in 10,000 of it: the words on either side of that mass fall on either side of the bound."""
    tables = build_tables(case.distribution, case.continuum, OutOfBounds.CLAMP)
    made = sampler(case.distribution, case.continuum, tables)
    below, above = float(case.oracle.cdf(case.low)), float(case.oracle.sf(case.high))

    if below > 0:
        assert made.draw([at(below * 0.9999)])[0] == case.low
        assert made.draw([at(below * 1.0001)])[0] > case.low
    if above > 1e-12:
        assert made.draw([~at(above * 0.9999)])[0] == case.high
        assert made.draw([~at(above * 1.0001)])[0] < case.high


def at(share: float) -> NDArray[np.uint64]:
    """The word that means a share."""
    return np.array([int(share * 2**64)], np.uint64)

"""Weighted choice: the probabilities that its tables hold, and draws. Nine chi-squares at `ALPHA`."""

from __future__ import annotations

import math
from fractions import Fraction
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from engine.choice import WeightedChoice, weight_tables
from tests.engine.chance import ALPHA, SEEDS, chi_square, words

EXTREMES = [1e308, 1.7e308, 1e-300, 5e-324, 1.0, 0.0]


def parts(weights: list[float] | NDArray[np.float64]) -> tuple[NDArray[np.object_], int]:
    """How many of how many equal parts the tables give to each outcome; exact integers."""
    tables = weight_tables(weights)
    if "thresholds" in tables:
        counts = [b - a for a, b in pairwise([0, *tables["thresholds"].tolist(), 2**64])]
        return np.array(counts + [0] * (len(weights) - len(counts)), object), 2**64
    limits, alias = tables["limits"].astype(np.int64), tables["alias"]
    assert len(limits) == len(alias) == 1 << (len(limits).bit_length() - 1)
    given_away = np.zeros(len(limits), np.int64)
    np.add.at(given_away, alias, 2**32 - limits)
    kept = limits + given_away
    assert not kept[len(weights) :].any(), "a slot behind the last outcome is drawn"
    return kept[: len(weights)].astype(object), len(limits) << 32


def check(weights: NDArray[np.float64]) -> None:
    """Every probability is right to within what the docstring states, and an outcome of weight 0 has none."""
    counts, of = parts(weights)
    scaled = [Fraction(weight) / Fraction(float(weights.max())) for weight in weights.tolist()]
    total, largest = sum(scaled), int(np.argmax(weights))
    allowed = Fraction(1, 2**53) * 3 if of == 2**64 else Fraction(1, of) * Fraction(51, 100)

    assert counts.sum() == of
    for outcome, (count, share) in enumerate(zip(counts, scaled, strict=True)):
        error = abs(Fraction(int(count), of) - share / total)
        assert error <= allowed * (len(weights) if outcome == largest and of != 2**64 else 1)
        assert count == 0 or share > 0


@given(st.lists(st.floats(0, 1e308) | st.sampled_from(EXTREMES), min_size=1, max_size=60).filter(any))
def test_the_tables_hold_the_probabilities(weights: list[float]) -> None:
    check(np.array(weights))


@pytest.mark.parametrize("n", [1, 2, 15, 16, 17, 31, 32, 33, 63, 64, 65, 255, 256, 257, 1_000])
@pytest.mark.parametrize("kind", ["equal", "rising", "zipf", "one", "alternating"])
def test_the_tables_hold_the_probabilities_at_every_size(n: int, kind: str) -> None:
    ranks = np.arange(1.0, n + 1.0)
    weights = {
        "equal": np.full(n, 0.1),
        "rising": ranks,
        "zipf": ranks**-1.5,
        "one": np.where(ranks == n, 1e-300, 0.0),
        "alternating": np.where(ranks % 2 == 1, ranks, 0.0),
    }[kind]

    check(weights)


@pytest.mark.parametrize("n", [100_000, 1_000_000])
def test_a_million_weights_keep_their_probabilities(n: int) -> None:
    weights = np.arange(1.0, n + 1.0) ** -1.1
    weights[::7] = 0.0

    counts, of = parts(weights)

    shares = weights / math.fsum(weights)
    errors = np.abs(counts.astype(np.float64) / of - shares)
    errors[np.argmax(weights)] /= n
    assert counts.sum() == of
    assert errors.max() <= 0.51 / of + 2.0**-52 * shares.max()
    assert not counts[::7].any()


@pytest.mark.parametrize("n", [2, 3, 16, 17, 5_000])
def test_weight_0_is_never_drawn_not_even_by_extreme_words(n: int) -> None:
    weights = np.zeros(n)
    weights[n // 2] = 1e-300
    extremes = np.array([0, 1, 2**32 - 1, 2**63, 2**64 - 2**32, 2**64 - 1], np.uint64)

    outcomes = WeightedChoice(weight_tables(weights))(np.concatenate([extremes, words(10_000)]))

    assert (outcomes == n // 2).all()


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("n", [5, 16, 300])
def test_outcomes_are_drawn_in_proportion(n: int, seed: int | str) -> None:
    weights = np.arange(n, dtype=np.float64)

    outcomes = WeightedChoice(weight_tables(weights))(words(100_000, seed=seed))

    assert chi_square(np.bincount(outcomes, minlength=n), weights / weights.sum()) > ALPHA


@pytest.mark.parametrize("weights", [[], [0.0], [-1.0, 2.0], [math.inf, 1.0], [math.nan]])
def test_weights_that_mean_nothing_are_refused(weights: list[float]) -> None:
    with pytest.raises(ValueError, match="weights must be finite"):
        weight_tables(weights)

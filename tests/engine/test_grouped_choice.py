"""Choice by group: each group has its own shares, and nothing else changes them."""

from __future__ import annotations

import numpy as np
import pytest

from engine.grouped_choice import MAX_GROUPS, GroupedChoice, grouped_tables
from tests.engine.chance import ALPHA, chi_square, words

GROUPS = [np.array([1.0]), np.array([1.0, 2.0, 0.0]), np.array([0.0, 1e-300, 1e-300]), np.array([0.1] * 10)]
OFFSETS = [0, 1, 4, 7]


def test_each_group_has_the_shares_of_its_weights() -> None:
    choice = GroupedChoice(grouped_tables(GROUPS))
    drawn = words(40_000)

    for number, (weights, offset) in enumerate(zip(GROUPS, OFFSETS, strict=True)):
        outcomes = choice(np.full(len(drawn), number), drawn) - offset

        assert chi_square(np.bincount(outcomes, minlength=len(weights)), weights / weights.sum()) > ALPHA


def test_the_extreme_words_stay_inside_their_group() -> None:
    choice = GroupedChoice(grouped_tables(GROUPS))
    extremes = np.array([0, 2**64 - 1], np.uint64)

    outcomes = [choice(np.full(2, number), extremes).tolist() for number in range(len(GROUPS))]

    assert outcomes == [[0, 0], [1, 2], [5, 6], [7, 16]]


def test_a_group_draws_the_same_wherever_it_stands() -> None:
    drawn = words(1_000)
    alone, behind = GroupedChoice(grouped_tables(GROUPS[1:2])), GroupedChoice(grouped_tables(GROUPS))

    assert np.array_equal(alone(np.zeros(1_000, np.int64), drawn), behind(np.ones(1_000, np.int64), drawn) - 1)


def test_as_many_groups_as_there_can_be() -> None:
    choice = GroupedChoice(grouped_tables([np.ones(1)] * MAX_GROUPS))
    groups = np.arange(MAX_GROUPS)

    assert np.array_equal(choice(groups, words(MAX_GROUPS)), groups)


@pytest.mark.parametrize("weights", [[], [0.0], [-1.0, 2.0], [np.inf], [np.nan], [1e308, 1e308]])
def test_weights_that_are_none_are_refused(weights: list[float]) -> None:
    with pytest.raises(ValueError, match="weights"):
        grouped_tables([np.array(weights)])

"""Cycles are shuffled without preference, and answer for any place."""

from __future__ import annotations

from collections import Counter
from itertools import permutations

import numpy as np
import pytest

from engine.shuffled_cycles import ShuffledCycles
from engine.span import Span
from engine.stream import Source
from tests.engine.chance import ALPHA, chi_square

SOURCE = Source(1, "orders", "status")


@pytest.mark.parametrize("n", [2, 3, 4, 5])
def test_every_order_is_as_likely_as_every_other(n: int) -> None:
    cycles = 24_000

    elements = ShuffledCycles(SOURCE, n)(Span(0, n * cycles).numbers()).reshape(-1, n)

    orders = Counter(map(tuple, elements.tolist()))
    assert set(orders) == set(permutations(range(n)))
    assert chi_square(list(orders.values()), np.full(len(orders), 1 / len(orders))) > ALPHA


@pytest.mark.parametrize("n", [1, 7, 1_024, 1_025, 10**6])
def test_every_cycle_has_each_element_once(n: int) -> None:
    far = 10**12 // n * n

    for start in (0, far):
        elements = ShuffledCycles(SOURCE, n)(Span(start, n).numbers())

        assert np.array_equal(np.sort(elements), np.arange(n, dtype=np.uint64))


@pytest.mark.parametrize("n", [7, 1_025])
def test_any_cut_has_the_same_elements(n: int) -> None:
    cycles = ShuffledCycles(SOURCE, n)
    whole = cycles(Span(5, 3_000).numbers())

    parts = [cycles(Span(5 + place, 11).numbers()) for place in range(0, 2_992, 11)]

    assert np.array_equal(np.concatenate(parts), whole[:2_992])
    assert not len(cycles(Span(5, 0).numbers()))

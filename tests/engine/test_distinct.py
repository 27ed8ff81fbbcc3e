"""Distinct draws are distinct and uniform for every size, also beyond that of a permutation."""

from __future__ import annotations

import numpy as np
import pytest

from engine.distinct import DistinctOffsets
from engine.span import Span
from engine.stream import Source
from tests.engine.chance import ALPHA, chi_square

SOURCE = Source(1, "orders", "id")


@pytest.mark.parametrize("n", [1, 2, 1_000])
def test_small_ranges_are_used_up(n: int) -> None:
    draws = DistinctOffsets(SOURCE, n)

    assert draws.capacity == n
    assert sorted(draws(Span(0, n)).tolist()) == list(range(n))


@pytest.mark.parametrize("n", [2**62, 2**62 + 1, 3 * 2**61, 2**63 - 1, 2**63, 2**64 - 1, 2**64])
def test_large_ranges_are_drawn_from_evenly_and_without_a_repetition(n: int) -> None:
    draws = DistinctOffsets(SOURCE, n)

    numbers = draws(Span(0, 100_000))

    assert draws.capacity == 2**62
    assert len(np.unique(numbers)) == 100_000
    assert int(numbers.max()) < n
    tenths = [int(number) * 10 // n for number in numbers[:20_000]]
    # Both bounds hold for these fixed streams; a new recipe fails one of the 14 by chance with probability 1.4e-5.
    assert chi_square(np.bincount(tenths, minlength=10), np.full(10, 0.1)) > ALPHA
    assert chi_square(np.bincount((numbers % np.uint64(4)).astype(np.int64), minlength=4), np.full(4, 0.25)) > ALPHA


def test_the_last_cell_ends_where_the_range_ends() -> None:
    n = 2**63 + 3
    draws = DistinctOffsets(SOURCE, n)
    last = draws._permutation.inverse(np.array([2**62 - 1], np.uint64))  # whose record has the last cell

    [number] = draws(Span(int(last[0]), 1)).tolist()

    assert (2**62 - 1) * n // 2**62 <= number < n


@pytest.mark.parametrize("n", [0, 2**64 + 1])
def test_other_sizes_are_refused(n: int) -> None:
    with pytest.raises(ValueError, match=str(n)):
        DistinctOffsets(SOURCE, n)

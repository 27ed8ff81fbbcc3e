"""Permutations: bijections of every size, their inverses and tweaks, and how even their images are.

Thirteen chi-squares at `ALPHA`.
"""

from __future__ import annotations

import math
from collections import Counter
from itertools import permutations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from engine.permutation import Permutation
from engine.stream import Source
from tests.engine.chance import ALPHA, chi_square, words


def permutation(n: int, seed: int = 1) -> Permutation:
    return Permutation(Source(seed, "orders", "id").stream("value"), n)


def elements(n: int) -> NDArray[np.uint64]:
    return np.arange(n, dtype=np.uint64)


@pytest.mark.parametrize("n", [*range(1, 130), 997, 1_000, 2**10, 2**10 + 1, 65_535, 65_536, 65_537, 10**6])
def test_every_number_has_one_image_and_the_inverse_leads_back(n: int) -> None:
    images = permutation(n)(elements(n))

    assert np.array_equal(np.sort(images), elements(n))
    assert np.array_equal(permutation(n).inverse(images), elements(n))


@given(st.integers(1, 2**62), st.integers(0, 2**64 - 1), st.data())
def test_the_inverse_leads_back_at_any_size_under_any_tweak(n: int, tweak: int, data: st.DataObject) -> None:
    chosen = np.array(data.draw(st.lists(st.integers(0, n - 1), max_size=5)), np.uint64)
    tweaks = np.full(chosen.shape, tweak, np.uint64)

    images = permutation(n)(chosen, tweaks)

    assert (images < np.uint64(n)).all()
    assert np.array_equal(permutation(n).inverse(images, tweaks), chosen)


@pytest.mark.parametrize("n", [5, 100, 1_000])
def test_every_tweak_is_a_bijection_and_most_are_others(n: int) -> None:
    tweaks = words(50)

    images = permutation(n)(np.tile(elements(n), 50), np.repeat(tweaks, n)).reshape(50, n)

    assert np.array_equal(np.sort(images, axis=1), np.tile(elements(n), (50, 1)))
    assert len({tuple(row) for row in images.tolist()}) > 25


def test_an_image_does_not_depend_on_its_neighbours() -> None:
    n, tweaks = 1_000, words(1_000)
    whole = permutation(n)(elements(n), tweaks)

    alone = [int(permutation(n)(elements(n)[i : i + 1], tweaks[i : i + 1])[0]) for i in range(0, n, 37)]

    assert alone == whole[::37].tolist()


def test_arguments_are_left_alone() -> None:
    given_elements, tweaks = elements(100), words(100)

    permutation(100)(given_elements, tweaks)

    assert np.array_equal(given_elements, elements(100))
    assert np.array_equal(tweaks, words(100))


@pytest.mark.parametrize("n", [0, -1, 2**62 + 1])
def test_sizes_outside_1_to_2_to_the_62_are_refused(n: int) -> None:
    with pytest.raises(ValueError, match="1 <= n"):
        permutation(n)


@pytest.mark.parametrize("n", [2, 7, 64, 1_000, 10**12])
def test_an_element_goes_everywhere_alike_under_many_tweaks(n: int) -> None:
    images = permutation(n)(np.full(100_000, n // 3, np.uint64), words(100_000, path="tweak"))
    cells = min(n, 1_000)

    counts = np.bincount((images * np.uint64(cells) // np.uint64(n)).astype(np.int64), minlength=cells)

    assert chi_square(counts, np.full(cells, 1 / cells)) > ALPHA


@pytest.mark.parametrize("n", [10**7, 10**12, 2**62])
def test_neighbours_land_anywhere_relative_to_each_other(n: int) -> None:
    """100,000 of at least 10**7 elements: that no two images are equal shifts a cell's share by 1 in 10**7."""
    images = permutation(n)(elements(100_001))

    distances = (images[1:].astype(object) - images[:-1].astype(object)) % n
    cells = (distances * 256 // n).astype(np.int64)

    assert chi_square(np.bincount(cells, minlength=256), np.full(256, 1 / 256)) > ALPHA


@pytest.mark.parametrize("n", [10**7, 10**12, 2**62])
def test_an_element_and_its_image_have_nothing_in_common(n: int) -> None:
    chosen = elements(100_000) * np.uint64(n // 100_000)

    images = permutation(n)(chosen)
    joint = chosen // np.uint64(-(-n // 16)) * np.uint64(16) + images // np.uint64(-(-n // 16))

    counts = np.bincount(joint.astype(np.int64), minlength=256)
    assert chi_square(counts, np.full(256, 1 / 256)) > ALPHA


def test_four_elements_come_in_all_orders_alike_under_many_seeds() -> None:
    orders = Counter(tuple(permutation(4, seed)(elements(4)).tolist()) for seed in range(12_000))

    counts = [orders[order] for order in permutations(range(4))]

    assert sum(counts) == 12_000
    assert chi_square(counts, np.full(24, 1 / 24)) > ALPHA


def test_a_shuffle_has_as_many_fixed_points_as_chance_makes() -> None:
    """The number of fixed points of a random permutation is Poisson distributed with mean 1."""
    n, shuffles = 50, 20_000
    images = permutation(n)(np.tile(elements(n), shuffles), np.repeat(words(shuffles), n)).reshape(shuffles, n)

    fixed = np.minimum((images == elements(n)).sum(axis=1), 5)

    shares = [math.exp(-1) / math.factorial(k) for k in range(5)]
    assert chi_square(np.bincount(fixed, minlength=6), [*shares, 1 - sum(shares)]) > ALPHA

"""Simple draws against plain integers and fractions."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from engine.draws import bounded, bounded_each, happens, threshold, unit

WORD = st.integers(0, 2**64 - 1)


@given(st.lists(WORD, max_size=8), st.integers(1, 2**64))
@example([0, 2**64 - 1, 2**63, 2**32], 2**32)
@example([0, 2**64 - 1, 2**63, 2**32 - 1], 2**32 + 1)
@example([0, 2**64 - 1], 2**64 - 1)
@example([0, 2**64 - 1], 2**64)
@example([0, 2**64 - 1], 1)
def test_bounded_is_the_high_half_of_the_product(words: list[int], n: int) -> None:
    given_words = np.array(words, np.uint64)

    assert bounded(given_words, n).tolist() == [word * n >> 64 for word in words]
    assert given_words.tolist() == words


@given(st.lists(st.tuples(WORD, st.integers(1, 2**64 - 1)), max_size=8))
def test_each_word_may_have_a_bound_of_its_own(pairs: list[tuple[int, int]]) -> None:
    words, sizes = (np.array([pair[i] for pair in pairs], np.uint64) for i in (0, 1))

    assert bounded_each(words, sizes).tolist() == [word * n >> 64 for word, n in pairs]


@pytest.mark.parametrize("n", [0, -1, 2**64 + 1])
def test_bounds_outside_64_bits_are_refused(n: int) -> None:
    with pytest.raises(ValueError, match="1 <= n"):
        bounded(np.zeros(1, np.uint64), n)


@given(WORD)
@example(0)
@example(2**64 - 1)
def test_unit_is_the_middle_of_one_of_2_to_the_53_cells(word: int) -> None:
    number = float(unit(np.array([word], np.uint64))[0])

    assert 0.0 < number < 1.0
    assert abs(Fraction(number) - Fraction(2 * (word >> 11) + 1, 2**54)) <= Fraction(1, 2**54)


@given(st.floats(0, 1), WORD)
@example(0.0, 0)
@example(1.0, 2**64 - 1)
@example(0.5, 2**63 - 1)
@example(0.5, 2**63)
def test_an_event_happens_for_its_share_of_the_words(probability: float, word: int) -> None:
    answer = bool(happens(np.array([word], np.uint64), probability)[0])

    assert answer is (Fraction(word) < Fraction(probability) * 2**64 - Fraction(probability) * 2**64 % 1)


@pytest.mark.parametrize("probability", [-0.1, 1.1, float("nan")])
def test_a_probability_is_between_0_and_1(probability: float) -> None:
    with pytest.raises(ValueError, match=r"in \[0, 1\]"):
        threshold(probability)

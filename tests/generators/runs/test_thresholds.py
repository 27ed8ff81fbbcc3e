"""Thresholds: the same as looking at every window and every row, one after the other."""

from __future__ import annotations

from itertools import groupby

from hypothesis import given
from hypothesis import strategies as st

from generators.error_handling import ErrorHandlingShape
from generators.runs.thresholds import exceeded, reach

NUMBERS = st.sets(st.integers(0, 60), max_size=40).map(sorted)


def handling(**values: object) -> ErrorHandlingShape:
    return ErrorHandlingShape.model_validate(values)


def test_as_many_as_are_allowed_are_no_excess() -> None:
    asked = handling(maxErrors=3)

    assert exceeded(asked, total=3, numbers=[]) is None
    assert "maxErrors" in str(exceeded(asked, total=4, numbers=[]))


@given(NUMBERS, st.integers(1, 20), st.sampled_from([0.0, 0.05, 0.3, 0.5, 1.0]))
def test_a_window_with_too_many_is_found_wherever_it_is(numbers: list[int], window: int, rate: float) -> None:
    asked = handling(maxErrorRate=rate, rateWindow=window)

    worst = max(sum(first <= number < first + window for number in numbers) for first in range(-window, 62))

    assert (exceeded(asked, total=0, numbers=numbers) is not None) == (worst > int(rate * window))


@given(NUMBERS, st.integers(1, 6))
def test_a_row_that_is_too_long_is_found(numbers: list[int], most: int) -> None:
    rows = [len(list(group)) for _, group in groupby(enumerate(numbers), lambda pair: pair[1] - pair[0])]

    found = exceeded(handling(maxConsecutiveErrors=most), total=0, numbers=numbers)

    assert (found is not None) == (max(rows, default=0) > most)


def test_the_reach_covers_the_window_and_the_row() -> None:
    assert reach(handling(rateWindow=7, maxConsecutiveErrors=9)) == 9
    assert reach(handling(rateWindow=70)) == 70

"""Lists of elements, as arrays of records hold them."""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl
import pytest

from engine.lists import first_of_each, lists_of

NUMBERS = pl.Series([3, None, 1, 4, None, 5, 2, 6, 0, 7, 8, 9])
COLORS = pl.Enum([str(number) for number in range(10)])


@pytest.mark.parametrize(
    "dtype",
    [pl.Int64, pl.Float64, pl.Decimal(18, 2), pl.String, pl.Boolean, pl.Date, pl.Datetime("ms", "UTC"), pl.Time],
    ids=str,
)
@pytest.mark.parametrize("lengths", [[0, 3, 1, 2], [3, 3, 3, 3], [0, 0, 0, 0]])
def test_the_first_of_each_group_are_the_lists_of_those_that_are_kept(dtype: Any, lengths: list[int]) -> None:
    elements = NUMBERS.cast(dtype)
    kept = pl.Series([place < length for length in lengths for place in range(3)])

    lists = first_of_each(elements, np.array(lengths), most=3)

    expected = lists_of(elements.filter(kept), np.array(lengths))
    assert (lists.dtype, lists.to_list()) == (expected.dtype, expected.to_list())


def test_words_of_a_dictionary_become_text() -> None:
    words = NUMBERS.cast(pl.String).cast(COLORS)

    assert first_of_each(words, np.array([1, 0, 0, 3]), most=3).to_list() == [["3"], [], [], ["7", "8", "9"]]

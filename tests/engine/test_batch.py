"""Batches: putting together and cutting, with numbers among them of which there is no record."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.batch import Batch, joined
from engine.span import Span

numbers = st.integers(10, 29)


def batch(start: int, count: int, rejected: Sequence[int] = ()) -> Batch:
    """Records that hold their own numbers; a third of them are missing."""
    numbers = np.array([number for number in range(start, start + count) if number not in rejected], np.int64)
    inside = tuple(number for number in sorted(set(rejected)) if start <= number < start + count)
    return Batch(Span(start, count), pl.DataFrame({"n": numbers}), {"n": numbers % 3 == 0}, inside)


def equal(one: Batch, other: Batch) -> bool:
    masks = one.missing.keys() == other.missing.keys() and all(
        np.array_equal(mask, other.missing[name]) for name, mask in one.missing.items()
    )
    same = (one.span, one.rejected) == (other.span, other.rejected)
    return same and one.records.equals(other.records) and masks


@given(st.lists(numbers), st.lists(numbers))
def test_batches_that_follow_each_other_are_joined(rejected: list[int], at: list[int]) -> None:
    edges = [10, *sorted(at), 30]
    parts = [batch(start, end - start, rejected) for start, end in itertools.pairwise(edges)]

    assert equal(joined(parts), batch(10, 20, rejected))


@pytest.mark.parametrize("start", [9, 14, 16])
def test_a_gap_or_an_overlap_is_refused(start: int) -> None:
    with pytest.raises(ValueError, match="does not follow"):
        joined([batch(10, 5), batch(start, 5)])


@given(st.lists(numbers), numbers, numbers)
def test_a_slice_holds_the_records_of_its_span(rejected: list[int], one: int, other: int) -> None:
    span = Span(min(one, other), abs(one - other))

    assert equal(batch(10, 20, rejected).slice(span), batch(span.start, span.count, rejected))


@pytest.mark.parametrize("span", [Span(9, 2), Span(12, 4), Span(20, 1)])
def test_a_slice_outside_the_batch_is_refused(span: Span) -> None:
    with pytest.raises(ValueError, match="is not inside"):
        batch(10, 5).slice(span)


@pytest.mark.parametrize("rejected", [(), (1, 3)])
def test_a_batch_has_a_record_or_a_rejected_one_for_each_number(rejected: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match=f"4 records and {len(rejected)} rejected"):
        Batch(Span(0, 5), pl.DataFrame({"n": range(4)}), rejected=rejected)

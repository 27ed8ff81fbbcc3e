"""Batches: putting together and cutting."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from engine.batch import Batch
from engine.span import Span


def batch(start: int, count: int) -> Batch:
    numbers = np.arange(start, start + count)
    return Batch(Span(start, count), pl.DataFrame({"n": numbers}), {"n": numbers % 3 == 0})


def equal(one: Batch, other: Batch) -> bool:
    masks = one.missing.keys() == other.missing.keys() and all(
        np.array_equal(mask, other.missing[name]) for name, mask in one.missing.items()
    )
    return one.span == other.span and one.records.equals(other.records) and masks


def test_batches_that_follow_each_other_add_up() -> None:
    assert equal(batch(10, 5) + batch(15, 7), batch(10, 12))


@pytest.mark.parametrize("start", [9, 14, 16])
def test_a_gap_or_an_overlap_is_refused(start: int) -> None:
    with pytest.raises(ValueError, match="does not follow"):
        batch(10, 5) + batch(start, 5)


@pytest.mark.parametrize("span", [Span(10, 5), Span(12, 2), Span(15, 0)])
def test_a_slice_holds_the_records_of_its_span(span: Span) -> None:
    assert equal(batch(10, 5).slice(span), batch(span.start, span.count))


@pytest.mark.parametrize("span", [Span(9, 2), Span(12, 4), Span(20, 1)])
def test_a_slice_outside_the_batch_is_refused(span: Span) -> None:
    with pytest.raises(ValueError, match="is not inside"):
        batch(10, 5).slice(span)


def test_a_batch_has_as_many_records_as_its_span() -> None:
    with pytest.raises(ValueError, match="4 records"):
        Batch(Span(0, 5), pl.DataFrame({"n": range(4)}))

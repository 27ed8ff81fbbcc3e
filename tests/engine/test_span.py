"""Spans of record numbers."""

from __future__ import annotations

import pytest

from engine.span import Span


def test_a_span_holds_its_numbers_up_to_its_end() -> None:
    span = Span(2**53, 3)

    assert span.end == 2**53 + 3
    assert span.numbers().tolist() == [2**53, 2**53 + 1, 2**53 + 2]


def test_an_empty_span_is_a_span() -> None:
    assert Span(5, 0).numbers().tolist() == []


@pytest.mark.parametrize(("start", "count"), [(-1, 5), (0, -1), (2**63, 1)])
def test_no_record_has_a_negative_number_or_one_above_int64(start: int, count: int) -> None:
    with pytest.raises(ValueError, match="no such span"):
        Span(start, count)

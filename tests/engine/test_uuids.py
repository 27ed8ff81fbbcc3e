"""The bits of UUIDs against Python's uuid and plain integers, and the way back to record numbers."""

from __future__ import annotations

from uuid import NAMESPACE_URL, RFC_4122, UUID, uuid5

import numpy as np
import pytest

from engine.span import Span
from engine.stream import Source
from engine.uuids import (
    MAX_NUMBER,
    Words,
    named_uuids,
    ordered_uuids,
    random_uuids,
    stamped_uuids,
)
from tests.engine.uuid_inverses import numbers_of_ordered, record_numbers_of, words_of_random, words_of_stamped

FIRST, SECOND = (Source(1, "orders", "id").stream("value", lane) for lane in (0, 1))
SPANS = [Span(0, 100_000), Span(10**12 - 1_000, 100_000), Span(2**63 - 10, 10)]


def uuids(pair: tuple[Words, Words]) -> list[UUID]:
    return [UUID(int=high << 64 | low) for high, low in zip(pair[0].tolist(), pair[1].tolist(), strict=True)]


@pytest.mark.parametrize("span", SPANS)
def test_a_random_uuid_leads_back_to_its_record(span: Span) -> None:
    high, low = random_uuids(FIRST.words(span), SECOND.words(span))

    numbers = record_numbers_of(words_of_random(high, low), FIRST)

    assert np.array_equal(numbers, span.numbers())  # so all are distinct, too


@pytest.mark.parametrize("span", SPANS[:2])
def test_an_ordered_uuid_leads_back_to_its_record_and_sorts_as_records_do(span: Span) -> None:
    instants = np.full(span.count, 1_700_000_000_000) + np.arange(span.count) // 1_000

    high, low = ordered_uuids(instants, span.numbers(), SECOND.words(span))

    assert np.array_equal(numbers_of_ordered(high, low), span.numbers())
    assert np.array_equal(np.lexsort((low, high)), np.arange(span.count))
    assert np.array_equal((high >> np.uint64(16)).view(np.int64), instants)


def test_the_greatest_number_of_an_ordered_uuid_fits() -> None:
    numbers = np.array([MAX_NUMBER - 1], np.uint64)

    high, low = ordered_uuids(np.array([2**48 - 1]), numbers, np.array([2**64 - 1], np.uint64))

    assert numbers_of_ordered(high, low).tolist() == [MAX_NUMBER - 1]
    assert uuids((high, low)) == [UUID("ffffffff-ffff-7fff-bfff-ffffffffffff")]


@pytest.mark.parametrize("span", SPANS)
def test_a_stamped_uuid_leads_back_to_its_record(span: Span) -> None:
    high, low = stamped_uuids(np.full(span.count, 10**12), FIRST.words(span), SECOND.words(span))

    assert np.array_equal(record_numbers_of(words_of_stamped(high, low), FIRST), span.numbers())


def test_versions_and_variants_are_those_of_the_rfc() -> None:
    span = Span(0, 2_000)
    first, second, instants = FIRST.words(span), SECOND.words(span), np.arange(span.count)
    made = {
        4: uuids(random_uuids(first, second)),
        7: uuids(ordered_uuids(instants, span.numbers(), second)) + uuids(stamped_uuids(instants, first, second)),
        5: uuids(named_uuids(NAMESPACE_URL, [str(number) for number in range(2_000)])),
    }

    for version, of_version in made.items():
        assert {one.version for one in of_version} == {version}
        assert {one.variant for one in of_version} == {RFC_4122}


def test_every_other_bit_of_a_random_uuid_is_0_and_1_alike() -> None:
    """122 shares of 200,000 bits, each further than 6 standard deviations off by chance with probability 2e-9."""
    span = Span(0, 200_000)

    high, low = random_uuids(FIRST.words(span), SECOND.words(span))

    for words, fixed in ((high, range(12, 16)), (low, range(62, 64))):
        for bit in set(range(64)) - set(fixed):
            share = float((words >> np.uint64(bit) & np.uint64(1)).mean())
            assert abs(share - 0.5) < 6 * 0.5 / span.count**0.5


def test_named_uuids_are_those_of_python() -> None:
    names = ["", "a", "größe", "x" * 1_000, "\U0001f600"]

    assert uuids(named_uuids(NAMESPACE_URL, names)) == [uuid5(NAMESPACE_URL, name) for name in names]
    assert uuids(named_uuids(NAMESPACE_URL, [])) == []

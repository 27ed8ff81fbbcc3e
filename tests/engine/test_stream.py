"""Streams: any word by its address, against the slow definition."""

from __future__ import annotations

import hashlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.span import Span
from engine.stream import MASK64, Source, Stream, mix64

SEAMS = (0, 2**31, 2**32, 2**52, 2**53, 10**12, 2**63 - 100)
AMOUNT = Source(1, "orders", "amount").stream("value")


def slow_word(key: int, increment: int, number: int) -> int:
    """SplitMix64's finaliser in plain integers, from its paper."""
    state = (key + (number + 1) * increment) % 2**64
    state = (state ^ state >> 30) * 0xBF58476D1CE4E5B9 % 2**64
    state = (state ^ state >> 27) * 0x94D049BB133111EB % 2**64
    return state ^ state >> 31


@given(st.integers(0, MASK64), st.integers(0, MASK64).map(lambda x: x | 1), st.integers(0, 2**63 - 4))
def test_words_are_those_of_the_slow_definition(key: int, increment: int, number: int) -> None:
    stream = Stream(key, increment)

    words = stream.words(Span(number, 3)).tolist()

    assert words == [slow_word(key, increment, i) for i in range(number, number + 3)]
    assert words == [stream.word(i) for i in range(number, number + 3)]


@pytest.mark.parametrize("seam", SEAMS)
def test_spans_across_a_seam_may_be_cut_anywhere(seam: int) -> None:
    start = max(0, seam - 50)

    whole = AMOUNT.words(Span(start, 100))
    parts = [AMOUNT.words(Span(start + a, b - a)) for a, b in ((0, 1), (1, 50), (50, 51), (51, 51), (51, 100))]

    assert whole.tolist() == [AMOUNT.word(i) for i in range(start, start + 100)]
    assert np.concatenate(parts).tolist() == whole.tolist()


def test_words_at_any_numbers_are_those_of_spans_and_the_numbers_stay() -> None:
    numbers = np.array([[10**12, 0], [7, 2**53]], np.uint64)

    words = AMOUNT.words_at(numbers)

    assert words.tolist() == [[AMOUNT.word(10**12), AMOUNT.word(0)], [AMOUNT.word(7), AMOUNT.word(2**53)]]
    assert numbers.tolist() == [[10**12, 0], [7, 2**53]]


def test_the_recipe_hashes_parts_behind_their_lengths() -> None:
    parts = ["1", "42", "orders", "größe", "value", "3"]
    text = b"".join(len(part.encode()).to_bytes(4, "little") + part.encode() for part in parts)
    digest = hashlib.blake2b(text, digest_size=16).digest()

    stream = Source(42, "orders", "größe").stream("value", 3)

    assert stream.key == int.from_bytes(digest[:8], "little")
    assert stream.increment == int.from_bytes(digest[8:], "little") | 1


def test_every_part_of_an_address_makes_another_stream() -> None:
    base = Source(1, "orders", "ab")
    others = [
        base.stream("null"),
        base.stream("value", 1),
        Source(2, "orders", "ab").stream("value"),
        Source(1, "ordersa", "b").stream("value"),
        Source(1, "orders", "a").stream("bvalue"),
        Source(11, "orders", "ab").stream("value"),
    ]

    assert len({base.stream("value"), *others}) == 7


def test_a_seed_is_its_text() -> None:
    assert Source(7, "s", "f").stream("value") == Source("7", "s", "f").stream("value")


def test_a_changed_input_bit_changes_half_of_the_output_bits() -> None:
    """4,096 comparisons of 64 bits each per input bit: 32 on average, to within 7 standard deviations (0.44)."""
    states = AMOUNT.words(Span(0, 4_096))
    plain = mix64(states.copy())

    for bit in range(64):
        flipped = np.bitwise_count(plain ^ mix64(states ^ np.uint64(1 << bit)))
        assert abs(flipped.mean() - 32) < 0.44


def test_mixing_is_a_bijection_on_neighbouring_states() -> None:
    states = np.arange(1_000_000, dtype=np.uint64)

    assert len(np.unique(mix64(states))) == 1_000_000

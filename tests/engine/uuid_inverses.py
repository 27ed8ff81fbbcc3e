"""The way back from UUIDs to the words and record numbers that they were made from."""

from __future__ import annotations

import numpy as np

from engine.stream import Stream
from engine.uuids import Words

_LOW_30, _LOW_52 = np.uint64(2**30 - 1), np.uint64(2**52 - 1)


def words_of_random(high: Words, low: Words) -> Words:
    """The words that `random_uuids` made version 4 UUIDs from."""
    words = high & np.uint64(0xFFFF_FFFF_FFFF_0000)
    words |= (high & np.uint64(0xFFF)) << np.uint64(4)
    words |= low >> np.uint64(58) & np.uint64(0xF)
    return words


def numbers_of_ordered(high: Words, low: Words) -> Words:
    """The record numbers in UUIDs that `ordered_uuids` made."""
    return (high & np.uint64(0xFFF)) << np.uint64(30) | low >> np.uint64(32) & _LOW_30


def words_of_stamped(high: Words, low: Words) -> Words:
    """The words that `stamped_uuids` made version 7 UUIDs from."""
    return (high & np.uint64(0xFFF)) << np.uint64(52) | low >> np.uint64(10) & _LOW_52


def record_numbers_of(words: Words, stream: Stream) -> Words:
    """The record numbers at which a stream has these words; the inverse of `Stream.words_at`."""
    state = words ^ words >> np.uint64(31) ^ words >> np.uint64(62)
    state = state * np.uint64(pow(0x94D049BB133111EB, -1, 2**64))
    state = state ^ state >> np.uint64(27) ^ state >> np.uint64(54)
    state = state * np.uint64(pow(0xBF58476D1CE4E5B9, -1, 2**64))
    state = state ^ state >> np.uint64(30) ^ state >> np.uint64(60)
    first = np.uint64((stream.key + stream.increment) % 2**64)
    numbers: Words = (state - first) * np.uint64(pow(stream.increment, -1, 2**64))
    return numbers

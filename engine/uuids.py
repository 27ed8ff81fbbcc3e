"""UUIDs as two words of 64 bits (RFC 9562): which bits hold what, and which record a UUID belongs to."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from uuid import UUID

import numpy as np
from numpy.typing import NDArray

from engine.stream import Stream

Words = NDArray[np.uint64]
MAX_NUMBER = 2**42
"""Record numbers in ordered version 7 UUIDs are below this."""
_VARIANT = np.uint64(0x8000_0000_0000_0000)
_VERSION_4, _VERSION_5, _VERSION_7 = np.uint64(0x4000), np.uint64(0x5000), np.uint64(0x7000)
_LOW_30, _LOW_52 = np.uint64(2**30 - 1), np.uint64(2**52 - 1)


def random_uuids(words: Words, more: Words) -> tuple[Words, Words]:
    """Version 4: all 64 bits of a word and 58 of another one.

    Where no word comes twice, as in a stream, no UUID does; and `words_of_random` gives the word back.
    """
    high = words & np.uint64(0xFFFF_FFFF_FFFF_0000) | _VERSION_4 | words >> np.uint64(4) & np.uint64(0xFFF)
    low = _VARIANT | (words & np.uint64(0xF)) << np.uint64(58) | more >> np.uint64(6)
    return high, low


def words_of_random(high: Words, low: Words) -> Words:
    """The words that `random_uuids` made version 4 UUIDs from."""
    words = high & np.uint64(0xFFFF_FFFF_FFFF_0000)
    words |= (high & np.uint64(0xFFF)) << np.uint64(4)
    words |= low >> np.uint64(58) & np.uint64(0xF)
    return words


def ordered_uuids(milliseconds: NDArray[np.int64], numbers: Words, more: Words) -> tuple[Words, Words]:
    """Version 7 that is sorted by instant, then by record number: 48 bits, 42 bits, and 32 random ones.

    Instants are from 1970 on, numbers below `MAX_NUMBER`; distinct numbers make distinct UUIDs, whatever the instants.
    """
    high = _stamped(milliseconds, numbers >> np.uint64(30))
    return high, _VARIANT | (numbers & _LOW_30) << np.uint64(32) | more >> np.uint64(32)


def numbers_of_ordered(high: Words, low: Words) -> Words:
    """The record numbers in UUIDs that `ordered_uuids` made."""
    return (high & np.uint64(0xFFF)) << np.uint64(30) | low >> np.uint64(32) & _LOW_30


def stamped_uuids(milliseconds: NDArray[np.int64], words: Words, more: Words) -> tuple[Words, Words]:
    """Version 7 that is sorted by instant only: 48 bits, then all 64 bits of a word and 10 of another one."""
    high = _stamped(milliseconds, words >> np.uint64(52))
    return high, _VARIANT | (words & _LOW_52) << np.uint64(10) | more >> np.uint64(54)


def words_of_stamped(high: Words, low: Words) -> Words:
    """The words that `stamped_uuids` made version 7 UUIDs from."""
    return (high & np.uint64(0xFFF)) << np.uint64(52) | low >> np.uint64(10) & _LOW_52


def named_uuids(namespace: UUID, names: Iterable[str]) -> tuple[Words, Words]:
    """Version 5: the first bits of SHA-1 over the namespace and a name in UTF-8. (One call of the hash per name.)"""
    start = hashlib.sha1(namespace.bytes, usedforsecurity=False)
    digests = bytearray()
    for name in names:
        digest = start.copy()
        digest.update(name.encode())
        digests += digest.digest()[:16]
    words = np.frombuffer(bytes(digests), ">u8").astype(np.uint64).reshape(-1, 2)
    high = words[:, 0] & ~np.uint64(0xF000) | _VERSION_5
    return high, words[:, 1] & np.uint64(2**62 - 1) | _VARIANT


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


def _stamped(milliseconds: NDArray[np.int64], twelve_bits: Words) -> Words:
    words: Words = milliseconds.astype(np.uint64)
    words <<= np.uint64(16)
    words |= _VERSION_7 | twelve_bits
    return words

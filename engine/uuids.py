"""UUIDs as two words of 64 bits (RFC 9562): which bits hold what, and which record a UUID belongs to."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from uuid import UUID

import numpy as np
from numpy.typing import NDArray

Words = NDArray[np.uint64]
MAX_NUMBER = 2**42
"""Record numbers in ordered version 7 UUIDs are below this."""
_VARIANT = np.uint64(0x8000_0000_0000_0000)
_VERSION_4, _VERSION_5, _VERSION_7 = np.uint64(0x4000), np.uint64(0x5000), np.uint64(0x7000)
_LOW_30, _LOW_52 = np.uint64(2**30 - 1), np.uint64(2**52 - 1)


def random_uuids(words: Words, more: Words) -> tuple[Words, Words]:
    """Version 4: all 64 bits of a word and 58 of another one.

    Where no word comes twice, as in a stream, no UUID does: the first word can be read back.
    """
    high = words & np.uint64(0xFFFF_FFFF_FFFF_0000) | _VERSION_4 | words >> np.uint64(4) & np.uint64(0xFFF)
    low = _VARIANT | (words & np.uint64(0xF)) << np.uint64(58) | more >> np.uint64(6)
    return high, low


def ordered_uuids(milliseconds: NDArray[np.int64], numbers: Words, more: Words) -> tuple[Words, Words]:
    """Version 7 that is sorted by instant, then by record number: 48 bits, 42 bits, and 32 random ones.

    Instants are from 1970 on, numbers below `MAX_NUMBER`; distinct numbers make distinct UUIDs, whatever the instants.
    """
    high = _stamped(milliseconds, numbers >> np.uint64(30))
    return high, _VARIANT | (numbers & _LOW_30) << np.uint64(32) | more >> np.uint64(32)


def stamped_uuids(milliseconds: NDArray[np.int64], words: Words, more: Words) -> tuple[Words, Words]:
    """Version 7 that is sorted by instant only: 48 bits, then all 64 bits of a word and 10 of another one."""
    high = _stamped(milliseconds, words >> np.uint64(52))
    return high, _VARIANT | (words & _LOW_52) << np.uint64(10) | more >> np.uint64(54)


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


def _stamped(milliseconds: NDArray[np.int64], twelve_bits: Words) -> Words:
    words: Words = milliseconds.astype(np.uint64)
    words <<= np.uint64(16)
    words |= _VERSION_7 | twelve_bits
    return words

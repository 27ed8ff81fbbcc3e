"""Zigzag varints, the whole numbers of Avro and of Thrift's compact protocol."""

from __future__ import annotations

from functools import cache

import numpy as np
import polars as pl
from numpy.typing import NDArray

from sinks.encoding.rows import binary_of_matrix

_SMALL = 4096


def zigzag(number: int) -> bytes:
    """A whole number so that small ones of either sign are short: 0, -1, 1, -2 are 00, 01, 02, 03."""
    return varint(number * 2 if number >= 0 else -number * 2 - 1)


def varint(number: int) -> bytes:
    """A whole number from 0 on, seven bits a byte from the lowest, the top bit set in all bytes but the last."""
    encoded = bytearray()
    while number > 0x7F:
        encoded.append(number & 0x7F | 0x80)
        number >>= 7
    encoded.append(number)
    return bytes(encoded)


def read_varint(encoded: bytes, offset: int) -> tuple[int, int]:
    """The number that starts at the offset, and the offset behind it."""
    number = shift = 0
    while encoded[offset] & 0x80:
        number |= (encoded[offset] & 0x7F) << shift
        shift, offset = shift + 7, offset + 1
    return number | encoded[offset] << shift, offset + 1


def unzigzag(number: int) -> int:
    """The whole number that is written as this one by `zigzag`."""
    return number >> 1 ^ -(number & 1)


def zigzags(numbers: NDArray[np.int64]) -> pl.Series:
    """`zigzag` of each number: shape ``(n,)`` to ``(n,)``, Binary."""
    if len(numbers) and numbers.min() >= -_SMALL and numbers.max() < _SMALL:
        return _small_zigzags().gather(numbers + _SMALL)
    return _zigzags(numbers)


@cache
def _small_zigzags() -> pl.Series:
    """Those of the numbers from -4096 to 4095, since counts, lengths and codes are mostly small: 2 ns against 20."""
    return _zigzags(np.arange(-_SMALL, _SMALL))


def _zigzags(numbers: NDArray[np.int64]) -> pl.Series:
    return varints((numbers << 1 ^ numbers >> 63).view(np.uint64))


def varints(numbers: NDArray[np.uint64]) -> pl.Series:
    """`varint` of each number: shape ``(n,)`` to ``(n,)``, Binary."""
    rest = numbers.copy()
    longest = len(varint(int(rest.max(initial=0))))
    matrix = np.empty((len(rest), longest), dtype=np.uint8)
    lengths = np.ones(len(rest), dtype=np.int64)
    for place in range(longest):
        more = rest > 0x7F
        matrix[:, place] = (rest & 0x7F).astype(np.uint8) | (more.view(np.uint8) << 7)
        lengths += more
        rest >>= 7
    binary = binary_of_matrix(matrix)
    if longest == 1:
        return binary
    return pl.select(pl.lit(binary).bin.slice(0, pl.lit(pl.Series(lengths)))).to_series()

"""murmur2, by which Java's producers choose the partition of a key: the same key goes where theirs does.

`org.apache.kafka.common.utils.Utils.murmur2`, which is MurmurHash2 of 32 bits with a seed of its own.
"""

from __future__ import annotations

import numpy as np
import polars as pl
from numpy.typing import NDArray

from sinks.encoding.rows import flat_bytes

_SEED, _FACTOR = np.uint32(0x9747B28C), np.uint32(0x5BD1E995)


def murmur2(keys: pl.Series) -> NDArray[np.uint32]:
    """The hash of each key: Binary without nulls, shape ``(n,)``, to ``(n,)``."""
    flat = flat_bytes(keys)
    lengths = keys.bin.size().to_numpy().astype(np.int64)
    starts = np.cumsum(lengths) - lengths
    hashes = np.empty(len(keys), dtype=np.uint32)
    for length in np.unique(lengths):  # most keys have one of a few lengths
        rows = np.flatnonzero(lengths == length)
        hashes[rows] = _of_one_length(flat[starts[rows][:, None] + np.arange(length)])
    return hashes


def partitions_of(keys: pl.Series, count: int) -> NDArray[np.int32]:
    """The partition of each key among `count`, as Java's producers choose it."""
    return ((murmur2(keys) & np.uint32(0x7FFFFFFF)) % np.uint32(count)).astype(np.int32)


def _of_one_length(keys: NDArray[np.uint8]) -> NDArray[np.uint32]:
    """The hashes of keys of one length: shape ``(n, length)`` to ``(n,)``. All arithmetic is modulo 2^32."""
    height, length = keys.shape
    whole = length // 4 * 4
    words = np.ascontiguousarray(keys[:, :whole]).view("<u4")
    hashes = np.full(height, _SEED ^ np.uint32(length), dtype=np.uint32)
    for place in range(whole // 4):
        word = words[:, place] * _FACTOR
        word ^= word >> np.uint32(24)
        word *= _FACTOR
        hashes *= _FACTOR
        hashes ^= word
    if whole < length:
        for place in range(whole, length):
            hashes ^= keys[:, place].astype(np.uint32) << np.uint32(8 * (place - whole))
        hashes *= _FACTOR
    hashes ^= hashes >> np.uint32(13)
    hashes *= _FACTOR
    hashes ^= hashes >> np.uint32(15)
    return hashes

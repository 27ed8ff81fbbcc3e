"""Digests: one number for a set of records, whatever their order, format, place and number of workers."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

import numpy as np
import polars as pl
from numpy.typing import NDArray

from engine.batch import Batch
from engine.lists import elements_of, lengths_of
from engine.schema import Column, OutputType, RecordSchema
from engine.stream import mix64

_LANES = 2
_LOW32 = np.uint64(0xFFFFFFFF)
_WORD_BYTES = 8
_KEPT = np.array([2 ** (8 * size) - 1 for size in range(_WORD_BYTES + 1)], np.uint64)
"""Which bits of a word belong to a text that has so many bytes left."""
_TEXTS = {OutputType.STRING, OutputType.UUID, OutputType.JSON}


def digest_of(schema: RecordSchema, batches: Iterable[Batch]) -> str:
    """The digest of all records of some batches: 32 hex digits.

    The sum modulo ``2**128`` of a 128-bit hash of each record. A record's hash covers, for each column, its name, its
    type and its value: integers as they are, decimals scaled, doubles by their bits, instants as milliseconds, texts by
    their UTF-8 bytes; null, missing and the empty text differ. Not promised: resistance against somebody who looks for
    two sets with the same digest.
    """
    total = sum(record_hashes_sum(schema, batch) for batch in batches)
    return f"{total % 2**128:032x}"


def record_hashes_sum(schema: RecordSchema, batch: Batch) -> int:
    """The sum of the hashes of a batch's records, not reduced."""
    low, high = record_hashes(schema, batch)
    return _sum(low) + (_sum(high) << 64)


def record_hashes(schema: RecordSchema, batch: Batch) -> tuple[NDArray[np.uint64], NDArray[np.uint64]]:
    """The lower and the upper half of each record's hash: two arrays of shape ``(batch.records.height,)``."""
    lanes = [np.zeros(batch.records.height, np.uint64) for _ in range(_LANES)]
    for column in schema.columns:
        values, absent = batch.records[column.name], batch.missing.get(column.name)
        hashed = _array_hashes(column, values) if column.is_element else _column_hashes(column, values, absent)
        for lane, hashes in enumerate(hashed):
            lanes[lane] += hashes
    return mix64(lanes[0]), mix64(lanes[1])


def _column_hashes(column: Column, values: pl.Series, absent: NDArray[np.bool_] | None) -> list[NDArray[np.uint64]]:
    """What a column adds to each record's hash, in each lane."""
    hashes = []
    null = values.is_null().to_numpy()
    for lane in range(_LANES):
        key, for_null, for_missing = _keys(column, lane)
        words = _words(column, values, key)
        words += np.uint64(key)
        mixed = mix64(words)
        mixed[null] = np.uint64(for_null)
        if absent is not None:
            mixed[absent] = np.uint64(for_missing)
        hashes.append(mixed)
    return hashes


def _array_hashes(column: Column, lists: pl.Series) -> list[NDArray[np.uint64]]:
    """What a column of elements adds to each record's hash: their number, and each value with its place."""
    lengths = lengths_of(lists)
    ends = np.cumsum(lengths)
    places = (np.arange(lengths.sum()) - np.repeat(ends - lengths, lengths)).astype(np.uint64)
    hashes = []
    for lane, values in enumerate(_column_hashes(column, elements_of(lists), None)):
        placed = mix64(values + mix64(places + np.uint64(1)))
        sums = np.append(np.uint64(0), np.cumsum(placed))  # wraps around, and so do their differences
        key = np.uint64(_keys(column, lane)[0])
        hashes.append(sums.take(ends) - sums.take(ends - lengths) + mix64(lengths.astype(np.uint64) ^ key))
    return hashes


def _keys(column: Column, lane: int) -> tuple[int, int, int]:
    """Three words that tell columns and lanes apart; INTEGER and LONG are one type here."""
    kind = "LONG" if column.type is OutputType.INTEGER else column.type.value
    text = "\0".join((column.name, kind, str(column.scale), str(lane)))
    digest = hashlib.blake2b(text.encode(), digest_size=24).digest()
    first, second, third = (int.from_bytes(digest[at : at + 8], "little") for at in (0, 8, 16))
    return first, second, third


def _words(column: Column, values: pl.Series, key: int) -> NDArray[np.uint64]:
    """One word per value, equal for equal values; a fresh array."""
    if column.type in _TEXTS:
        if isinstance(dtype := values.dtype, pl.Enum):
            known = text_hashes(dtype.categories, key)
            codes = values.to_physical().fill_null(0).cast(pl.Int64).to_numpy()
            return known.take(codes)
        return text_hashes(values.fill_null(""), key)
    match column.type:
        case OutputType.DECIMAL:
            numbers = values.to_physical().cast(pl.Int64)
        case OutputType.DOUBLE:
            bits: NDArray[np.uint64] = (values.fill_null(0.0).to_numpy() + 0.0).view(np.uint64).copy()  # -0.0 is 0.0
            return bits
        case _:
            numbers = values.to_physical().cast(pl.Int64)
    return numbers.fill_null(0).to_numpy().astype(np.int64).view(np.uint64).copy()


def text_hashes(texts: pl.Series, key: int) -> NDArray[np.uint64]:
    """A 64-bit hash of each text without null, stable over versions and machines: shape ``(len(texts),)``.

    The text's bytes, in little-endian words of eight padded with 0, are mixed in one after the other, and its length
    last.
    """
    lengths = texts.str.len_bytes().cast(pl.Int64).to_numpy()
    joined = texts.str.join("").cast(pl.Binary).item() if len(texts) else b""
    # A word begins at every byte; what stands in it behind the end of a text is masked out.
    words = np.ndarray(len(joined) + 1, "<u8", joined + bytes(_WORD_BYTES), strides=(1,))
    places = np.cumsum(lengths) - lengths

    def mixed(hashes: NDArray[np.uint64] | np.uint64) -> NDArray[np.uint64]:
        return mix64(hashes ^ (words[places] & _KEPT.take(np.minimum(left, _WORD_BYTES))))

    left = lengths
    hashes = mixed(np.uint64(key))
    hashes[lengths == 0] = np.uint64(key)
    active = np.flatnonzero(lengths > _WORD_BYTES)
    places, left = places.take(active), lengths.take(active)
    while len(active):
        places, left = places + _WORD_BYTES, left - _WORD_BYTES
        hashes[active] = mixed(hashes.take(active))
        longer = np.flatnonzero(left > _WORD_BYTES)
        active, places, left = active.take(longer), places.take(longer), left.take(longer)
    hashes ^= lengths.astype(np.uint64)
    return mix64(hashes)


def _sum(words: NDArray[np.uint64]) -> int:
    """The exact sum of words, which would wrap around in 64 bits."""
    return int((words & _LOW32).sum()) + (int((words >> np.uint64(32)).sum()) << 32)

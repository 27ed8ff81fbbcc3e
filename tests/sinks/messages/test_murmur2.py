"""Partitions of keys, as Java's producers choose them."""

from __future__ import annotations

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sinks.messages.murmur2 import murmur2, partitions_of

# The values of Kafka's own test, org.apache.kafka.common.utils.UtilsTest.
JAVA = {
    "21": -973932308,
    "foobar": -790332482,
    "a-little-bit-long-string": -985981536,
    "a-little-bit-longer-string": -1486304829,
    "lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8": -58897971,
    "abc": 479470107,
}


@pytest.mark.parametrize("key", JAVA)
def test_a_key_has_the_hash_that_java_gives_it(key: str) -> None:
    assert murmur2(pl.Series([key.encode()])).view("i4").tolist() == [JAVA[key]]


def test_keys_of_many_lengths_are_hashed_each_for_itself() -> None:
    keys = pl.Series([key.encode() for key in JAVA])

    assert murmur2(keys).view("i4").tolist() == list(JAVA.values())


def test_a_partition_is_the_hash_without_its_sign_modulo_their_number() -> None:
    keys = pl.Series([key.encode() for key in JAVA])

    assert partitions_of(keys, 7).tolist() == [(value & 0x7FFFFFFF) % 7 for value in JAVA.values()]


@given(st.lists(st.binary(max_size=40), min_size=1, max_size=20))
def test_the_hash_is_the_one_of_the_obvious_loop(keys: list[bytes]) -> None:
    assert murmur2(pl.Series(keys, dtype=pl.Binary)).tolist() == list(map(_obvious, keys))


def _obvious(key: bytes) -> int:
    factor, mask = 0x5BD1E995, 0xFFFFFFFF
    found = 0x9747B28C ^ len(key)
    whole = len(key) // 4 * 4
    for place in range(0, whole, 4):
        word = int.from_bytes(key[place : place + 4], "little") * factor & mask
        word = (word ^ word >> 24) * factor & mask
        found = found * factor & mask ^ word
    if key[whole:]:
        found = (found ^ int.from_bytes(key[whole:], "little")) * factor & mask
    found = (found ^ found >> 13) * factor & mask
    return found ^ found >> 15

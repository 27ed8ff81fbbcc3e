"""Zigzag varints: one by one and whole columns say the same, and can be read back."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sinks.encoding.varint import read_varint, unzigzag, varint, zigzag, zigzags

EDGES = [sign * 2**bits + step for bits in range(63) for sign in (1, -1) for step in (-1, 0, 1)] + [2**63 - 1, -(2**63)]


@pytest.mark.parametrize(
    ("number", "encoded"), [(0, "00"), (-1, "01"), (1, "02"), (-2, "03"), (63, "7e"), (64, "8001"), (-65, "8101")]
)
def test_the_examples_of_the_avro_specification(number: int, encoded: str) -> None:
    assert zigzag(number) == bytes.fromhex(encoded)


@given(st.lists(st.integers(-(2**63), 2**63 - 1) | st.sampled_from(EDGES) | st.integers(-5000, 5000), min_size=1))
def test_a_column_is_written_like_its_numbers_one_by_one(numbers: list[int]) -> None:
    assert zigzags(np.array(numbers, dtype=np.int64)).to_list() == [zigzag(number) for number in numbers]


def test_every_number_of_few_bytes_and_every_edge() -> None:
    numbers = [*range(-20_000, 20_000), *EDGES]

    assert zigzags(np.array(numbers, dtype=np.int64)).to_list() == [zigzag(number) for number in numbers]
    assert zigzags(np.array([], dtype=np.int64)).to_list() == []


@given(st.integers(0, 2**70))
def test_what_is_written_is_read(number: int) -> None:
    encoded = b"\xff" + varint(number) + b"\x01"

    assert read_varint(encoded, 1) == (number, len(encoded) - 1)


@given(st.integers(-(2**63), 2**63 - 1))
def test_zigzag_is_undone(number: int) -> None:
    assert unzigzag(read_varint(zigzag(number), 0)[0]) == number

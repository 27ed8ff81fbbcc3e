"""Text of columns against Python's own formatting."""

from __future__ import annotations

from uuid import UUID

import numpy as np
import polars as pl
import pytest

from engine.text import decimal_digits, hex_texts, texts_of_matrix, uuid_texts
from tests.engine.chance import words

EDGES = np.array([0, 1, 2**63, 2**64 - 1, 0x0123456789ABCDEF, 0xFEDCBA9876543210], np.uint64)
HIGH, LOW = np.concatenate([EDGES, words(2_000)]), np.concatenate([EDGES[::-1], words(2_000, lane=1)])
UUIDS = [UUID(int=high << 64 | low) for high, low in zip(HIGH.tolist(), LOW.tolist(), strict=True)]


def test_a_uuid_reads_as_python_writes_it() -> None:
    assert uuid_texts(HIGH, LOW).to_list() == [str(one) for one in UUIDS]


def test_a_uuid_without_dashes_has_its_32_digits() -> None:
    assert uuid_texts(HIGH, LOW, dashes=False).to_list() == [one.hex for one in UUIDS]


def test_only_the_digits_of_a_uuid_are_made_uppercase() -> None:
    texts = uuid_texts(HIGH, LOW, before="urn:", after="-end", uppercase=True)

    assert texts.to_list() == [f"urn:{str(one).upper()}-end" for one in UUIDS]


def test_texts_around_a_uuid_may_be_of_any_script() -> None:
    texts = uuid_texts(HIGH, LOW, before="größe-0-x ", after="\u6f22\U0001f600")

    assert texts.to_list() == [f"größe-0-x {one}\u6f22\U0001f600" for one in UUIDS]


@pytest.mark.parametrize("digits", range(1, 17))
def test_the_first_digits_of_a_word_are_those_of_its_hexadecimal_number(digits: int) -> None:
    assert hex_texts(HIGH, digits, before="ä").to_list() == [f"ä{word:016x}"[: digits + 1] for word in HIGH.tolist()]
    assert hex_texts(HIGH, digits, uppercase=True).to_list() == [f"{word:016X}"[:digits] for word in HIGH.tolist()]


@pytest.mark.parametrize("width", [1, 2, 3, 4])
def test_decimal_digits_have_leading_zeros(width: int) -> None:
    numbers = np.arange(10**width)

    assert texts_of_matrix(decimal_digits(numbers, width)).to_list() == [f"{number:0{width}}" for number in numbers]


def test_no_rows_make_no_texts() -> None:
    none = np.empty(0, np.uint64)

    assert uuid_texts(none, none).equals(pl.Series([], dtype=pl.String))
    assert hex_texts(none, 4).equals(pl.Series([], dtype=pl.String))


def test_words_are_left_alone() -> None:
    high, low = HIGH.copy(), LOW.copy()

    uuid_texts(high, low)

    assert np.array_equal(high, HIGH)
    assert np.array_equal(low, LOW)

"""The index of a pool's rows by a column: every key finds its rows, nothing else does, whatever the words are."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest
from numpy.typing import NDArray

from pools.key_index import KeyIndex


def found(index: KeyIndex, values: pl.Series) -> list[list[int]]:
    """The rows of each value."""
    starts = index.group_starts()
    return [
        index.rows[starts[group] : starts[group + 1]].tolist() if group >= 0 else [] for group in index.find(values)
    ]


@pytest.mark.parametrize("dtype", [pl.Int64, pl.String])
@pytest.mark.parametrize("rows", [None, [0, 3, 4, 5, 11, 400]])
@pytest.mark.parametrize("distinct", [1, 2, 3, 100, 1_000])
def test_a_key_finds_its_rows_in_the_pool_s_order(
    dtype: type[pl.DataType], rows: list[int] | None, distinct: int
) -> None:
    random = np.random.default_rng(distinct)
    numbers = pl.Series(random.integers(-distinct // 2, distinct - distinct // 2, 1_000))
    keys = pl.select(pl.when(pl.Series(random.random(1_000)) > 0.05).then(numbers)).to_series().cast(dtype)
    asked = pl.concat([keys.head(50), pl.Series([None, 10**6, -(10**6)]).cast(dtype)])

    index = KeyIndex(keys, None if rows is None else np.array(rows))

    wanted = [
        [row for row, key in enumerate(keys) if key == one and (rows is None or row in rows)] if one is not None else []
        for one in asked
    ]
    assert found(index, asked) == wanted


def test_an_index_of_nothing_finds_nothing() -> None:
    for keys in (pl.Series([], dtype=pl.Int64), pl.Series([None, None], dtype=pl.String)):
        index = KeyIndex(keys)

        assert index.groups == 0
        assert index.find(keys).tolist() == [-1] * len(keys)


def test_two_texts_of_one_hash_are_told_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    keys = pl.Series(["a", "b", "a", "c"])
    own = KeyIndex._words
    seeds = []

    def colliding(index: KeyIndex, units: pl.Series) -> NDArray[np.uint64]:
        seeds.append(index._seed)
        return own(index, units) if index._seed else np.full(len(units), 7, np.uint64)

    monkeypatch.setattr(KeyIndex, "_words", colliding)

    assert found(KeyIndex(keys), pl.Series(["b", "a", "x"])) == [[1], [0, 2], []]
    assert seeds[0] == 0


def test_a_text_that_only_has_the_hash_of_a_key_is_not_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(KeyIndex, "_words", lambda index, units: np.full(len(units), 7, np.uint64))

    assert found(KeyIndex(pl.Series(["a", "a"])), pl.Series(["a", "b"])) == [[0, 1], []]


def test_an_index_takes_at_most_24_bytes_a_row() -> None:
    for count in (100_000, 1_000_000):
        index = KeyIndex(pl.Series(np.arange(count)))

        arrays = [value for value in vars(index).values() if isinstance(value, np.ndarray)]
        assert sum(array.nbytes for array in arrays) <= 24 * count + 64


@pytest.mark.parametrize("dtype", [pl.Int64, pl.String])
@pytest.mark.parametrize("distinct", [1, 100, 10**9])
def test_a_written_index_finds_what_the_one_in_memory_finds(
    tmp_path: Path, dtype: type[pl.DataType], distinct: int
) -> None:
    numbers = pl.Series(np.random.default_rng(7).integers(0, distinct, 2_000))
    keys = pl.concat([numbers, pl.Series([None], dtype=pl.Int64)]).cast(dtype)
    index = KeyIndex(keys)
    index.write(tmp_path / "keys.index")

    opened = KeyIndex.open(tmp_path / "keys.index", keys)

    assert opened.groups == index.groups
    assert found(opened, keys) == found(index, keys)
    assert found(opened, pl.Series([-1]).cast(dtype)) == [[]]


def test_a_written_index_that_was_cut_is_refused(tmp_path: Path) -> None:
    keys = pl.Series(np.arange(10_000))
    path = tmp_path / "keys.index"
    KeyIndex(keys).write(path)

    for size in (1, 60, 200, path.stat().st_size - 65):
        (tmp_path / "cut.index").write_bytes(path.read_bytes()[:size])
        with pytest.raises(ValueError, match=r"."):
            KeyIndex.open(tmp_path / "cut.index", keys)


def test_a_written_index_is_refused_where_texts_have_other_hashes(tmp_path: Path) -> None:
    keys = pl.Series(["a", "b"])
    path = tmp_path / "keys.index"
    KeyIndex(keys).write(path)
    content = path.read_bytes()
    at = content.index(b'"hashes": ["') + len(b'"hashes": ["')
    path.write_bytes(content[:at] + bytes([content[at] ^ 1]) + content[at + 1 :])

    with pytest.raises(ValueError, match="another version"):
        KeyIndex.open(path, keys)

"""An index of the rows of a pool by the values of a column, held in a few arrays that all lookups share."""

from __future__ import annotations

import json
import mmap
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray

from engine.schema import OutputType
from engine.stream import mix64

_NUMBERS = frozenset({OutputType.INTEGER, OutputType.LONG, OutputType.DECIMAL})
_MOST_BITS = 24
_FIRST_SEED = 0
_FORMAT = 1
_ALIGNMENT = 64
_PROBES = pl.Series(["", "a", "0123456789ab", "a text that is longer than a view"])


def key_types(dtype: pl.DataType) -> frozenset[OutputType]:
    """The types of fields that can be compared with a key column; none for DOUBLE, whose values are seldom equal."""
    match dtype:
        case pl.String():
            return frozenset({OutputType.STRING, OutputType.UUID})
        case pl.Boolean():
            return frozenset({OutputType.BOOLEAN})
        case pl.Date():
            return frozenset({OutputType.DATE})
        case pl.Datetime():
            return frozenset({OutputType.TIMESTAMP})
        case pl.Float64():
            return frozenset()
        case _:
            return _NUMBERS


class KeyIndex:
    """Finds the rows of a key, in at most 24 bytes a row and one probe for most lookups.

    Every key has a word of 64 bits: that of a number is its own alone, that of a text is a hash, so that texts are
    compared once they are found. Rows are sorted by word; those of a key are a group, in the pool's order. The numbers
    of groups of texts may differ between machines. A null is no key.
    """

    rows: NDArray[np.uint32]
    """The rows of all groups, one group behind the other."""

    def __init__(self, keys: pl.Series, rows: NDArray[np.int64] | None = None) -> None:
        """`keys` is the key column of a pool; `rows` are the rows to find, ascending, or None for all of them."""
        self._keys, self._seed = keys, _FIRST_SEED
        if rows is None and keys.null_count():
            rows = keys.is_not_null().arg_true().to_numpy().astype(np.int64)
        elif rows is not None:
            rows = rows[keys.gather(rows).is_not_null().to_numpy()]
        units = self._units(keys if rows is None else keys.gather(rows))
        words, order = self._sorted(units)
        while self._collides(words, order, units):
            self._seed += 1
            words, order = self._sorted(units)
        is_first = np.concatenate([np.ones(min(len(words), 1), np.bool_), words[1:] != words[:-1]])
        # A pool has less than 2**31 rows. Where every key has one row, its group begins at its own number.
        firsts = np.append(np.flatnonzero(is_first), len(words)).astype(np.uint32)
        self._firsts = firsts if len(firsts) <= len(words) else firsts[:0]
        self._distinct = words[is_first]
        self.rows = (order if rows is None else rows.take(order)).astype(np.uint32)
        # As many buckets as keys, or up to twice as many: each further key in a bucket is another probe.
        self._bits = min(max(1, self.groups.bit_length()), _MOST_BITS)
        edges = np.arange(2**self._bits, dtype=np.uint64) << np.uint64(64 - self._bits)
        self._starts = np.searchsorted(self._distinct, edges).astype(np.uint32)

    def write(self, path: Path) -> None:
        """Write the index to a new file, which `open` maps."""
        arrays = (self._distinct, self.rows, self._starts, self._firsts)
        header = {
            "format": _FORMAT,
            "seed": self._seed,
            "hashes": self._fingerprint(),
            "bits": self._bits,
            "lengths": [len(array) for array in arrays],
        }
        with path.open("xb") as file:
            for part in (json.dumps(header).encode() + b"\n", *(array.data for array in arrays)):
                file.write(part)
                file.write(bytes(-file.tell() % _ALIGNMENT))

    @classmethod
    def open(cls, path: Path, keys: pl.Series) -> KeyIndex:
        """Map the written index of all rows of a key column; its pages are shared by all who map it.

        Raises OSError when the file is not there, ValueError when it is damaged, or when texts have other hashes here:
        the library that makes them promises nothing from one version or processor to the next.
        """
        with path.open("rb") as file:
            content = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        index = cls.__new__(cls)
        try:
            end = content.find(b"\n") + 1
            header = json.loads(content[:end])
            index._keys, index._seed, index._bits = keys, header["seed"], header["bits"]
            if header["format"] != _FORMAT or header["hashes"] != index._fingerprint():
                raise ValueError(f"{path} was written by another version or on another machine")
            found = []
            for dtype, length in zip((np.uint64, np.uint32, np.uint32, np.uint32), header["lengths"], strict=True):
                end += -end % _ALIGNMENT
                found.append(np.frombuffer(content, dtype, length, end) if length else np.empty(0, dtype))
                end += found[-1].nbytes
        except (KeyError, TypeError) as error:
            raise ValueError(f"{path} is no index") from error
        index._distinct, index.rows, index._starts, index._firsts = found
        return index

    def _fingerprint(self) -> list[str]:
        """The hashes that some texts have here."""
        return [str(word) for word in _PROBES.hash(self._seed)]

    @property
    def groups(self) -> int:
        """How many distinct keys there are."""
        return len(self._distinct)

    def group_starts(self) -> NDArray[np.int64]:
        """Where in `rows` each group begins, and the last one ends: shape ``(groups + 1,)``."""
        return self._firsts.astype(np.int64) if len(self._firsts) else np.arange(self.groups + 1)

    def extents(self, groups: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Where in `rows` some groups begin, and how many rows they have: two arrays in the shape of `groups`."""
        if not len(self._firsts):
            return groups, np.ones_like(groups)
        firsts = self._firsts.take(groups).astype(np.int64)
        return firsts, self._firsts.take(groups + 1).astype(np.int64) - firsts

    def find(self, values: pl.Series) -> NDArray[np.int64]:
        """The group of each value, -1 where there is none, as for null: shape ``(len(values),)``."""
        if isinstance(values.dtype, pl.Enum):
            words = values.dtype.categories
            return np.append(self.find(words), -1).take(values.to_physical().fill_null(len(words)).to_numpy())
        if not self.groups:
            return np.full(len(values), -1, np.int64)
        units = self._units(values)
        wanted, last = self._words(units), self.groups - 1
        groups = self._starts.take((wanted >> np.uint64(64 - self._bits)).view(np.int64)).astype(np.int64)
        np.minimum(groups, last, out=groups)
        found = self._distinct.take(groups)
        before = np.flatnonzero((found < wanted) & (groups < last))
        while len(before):
            groups[before] += 1
            found[before] = self._distinct.take(groups[before])
            before = before[(found[before] < wanted[before]) & (groups[before] < last)]
        right = found == wanted
        if units.null_count():
            right &= units.is_not_null().to_numpy()
        if units.dtype == pl.String:
            texts = self._keys.gather(self.rows.take(self.extents(groups)[0]))
            right &= (texts == units).fill_null(value=False).to_numpy()
        return np.where(right, groups, -1)

    def _sorted(self, units: pl.Series) -> tuple[NDArray[np.uint64], NDArray[np.int64]]:
        words = self._words(units)
        order = np.argsort(words, kind="stable")
        return words.take(order), order

    def _collides(self, words: NDArray[np.uint64], order: NDArray[np.int64], units: pl.Series) -> bool:
        """Whether two different texts have one word, as in one of a million pools of 5,000,000 keys."""
        if units.dtype != pl.String:
            return False
        same = np.flatnonzero(words[1:] == words[:-1])
        return bool((units.gather(order[same]) != units.gather(order[same + 1])).any())

    def _words(self, units: pl.Series) -> NDArray[np.uint64]:
        """The word of each text or number; any for null."""
        if units.dtype == pl.String:
            return units.hash(self._seed).to_numpy()
        return mix64(units.fill_null(0).to_numpy().view(np.uint64).copy())

    def _units(self, values: pl.Series) -> pl.Series:
        """Texts as they are, else Int64 in the units in which the column counts; null for what it cannot hold."""
        if values.dtype == pl.String:
            return values
        scale = self._keys.dtype.scale if isinstance(self._keys.dtype, pl.Decimal) else 0
        own = values.dtype.scale if isinstance(values.dtype, pl.Decimal) else 0
        if scale != own:
            scaled = values.cast(pl.Decimal(38, scale))
            values = pl.select(pl.when(scaled.cast(pl.Decimal(38, max(scale, own))) == values).then(scaled)).to_series()
        return values.to_physical().cast(pl.Int64, strict=False)

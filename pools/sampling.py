"""Samples: some rows of a source, drawn by their numbers, so that the same source gives the same sample."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from engine.issues import Issue
from engine.span import Span
from engine.stream import Source, Stream
from pools.enums import SampleMethod
from sdg_project.errors import Invalid

DEFAULT_SIZE = 10_000
_CHUNK = 2**22


@dataclass(frozen=True, slots=True)
class Sampling:
    """Which rows of a source are kept.

    `size` is how many, or `rate` which share, of which at least one row. `seed` is what the draws depend on; without
    one it is derived from the name of the pool. A source with no more rows than `size` is kept whole.
    """

    method: SampleMethod
    size: int | None
    rate: float | None
    seed: int | None
    pool: str
    column: str | None

    def rows(self, count: int) -> NDArray[np.int64]:
        """The numbers of the rows to keep of so many, ascending; not for STRATIFIED."""
        size = self._size_of(count)
        if size >= count or self.method is SampleMethod.FIRST:
            return np.arange(min(size, count))
        return _smallest(self._stream(), count, size)

    def rows_by(self, values: pl.Series) -> NDArray[np.int64]:
        """The numbers of the rows to keep, ascending, so that all of these values are there; null is one of them.

        Every value has one row for certain, and of the rest of the sample a share in proportion to its other rows.
        Raises Invalid when the sample is too small for that.
        """
        count, size = len(values), self._size_of(len(values))
        if size >= count:
            return np.arange(count)
        frame = pl.select(
            stratum=values,
            word=pl.Series(self._stream().words(Span(0, count))),
            row=pl.int_range(count),
        )
        strata = frame.group_by("stratum", maintain_order=True).len("rows")
        if strata.height > size:
            message = f'column "{values.name}" has {strata.height:,} values, and the sample only {size:,} rows'
            raise Invalid([Issue("INVALID_VALUE", "/stratifyColumn", message, "raise sampleSize or sampleRate")])
        quotas = 1 + _shares(strata["rows"].to_numpy().astype(np.int64) - 1, size - strata.height)
        wanted = strata.with_columns(quota=pl.Series(quotas)).select("stratum", "quota")
        kept = (
            frame.join(wanted, on="stratum", how="left", nulls_equal=True)
            .sort("word", "row")
            .filter(pl.int_range(pl.len()).over("stratum") < pl.col("quota"))
        )
        return kept["row"].sort().to_numpy()

    def _size_of(self, count: int) -> int:
        if self.rate is not None:
            return max(1, round(self.rate * count))
        return DEFAULT_SIZE if self.size is None else self.size

    def _stream(self) -> Stream:
        if self.seed is None:
            return Source("pool", self.pool.lower(), "sample").stream("row")
        return Source(self.seed, "", "sample").stream("row")


def _smallest(stream: Stream, count: int, size: int) -> NDArray[np.int64]:
    """The numbers of those rows whose words are the smallest: a uniform sample, whatever the order of reading."""
    words, rows = np.zeros(0, np.uint64), np.zeros(0, np.int64)
    for start in range(0, count, _CHUNK):
        span = Span(start, min(_CHUNK, count - start))
        words = np.concatenate([words, stream.words(span)])
        rows = np.concatenate([rows, np.arange(span.start, span.end)])
        if len(rows) > size:
            kept = np.argpartition(words, size - 1)[:size]
            words, rows = words.take(kept), rows.take(kept)
    return np.sort(rows)


def _shares(sizes: NDArray[np.int64], total: int) -> NDArray[np.int64]:
    """Whole numbers in proportion to some sizes, with this sum, by the largest remainders."""
    whole = int(sizes.sum())
    if not whole:
        return np.zeros_like(sizes)
    shares, rests = np.divmod(sizes * total, whole)
    more = np.argsort(-rests, kind="stable")[: total - int(shares.sum())]
    shares[more] += 1
    return shares

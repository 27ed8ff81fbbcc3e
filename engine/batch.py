"""Batches: the records of a span as columns."""

from __future__ import annotations

import itertools
from bisect import bisect_left
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import polars as pl
from numpy.typing import NDArray

from engine.span import Span


@dataclass(frozen=True, slots=True)
class Batch:
    """The records of a span: one row each, one column per written field, in the order of the schema.

    null is null in the frame. `missing` holds, for each field that can be absent from a record, a mask of shape
    ``(records.height,)`` that is True where it is; the frame holds null there. `rejected` are the numbers of the span,
    ascending, of which there is no record: no row, and no place in a mask.
    """

    span: Span
    records: pl.DataFrame
    missing: Mapping[str, NDArray[np.bool_]] = field(default_factory=dict)
    rejected: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        if self.records.height + len(self.rejected) != self.span.count:
            raise ValueError(f"{self.records.height} records and {len(self.rejected)} rejected for {self.span}")

    def slice(self, span: Span) -> Batch:
        """The part of the batch that holds `span`."""
        if span.start < self.span.start or span.end > self.span.end:
            raise ValueError(f"{span} is not inside {self.span}")
        before, inside = bisect_left(self.rejected, span.start), bisect_left(self.rejected, span.end)
        first = span.start - self.span.start - before
        count = span.count - (inside - before)
        return Batch(
            span,
            self.records.slice(first, count),
            {name: mask[first : first + count] for name, mask in self.missing.items()},
            self.rejected[before:inside],
        )


def joined(batches: Sequence[Batch]) -> Batch:
    """One batch of at least one that follow each other, its columns in one piece each."""
    first, last = batches[0], batches[-1]
    for one, following in itertools.pairwise(batches):
        if following.span.start != one.span.end:
            raise ValueError(f"{following.span} does not follow {one.span}")
    if first is last:
        return first
    return Batch(
        Span(first.span.start, last.span.end - first.span.start),
        pl.concat([batch.records for batch in batches], rechunk=True),
        {name: np.concatenate([batch.missing[name] for batch in batches]) for name in first.missing},
        tuple(itertools.chain.from_iterable(batch.rejected for batch in batches)),
    )

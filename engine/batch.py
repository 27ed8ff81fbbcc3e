"""Batches: the records of a span as columns."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import polars as pl
from numpy.typing import NDArray

from engine.span import Span


@dataclass(frozen=True, slots=True)
class Batch:
    """The records of a span: one row each, one column per written field, in the order of the schema.

    null is null in the frame. `missing` holds, for each field that can be absent from a record, a mask of shape
    ``(span.count,)`` that is True where it is; the frame holds null there.
    """

    span: Span
    records: pl.DataFrame
    missing: Mapping[str, NDArray[np.bool_]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.records.height != self.span.count:
            raise ValueError(f"{self.records.height} records for {self.span}")

    def __add__(self, other: Batch) -> Batch:
        """This batch and the one that follows it."""
        if other.span.start != self.span.end:
            raise ValueError(f"{other.span} does not follow {self.span}")
        return Batch(
            Span(self.span.start, self.span.count + other.span.count),
            pl.concat([self.records, other.records]),
            {name: np.concatenate([mask, other.missing[name]]) for name, mask in self.missing.items()},
        )

    def slice(self, span: Span) -> Batch:
        """The part of the batch that holds `span`."""
        first = span.start - self.span.start
        if first < 0 or span.end > self.span.end:
            raise ValueError(f"{span} is not inside {self.span}")
        return Batch(
            span,
            self.records.slice(first, span.count),
            {name: mask[first : first + span.count] for name, mask in self.missing.items()},
        )

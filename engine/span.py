"""Spans of record numbers: the only argument that tells one part of a run from another."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

MAX_RECORDS = 10**12
"""Record numbers of a run are below this (a limit of the service, not of the arithmetic)."""


@dataclass(frozen=True, slots=True)
class Span:
    """The record numbers ``start .. start + count - 1``, counted from 0."""

    start: int
    count: int

    def __post_init__(self) -> None:
        if self.start < 0 or self.count < 0 or self.end > 2**63:
            raise ValueError(f"no such span of records: start {self.start}, count {self.count}")

    @property
    def end(self) -> int:
        """The first record number behind the span."""
        return self.start + self.count

    def numbers(self) -> NDArray[np.uint64]:
        """The record numbers themselves: shape ``(count,)``."""
        return np.arange(self.start, self.end, dtype=np.uint64)

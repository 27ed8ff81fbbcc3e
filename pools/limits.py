"""Limits: how much of a source a pool may hold."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from engine.issues import Issue
from sdg_project.errors import Invalid
from sdg_project.shapes import Params

MAX_COLUMNS = 1_000
MAX_ROW_BYTES = 16 * 2**20
"""What is longer is no row of a table of values, but a file that was taken for one."""
FEWER_BYTES = "take less, or raise limits.maxBytes (sdg pool add: --max-bytes)"
"""What to do when there are more bytes than a pool may hold."""


class PoolLimits(Params):
    """What is more than this is refused, never cut off."""

    max_rows: int = Field(default=1_000_000, ge=1, le=2**31 - 1, description="Most rows.")
    max_bytes: int = Field(default=256 * 2**20, ge=1, le=2**40, description="Most bytes, of the source and in memory.")

    def of_sample(self) -> PoolLimits:
        """The limits of a source of which only a sample is kept: it may have as many rows as a pool can count."""
        return self.model_copy(update={"max_rows": 2**31 - 1})

    def check_rows(self, rows: int, origin: str) -> None:
        """Raise Invalid when there are too many rows."""
        if rows > self.max_rows:
            message = f"{origin} has {rows:,} rows, and the pool may hold {self.max_rows:,}"
            raise Invalid(
                [
                    Issue(
                        "POOL_TOO_LARGE",
                        "/source",
                        message,
                        "take fewer rows, or raise limits.maxRows (sdg pool add: --max-rows)",
                    )
                ]
            )

    def check_bytes(self, size: int, origin: str) -> None:
        """Raise Invalid when there are too many bytes."""
        if size > self.max_bytes:
            message = f"{origin} has {size:,} bytes, and the pool may hold {self.max_bytes:,}"
            raise Invalid([Issue("POOL_TOO_LARGE", "/source", message, FEWER_BYTES)])


def check_columns(count: int, origin: str) -> None:
    """Raise Invalid when there are more columns than any pool may have."""
    if count > MAX_COLUMNS:
        message = f"{origin} has {count:,} columns, and a pool may have {MAX_COLUMNS:,}"
        raise Invalid([Issue("POOL_TOO_LARGE", "/source", message, "leave out those that no field copies")])


def check_row_bytes(ends: NDArray[np.int64], origin: str, place: Callable[[int], str]) -> None:
    """Raise Invalid when a row is very long; rows follow each other and end there."""
    longest = int(np.argmax(np.diff(ends, prepend=0)))
    size = int(ends[longest] - (ends[longest - 1] if longest else 0))
    if size > MAX_ROW_BYTES:
        message = f"{origin}, {place(longest)} has {size:,} bytes, and a row may have {MAX_ROW_BYTES:,}"
        raise Invalid([Issue("POOL_TOO_LARGE", "/source", message)])

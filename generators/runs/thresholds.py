"""Thresholds: when there have been too many bad records for a run to go on. Without Django."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from generators.error_handling import ErrorHandlingShape


def exceeded(handling: ErrorHandlingShape, *, total: int, numbers: Sequence[int]) -> str | None:
    """Why a run must not go on, in words; None when it may.

    Parameters
    ----------
    total : int
        How many records of the run are dead letters.
    numbers : sequence of int, ascending
        The record numbers of a shard's last dead letters: at least those that the window and the longest row reach.
    """
    if total > handling.max_errors:
        return f"{total} records are bad, and maxErrors is {handling.max_errors}"
    bad = np.asarray(numbers, dtype=np.int64)
    if handling.max_error_rate is not None:
        # More than `allowed` in a window: then some record and the one `allowed` places behind it lie within it.
        allowed = int(handling.max_error_rate * handling.rate_window)
        if bad.size > allowed and bool(np.any(bad[allowed:] - bad[: bad.size - allowed] < handling.rate_window)):
            window = f"{handling.rate_window} records in a row"
            return f"more than {allowed} of {window} are bad, and maxErrorRate is {handling.max_error_rate}"
    row = handling.max_consecutive_errors
    if row is not None and bad.size > row and bool(np.any(bad[row:] - bad[: bad.size - row] == row)):
        return f"more than {row} records in a row are bad, which is maxConsecutiveErrors"
    return None


def reach(handling: ErrorHandlingShape) -> int:
    """How many record numbers back the thresholds look."""
    return max(handling.rate_window, handling.max_consecutive_errors or 0)

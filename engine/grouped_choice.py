"""Weighted choice where each draw has a group of its own outcomes: a category that depends on another one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.choice import Tables

_BITS = 48
MAX_GROUPS = 2 ** (64 - _BITS)


class GroupedChoice:
    """Draws among the outcomes of a group, in proportion to their weights; outcomes are counted through all groups.

    One word per draw: its upper 48 bits choose inside the group, to ``2**-48``. What a group draws depends on the word
    and on the group's own weights only. Weight 0 is never drawn.
    """

    def __init__(self, tables: Tables) -> None:
        """Use the tables that `grouped_tables` made."""
        self._ends = np.ascontiguousarray(tables["ends"])

    def __call__(self, groups: NDArray[np.int64], words: NDArray[np.uint64]) -> NDArray[np.int64]:
        """One outcome per draw: arrays of one shape, as the result."""
        keys = groups.astype(np.uint64) << np.uint64(_BITS) | words >> np.uint64(64 - _BITS)
        return np.searchsorted(self._ends, keys, side="right").astype(np.int64, copy=False)


def grouped_tables(groups: Sequence[NDArray[np.float64]]) -> dict[str, NDArray[Any]]:
    """The tables of a `GroupedChoice`: finite weights ``>= 0`` with a finite sum ``> 0`` for each group.

    Every outcome has the place where it ends, on a line on which each group is ``2**48`` long.
    """
    if not 1 <= len(groups) <= MAX_GROUPS:
        raise ValueError(f"1 to {MAX_GROUPS} groups are possible, not {len(groups)}")
    ends = []
    for number, weights in enumerate(groups):
        with np.errstate(over="ignore"):  # a sum beyond all numbers is refused
            total = weights.sum()
        if not np.isfinite(weights).all() or (weights < 0).any() or not 0 < total < np.inf:
            raise ValueError("weights must be finite, not negative, and not all 0")
        shares = np.cumsum(weights / weights.sum())
        shares[int(np.flatnonzero(weights)[-1]) :] = 1.0  # behind it nothing is drawn, however the sums are rounded
        lengths = np.rint(np.minimum(shares, 1.0) * 2.0**_BITS).astype(np.uint64)
        # The end of the last group is 2**64 if there are MAX_GROUPS: it wraps to 0, and is not needed.
        ends.append(lengths + np.uint64(number << _BITS))
    return {"ends": np.concatenate(ends)[:-1]}

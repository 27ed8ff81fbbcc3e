"""Weighted choice among 0 .. n - 1, one word per draw: by thresholds for few outcomes, by an alias table for more."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

_FEW = 16
_32 = np.uint64(32)
_LOW32 = np.uint64(0xFFFFFFFF)

Tables = Mapping[str, NDArray[Any]]
"""Arrays made when a plan is compiled, by name."""


class WeightedChoice:
    """Draws the outcomes ``0 .. n - 1`` in proportion to their weights.

    Up to 16 outcomes are told apart by thresholds (each probability exact to ``2**-53``), more by an alias table (M. D.
    Vose, "A linear algorithm for generating random numbers with a given distribution", 1991) of ``2**bits >= n`` slots
    (each to ``2**-33 / slots``; the largest takes what rounding leaves). Weight 0 is never drawn.
    """

    def __init__(self, tables: Tables) -> None:
        """Use the tables that `weight_tables` made."""
        self._tables = {name: np.ascontiguousarray(table) for name, table in tables.items()}

    def __call__(self, words: NDArray[np.uint64]) -> NDArray[np.int64]:
        """One outcome per word: shape of `words`."""
        if "thresholds" in self._tables:
            outcomes = np.zeros(words.shape, np.int64)
            for limit in self._tables["thresholds"]:
                outcomes += words >= limit
            return outcomes
        limits, alias = self._tables["limits"], self._tables["alias"]
        bits = len(limits).bit_length() - 1
        slots = (words >> np.uint64(64 - bits)).astype(np.int64)
        keeps = (words & _LOW32).astype(np.uint32) < limits.take(slots)
        return np.where(keeps, slots, alias.take(slots))


def weight_tables(weights: Sequence[float] | NDArray[np.float64]) -> dict[str, NDArray[Any]]:
    """The tables of a `WeightedChoice` for finite weights ``>= 0`` with a sum ``> 0``."""
    shares = np.asarray(weights, np.float64)
    if not len(shares) or not np.isfinite(shares).all() or (shares < 0).any() or not shares.max() > 0:
        raise ValueError("weights must be finite, not negative, and not all 0")
    shares = shares / shares.max()  # so that the sum cannot overflow
    shares /= shares.sum()
    return _thresholds(shares) if len(shares) <= _FEW else _alias(shares)


def _thresholds(shares: NDArray[np.float64]) -> dict[str, NDArray[Any]]:
    last = int(np.flatnonzero(shares)[-1])  # behind it nothing is drawn, however the sums are rounded
    sums = [min(int(total * 2.0**64), 2**64 - 1) for total in np.cumsum(shares)[:last]]
    return {"thresholds": np.array(sums, np.uint64)}


def _alias(shares: NDArray[np.float64]) -> dict[str, NDArray[Any]]:
    """Fill slots of ``2**32`` parts each: a poor slot takes its rest from the rich slot whose turn it is.

    The poor are served in order by the rich in order, so both sides are running sums and need no loop; all in integers,
    so that every part is given away once.
    """
    slots = 1 << max(1, (len(shares) - 1).bit_length())
    parts = np.zeros(slots, np.int64)
    parts[: len(shares)] = np.rint(shares * float(slots << 32))
    parts[int(np.argmax(parts))] += (slots << 32) - int(parts.sum())
    full = 1 << 32
    poor, rich = np.flatnonzero(parts < full), np.flatnonzero(parts >= full)
    lacks, spares = np.cumsum(full - parts[poor]), np.cumsum(parts[rich] - full)
    limits, alias = np.minimum(parts, full), np.arange(slots, dtype=np.int64)
    # A poor slot is served by the first rich one that still has parts when its turn comes.
    alias[poor] = rich[np.searchsorted(spares, lacks - (full - parts[poor]), side="right")]
    # A rich one that gave more than it could spare lacks the difference, which the next rich one fills.
    taken_by = np.searchsorted(lacks, spares[:-1], side="left")
    limits[rich[:-1]] = full - (lacks[taken_by] - spares[:-1]) if len(poor) else full
    alias[rich[:-1]] = rich[1:]
    whole = limits >= full
    alias[whole] = np.flatnonzero(whole)  # 2**32 does not fit 32 bits: the slot is its own alias
    return {"limits": np.minimum(limits, full - 1).astype(np.uint32), "alias": alias}

"""Gauges: how fast a shard has been lately, kept in its row so that whoever asks needs no worker."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from generators.models import Shard

WINDOW_SECONDS = 10.0
"""What "lately" means for the current rate."""
KEPT_LATENCIES = 50


class Gauges:
    """The last positions of a shard with their times, how long its last commits took, and how it keeps its pace.

    `target_rate` is None where nothing sets a pace.
    """

    def __init__(
        self,
        positions: Iterable[Sequence[float]],
        latencies_ms: Iterable[float],
        *,
        target_rate: float | None = None,
        behind_s: float = 0.0,
    ) -> None:
        self._positions = [(float(at), int(record)) for at, record in positions]
        self._latencies_ms = list(latencies_ms)
        self.target_rate, self.behind_s = target_rate, behind_s

    @classmethod
    def of(cls, shard: Shard) -> Gauges:
        """Those that the shard's row holds."""
        kept: Mapping[str, Any] = shard.gauges or {}
        return cls(
            kept.get("positions", ()),
            kept.get("latenciesMs", ()),
            target_rate=kept.get("targetRate"),
            behind_s=kept.get("behindS", 0.0),
        )

    def note(self, next_record: int, *, latency_s: float | None) -> None:
        """Where the shard is now, and how long its commit took if there was one."""
        now = time.time()
        self._positions = [one for one in self._positions if one[0] > now - WINDOW_SECONDS]
        self._positions.append((round(now, 3), next_record))
        if latency_s is not None:
            self._latencies_ms = [*self._latencies_ms[1 - KEPT_LATENCIES :], round(latency_s * 1000, 1)]

    def as_json(self) -> dict[str, Any]:
        """As the row keeps it."""
        return {
            "positions": [list(one) for one in self._positions],
            "latenciesMs": self._latencies_ms,
            "targetRate": self.target_rate,
            "behindS": self.behind_s,
        }

    def rate(self, now: float) -> float:
        """Records per second over the last `WINDOW_SECONDS`."""
        recent = [one for one in self._positions if one[0] > now - WINDOW_SECONDS]
        if len(recent) < 2 or recent[-1][0] == recent[0][0]:
            return 0.0
        return (recent[-1][1] - recent[0][1]) / (max(now, recent[-1][0]) - recent[0][0])

    @property
    def latencies_ms(self) -> list[float]:
        return self._latencies_ms

"""What a monitoring system asks for: counts over the rows of all runs, whoever has made them."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.db.models import Count, F, Q, Sum
from django.db.models.functions import Now

from generators.enums import RunOrigin, RunStatus
from generators.models import Run, Shard
from generators.runs.doorbell import count_rings
from generators.runs.gauges import Gauges
from generators.runs.leases import due_shards
from generators.runs.worker import count_alive

SHOWN_FOR = timedelta(minutes=5)
"""How long a run is shown after its end: whoever asks every few minutes sees its last figures, as long as Prometheus
itself takes a sample for the present. Then it is history, which is the monitoring system's: every run has a label of
its own, and what shows all of them for hours makes that system keep series that never change again."""


@dataclass(frozen=True, slots=True)
class RunFigures:
    """A run of the service that is live, or was until lately; `rate` is None when it is not RUNNING."""

    run_id: str
    name: str
    written: int
    failed: int
    bytes_written: int
    rate: float | None


@dataclass(frozen=True, slots=True)
class Overview:
    """The whole service at a glance."""

    runs_by_status: Mapping[str, int]
    runs: Sequence[RunFigures]
    workers_alive: int
    queue_depth: int
    shards_due: int


def overview() -> Overview:
    """Look at the rows; the number of queries does not depend on how many there are."""
    counts = Run.objects.order_by().values_list("status").annotate(count=Count("pk"))
    by_status = {status.value: 0 for status in RunStatus} | dict(counts)
    rates = _rates()
    return Overview(
        runs_by_status=by_status,
        runs=[_figures(row, rates.get(row["pk"])) for row in _rows()],
        workers_alive=count_alive(),
        queue_depth=count_rings(),
        shards_due=due_shards().count(),
    )


def _rows() -> Sequence[Mapping[str, Any]]:
    is_live = Q(status__in=[RunStatus.RUNNING, RunStatus.PAUSED])
    shown = Run.objects.filter(is_live | Q(finished_at__gt=Now() - SHOWN_FOR), origin=RunOrigin.SERVICE)
    sums = shown.order_by("created_at", "pk").values("pk", "name")
    return list(
        sums.annotate(
            done=Sum(F("shards__next_record") - F("shards__first_record"), default=0),
            failed=Sum("shards__rejected", default=0),
            bytes=Sum("shards__bytes_written", default=0),
        )
    )


def _rates() -> Mapping[Any, float]:
    """Records per second by run, of those that are running."""
    now = time.time()
    rates: dict[Any, float] = {}
    running = Shard.objects.filter(run__status=RunStatus.RUNNING, run__origin=RunOrigin.SERVICE)
    for shard in running.order_by().only("run_id", "gauges"):
        rates[shard.run_id] = rates.get(shard.run_id, 0.0) + Gauges.of(shard).rate(now)
    return rates


def _figures(row: Mapping[str, Any], rate: float | None) -> RunFigures:
    return RunFigures(
        run_id=str(row["pk"]),
        name=row["name"],
        written=row["done"] - row["failed"],
        failed=row["failed"],
        bytes_written=row["bytes"],
        rate=rate,
    )

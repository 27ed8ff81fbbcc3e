"""Metrics: how far the last run of a generator is and how fast, from one query over the rows of its shards."""

from __future__ import annotations

import math
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.utils import timezone

from generators.enums import RunHealth, RunStatus
from generators.models import Generator, Run, Shard
from generators.runs.gauges import Gauges
from sdg_project.errors import NotFound

_RUN = (
    "id", "status", "desired_state", "seed", "record_count", "error", "active_seconds", "paused_seconds",
    "paused_since", "created_at", "started_at", "dropped",
)  # fmt: skip
_SHARD = (
    "first_record", "end_record", "next_record", "made_record", "rejected", "bytes_written", "passed_over",
    "retrying_since", "last_error", "gauges", "progressed_at", "owner", "lease_until", "due_since",
)  # fmt: skip
_POOLS = "last_run__spec__pools"
_DURATION = "last_run__spec__document__durationSeconds"
_PACED = "last_run__spec__paced"
_PATIENCE_SECONDS = 2.0
"""For so long a run may be quiet between two signs of life: workers look, and take turns, about once a second."""


@dataclass(frozen=True, slots=True)
class Latency:
    """How long the latest commits took, in milliseconds."""

    p50: float = 0.0
    p95: float = 0.0
    max: float = 0.0


@dataclass(frozen=True, slots=True)
class Metrics:
    """The figures of one reading; ``generated = written + failed + dropped + in_flight``, all at one instant."""

    generator_id: UUID
    status: str
    effective_seed: int | None
    run_id: UUID | None = None
    health: RunHealth = RunHealth.OK
    desired_state: str | None = None
    started_at: datetime | None = None
    active_seconds: float = 0.0
    paused_seconds: float = 0.0
    written: int = 0
    failed: int = 0
    dropped: int = 0
    in_flight: int = 0
    bytes_written: int = 0
    next_record: int = 0
    target_rate: float | None = None
    behind_seconds: float = 0.0
    current_rate: float = 0.0
    average_rate: float = 0.0
    progress: float | None = 0.0
    estimated_end_at: datetime | None = None
    latency: Latency = Latency()
    last_error: Mapping[str, Any] | None = None
    pool_versions: Mapping[str, int] | None = None
    passed_over: Mapping[str, int] = field(default_factory=dict)
    updated_at: datetime | None = None

    @property
    def generated(self) -> int:
        return self.written + self.failed + self.dropped + self.in_flight


def metrics_of(generator_id: UUID) -> Metrics:
    """The metrics of a generator's last run, zeros when it has never run; raises NotFound."""
    run_names = [f"last_run__{name}" for name in _RUN]
    shard_names = [f"last_run__shards__{name}" for name in _SHARD]
    found = Generator.objects.filter(pk=generator_id).order_by("last_run__shards__number")
    rows = list(found.values("status", "definition__seed", _POOLS, _DURATION, _PACED, *run_names, *shard_names))
    if not rows:
        raise NotFound(f"there is no generator {generator_id}")
    first = rows[0]
    if first["last_run__id"] is None:
        return Metrics(generator_id, first["status"], first["definition__seed"])
    run = Run(**dict(zip(_RUN, (first[name] for name in run_names), strict=True)))
    shards = [Shard(**dict(zip(_SHARD, (row[name] for name in shard_names), strict=True))) for row in rows]
    pins: Mapping[str, Mapping[str, Any]] = first[_POOLS] or {}
    versions = {name: int(pin["version"]) for name, pin in pins.items()}
    duration = None if first[_DURATION] is None else float(first[_DURATION])
    return _metrics(generator_id, run, shards, versions, duration_seconds=duration, is_paced=bool(first[_PACED]))


def _metrics(
    generator_id: UUID,
    run: Run,
    shards: Sequence[Shard],
    pool_versions: Mapping[str, int],
    *,
    duration_seconds: float | None,
    is_paced: bool,
) -> Metrics:
    """`duration_seconds` is how long the run is to last; None when something else ends it."""
    now = timezone.now()
    is_running = run.status == RunStatus.RUNNING
    quiet = _quiet_seconds(shards, now=now)
    seconds = duration_seconds if run.record_count is None else None
    failed = sum(shard.rejected for shard in shards)
    durable = sum(shard.next_record - shard.first_record for shard in shards)
    in_flight = sum(max(0, shard.made_record - shard.next_record) for shard in shards)
    current = _current_rate(shards) if is_running else 0.0
    average = (durable - failed) / run.active_seconds if run.active_seconds else 0.0
    return Metrics(
        generator_id=generator_id,
        run_id=run.pk,
        status=run.status,
        health=_health(shards, quiet=quiet, now=now) if is_running else RunHealth.OK,
        desired_state=run.desired_state,
        started_at=run.started_at,
        active_seconds=run.active_seconds,
        paused_seconds=_paused(run, now=now),
        effective_seed=run.seed,
        written=durable - failed,
        failed=failed,
        dropped=run.dropped,
        in_flight=in_flight,
        bytes_written=sum(shard.bytes_written for shard in shards),
        next_record=_next_record(shards),
        target_rate=_target_rate(shards) if is_running else None,
        behind_seconds=max(Gauges.of(shard).behind_s for shard in shards) + quiet if is_running and is_paced else 0.0,
        current_rate=current,
        average_rate=average,
        progress=_progress(durable + in_flight, run.record_count)
        if seconds is None
        else min(1.0, run.active_seconds / seconds),
        estimated_end_at=_end(run, durable, rate=current or average, now=now, seconds=seconds) if is_running else None,
        latency=_latency([one for shard in shards for one in Gauges.of(shard).latencies_ms]),
        last_error=_last_error(run, shards),
        pool_versions=pool_versions,
        passed_over=sum((Counter(shard.passed_over) for shard in shards), Counter()),
        updated_at=max([run.created_at, *(shard.progressed_at for shard in shards if shard.progressed_at)]),
    )


def _quiet_seconds(shards: Sequence[Shard], *, now: datetime) -> float:
    """For how long the run has given no sign of life, nor been given back; 0 while that is as usual."""
    signs = [at for shard in shards for at in (shard.progressed_at, shard.due_since) if at is not None]
    seconds = _seconds(now - max(signs)) if signs else 0.0
    return seconds if seconds > _PATIENCE_SECONDS else 0.0


def _health(shards: Sequence[Shard], *, quiet: float, now: datetime) -> RunHealth:
    """Of a run that is RUNNING."""
    if any(shard.retrying_since for shard in shards):
        return RunHealth.RETRYING
    is_held = any(shard.owner and shard.lease_until and shard.lease_until >= now for shard in shards)
    return RunHealth.WAITING if quiet and not is_held else RunHealth.OK


def _paused(run: Run, *, now: datetime) -> float:
    """How long the run has rested, up to now or to its end."""
    since = run.paused_since if run.status == RunStatus.PAUSED else None
    return run.paused_seconds + (0.0 if since is None else _seconds(now - since))


def _seconds(length: timedelta) -> float:
    return max(0.0, length.total_seconds())


def _current_rate(shards: Sequence[Shard]) -> float:
    now = time.time()
    return sum(Gauges.of(shard).rate(now) for shard in shards)


def _target_rate(shards: Sequence[Shard]) -> float | None:
    """What the run's rate wants at the moment; None where nothing sets a pace."""
    rates = [rate for shard in shards if (rate := Gauges.of(shard).target_rate) is not None]
    return sum(rates) if rates else None


def _next_record(shards: Sequence[Shard]) -> int:
    """The lowest record number that nobody has made yet; behind the last one when all are made."""
    reached = [(max(shard.made_record, shard.next_record), shard.end_record) for shard in shards]
    return min((record for record, end in reached if record < end), default=max(end for _, end in reached))


def _progress(generated: int, record_count: int | None) -> float | None:
    """The share of the records that are made; None when nobody knows how many there will be."""
    if record_count is None:
        return None
    return generated / record_count if record_count else 1.0


def _end(run: Run, durable: int, *, rate: float, now: datetime, seconds: float | None) -> datetime | None:
    """When the run will be over if it goes on at a rate, or for as long as it is to last; None when nobody knows."""
    if seconds is not None:
        left = seconds - run.active_seconds
    elif run.record_count is None or rate <= 0:
        return None
    else:
        left = (run.record_count - durable) / rate
    try:
        return now + timedelta(seconds=max(0.0, left))
    except OverflowError:  # beyond the year 9999
        return None


def _latency(latencies_ms: Sequence[float]) -> Latency:
    if not latencies_ms:
        return Latency()
    ordered = sorted(latencies_ms)
    return Latency(*(ordered[math.ceil(share * len(ordered)) - 1] for share in (0.5, 0.95, 1.0)))


def _last_error(run: Run, shards: Sequence[Shard]) -> Mapping[str, Any] | None:
    """What has ended or paused the run, else the latest trouble of a shard that goes on."""
    errors: list[Mapping[str, Any]] = [shard.last_error for shard in shards if shard.last_error]
    latest = max(errors, key=lambda error: str(error.get("at", "")), default=None)
    return run.error or latest

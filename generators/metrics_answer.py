"""Metrics as the API shows them."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from generators.generator_answer import shown_instant
from generators.services.metrics import Metrics


def metrics_answer(metrics: Metrics) -> dict[str, Any]:
    """A MetricsResponse. Nothing is doubled on purpose, so far."""
    error = metrics.last_error
    return {
        "generatorId": str(metrics.generator_id),
        "runId": str(metrics.run_id) if metrics.run_id else None,
        "status": metrics.status,
        "health": metrics.health,
        "desiredState": metrics.desired_state,
        "startedAt": shown_instant(metrics.started_at) if metrics.started_at else None,
        "activeSeconds": round(metrics.active_seconds, 3),
        "pausedSeconds": round(metrics.paused_seconds, 3),
        "effectiveSeed": metrics.effective_seed,
        "recordsGenerated": metrics.generated,
        "recordsWritten": metrics.written,
        "recordsFailed": metrics.failed,
        "recordsDeadLettered": metrics.failed,
        "recordsDropped": metrics.dropped,
        "recordsDuplicated": 0,
        "bytesWritten": metrics.bytes_written,
        "nextIndex": metrics.next_record,
        "targetRate": None if metrics.target_rate is None else round(metrics.target_rate, 3),
        "currentRate": round(metrics.current_rate, 1),
        "averageRate": round(metrics.average_rate, 1),
        "behindBySeconds": round(metrics.behind_seconds, 3),
        "progress": None if metrics.progress is None else round(metrics.progress, 6),
        "estimatedEndAt": shown_instant(metrics.estimated_end_at) if metrics.estimated_end_at else None,
        "batchLatencyMs": asdict(metrics.latency),
        "inFlight": metrics.in_flight,
        "lastError": error and {name: error.get(name) for name in ("code", "at", "recordIndex")},
        "pools": [
            {"pool": name, "version": version, "onMissing": metrics.passed_over.get(name, 0)}
            for name, version in sorted((metrics.pool_versions or {}).items())
        ],
        "updatedAt": shown_instant(metrics.updated_at) if metrics.updated_at else None,
    }

"""The overview in Prometheus's text format. Every figure comes from the rows: no process counts anything by itself."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric

from generators.services.monitoring import SHOWN_FOR, Overview

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
_OF_RUN = ("generator", "run")
_SHOWN = f"shown until {SHOWN_FOR // timedelta(minutes=1)} minutes after its end"


def prometheus_text(overview: Overview) -> str:
    """What ``GET /metrics`` answers."""
    registry = CollectorRegistry()
    registry.register(_Collector(overview))
    return generate_latest(registry).decode()


class _Collector:
    """Gives one overview as metrics."""

    def __init__(self, overview: Overview) -> None:
        self._overview = overview

    def collect(self) -> Iterator[Metric]:
        seen = self._overview
        by_status = GaugeMetricFamily("sdg_runs", "Runs that are kept, by status.", labels=["status"])
        for status, count in seen.runs_by_status.items():
            by_status.add_metric([status], count)
        yield by_status
        written = CounterMetricFamily(
            "sdg_run_records_written", f"Records that a run has durably written; {_SHOWN}.", labels=_OF_RUN
        )
        failed = CounterMetricFamily(
            "sdg_run_records_failed", "Records of a run that are dead letters.", labels=_OF_RUN
        )
        size = CounterMetricFamily("sdg_run_bytes_written", "Bytes that a run has written.", labels=_OF_RUN)
        rate = GaugeMetricFamily(
            "sdg_run_records_per_second",
            "Records per second over the last ten seconds; running runs only.",
            labels=_OF_RUN,
        )
        for run in seen.runs:
            labels = [run.name, run.run_id]
            written.add_metric(labels, run.written)
            failed.add_metric(labels, run.failed)
            size.add_metric(labels, run.bytes_written)
            if run.rate is not None:
                rate.add_metric(labels, run.rate)
        yield from (written, failed, size, rate)
        yield GaugeMetricFamily("sdg_workers_alive", "Workers that have beaten lately.", seen.workers_alive)
        yield GaugeMetricFamily("sdg_queue_depth", "Rings that no worker has answered yet.", seen.queue_depth)
        yield GaugeMetricFamily("sdg_shards_due", "Shards that wait for a worker.", seen.shards_due)

"""How well a run keeps its rate on the real clock, measured where records are handed over to the sink."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from datetime import UTC, datetime

import numpy as np

from engine.batch import Batch
from engine.cuts import TimedCuts
from engine.span import Span
from generators.definition import read_definition
from generators.examination import compile_plan
from generators.facts import RunFacts
from generators.plan import Plan
from generators.runs.pacing import latency_of, pacing_of
from generators.runs.runner import Watch, finish, run_slice
from sinks.destinations.base import Sink

SECONDS = 8
STARTED_AT = datetime(2026, 1, 1, tzinfo=UTC)
WINDOW_S, STEP_S = 1.0, 0.05


@dataclass
class Counter(Sink):
    """Notes when how many records came."""

    commits_anywhere = True
    times: list[float] = field(default_factory=list)
    counts: list[int] = field(default_factory=list)

    def open(self, epoch: int) -> int:
        return 0

    def write(self, batch: Batch) -> None:
        self.times.append(time.monotonic())
        self.counts.append(batch.span.count)

    def commit(self, next_record: int) -> None:
        pass

    def end(self, next_record: int) -> None:
        pass

    def go_on_from(self, next_record: int) -> int:
        return next_record

    @property
    def bytes_written(self) -> int:
        return 0

    def close(self) -> None:
        pass


def bench_rates(_: int) -> None:
    """Runs of constant rates: the worst second of each, how late records are, and what it costs."""
    print(f"\n== rates on the real clock, {SECONDS} s each, at the hand-over to the sink")
    for rate in (1_000, 50_000):
        plan = paced_plan(rate)
        schedule = plan.pace.schedule
        if schedule is None:
            raise ValueError("the plan has no pace")
        counter = Counter()
        started, cpu = time.monotonic(), time.process_time()
        finish(
            run_slice(
                plan,
                counter,
                shard=Span(0, rate * SECONDS),
                next_record=0,
                cuts=TimedCuts(65_536, planned=schedule),
                batch_size=None,
                watch=Watch(),
                pacing=pacing_of(plan),
                max_latency_s=latency_of(plan),
            )
        )
        cpu, wall = time.process_time() - cpu, time.monotonic() - started
        times, made = np.array(counter.times) - started, np.cumsum(counter.counts)
        # How many had come by the beginning and the end of each window.
        begins = np.arange(0.0, SECONDS - 2 * WINDOW_S, STEP_S) + WINDOW_S / 2
        before = np.concatenate([[0], made])
        windows = before[np.searchsorted(times, begins + WINDOW_S)] - before[np.searchsorted(times, begins)]
        worst = np.abs(windows / rate / WINDOW_S - 1).max() * 100
        late = (times - (made - 1) / rate) * 1e3
        print(
            f"  {rate:>8,}/s  worst second {worst:.2f} %  drift {late[-1]:+.1f} ms  "
            f"late p50 {np.median(late):.1f} ms, p99 {np.quantile(late, 0.99):.1f} ms  cpu {cpu / wall * 100:.0f} %"
        )


def paced_plan(rate: int) -> Plan:
    """Records of a few fields, with a rate."""
    document = {
        "name": "paced",
        "generationMode": "REALTIME",
        "endCondition": "MANUAL",
        "rate": {"recordsPerSecond": rate},
        "fieldMappings": [
            {"fieldName": "id", "type": "UUID_GENERATED"},
            {"fieldName": "no", "type": "SEQUENCE"},
            {"fieldName": "at", "type": "TIMESTAMP_GENERATED"},
            {"fieldName": "amount", "type": "NUMERIC_RANGE", "params": {"min": 1, "max": 500}},
        ],
    }
    facts = RunFacts(seed=42, started_at=STARTED_AT, started_at_given=True)
    return compile_plan(read_definition(document), facts=facts, pools={})

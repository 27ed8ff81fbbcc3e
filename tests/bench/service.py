"""The service: how fast it makes, how soon it obeys, what a look at it costs, and what it uses while it rests."""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.support.sdg import ROOT
from tests.support.service import Service, cpu_seconds

IDLE_SECONDS = 60.0
LIVE_RUNS = 4
STORED = 1_000
READINGS = 100
FAR = 60_000_000
"""So many records that no run comes to its end, and that the disk has room for."""


@dataclass(frozen=True, slots=True)
class Figure:
    """Something that was measured, beside what is wanted of it."""

    what: str
    measured: float
    unit: str
    most: float | None = None
    least: float | None = None

    @property
    def holds(self) -> bool:
        return (self.most is None or self.measured <= self.most) and (self.least is None or self.measured >= self.least)

    def __str__(self) -> str:
        wanted = f"≤ {self.most:g}" if self.most is not None else f"≥ {self.least:g}" if self.least is not None else ""
        verdict = "" if not wanted else "holds" if self.holds else "MISSED"
        return f"  {self.what:58} {wanted:>8} {self.measured:>14,.2f} {self.unit:9} {verdict}"


def bench_service(rounds: int, *, records: int = 10_000_000) -> None:
    """All figures of a service with two workers, as a table."""
    with tempfile.TemporaryDirectory() as folder, Service.at(Path(folder), workers=2) as service:
        figures = [
            _idle(service),
            *_speed(service, rounds, records),
            *_obedience(service, rounds),
            *_looks(service, rounds),
        ]
    print(f"\n== the service, two workers; medians of {rounds}, the worst where it says so")
    print(f"  {'':58} {'wanted':>8} {'measured':>14}")
    for figure in figures:
        print(figure)


def _idle(service: Service) -> Figure:
    """What all its processes use while nobody asks for anything."""
    time.sleep(10)  # the first beats, and the first look at what is old
    processes = [service.process.pid if service.process else 0, *service.pids()]
    used, began = sum(map(cpu_seconds, processes)), time.monotonic()
    time.sleep(IDLE_SECONDS)
    share = (sum(map(cpu_seconds, processes)) - used) / (time.monotonic() - began)
    return Figure(f"idle for {IDLE_SECONDS:.0f} s, all {len(processes)} processes", share * 100, "% of one", most=1.0)


def _speed(service: Service, rounds: int, records: int) -> Sequence[Figure]:
    """Runs through the service and by `sdg run`, of as many processes, in turns."""
    document = {**_orders(), "recordCount": records}
    folder = service.sdg.folder
    path = folder / "orders.json"
    alone: list[float] = []
    served: list[float] = []
    for number in range(rounds):
        named = {**document, "name": f"orders {number}"}
        path.write_text(json.dumps(named))
        done = service.sdg("run", path, "--to", "alone.jsonl", "--workers", "2", "--json", "--overwrite")
        alone.append(records / float(done.json["activeSeconds"]))
        generator = service.create({**named, "destination": _file("served")})
        service.act(generator, "start", {"beforeRun": "REPLACE"})
        ended = service.wait_for_status(generator, "COMPLETED", "FAILED", seconds=600)
        run = service.call("GET", f"/runs/{ended['runId']}").json
        served.append(records / float(run["activeSeconds"]))
        _forget(service, generator)
    ratio = statistics.median(served) / statistics.median(alone)
    what = f"{records:,} orders to JSONL"
    return [
        Figure(f"{what}, sdg run --workers 2", statistics.median(alone), "records/s"),
        Figure(f"{what}, through the service", statistics.median(served), "records/s"),
        Figure("the service's speed in that of sdg run", ratio, "", least=0.8),
    ]


def _obedience(service: Service, rounds: int) -> Sequence[Figure]:
    """How long it takes at full speed until nothing is in flight after a pause and after a stop."""
    took: dict[str, list[float]] = {"pause": [], "stop": []}
    for number in range(rounds):
        generator = _live(service, f"obedient {number}")
        for action in ("pause", "resume", "stop"):
            began = time.monotonic()
            answer = service.act(generator, action)
            while answer["inFlight"]:
                time.sleep(0.05)
                answer = service.call("GET", f"/generators/{generator}/metrics").json
            if action in took:
                took[action].append(time.monotonic() - began)
        _forget(service, generator)
    return [Figure(f"{action} at full speed, the worst", max(all_), "s", most=2.0) for action, all_ in took.items()]


def _looks(service: Service, rounds: int) -> Sequence[Figure]:
    """What it costs to look at metrics while runs are live, and at a long list."""
    rated = {"generationMode": "REALTIME", "endCondition": "MANUAL", "rate": {"recordsPerSecond": 10_000}}
    live = [_live(service, f"live {number}", recordCount=None, **rated) for number in range(LIVE_RUNS)]
    metrics = _inside(service, "metrics", READINGS)
    for generator in live:
        _forget(service, generator)
    _inside(service, "store", 1)
    few = _inside(service, "list", 1)
    _inside(service, "store", STORED)
    many = _inside(service, "list", 1)
    asked = []
    for _ in range(max(rounds, 10)):
        began = time.monotonic()
        reply = service.call("GET", f"/generators?limit={STORED}")
        asked.append((time.monotonic() - began) * 1e3)
        if len(reply.json) != STORED:
            raise ValueError(f"{len(reply.json)} generators are listed")
    return [
        Figure(f"metrics of one of {LIVE_RUNS} live runs, database work", metrics["ms"], "ms", most=5.0),
        Figure("  queries of that", metrics["queries"], "", most=1.0),
        Figure(f"list of {STORED:,} generators, over HTTP", statistics.median(asked), "ms", most=150.0),
        Figure("  queries more than for a single one", many["queries"] - few["queries"], "", most=0.0),
    ]


def _live(service: Service, name: str, **changes: Any) -> str:
    """A generator whose run writes, at full speed unless a change says otherwise, and is far from its end."""
    destination = _file(name.replace(" ", "-"))
    document = {**_orders(), "name": name, "recordCount": FAR, "destination": destination, **changes}
    generator = service.create(document)
    service.act(generator, "start")
    service.wait_for_records(generator, 1)
    return generator


def _forget(service: Service, generator: str) -> None:
    """Delete a generator, and what it has written."""
    service.call("DELETE", f"/generators/{generator}")
    service.sdg("runs", "prune", "--days", "0")
    for one in (Path(service.sdg.environment["SDG_HOME"]) / "out").glob("*"):
        if one.is_file():
            one.unlink()


def _orders() -> dict[str, Any]:
    from tests.bench.__main__ import orders_document

    return orders_document()


def _file(name: str) -> dict[str, Any]:
    return {"type": "FILE", "config": {"path": f"{name}.jsonl"}}


def _inside(service: Service, what: str, times: int) -> dict[str, float]:
    """Do something of `tests.bench.inside` on the service's database; what it has measured."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.bench.inside", what, str(times)],
        cwd=ROOT,
        env={**service.sdg.environment, "DJANGO_SETTINGS_MODULE": "sdg_project.settings"},
        capture_output=True,
        text=True,
        check=True,
    )
    found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return found

"""The whole service with more live runs than workers: all are served, to the exact record."""

from __future__ import annotations

from pathlib import Path

from tests.support.api import definition
from tests.support.service import Service

RUNS, RATE, SECONDS = 12, 10, 8


def test_two_workers_carry_many_slow_live_runs_beside_a_batch(tmp_path: Path) -> None:
    with Service.at(tmp_path, workers=2) as service:
        changes = {
            "generationMode": "REALTIME",
            "recordCount": RATE * SECONDS,
            "rate": {"recordsPerSecond": RATE},
        }
        runs = [
            service.create(
                definition(f"live-{one}", destination={"type": "FILE", "config": {"path": f"{one}.jsonl"}}, **changes)
            )
            for one in range(RUNS)
        ]
        batch = service.create(
            definition("batch", destination={"type": "FILE", "config": {"path": "b.jsonl"}}, recordCount=3_000_000)
        )
        for one in (batch, *runs):
            service.act(one, "start")

        # One after the other they would take two workers six times as long.
        ended = [service.wait_for_status(one, "COMPLETED", "FAILED", seconds=120) for one in runs]
        found = [service.call("GET", f"/runs/{one['runId']}").json for one in ended]
        service.wait_for_status(batch, "COMPLETED")

    assert [one["status"] for one in ended] == ["COMPLETED"] * RUNS
    assert [one["recordsWritten"] for one in found] == [RATE * SECONDS] * RUNS
    assert all(SECONDS - 0.5 <= one["activeSeconds"] <= 4 * SECONDS for one in found)

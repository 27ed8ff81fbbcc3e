"""Slices of runs with a rate or a limit of time: workers take turns, and every record is there once, at its instant."""

from __future__ import annotations

import json
import time
from datetime import timedelta
from typing import Any

import pytest

from generators.models import Run
from generators.runs.slices import SliceWorker
from generators.services.lifecycle import pause_generator, resume_generator
from tests.support.floor import Floor

pytestmark = pytest.mark.django_db

LIVE: dict[str, Any] = {
    "generationMode": "REALTIME",
    "rate": {"recordsPerSecond": 400},
    "clock": {"type": "SIMULATED", "start": "2026-05-01T00:00:00Z"},
    "fieldMappings": [{"fieldName": "n", "type": "SEQUENCE"}, {"fieldName": "at", "type": "TIMESTAMP_GENERATED"}],
}


@pytest.fixture(autouse=True)
def short_slices(floor: Floor, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("generators.runs.timing.slice_time", lambda: timedelta(seconds=0.3))


def lines(floor: Floor) -> list[dict[str, Any]]:
    return [json.loads(line) for line in floor.content().splitlines()]


def assert_exact(floor: Floor, count: int) -> None:
    found = lines(floor)
    assert [line["n"] for line in found] == list(range(1, count + 1))
    assert [line["at"][17:23] for line in found] == [f"{n * 5 // 2 / 1000:06.3f}" for n in range(count)]


@pytest.mark.parametrize("workers", [1, 2])
def test_workers_take_turns_at_the_pace_of_the_run(floor: Floor, workers: int) -> None:
    started = time.monotonic()

    run = floor.finish(floor.start(recordCount=1000, **LIVE), *(SliceWorker(f"w{number}") for number in range(workers)))

    assert (run.status, run.end_reason) == ("COMPLETED", "RECORD_COUNT")
    assert time.monotonic() - started >= 999 / 400
    assert_exact(floor, 1000)


def test_a_pause_moves_no_instant_and_its_time_does_not_count(floor: Floor) -> None:
    duration = {"endCondition": "DURATION", "durationSeconds": 2, "recordCount": None}
    run, worker = floor.start(**LIVE, **duration), SliceWorker("w1")
    while Run.objects.get(pk=run.pk).shards.get().next_record < 400:
        floor.turn(worker, run)

    pause_generator(run.generator_id)  # type: ignore[arg-type]
    time.sleep(2)
    resume_generator(run.generator_id)  # type: ignore[arg-type]
    run = floor.finish(run, worker)

    assert (run.status, run.end_reason, run.record_count) == ("COMPLETED", "DURATION", 800)
    assert 1.9 <= run.active_seconds < 4  # with the pause it would be 4, and more on a busy machine
    assert_exact(floor, 800)


def test_time_ends_a_batch_behind_a_frame(floor: Floor) -> None:
    run = floor.finish(floor.start(endCondition="DURATION", durationSeconds=0.4, recordCount=None))

    assert (run.status, run.end_reason) == ("COMPLETED", "DURATION")
    assert len(lines(floor)) == run.record_count
    assert run.spans[0].count == run.record_count


def test_a_safety_limit_is_a_reason_of_its_own(floor: Floor) -> None:
    changes = {"endCondition": "MANUAL", "recordCount": None, "safety": {"maxRecords": 150}}

    run = floor.finish(floor.start(**LIVE, **changes))

    assert (run.status, run.end_reason, run.record_count) == ("COMPLETED", "SAFETY_LIMIT", 150)
    assert_exact(floor, 150)

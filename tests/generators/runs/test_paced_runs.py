"""Runs that keep a pace or end by time, carried in this process: how many records, which, and why they end."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from generators.enums import RunStatus
from generators.models import Run
from generators.planning import plan_of_run
from generators.run_spec import RunSpec
from tests.support.runs import Workshop

pytestmark = pytest.mark.django_db(transaction=True)
FIELDS = ({"fieldName": "n", "type": "SEQUENCE"}, {"fieldName": "at", "type": "TIMESTAMP_GENERATED"})
AT = datetime(2026, 5, 1, tzinfo=UTC)
LATE = 2.0
"""Seconds by which a machine that is busy with other things may be late."""


def live(**changes: Any) -> dict[str, Any]:
    """A live run; None takes a property away."""
    document = {"generationMode": "REALTIME", "rate": {"recordsPerSecond": 400}, "started_at": AT}
    return document | {"recordCount": None} | changes


def lines(root: Path, name: str = "out.jsonl") -> list[dict[str, Any]]:
    return [json.loads(line) for line in (root / name).read_text().splitlines()]


def expected(count: int, rate: int = 400) -> list[dict[str, Any]]:
    def at(number: int) -> str:
        instant = AT + timedelta(milliseconds=number * 1000 // rate)
        return f"{instant:%Y-%m-%dT%H:%M:%S}.{instant.microsecond // 1000:03d}Z"

    return [{"n": number + 1, "at": at(number)} for number in range(count)]


def parts_of(root: Path) -> Mapping[str, Any]:
    found: Mapping[str, Any] = json.loads((root / "manifest.json").read_text())
    return found


def test_a_duration_has_the_records_that_are_planned_in_it(workshop: Workshop) -> None:
    started = time.monotonic()

    run = workshop.make(*FIELDS, **live(endCondition="DURATION", durationSeconds=1.5))

    assert (run.status, run.end_reason, run.record_count) == (RunStatus.COMPLETED, "DURATION", 600)
    assert time.monotonic() - started >= 1.49
    assert 1.49 <= run.active_seconds <= 1.5 + LATE
    assert lines(workshop.folder) == expected(600)


def test_a_duration_goes_on_behind_a_pause_and_no_instant_moves(workshop: Workshop) -> None:
    run = workshop.start(*FIELDS, **live(endCondition="DURATION", durationSeconds=3))

    paused = workshop.carry(run, until=400)
    assert paused.status == RunStatus.PAUSED
    time.sleep(1)
    started = time.monotonic()
    ended = workshop.carry(run)

    assert (ended.status, ended.end_reason) == (RunStatus.COMPLETED, "DURATION")
    assert 3 - paused.active_seconds - 0.1 <= time.monotonic() - started <= 3 - paused.active_seconds + LATE
    assert 2.9 <= ended.active_seconds <= 3 + LATE
    assert lines(workshop.folder) == expected(1200)


def test_where_pauses_count_too_a_run_ends_with_what_it_has(workshop: Workshop) -> None:
    run = workshop.start(*FIELDS, **live(endCondition="DURATION", durationSeconds=60, includePaused=True))
    workshop.carry(run, until=400)
    Run.objects.filter(pk=run.pk).update(created_at=run.created_at - timedelta(seconds=70))

    ended = workshop.carry(run)

    assert (ended.status, ended.end_reason) == (RunStatus.COMPLETED, "DURATION")
    assert ended.record_count in {400, 800}
    assert ended.active_seconds < 5
    assert lines(workshop.folder) == expected(ended.record_count or 0)


def test_a_manual_run_has_no_count_until_it_ends(workshop: Workshop) -> None:
    run = workshop.start(*FIELDS, **live(endCondition="MANUAL"))

    paused = workshop.carry(run, until=400)

    assert (paused.status, paused.record_count, paused.end_reason) == (RunStatus.PAUSED, None, "")
    assert RunSpec.from_json(paused.spec).record_count is None
    assert workshop.carry(run, until=800).shards.get().next_record >= 800


@pytest.mark.parametrize("reason", ["maxRecords", "maxRuntimeSeconds"])
def test_a_safety_limit_ends_a_run_that_nobody_stops(reason: str, workshop: Workshop) -> None:
    safety = {"maxRecords": 300} if reason == "maxRecords" else {"maxRuntimeSeconds": 0.75}

    run = workshop.make(*FIELDS, **live(endCondition="MANUAL", safety=safety))

    assert (run.status, run.end_reason, run.record_count) == (RunStatus.COMPLETED, "SAFETY_LIMIT", 300)
    assert lines(workshop.folder) == expected(300)


@pytest.mark.parametrize("form", ["JSONL", "PARQUET"])
def test_a_batch_that_time_ends_has_a_last_part_that_is_cut_short(form: str, workshop: Workshop) -> None:
    roll = 3_000_017  # no frame ends there but a part's last one
    config = {"path": "parts", "format": form, "rollRecords": roll}
    document = {"recordCount": None, "endCondition": "DURATION", "durationSeconds": 1.2}

    run = workshop.make(FIELDS[0], destination={"type": "FILE", "config": config}, path="parts", **document)

    count = run.record_count or 0
    manifest = parts_of(workshop.folder / "parts")
    borders = [*range(0, count, roll), count]
    assert (run.status, run.end_reason) == (RunStatus.COMPLETED, "DURATION")
    assert manifest["records"] == count > 0
    spans = [file["name"].removeprefix("p-")[:27] for file in manifest["files"]]
    assert spans == [f"{start:013d}-{end:013d}" for start, end in pairwise(borders)]
    assert sorted(file["name"] for file in manifest["files"]) == sorted(
        path.name for path in (workshop.folder / "parts").iterdir() if path.name not in {"manifest.json", ".sdg.lock"}
    )


def test_rolling_by_seconds_goes_by_the_mean_rate(workshop: Workshop) -> None:
    config = {"path": "parts", "format": "JSONL", "rollSeconds": 1}
    changes = live(endCondition="DURATION", durationSeconds=2.5, destination={"type": "FILE", "config": config})

    workshop.make(*FIELDS, path="parts", **changes)

    assert [file["records"] for file in parts_of(workshop.folder / "parts")["files"]] == [400, 400, 200]


def test_a_limited_batch_keeps_its_pace(workshop: Workshop) -> None:
    started = time.monotonic()

    run = workshop.make(FIELDS[0], recordCount=300, maxRecordsPerSecond=200)

    assert (run.status, run.end_reason) == (RunStatus.COMPLETED, "RECORD_COUNT")
    assert time.monotonic() - started >= 299 / 200


def test_tables_of_a_rate_are_kept_with_the_run(workshop: Workshop) -> None:
    calendar = {"type": "CALENDAR", "timezone": "Europe/Berlin", "dayOfWeek": [1, 1, 1, 1, 1, 0, 0]}
    run = workshop.start(*FIELDS, **live(endCondition="MANUAL", rate={"recordsPerSecond": 5, "pattern": calendar}))

    plan = plan_of_run(run)

    assert len(plan.tables["/zone_changes"]) == len(plan.tables["/zone_offsets"]) > 100


def test_numbers_that_an_uncounted_run_will_use_are_not_counted_before(workshop: Workshop) -> None:
    workshop.start(*FIELDS, **live(endCondition="MANUAL"))

    assert RunSpec.from_json(workshop.start(*FIELDS).spec).earlier_records == 0

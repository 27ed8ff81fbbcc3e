"""`sdg run` with a rate, on the real clock: it keeps its pace, and what interrupts it changes no record."""

from __future__ import annotations

import json
import signal
import time
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from tests.support.sdg import Sdg

FIELDS = [{"fieldName": "n", "type": "SEQUENCE"}, {"fieldName": "at", "type": "TIMESTAMP_GENERATED"}]
LIVE: dict[str, Any] = {
    "fieldMappings": FIELDS,
    "generationMode": "REALTIME",
    "recordCount": None,
    "rate": {"recordsPerSecond": 400, "arrival": "POISSON"},
}
PARTS = {"type": "FILE", "config": {"path": "parts", "format": "JSONL", "rollRecords": 10**7}}
AT = ("--started-at", "2026-05-01T00:00:00Z")


def live(sdg: Sdg, path: str = "out.jsonl", **changes: Any) -> Path:
    return sdg.definition(destination={"type": "FILE", "config": {"path": path}}, **LIVE | changes)


@pytest.fixture
def sdg(tmp_path: Path) -> Sdg:
    return Sdg.at(tmp_path, SDG_OUTPUT_ROOT=str(tmp_path)).used()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_run_goes_on_with_the_very_same_records(sdg: Sdg, number: int) -> None:
    whole = sdg("run", live(sdg, "a.jsonl", recordCount=1600), *AT, "--json").json

    process = sdg.start("run", live(sdg, "b.jsonl", recordCount=1600), *AT)
    _wait_for(sdg, "b.jsonl")
    process.send_signal(number)
    asked = time.monotonic()
    _, err = process.communicate(timeout=60)
    took = time.monotonic() - asked
    resumed = sdg("run", "--resume", "last", "--json")

    assert process.returncode == 130, err
    assert took < 5  # a second at most until it looks, on a busy machine
    assert resumed.json["recordsWritten"] == 1600
    assert resumed.json["outputs"][0]["checksum"] == whole["outputs"][0]["checksum"]


def test_it_takes_as_long_as_it_is_planned_to(sdg: Sdg) -> None:
    path = live(sdg, endCondition="DURATION", durationSeconds=3)

    report = sdg("run", path, *AT, "--json").json
    estimates = sdg("validate", path, "--json").json["estimates"]

    assert 2.9 <= report["activeSeconds"] <= 5  # late at most because the machine is busy with other things
    assert report["endReason"] == "DURATION"
    assert estimates["durationSeconds"] == pytest.approx(3, abs=0.1)
    assert report["recordsWritten"] == pytest.approx(1200, abs=150)  # Poisson: 35 is one sigma
    instants = [json.loads(line)["at"] for line in (sdg.folder / "out.jsonl").read_text().splitlines()]
    assert instants == sorted(instants)
    assert instants[-1] < "2026-05-01T00:00:03"


def test_a_run_without_an_end_is_paused_by_a_person_and_says_so(sdg: Sdg) -> None:
    process = sdg.start("run", live(sdg, endCondition="MANUAL"), *AT)
    _wait_for(sdg, "out.jsonl")
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)
    row = sdg("runs", "--json").json

    assert process.returncode == 130
    assert "NO_SAFETY_LIMIT" in err
    assert (row["status"], row["recordCount"]) == ("PAUSED", None)
    assert row["records"] > 0


def test_standard_output_keeps_the_pace_too(sdg: Sdg) -> None:
    process = sdg.start("run", live(sdg, recordCount=1200), *AT, "--to", "-")
    assert process.stdout is not None
    times = [time.monotonic() for _ in process.stdout]
    process.communicate(timeout=60)

    assert len(times) == 1200
    assert 2.4 <= times[-1] - times[0] <= 5


def test_a_duration_on_standard_output_has_all_that_is_planned_in_it(sdg: Sdg) -> None:
    even = {"recordsPerSecond": 400}

    answer = sdg("run", live(sdg, endCondition="DURATION", durationSeconds=1.25, rate=even), *AT, "--to", "-")

    assert len(answer.out.splitlines()) == 500


@pytest.mark.parametrize(
    "where", ["run.finalize", "file.finalize.part", "file.finalize.manifest", "file.finalize.done"]
)
def test_a_run_that_dies_while_it_ends_early_ends_all_the_same(sdg: Sdg, where: str) -> None:
    path = sdg.definition(
        fieldMappings=FIELDS[:1],
        recordCount=None,
        endCondition="DURATION",
        durationSeconds=0.5,
        destination=PARTS,
    )

    killed = sdg("run", path, SDG_FAILPOINTS=f"{where}=kill")
    report = sdg("run", "--resume", "last", "--json").json

    assert killed.code == -signal.SIGKILL
    manifest = json.loads((sdg.folder / "parts" / "manifest.json").read_text())
    count = report["recordsWritten"]
    borders = [*range(0, count, 10**7), count]
    assert (report["status"], report["endReason"]) == ("COMPLETED", "DURATION")
    assert manifest["records"] == count > 0
    assert [file["name"].removeprefix("p-")[:27] for file in manifest["files"]] == [
        f"{start:013d}-{end:013d}" for start, end in pairwise(borders)
    ]


def test_everything_that_does_not_fit_is_said_at_once(sdg: Sdg) -> None:
    path = live(sdg, endCondition="DURATION", recordCount=5, shards=2, rate={"arrival": "JITTER", "catchUp": "SPREAD"})

    answer = sdg("validate", path, "--json").json

    assert {(issue["code"], issue["path"]) for issue in answer["errors"]} == {
        ("END_CONDITION_INCOMPATIBLE", "/recordCount"),
        ("MISSING_PARAM", "/durationSeconds"),
        ("PROPERTY_NOT_ALLOWED", "/shards"),
        ("MISSING_PARAM", "/rate/recordsPerSecond"),
        ("MISSING_PARAM", "/rate/jitterRatio"),
        ("MISSING_PARAM", "/rate/catchUpSeconds"),
    }


def _wait_for(sdg: Sdg, name: str) -> None:
    """Until the run has written something to its hidden file."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        if any(path.stat().st_size for path in sdg.folder.glob(f".{name}.sdg-*/shard-0.data")):
            return
        time.sleep(0.01)
    raise AssertionError("the run did not begin")

"""`sdg seed`: a stored generator's records, made by the workers of a real service."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.sdg import ROOT, Sdg
from tests.support.service import Service

TO_FILE = {"destination": {"type": "FILE", "config": {"path": "orders.jsonl"}}}


@pytest.fixture
def service(tmp_path: Path) -> Iterator[Service]:
    service = Service.at(tmp_path)
    service.start()
    yield service
    service.stop()


def test_without_a_worker_nothing_starts_and_the_code_is_3(sdg: Sdg) -> None:
    sdg("import", sdg.definition(**TO_FILE))

    answer = sdg("seed", "orders", "--wait")
    unknown = sdg("seed", "oders")
    too_many = sdg("seed", "orders", "--count", "1e13")

    assert answer.code == 3
    assert "NO_WORKER" in answer.err
    assert "sdg up" in answer.err
    assert sdg("runs", "--json").out == ""
    assert unknown.code == 2
    assert 'did you mean "orders"?' in unknown.err
    assert too_many.code == 2
    assert "/recordCount" in too_many.err


def test_the_service_makes_what_sdg_run_makes_and_the_report_has_the_same_words(service: Service) -> None:
    sdg = service.sdg
    path = sdg.definition(**TO_FILE)
    sdg("import", path)

    seeded = sdg("seed", "ORDERS", "--count", "2e5", "--wait", "--json")
    plain = sdg("seed", "orders", "--wait")
    alone = sdg("run", path, "--count", "2e5", "--to", "alone.jsonl", "--json")

    assert seeded.code == 0, seeded.err
    assert seeded.json["status"] == "COMPLETED"
    assert seeded.json["recordsWritten"] == 200_000
    assert seeded.json["outputs"][0]["checksum"] == alone.json["outputs"][0]["checksum"]
    assert seeded.json.keys() == alone.json.keys()
    assert plain.code == 0, plain.err
    assert "10,000 records" in plain.err
    assert "seed 42" in plain.err


def test_it_is_a_management_command_too_and_goes_on_without_who_started_it(service: Service) -> None:
    sdg = service.sdg
    sdg("import", sdg.definition(recordCount=20_000_000, **TO_FILE))

    started = subprocess.run(
        [sys.executable, str(ROOT / "manage.py"), "seed", "orders"],
        cwd=sdg.folder,
        env=dict(sdg.environment),
        capture_output=True,
        text=True,
        check=False,
    )
    busy = sdg("seed", "orders")
    [row] = [json.loads(line) for line in sdg("runs", "--json").out.splitlines()]
    found = service.call("GET", "/generators").json[0]
    paused = service.act(found["id"], "pause")
    service.act(found["id"], "stop")

    assert started.returncode == 0, started.stderr
    assert row["runId"] in started.stderr
    assert "sdg runs" in started.stderr
    assert f"/generators/{found['id']}/stop" in started.stderr
    assert busy.code == 2
    assert "RUNNING" in busy.err
    assert paused["status"] == "PAUSED"


def test_ctrl_c_leaves_the_run_going_and_a_pause_is_told_with_what_goes_on(service: Service) -> None:
    sdg = service.sdg
    sdg("import", sdg.definition(recordCount=20_000_000, **TO_FILE))
    left = sdg.start("seed", "orders", "--wait")
    generator = _running(service)

    left.send_signal(signal.SIGINT)
    _, said = left.communicate(timeout=60)
    status = service.call("GET", f"/generators/{generator}").json["status"]
    service.act(generator, "stop")
    watched = sdg.start("seed", "orders", "--wait", "--json")
    _running(service)
    service.act(generator, "pause")
    out, why = watched.communicate(timeout=60)

    assert left.returncode == 130
    assert "goes on without this command" in said
    assert f"/generators/{generator}/stop" in said
    assert status == "RUNNING"
    assert watched.returncode == 1
    assert json.loads(out)["status"] == "PAUSED"
    assert "PAUSED after" in why
    assert f"/generators/{generator}/resume" in why


def test_a_file_of_somebody_else_is_refused_before_anything_starts(service: Service) -> None:
    sdg = service.sdg
    sdg("import", sdg.definition(**TO_FILE))
    out = Path(sdg.environment["SDG_HOME"]) / "out"
    out.mkdir(exist_ok=True)
    (out / "orders.jsonl").write_text("somebody else's\n")

    answer = sdg("seed", "orders", "--wait")

    assert answer.code == 2
    assert "was not written by this generator" in answer.err
    assert "choose another path, or move it away" in answer.err
    assert "--overwrite" not in answer.err
    assert (out / "orders.jsonl").read_text() == "somebody else's\n"
    assert sdg("runs", "--json").out == ""


def test_all_that_stands_against_a_start_is_told_with_what_can_be_chosen(service: Service) -> None:
    sdg = service.sdg
    config = {"path": "orders.jsonl", "beforeRun": "FAIL"}
    sdg("import", sdg.definition(destination={"type": "FILE", "config": config}))
    first = sdg("seed", "orders", "--wait")

    collides = sdg("seed", "orders")
    is_full_too = sdg("seed", "orders", "--count", "1e12")

    assert first.code == 0, first.err
    assert collides.code == is_full_too.code == 2
    assert "RERUN_WOULD_COLLIDE: an earlier run has written" in collides.err
    assert "say REPLACE as beforeRun, in destination.config or when it is started" in collides.err
    assert all(code in is_full_too.err for code in ("RERUN_WOULD_COLLIDE", "DEST_FULL"))


@pytest.mark.parametrize(
    ("failpoints", "code", "status", "error"),
    [
        ("file.write.frame=enospc@1", 3, "PAUSED", "DEST_FULL"),
        ("slice.made=kill", 1, "FAILED", "POISON"),
    ],
)
def test_trouble_is_told_with_its_reason_and_with_what_goes_on(
    tmp_path: Path, failpoints: str, code: int, status: str, error: str
) -> None:
    service = Service.at(tmp_path, SDG_LEASE_SECONDS="4")
    service.start(SDG_FAILPOINTS=failpoints)
    try:
        service.sdg("import", service.sdg.definition(recordCount=300_000, **TO_FILE))

        answer = service.sdg("seed", "orders", "--wait", "--json")
    finally:
        service.stop()

    assert answer.code == code, answer.err
    assert answer.json["status"] == status
    assert answer.json["lastError"]["code"] == error
    assert f"the run is {status}" in answer.err
    assert error in answer.err
    assert "/resume" in answer.err


def test_when_the_last_worker_has_died_nobody_waits_for_ever(tmp_path: Path) -> None:
    service = Service.at(tmp_path, SDG_LEASE_SECONDS="2")
    service.start()
    service.sdg("import", service.sdg.definition(recordCount=20_000_000, **TO_FILE))
    waiting = service.sdg.start("seed", "orders", "--wait")
    _running(service)

    service.stop(signal.SIGKILL)
    _, said = waiting.communicate(timeout=60)

    assert waiting.returncode == 3
    assert "NO_WORKER" in said
    assert "sdg up" in said


def _running(service: Service) -> str:
    """The id of the one generator as soon as it is RUNNING."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        for generator in service.call("GET", "/generators?status=RUNNING").json:
            return str(generator["id"])
        time.sleep(0.1)
    raise AssertionError(service.said())

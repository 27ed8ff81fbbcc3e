"""`sdg up`: one command for the whole service, which ends as a whole, too."""

from __future__ import annotations

import json
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.service import Service, alive

BIG: dict[str, Any] = {
    "name": "orders",
    "seed": 7,
    "fieldMappings": [
        {"fieldName": "id", "type": "SEQUENCE"},
        {"fieldName": "amount", "type": "NUMERIC_RANGE", "params": {"min": 1, "max": 500, "scale": 2}},
        {"fieldName": "key", "type": "UUID_GENERATED"},
    ],
    "recordCount": 6_000_000,
    "destination": {"type": "FILE", "config": {"path": "orders.jsonl"}},
}


@pytest.fixture
def service(tmp_path: Path) -> Iterator[Service]:
    service = Service.at(tmp_path)
    yield service
    if service.process is not None and service.process.poll() is None:
        service.stop()


def test_it_says_ready_when_health_is_up_and_its_link_logs_in_once(service: Service) -> None:
    service.start()
    health = service.ask("GET", "/api/v1/health")
    [link] = [word for word in service.said().split() if "/admin/enter/" in word]

    first = service.ask("GET", link.removeprefix(service.address))
    second = service.ask("GET", link.removeprefix(service.address))
    inside = service.ask("GET", "/admin/", headers={"Cookie": first.headers["Set-Cookie"].partition(";")[0]})

    assert health.json["status"] == "UP"
    assert (first.status, second.status, inside.status) == (302, 410, 200)
    assert "Restart sdg up" in second.body.decode()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_at_full_speed_ends_every_child_and_the_next_start_goes_on_exactly(
    service: Service, number: signal.Signals, tmp_path: Path
) -> None:
    service.start()
    generator = service.create(BIG)
    service.act(generator, "start")
    service.wait_for_records(generator, 500_000)
    children = service.pids()

    code = service.stop(number)
    left = [pid for pid in children if alive(pid)]
    service.start()
    ended = service.wait_for_status(generator, "COMPLETED", "FAILED", "PAUSED")
    run = service.call("GET", f"/runs/{ended['runId']}").json
    path = tmp_path / "alone.json"
    path.write_text(json.dumps(BIG))
    alone = service.sdg("run", path, "--to", "alone.jsonl", "--json")

    assert (code, left) == (0, [])
    assert len(children) >= 4
    assert ended["status"] == "COMPLETED"
    assert run["outputs"][0]["checksum"] == alone.json["outputs"][0]["checksum"]


def test_its_sudden_death_leaves_no_process_behind(service: Service) -> None:
    service.start()
    generator = service.create(BIG)
    service.act(generator, "start")
    service.wait_for_records(generator, 1)
    children = service.pids()

    service.stop(signal.SIGKILL)
    deadline = time.monotonic() + 10
    while (left := [pid for pid in children if alive(pid)]) and time.monotonic() < deadline:
        time.sleep(0.05)

    assert len(children) >= 4
    assert left == []

"""The whole service under faults: workers stopped, killed, asked to leave; people who pause and resume without end."""

from __future__ import annotations

import json
import os
import random
import re
import signal
import sqlite3
import subprocess
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

import pytest

from tests.support.api import definition
from tests.support.service import Service, alive

LEASE_SECONDS = 4
COUNT = 1_000_000


def document(name: str = "orders", **changes: Any) -> dict[str, Any]:
    config = {"path": f"{name}.jsonl"}
    given = {"streamName": "orders", "seed": 42, "recordCount": COUNT, **changes}
    return definition(name, destination={"type": "FILE", "config": config}, **given)


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    folder = tmp_path_factory.mktemp("service")
    with Service.at(folder, workers=2, SDG_LEASE_SECONDS=str(LEASE_SECONDS)) as running:
        yield running


@pytest.fixture(scope="module")
def calm(service: Service) -> bytes:
    """What an undisturbed run writes."""
    generator = service.create(document("calm"))
    service.act(generator, "start")
    service.wait_for_status(generator, "COMPLETED")
    return content(service, "calm")


def content(service: Service, name: str) -> bytes:
    return (out(service) / f"{name}.jsonl").read_bytes()


def out(service: Service) -> Path:
    return Path(service.sdg.environment["SDG_HOME"]) / "out"


def kill(*pids: int) -> None:
    for pid in pids:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_c2_a_storm_over_the_service_loses_and_doubles_nothing(service: Service, calm: bytes, seed: int) -> None:
    dice = random.Random(seed)
    generator = service.create(document(f"storm-{seed}", shards=3))
    service.act(generator, "start")

    kills = 0
    while kills < 8 and service.call("GET", f"/generators/{generator}").json["status"] == "RUNNING":
        time.sleep(dice.uniform(0.1, 0.6))
        workers = service.worker_pids()
        if workers:
            kill(dice.choice(workers))
            kills += 1

    assert kills > 0
    service.wait_for_status(generator, "COMPLETED", seconds=150)
    assert content(service, f"storm-{seed}") == calm


def test_c3_workers_that_are_killed_while_they_wait_do_not_stop_the_service(service: Service, calm: bytes) -> None:
    kill(*service.worker_pids())
    generator = service.create(document("idle"))

    deadline = time.monotonic() + 30
    while (reply := service.call("POST", f"/generators/{generator}/start")).status == 503:
        assert time.monotonic() < deadline, reply.body
        time.sleep(0.2)

    assert reply.status == 200, reply.body
    service.wait_for_status(generator, "COMPLETED", seconds=60)
    assert content(service, "idle") == calm


def test_c4_a_worker_that_sleeps_through_its_lease_is_shut_out(service: Service, calm: bytes) -> None:
    generator = service.create(document("sleeper", shards=1))
    service.act(generator, "start")
    sleeper = owner_of_a_shard(service)

    stop_between_transactions(service, sleeper)
    try:
        service.wait_for_status(generator, "COMPLETED", seconds=50)
        time.sleep(LEASE_SECONDS)
    finally:
        os.kill(sleeper, signal.SIGCONT)
    time.sleep(2)

    assert content(service, "sleeper") == calm


def stop_between_transactions(service: Service, worker: int) -> None:
    """Stop a worker, and not while it keeps all others from writing to the control database."""
    path = Path(service.sdg.environment["SDG_HOME"]) / "sdg.sqlite3"
    for _ in range(100):
        os.kill(worker, signal.SIGSTOP)
        with closing(sqlite3.connect(path, timeout=0.5, isolation_level=None)) as database:
            try:
                database.execute("begin immediate")
            except sqlite3.OperationalError:
                os.kill(worker, signal.SIGCONT)
                time.sleep(0.02)
            else:
                database.execute("rollback")
                return
    raise AssertionError("the worker is always in the middle of a transaction")


def owner_of_a_shard(service: Service) -> int:
    """The process id of a worker that is writing."""
    path = Path(service.sdg.environment["SDG_HOME"]) / "sdg.sqlite3"
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        with closing(sqlite3.connect(path, timeout=30)) as database:
            row = database.execute(
                "select s.owner from generators_shard s join generators_run r on r.id = s.run_id"
                " where s.owner <> '' and r.phase = 'WRITING'"
            ).fetchone()
        if row is not None:
            return int(row[0].split(":")[1])
        time.sleep(0.01)
    raise AssertionError("no worker has begun to write")


def test_b4_pausing_and_resuming_without_end_costs_nothing(service: Service, calm: bytes) -> None:
    dice = random.Random(7)
    generator = service.create(document("restless", shards=2))
    service.act(generator, "start")

    reached = 0
    for _ in range(50):
        time.sleep(dice.uniform(0.0, 0.15))
        if service.call("POST", f"/generators/{generator}/pause").status != 200:
            break  # it has come to its end
        run = service.call("GET", f"/generators/{generator}").json["runId"]
        written = service.call("GET", f"/runs/{run}").json["recordsWritten"]
        assert written >= reached
        reached = written
        assert service.call("POST", f"/generators/{generator}/resume").status == 200

    service.wait_for_status(generator, "COMPLETED")
    assert content(service, "restless") == calm


def test_pause_and_stop_take_effect_within_two_seconds_at_full_speed(service: Service) -> None:
    generator = service.create(document("fast", recordCount=100_000_000))
    service.act(generator, "start")
    service.wait_for_records(generator, 1)

    for action, status in (("pause", "PAUSED"), ("resume", "RUNNING"), ("stop", "STOPPED")):
        began = time.monotonic()
        answer = service.act(generator, action)
        took = time.monotonic() - began
        assert answer["status"] == status
        if action != "resume":
            assert answer["inFlight"] == 0
            assert took < 3.0  # two seconds are waited at most, the rest is leave for a busy machine
    service.call("DELETE", f"/generators/{generator}")


def test_b6_a_running_generator_can_be_deleted_and_nothing_is_written_afterwards(service: Service) -> None:
    generator = service.create(document("doomed", recordCount=100_000_000))
    service.act(generator, "start")
    service.wait_for_records(generator, 1)
    run = service.call("GET", f"/generators/{generator}").json["runId"]

    assert service.call("DELETE", f"/generators/{generator}").status == 200

    assert service.call("DELETE", f"/generators/{generator}").status == 404
    written = service.call("GET", f"/runs/{run}").json
    size = hidden_bytes(service, run)
    time.sleep(2)
    assert service.call("GET", f"/runs/{run}").json == written
    assert hidden_bytes(service, run) == size
    assert written["status"] == "STOPPED"
    assert not (out(service) / "doomed.jsonl").exists()


def hidden_bytes(service: Service, run: str) -> int:
    return sum(path.stat().st_size for path in out(service).glob(f".*{run}*/**/*") if path.is_file())


def test_c6_a_worker_that_is_asked_to_leave_ends_at_its_next_commit(tmp_path: Path, calm: bytes) -> None:
    with Service.at(tmp_path, workers=2, SDG_LEASE_SECONDS=str(LEASE_SECONDS)) as running:
        generator = running.create(document())
        running.act(generator, "start")
        owner_of_a_shard(running)

        began = time.monotonic()
        running.stop(signal.SIGTERM)
        assert time.monotonic() - began < 30
        assert not any(alive(pid) for pid in running.worker_pids())

        running.start()
        running.wait_for_status(generator, "COMPLETED", seconds=60)
        assert content(running, "orders") == calm


def test_a_worker_beside_the_service_takes_part(service: Service, calm: bytes) -> None:
    beside = service.sdg.start("worker")
    try:
        generator = service.create(document("helped", shards=4))
        deadline = time.monotonic() + 30
        while beside.pid not in service.worker_pids():
            assert time.monotonic() < deadline
            time.sleep(0.1)

        service.act(generator, "start")
        service.wait_for_status(generator, "COMPLETED", seconds=60)

        assert content(service, "helped") == calm
    finally:
        beside.send_signal(signal.SIGTERM)
        with suppress(subprocess.TimeoutExpired):
            beside.communicate(timeout=30)
    assert beside.returncode == 0


def test_s5_a_thousand_requests_at_once_are_throttled_and_disturb_no_other_token(service: Service) -> None:
    generator = service.create(document("besieged", recordCount=100_000_000))
    service.act(generator, "start")
    paused = service.act(generator, "pause")
    body = json.dumps(document("asked")).encode()
    greedy = {"Authorization": f"Bearer {service.token()}", "Content-Type": "application/json"}
    page = service.ask("GET", "/admin/login/")
    [csrf] = re.findall("csrftoken=([^;]+)", page.headers["Set-Cookie"])
    form = f"csrfmiddlewaretoken={csrf}&username=nobody&password=wrong".encode()
    browser = {"Content-Type": "application/x-www-form-urlencoded", "Cookie": f"csrftoken={csrf}"}
    starts = [("POST", f"/api/v1/generators/{generator}/start", b"", greedy)] * 156
    validations = [("POST", "/api/v1/generators/validate", body, greedy)] * 5
    logins = [("POST", "/admin/login/", form, {**browser, "X-Forwarded-For": f"203.0.113.{one}"}) for one in range(25)]

    with ThreadPoolExecutor(8) as threads:
        storm = [threads.submit(service.at_once, [*validations, *starts]) for _ in range(6)]
        attempts = threads.submit(service.at_once, logins)
        beside = [service.call("GET", f"/generators/{generator}") for _ in range(10)]
        health = [service.ask("GET", "/api/v1/health") for _ in range(10)]
    replies = [reply for part in storm for reply in part.result()]

    by_status = Counter(reply.status for reply in replies)
    assert set(by_status) == {200, 409, 429}
    assert by_status[200] == len(storm) * len(validations)
    refused = [reply for reply in (*replies, *attempts.result()) if reply.status == 429]
    assert len(refused) > by_status[429]
    assert all(reply.json["code"] == "THROTTLED" and 1 <= int(reply.headers["Retry-After"]) <= 60 for reply in refused)
    assert {(reply.status, reply.json["runId"]) for reply in beside} == {(200, paused["runId"])}
    assert {(reply.status, reply.json["status"]) for reply in health} == {(200, "UP")}
    service.call("DELETE", f"/generators/{generator}")

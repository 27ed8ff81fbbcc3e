"""The service on PostgreSQL: workers anywhere, and a control database that goes away and comes back."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.api import definition
from tests.support.postgres import OwnServer, some_server
from tests.support.sdg import ROOT, Sdg
from tests.support.service import Service

COUNT = 2_000_000
TESTS = [f"tests/generators/runs/test_{name}.py" for name in ("slices", "lifecycle_machine", "crowds")]


def document(name: str) -> dict[str, Any]:
    config = {"path": f"{name}.jsonl"}
    given: dict[str, Any] = {"streamName": "orders", "seed": 42, "recordCount": COUNT, "shards": 3}
    return definition(name, destination={"type": "FILE", "config": config}, **given)


@pytest.fixture(scope="module")
def server() -> Iterator[OwnServer]:
    with OwnServer() as running:
        yield running


@pytest.fixture(scope="module")
def service(server: OwnServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    folder = tmp_path_factory.mktemp("service")
    with Service.at(folder, workers=2, DATABASE_URL=server.url, SDG_LEASE_SECONDS="6") as running:
        yield running


@pytest.fixture(scope="module")
def calm(service: Service) -> str:
    generator = service.create(document("calm"))
    service.act(generator, "start")
    service.wait_for_status(generator, "COMPLETED")
    return service.checksum(generator)


def test_c9_a_control_database_that_is_away_for_a_while_costs_nothing(
    service: Service, server: OwnServer, calm: str
) -> None:
    generator = service.create(document("away"))
    service.act(generator, "start")
    service.wait_for_records(generator, 1)

    server.stop()
    answer = service.ask("GET", "/api/v1/health")
    time.sleep(3)
    server.start()

    assert answer.status == 503
    service.wait_for_status(generator, "COMPLETED", seconds=120)
    assert service.checksum(generator) == calm


def test_a_worker_with_a_home_of_its_own_takes_part(service: Service, calm: str, tmp_path: Path) -> None:
    """As on another machine; the output folder is one that both can reach."""
    elsewhere = Sdg.at(
        tmp_path,
        DATABASE_URL=service.sdg.environment["DATABASE_URL"],
        SDG_OUTPUT_ROOT=str(Path(service.sdg.environment["SDG_HOME"]) / "out"),
        SDG_LEASE_SECONDS="6",
    )
    with subprocess.Popen(
        elsewhere.command("worker"), cwd=tmp_path, env=dict(elsewhere.environment), stderr=subprocess.DEVNULL
    ) as beside:
        try:
            deadline = time.monotonic() + 30
            while beside.pid not in service.worker_pids():
                assert time.monotonic() < deadline
                time.sleep(0.1)
            generator = service.create(document("together"))

            service.act(generator, "start")
            service.wait_for_status(generator, "COMPLETED", seconds=60)
        finally:
            beside.terminate()
            beside.wait(30)

    assert service.checksum(generator) == calm
    assert beside.returncode == 0


@pytest.mark.timeout(600)
def test_what_holds_on_sqlite_holds_on_postgres() -> None:
    """The tests of leases, slices and the lifecycle once more, with another database below them."""
    with some_server() as running, running.database() as url:
        environment = {**os.environ, "DATABASE_URL": url}
        environment.pop("PYTEST_XDIST_WORKER", None)
        done = subprocess.run(
            [sys.executable, "-m", "pytest", "-q", "-n", "0", "-p", "no:cacheprovider", *TESTS],
            cwd=ROOT,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )

    assert done.returncode == 0, done.stdout[-4000:]

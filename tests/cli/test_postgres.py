"""`sdg` with its control database in PostgreSQL."""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Iterator

import pytest

from tests.support.postgres import OwnServer, Postgres, some_server
from tests.support.sdg import Sdg, killed_after


@pytest.fixture(scope="module")
def server() -> Iterator[Postgres]:
    with some_server() as running:
        yield running


@pytest.fixture
def url(server: Postgres) -> Iterator[str]:
    with server.database() as made:
        yield made


def test_a_run_is_the_same_as_with_sqlite(sdg: Sdg, url: str) -> None:
    path = sdg.definition(recordCount=200_000)

    beside = sdg("run", path, "--to", "a.jsonl", "--json").json
    ran = sdg("run", path, "--to", "b.jsonl", "--workers", "2", "--json", DATABASE_URL=url)
    listed = [json.loads(line) for line in sdg("runs", "--json", DATABASE_URL=url).out.splitlines()]

    assert ran.code == 0, ran.err
    assert ran.json["outputs"][0]["checksum"] == beside["outputs"][0]["checksum"]
    assert [(row["to"], row["status"], row["records"]) for row in listed] == [("b.jsonl", "COMPLETED", 200_000)]


def test_a_run_that_was_killed_goes_on(sdg: Sdg, url: str) -> None:
    path = sdg.definition(recordCount=3_000_000)
    undisturbed = sdg("run", path, "--to", "a.jsonl", "--json").json

    process = sdg.start("run", path, "--to", "b.jsonl", "--workers", "2", DATABASE_URL=url)
    _wait_until_it_writes(sdg, process)
    killed = killed_after(process, 0.5)
    resumed = sdg("run", "--resume", "last", "--workers", "2", "--json", DATABASE_URL=url)

    assert killed
    assert resumed.code == 0, resumed.err
    assert resumed.json["outputs"][0]["checksum"] == undisturbed["outputs"][0]["checksum"]


def _wait_until_it_writes(sdg: Sdg, process: subprocess.Popen[str]) -> None:
    while not list(sdg.folder.glob(".b.jsonl.sdg-*/shard-0.data")) and process.poll() is None:
        time.sleep(0.02)


def test_pools_previews_and_pruning_work(sdg: Sdg, url: str) -> None:
    (sdg.folder / "sizes.csv").write_text("size\nS\nM\n")
    field = {"fieldName": "size", "type": "POOL_REFERENCE", "params": {"pool": "sizes", "column": "size"}}
    path = sdg.definition(fieldMappings=[field])

    before = sdg("preview", path, DATABASE_URL=url)
    added = sdg("pool", "add", "sizes", "--file", "sizes.csv", DATABASE_URL=url)
    preview = sdg("preview", path, "--json", DATABASE_URL=url)
    ran = sdg("run", path, "--to", "o.jsonl", "--quiet", DATABASE_URL=url)
    pruned = sdg("runs", "prune", "--days", "0", DATABASE_URL=url)

    assert (before.code, added.code, preview.code, ran.code, pruned.code) == (2, 0, 0, 0, 0), ran.err
    assert "POOL_NOT_FOUND" in before.err
    assert {json.loads(line)["size"] for line in preview.out.splitlines()} == {"S", "M"}
    assert "1 run removed" in pruned.err


def test_first_uses_at_once_from_several_machines_set_it_up_once(sdg: Sdg, url: str) -> None:
    homes = [str(sdg.folder / f"home-{number}") for number in range(4)]

    processes = [sdg.start("runs", DATABASE_URL=url, SDG_HOME=home) for home in homes]
    told = [process.communicate(timeout=120)[1] for process in processes]

    assert [process.returncode for process in processes] == [0] * 4, told


@pytest.mark.parametrize("workers", ["1", "2"])
def test_a_server_that_goes_away_is_code_3_and_the_run_goes_on_when_it_is_back(sdg: Sdg, workers: str) -> None:
    path = sdg.definition(recordCount=4_000_000)
    undisturbed = sdg("run", path, "--to", "a.jsonl", "--json").json

    with OwnServer() as server:
        process = sdg.start("run", path, "--to", "b.jsonl", "--workers", workers, DATABASE_URL=server.url)
        _wait_until_it_writes(sdg, process)
        server.stop()
        _, err = process.communicate(timeout=60)
        away = sdg("runs", DATABASE_URL=server.url)
        server.start()
        resumed = sdg("run", "--resume", "last", "--json", DATABASE_URL=server.url)

    for code, told in ((process.returncode, err), (away.code, away.err)):
        assert code == 3, told
        assert "the control database does not answer" in told
        assert "Traceback" not in told
    assert resumed.code == 0, resumed.err
    assert resumed.json["outputs"][0]["checksum"] == undisturbed["outputs"][0]["checksum"]

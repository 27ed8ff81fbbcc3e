"""`sdg config`, `sdg doctor` and `sdg runs prune`: what an operator looks at, and cleans up."""

from __future__ import annotations

import json
import os
import re
import socket
import sqlite3
import time
from pathlib import Path

from tests.support.sdg import ROOT, Sdg
from tests.support.service import Service, free_port


def test_config_lists_every_variable_that_the_code_reads_with_its_source(new_sdg: Sdg) -> None:
    sources = [
        path.read_text() for folder in ("sdg_project", "generators", "pools") for path in (ROOT / folder).rglob("*.py")
    ]
    read = set(re.findall(r'environ(?:\.get\(|\[)"((?:SDG_|DATABASE_URL)\w*)"', "\n".join(sources)))
    read |= set(re.findall(r'_listed\("(SDG_\w+)"\)', "\n".join(sources)))

    rows = [json.loads(line) for line in new_sdg("config", "--json", SDG_WORKERS="7").out.splitlines()]
    found = {row["name"]: row for row in rows}

    assert "SDG_HOME" in read
    assert found.keys() >= read - {"SDG_FAILPOINTS"}  # which is for tests
    assert (found["SDG_WORKERS"]["value"], found["SDG_WORKERS"]["source"]) == ("7", "environment")
    assert (found["SDG_LOG_FORMAT"]["value"], found["SDG_LOG_FORMAT"]["source"]) == ("line", "default")
    assert found["SDG_HOME"]["value"] == str(new_sdg.folder / "home")
    assert all(row["meaning"] for row in rows)
    assert not (new_sdg.folder / "home").exists()


def test_config_says_which_secret_is_generated_where_nobody_has_set_it(sdg: Sdg) -> None:
    def shown(**variables: str) -> str:
        rows = [json.loads(line) for line in sdg("config", "--json", **variables).out.splitlines()]
        return next(str(row["value"]) for row in rows if row["name"] == "SDG_SECRET_KEY")

    assert shown() == "(generated)"
    assert shown(SDG_SECRET_KEY="mine") == "••••"


def test_config_shows_no_secret(sdg: Sdg) -> None:
    secrets = {
        "SDG_SECRET_KEY": "canary-key" * 6,
        "SDG_FIELD_KEYS": "canary_" + "k" * 36 + "=",
        "DATABASE_URL": "postgres://ada:canary-password@db.example.org:5433/sdg?sslmode=require",
    }

    answers = [sdg("config", **secrets), sdg("config", "--json", **secrets)]

    for answer in answers:
        assert answer.code == 0, answer.err
        assert "canary" not in answer.out + answer.err
        assert "postgres://ada:••••@db.example.org:5433/sdg" in answer.out


def test_doctor_finds_a_fresh_and_a_working_installation_fine(tmp_path: Path) -> None:
    service = Service.at(tmp_path)
    fresh = service.sdg("doctor", "--port", str(service.port))
    with service:
        working = service.sdg("doctor", "--port", str(service.port))
        rows = service.sdg("doctor", "--port", str(service.port), "--json").out.splitlines()

    assert fresh.code == 0, fresh.out
    assert "there is none yet" in fresh.out
    assert working.code == 0, working.out
    assert "the service of this SDG_HOME answers" in working.out
    assert "2 alive" in working.out
    parts = [json.loads(row) for row in rows]
    assert {"home", "output", "disk", "database", "port", "clock", "workers", "runs", "leftovers"} <= {
        part["part"] for part in parts
    }
    assert all(part["fine"] for part in parts)


def test_doctor_finds_the_service_of_its_home_wherever_it_listens(tmp_path: Path) -> None:
    service = Service.at(tmp_path)
    other, free = str(tmp_path / "other"), free_port()
    with service:
        plain = service.sdg("doctor")
        elsewhere = service.sdg("doctor", "--port", str(free))
        from_other = service.sdg("doctor", "--port", str(service.port), SDG_HOME=other)
        second = service.sdg("up", "--port", str(free))
    ended = service.sdg("doctor", "--port", str(service.port))

    assert plain.code == 0, plain.out
    assert f"the service of this SDG_HOME answers at {service.address}: UP" in plain.out
    assert elsewhere.code == 0
    assert f"port {free} is free; the service of this SDG_HOME is at {service.address}" in elsewhere.out
    assert from_other.code == 1
    assert f"a service of another SDG_HOME answers on port {service.port}" in from_other.out
    assert second.code == 2
    assert service.address in second.err
    assert "no service runs there" in ended.out


def test_doctor_says_of_everything_that_is_amiss_what_to_do(sdg: Sdg, tmp_path: Path) -> None:
    process = sdg.start("run", sdg.definition(recordCount=20_000_000), "--to", "o.jsonl", "--quiet")
    deadline = time.monotonic() + 60
    while not list(sdg.folder.glob(".o.jsonl.sdg-*/shard-0.data")) and time.monotonic() < deadline:
        time.sleep(0.02)
    process.kill()
    process.communicate()
    (sdg.folder / "home" / "runs" / "00000000-0000-0000-0000-000000000000").mkdir(parents=True)
    _age(sdg.folder / "home" / "runs" / "00000000-0000-0000-0000-000000000000")
    (tmp_path / "file").write_text("")
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        other.settimeout(0)
        port = other.getsockname()[1]
        answer = sdg("doctor", "--port", str(port), SDG_OUTPUT_ROOT=str(tmp_path / "file" / "out"))
    away = sdg("doctor", "--port", str(free_port()), DATABASE_URL=f"postgres://nobody@127.0.0.1:{free_port()}/none")

    assert answer.code == 1
    assert "SDG_OUTPUT_ROOT" in answer.out
    assert f"port {port} is used by something else" in answer.out
    assert "1 run interrupted" in answer.out
    assert "sdg run --resume" in answer.out
    assert "1 folder of runs" in answer.out
    assert away.code == 1
    assert "it does not answer" in away.out
    assert "DATABASE_URL" in away.out
    assert "Traceback" not in answer.err + away.err


def _age(path: Path) -> None:
    long_ago = time.time() - 100 * 86_400
    os.utime(path, (long_ago, long_ago))


def test_prune_removes_dead_letters_silent_workers_and_strays_but_nothing_that_the_service_needs(
    tmp_path: Path,
) -> None:
    to_file = {"destination": {"type": "FILE", "config": {"path": "orders.jsonl"}}}
    with Service.at(tmp_path) as service:
        sdg = service.sdg
        sdg("import", sdg.definition(**to_file))
        sdg("seed", "orders", "--wait")
        sdg("seed", "orders", "--wait")
        sdg("run", tmp_path / "orders.yaml", "--to", "own.jsonl", "--quiet")
        [generator] = service.call("GET", "/generators").json
        first, last = (
            run["runId"] for run in reversed(service.call("GET", f"/generators/{generator['id']}/runs").json)
        )
        with sqlite3.connect(tmp_path / "home" / "sdg.sqlite3") as database:
            for run in (first, last):
                database.execute(
                    "insert into generators_deadletter (run_id, record_number, error_class, code, message, field,"
                    " occurred_at) values (?, 1, 'DELIVERY', 'X', 'x', '', '2020-01-01')",
                    [run.replace("-", "")],
                )
            database.execute(
                "insert into generators_worker (id, host, pid, version, started_at, beat_at, is_leaving)"
                " values ('gone', 'elsewhere', 1, '0', '2020-01-01', '2020-01-01', 0)"
            )
        stray = tmp_path / "home" / "runs" / "00000000-0000-0000-0000-000000000000"
        stray.mkdir(parents=True)
        _age(stray)

        pruned = sdg("runs", "prune", "--days", "0")

        left = [json.loads(line)["runId"] for line in sdg("runs", "--json").out.splitlines()]
        with sqlite3.connect(tmp_path / "home" / "sdg.sqlite3") as database:
            [letters] = database.execute("select count(*) from generators_deadletter").fetchall()
            workers = {row[0] for row in database.execute("select id from generators_worker")}
        alive = service.worker_pids()

    assert pruned.code == 0, pruned.err
    assert "2 runs removed" in pruned.err
    assert "1 folder of runs removed" in pruned.err
    assert "1 worker forgotten" in pruned.err
    assert left == [last]
    assert letters == (1,)
    assert "gone" not in workers
    assert len(alive) == 2
    assert not stray.exists()


def test_prune_leaves_a_paused_run_of_the_service_that_goes_on_to_the_same_bytes(tmp_path: Path) -> None:
    to_file = {"destination": {"type": "FILE", "config": {"path": "orders.jsonl"}}}
    with Service.at(tmp_path) as service:
        path = service.sdg.definition(recordCount=2_000_000, **to_file)
        service.sdg("import", path)
        [generator] = service.call("GET", "/generators").json
        service.act(generator["id"], "start")
        service.wait_for_records(generator["id"], 1)
        service.act(generator["id"], "pause")

        pruned = service.sdg("runs", "prune", "--days", "0")
        foreign = service.sdg("run", "--resume", service.call("GET", f"/generators/{generator['id']}").json["runId"])
        listed = service.sdg("runs")
        service.act(generator["id"], "resume")
        ended = service.wait_for_status(generator["id"], "COMPLETED", "FAILED")
        run = service.call("GET", f"/runs/{ended['runId']}").json
        alone = service.sdg("run", path, "--to", "alone.jsonl", "--json")

    assert "0 runs removed" in pruned.err
    assert foreign.code == 2
    assert "/resume goes on with it" in foreign.err
    assert f"POST /api/v1/generators/{generator['id']}/resume" in listed.err
    assert ended["status"] == "COMPLETED"
    assert run["outputs"][0]["checksum"] == alone.json["outputs"][0]["checksum"]

"""`sdg connection` as a person and a script use it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psycopg
import pytest
from cryptography.fernet import Fernet

from tests.support.postgres import Postgres, some_server
from tests.support.sdg import Answer, Sdg

CANARY = "canary-8d1f-secret"


@pytest.fixture(scope="module")
def server() -> Iterator[Postgres]:
    with some_server() as running:
        yield running


def add(sdg: Sdg, url: str, *arguments: str, stdin: str | None = None, **variables: str) -> Answer:
    place = urlsplit(url)
    flags = {"host": place.hostname, "port": place.port, "database": place.path[1:], "user": place.username}
    words = [word for name, value in flags.items() for word in (f"--{name}", str(value))]
    return sdg("connection", "add", "refdata", "--type", "postgres", *words, *arguments, stdin=stdin, **variables)


def test_a_connection_is_added_tested_listed_and_removed(sdg: Sdg, server: Postgres) -> None:
    added = add(sdg, server.url, "--secret-env", "THE_PASSWORD", THE_PASSWORD=CANARY)
    tested, as_json = sdg("connection", "test", "refdata"), sdg("connection", "test", "refdata", "--json")
    listed = sdg("connection", "list"), sdg("connection", "list", "--json")
    removed = sdg("connection", "remove", "refdata")

    assert (added.code, added.out) == (0, ""), added.err
    assert 'connection "refdata" is stored' in added.err
    assert tested.code == 0, tested.err
    assert "OK: the connection works: PostgreSQL" in tested.err
    assert (as_json.json["ok"], as_json.json["outcome"]) == (True, "OK")
    assert listed[0].out.startswith("refdata  POSTGRES  host ")
    assert json.loads(listed[1].out)["secrets"] == {"password": "••••"}
    assert removed.code == 0
    assert sdg("connection", "list").out == ""
    assert not any(CANARY in text for one in (added, tested, as_json, *listed) for text in (one.out, one.err))


def test_a_secret_comes_from_a_file_or_standard_input_and_can_be_changed(sdg: Sdg, server: Postgres) -> None:
    (sdg.folder / "password").write_text(f"{CANARY}\n")

    assert add(sdg, server.url, "--secret-file", "-", stdin=f"{CANARY}\n").code == 0
    changed = sdg("connection", "secret", "refdata", "--secret-file", "password")
    deleted = sdg("connection", "secret", "refdata", "--no-secret")

    assert changed.code == 0, changed.err
    assert deleted.code == 0, deleted.err
    assert json.loads(sdg("connection", "list", "--json").out)["secrets"] == {}


@pytest.mark.parametrize("arguments", [("--secret-env", "NOT_SET"), ("--secret-file", "none"), ()], ids=str)
def test_without_a_secret_nothing_is_stored(sdg: Sdg, server: Postgres, arguments: tuple[str, ...]) -> None:
    added = add(sdg, server.url, *arguments, stdin="")

    assert added.code == 2
    assert sdg("connection", "list").out == ""


def test_a_secret_cannot_be_an_argument(sdg: Sdg, server: Postgres) -> None:
    assert add(sdg, server.url, "--password", CANARY).code == 2
    assert add(sdg, server.url, "--secret", CANARY).code == 2


def test_exit_codes_tell_a_server_that_is_away_from_what_is_wrong(sdg: Sdg, server: Postgres) -> None:
    place = urlsplit(server.url)
    add(sdg, place._replace(netloc=f"{place.username}@127.0.0.1:1").geturl(), "--no-secret")
    away = sdg("connection", "test", "refdata")
    sdg("connection", "remove", "refdata")
    add(sdg, place._replace(path="/none").geturl(), "--no-secret")
    missing = sdg("connection", "test", "refdata")

    assert (away.code, away.err.partition(":")[0]) == (3, "REFUSED")
    assert (missing.code, missing.err.partition(":")[0]) == (2, "MISSING_DATABASE")


def test_what_is_wrong_is_told_at_once(sdg: Sdg) -> None:
    words = ("--type", "POSTGRES", "--host", "a,b", "--port", "99999", "--database", "d", "--user", "u")

    added = sdg("connection", "add", "a b", *words, "--no-secret")

    assert added.code == 2
    assert [line.partition(":")[0] for line in added.err.splitlines() if line.startswith("/")] == [
        *("/name", "/config/host", "/config/port")
    ]


def test_a_query_and_a_table_make_pools_that_keep_their_connection(sdg: Sdg, server: Postgres) -> None:
    with server.database() as url:
        with psycopg.connect(url, autocommit=True) as setup:
            setup.execute("CREATE SCHEMA ref")
            setup.execute("CREATE TABLE ref.size AS VALUES ('S', 1.5), ('M', 2.0)")
        add(sdg, url, "--secret-env", "THE_PASSWORD", THE_PASSWORD=CANARY)
        query = "select column1 as size from ref.size order by 1"

        asked = sdg("pool", "add", "sizes", "--query", query, "--connection", "refdata")
        table = sdg("pool", "add", "weights", "--table", "ref.size", "--connection", "refdata")
        kept = sdg("connection", "remove", "refdata")
        listed = sdg("pool", "list")
    away = sdg("pool", "refresh", "sizes")
    shown = sdg("pool", "show", "sizes")

    assert asked.code == 0, asked.err
    assert "version 1, 2 rows" in asked.err
    assert table.code == 0, table.err
    assert "column2: DECIMAL" in table.err
    assert (kept.code, kept.err.splitlines()[0]) == (2, 'connection "refdata" is used by pool sizes, pool weights')
    assert "refdata: size" in listed.out
    assert away.code == 3
    assert "MISSING_DATABASE" in away.err
    assert "READY, last refresh failed" in shown.out
    assert "SOURCE_UNAVAILABLE" in shown.err
    assert not any(CANARY in text for one in (asked, table, away, shown) for text in (one.out, one.err))


def test_a_query_needs_a_connection_and_a_file_takes_none(sdg: Sdg) -> None:
    without = sdg("pool", "add", "p", "--query", "select 1")
    needless = sdg("pool", "add", "p", "--file", "x.csv", "--connection", "refdata")
    unknown = sdg("pool", "add", "p", "--table", "a", "--connection", "refdata")

    assert (without.code, needless.code, unknown.code) == (2, 2, 2)
    assert "--query and --table need --connection" in without.err
    assert "--connection does not apply" in needless.err
    assert 'there is no connection "refdata"' in unknown.err


# Bundles.


def bundled(sdg: Sdg, url: str, **changes: Any) -> Path:
    """A bundle with a connection, a pool that is read over it, and a generator of the pool's values."""
    place = urlsplit(url)
    config = {"host": place.hostname, "port": place.port, "database": place.path[1:], "user": place.username}
    content = {
        "connections": [{"name": "refdata", "type": "POSTGRES", "config": config, **changes}],
        "pools": [{"name": "sizes", "source": {"type": "POSTGRES", "connection": "refdata", "table": "size"}}],
        "generators": [
            {
                "name": "shirts",
                "seed": 1,
                "recordCount": 10,
                "fieldMappings": [
                    {"fieldName": "size", "type": "POOL_REFERENCE", "params": {"pool": "sizes", "column": "size"}}
                ],
                "destination": {"type": "FILE", "config": {"path": "shirts.jsonl"}},
            }
        ],
    }
    path = sdg.folder / "bundle.json"
    path.write_text(json.dumps(content))
    return path


@pytest.fixture
def sizes(server: Postgres) -> Iterator[str]:
    with server.database() as url:
        with psycopg.connect(url, autocommit=True) as setup:
            setup.execute("CREATE TABLE size AS SELECT * FROM (VALUES ('S'), ('M')) AS rows (size)")
        yield url


def test_a_bundle_with_a_connection_runs_without_anything_stored(sdg: Sdg, sizes: str) -> None:
    ran = sdg("run", bundled(sdg, sizes), "--to", "shirts.jsonl", "--json")

    assert ran.code == 0, ran.err
    assert {json.loads(line)["size"] for line in (sdg.folder / "shirts.jsonl").read_text().splitlines()} == {"S", "M"}
    assert sdg("connection", "list").out == ""


def test_export_and_import_carry_connections_without_their_secrets(sdg: Sdg, sizes: str) -> None:
    there = {"SDG_HOME": str(sdg.folder / "there"), "THE_PASSWORD": CANARY}
    path = bundled(sdg, sizes, secrets={"password": {"env": "THE_PASSWORD"}})

    imported = sdg("import", path, **there)
    exported = sdg("export", "shirts", **there)
    (sdg.folder / "exported.yaml").write_text(exported.out)
    again = sdg("import", "exported.yaml", **there)
    elsewhere = sdg("import", "exported.yaml")

    assert imported.code == 0, imported.err
    assert 'connection "refdata" is created' in imported.out
    assert exported.out.startswith("connections:\n  - name: refdata\n    type: POSTGRES\n")
    assert "secrets" not in exported.out
    assert CANARY not in imported.out + imported.err + exported.out
    assert 'connection "refdata" is left as it is' in again.out
    assert json.loads(sdg("connection", "list", "--json", **there).out)["secrets"] == {"password": "••••"}
    assert elsewhere.code == 0, elsewhere.err
    assert json.loads(sdg("connection", "list", "--json").out)["secrets"] == {}


def test_a_secret_is_not_taken_along_to_another_host(sdg: Sdg, sizes: str) -> None:
    add(sdg, sizes, "--secret-env", "THE_PASSWORD", THE_PASSWORD=CANARY)
    path = bundled(sdg, sizes)
    content = json.loads(path.read_text())
    content["connections"][0]["config"]["host"] = "localhost"
    path.write_text(json.dumps(content))

    looked = sdg("import", path, "--dry-run")
    kept = json.loads(sdg("connection", "list", "--json").out)["secrets"]
    imported = sdg("import", path)

    assert 'connection "refdata" would be changed' in looked.out, looked.err
    assert "its secrets are forgotten, because host changes" in looked.out
    assert kept == {"password": "••••"}
    assert imported.code == 0, imported.err
    assert json.loads(sdg("connection", "list", "--json").out)["secrets"] == {}


def test_a_file_names_variables_and_holds_no_secrets(sdg: Sdg, sizes: str) -> None:
    literal = sdg("import", bundled(sdg, sizes, secrets={"password": CANARY}))
    unset = sdg("import", bundled(sdg, sizes, secrets={"password": {"env": "NOT_SET"}}))
    wrong = sdg("validate", bundled(sdg, sizes, config={"host": "a,b", "hostaddr": "1.2.3.4"}))

    assert (literal.code, unset.code, wrong.code) == (2, 2, 2)
    assert "a file holds no secrets" in literal.err
    assert CANARY not in literal.err
    assert "the variable NOT_SET is not set" in unset.err
    assert all(f"{name}" in wrong.err for name in ("host", "hostaddr", "database", "user"))
    assert sdg("connection", "list").out == ""


def test_secrets_are_encrypted_by_the_new_key(sdg: Sdg, server: Postgres) -> None:
    old, new = Fernet.generate_key().decode(), Fernet.generate_key().decode()
    add(sdg, server.url, "--secret-env", "THE_PASSWORD", THE_PASSWORD=CANARY, SDG_FIELD_KEYS=old)

    done = sdg("connection", "reencrypt", SDG_FIELD_KEYS=f"{new},{old}")

    assert (done.code, done.out) == (0, "")
    assert 'connection "refdata" is encrypted by the first key now' in done.err
    assert "1 secret had another key" in done.err
    assert sdg("connection", "test", "refdata", SDG_FIELD_KEYS=new).code == 0

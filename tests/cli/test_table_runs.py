"""`sdg run` into a table, as a person types it: over a connection of a bundle, killed and gone on with."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import pytest

from tests.support.postgres import OwnServer
from tests.support.sdg import Sdg
from tests.support.table_runs import execute

CANARY = "canary-8d1f-secret"


@pytest.fixture(scope="module")
def server() -> Iterator[OwnServer]:
    with OwnServer() as server:
        yield server


def bundle(sdg: Sdg, server: OwnServer, *, config: dict[str, Any] | None = None) -> str:
    """A bundle with a connection, over which 1,000 records in three frames go to a table that is made."""
    place = urlsplit(server.url)
    told = {"host": place.hostname, "port": place.port, "database": place.path[1:], "user": place.username}
    secrets = {"password": {"env": "THE_PASSWORD"}}
    destination = {
        "type": "POSTGRES",
        "connection": "target",
        "config": {"table": "made", "tablePolicy": "CREATE", **(config or {})},
    }
    word = {"fieldName": "word", "type": "CONSTANT", "params": {"value": "x" * 1_000}}
    generator = {
        "name": "rows",
        "seed": 1,
        "recordCount": 70_000,
        "fieldMappings": [{"fieldName": "n", "type": "SEQUENCE"}, word],
        "destination": destination,
    }
    connection = {"name": "target", "type": "POSTGRES", "config": {**told, "tls": "DISABLE"}, "secrets": secrets}
    (sdg.folder / "rows.json").write_text(json.dumps({"connections": [connection], "generators": [generator]}))
    return "rows.json"


def test_a_killed_run_goes_on_with_secrets_of_the_environment(sdg: Sdg, server: OwnServer) -> None:
    execute(server.url, "DROP TABLE IF EXISTS made, sdg_checkpoint")
    file = bundle(sdg, server)

    checked = sdg("validate", file, "--check-connections", THE_PASSWORD=CANARY)
    died = sdg("run", file, THE_PASSWORD=CANARY, SDG_FAILPOINTS="postgres.commit.moved=kill@2")
    without = sdg("run", "--resume", "last")
    resumed = sdg("run", "--resume", "last", "--json", THE_PASSWORD=CANARY)

    assert checked.code == 0, checked.err
    assert died.code == -9
    assert without.code != 0
    assert "THE_PASSWORD must be set" in without.err
    assert resumed.code == 0, resumed.err
    assert resumed.json["deliveryGuarantee"] == "EXACTLY_ONCE"
    assert [(one["path"], one["records"]) for one in resumed.json["outputs"]] == [("public.made", 70_000)]
    assert execute(server.url, "SELECT count(*), count(DISTINCT n) FROM made") == [(70_000, 70_000)]
    assert not any(CANARY.encode() in path.read_bytes() for path in sdg.folder.rglob("*") if path.is_file())


def test_a_secret_in_a_file_or_a_flag_is_refused(sdg: Sdg, server: OwnServer) -> None:
    file = bundle(sdg, server)
    document = json.loads((sdg.folder / file).read_text())
    [generator], [connection] = document["generators"], document["connections"]
    generator["destination"] = {"type": "POSTGRES", "config": {"table": "made", **connection["config"]}}
    (sdg.folder / "inline.json").write_text(json.dumps(generator))

    answer = sdg("run", "inline.json", "--set", f"destination.config.password={CANARY}")

    assert answer.code == 2
    assert "a file holds no secrets" in answer.err
    assert CANARY not in answer.err

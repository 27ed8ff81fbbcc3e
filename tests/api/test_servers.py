"""Destinations with a server over HTTP: where it is, how its secrets are kept, and what it refuses."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import pytest

from generators.models import DeadLetter, Generator, Run
from sdg_project.variables import HIDDEN
from sinks.models import Connection
from tests.support.api import Caller, assert_problem, definition, let_a_worker_beat, work
from tests.support.connections import CANARY, stored_connection
from tests.support.postgres import OwnServer
from tests.support.table_runs import execute


@pytest.fixture(scope="module")
def server() -> Iterator[OwnServer]:
    with OwnServer() as server:
        yield server


@pytest.fixture
def url(server: OwnServer) -> str:
    """A database with a table t whose ids 17 and 18 nobody may have."""
    table = "CREATE TABLE t (id bigint CHECK (id NOT IN (17, 18)), amount numeric(5, 2), state text)"
    execute(server.url, "DROP SCHEMA public CASCADE", "CREATE SCHEMA public", table)
    return server.url


def details(url: str, **changes: Any) -> dict[str, Any]:
    """Where the server is, as it stands in a destination's config."""
    place = urlsplit(url)
    told = {"host": place.hostname, "port": place.port, "database": place.path[1:], "user": place.username}
    return {**told, "tls": "DISABLE", **changes}


def into_table(
    *, connection: str | None = None, config: dict[str, Any] | None = None, **changes: Any
) -> dict[str, Any]:
    """A definition that writes 10 records to table t."""
    named = {} if connection is None else {"connection": connection}
    destination = {"type": "POSTGRES", **named, "config": {"table": "t", **(config or {})}}
    return definition(destination=destination, **({"recordCount": 10} | changes))


def started(caller: Caller, document: dict[str, Any]) -> str:
    """The address of a generator that has been stored and started."""
    made = caller.post("/generators", document)
    assert made.status_code == 201, made.content
    let_a_worker_beat()
    path = f"/generators/{made.json()['id']}"
    response = caller.post(f"{path}/start")
    assert response.status_code == 200, response.content
    return path


def test_a_generator_writes_over_a_stored_connection_which_stays_as_long_as_it_is_used(
    admin: Caller, editor: Caller, url: str
) -> None:
    stored_connection(url, "target", tls="DISABLE")

    path = started(editor, into_table(connection="TARGET"))
    work()

    shown = editor.get(path).json()
    assert (shown["status"], shown["deliveryGuarantee"]) == ("COMPLETED", "EXACTLY_ONCE")
    assert shown["destination"]["connection"] == "TARGET"
    assert execute(url, "SELECT count(*), count(DISTINCT id) FROM t") == [(10, 10)]
    run = editor.get(f"/runs/{shown['runId']}").json()
    assert [(one["path"], one["records"]) for one in run["outputs"]] == [("public.t", 10)]
    assert admin.get("/connections/target").json()["usedBy"] == [{"kind": "generator", "name": "orders"}]
    assert_problem(admin.delete("/connections/target"), 409, "IN_USE")


def test_a_secret_in_a_definition_is_never_shown_and_never_frozen(editor: Caller, url: str) -> None:  # S6
    path = started(editor, into_table(config=details(url, password=CANARY)))
    work()

    shown = editor.get(path).json()
    assert shown["status"] == "COMPLETED"
    assert shown["destination"]["config"]["password"] == HIDDEN
    kept = [*Generator.objects.values(), *Run.objects.values(), *Connection.objects.values()]
    assert CANARY not in json.dumps(kept, default=str)
    assert editor.put(path, shown).status_code == 200
    assert editor.post(f"{path}/start", {"beforeRun": "REPLACE"}).status_code == 200
    work()
    assert editor.get(path).json()["status"] == "COMPLETED"


@pytest.mark.parametrize("change", [{"host": "192.0.2.9"}, {"port": 5433}, {"user": "x"}, {"tls": "PREFER"}])  # S7
def test_a_kept_secret_is_told_to_nobody_else(editor: Caller, url: str, change: dict[str, Any]) -> None:
    made = editor.post("/generators", into_table(config=details(url, password=CANARY))).json()
    config = {**made["destination"]["config"], **change}

    response = editor.put(f"/generators/{made['id']}", into_table(config=config))

    problem = assert_problem(response, 400, "SECRET_REQUIRED")
    assert problem["errors"][0]["path"] == "/destination/config/password"


@pytest.mark.parametrize(
    ("config", "connection", "expected"),
    [
        ({"password": {"env": "HOME"}}, None, ("PROPERTY_NOT_ALLOWED", "config/password")),
        ({"password": HIDDEN}, None, ("SECRET_REQUIRED", "config/password")),
        ({"host": None}, None, ("MISSING_PARAM", "config/host")),
        ({"hostaddr": "10.0.0.1"}, None, ("UNKNOWN_PROPERTY", "config/hostaddr")),
        ({"service": "x"}, None, ("UNKNOWN_PROPERTY", "config/service")),
        ({"options": "-c x=y"}, None, ("UNKNOWN_PROPERTY", "config/options")),
        ({"host": "/run/x"}, None, ("INVALID_VALUE", "config/host")),
        ({"host": "a,b"}, None, ("INVALID_VALUE", "config/host")),
        ({"schema": "pg_catalog"}, None, ("PROPERTY_NOT_ALLOWED", "config/schema")),
        ({"table": "x" * 64}, None, ("INVALID_VALUE", "config/table")),
        ({}, "target", ("PROPERTY_NOT_ALLOWED", "config/database")),
        (None, "tarket", ("INVALID_VALUE", "connection")),
        (None, None, ("MISSING_PARAM", "connection")),
    ],
)
def test_what_says_where_the_server_is_is_checked(  # S9, S11
    editor: Caller, url: str, config: dict[str, Any] | None, connection: str | None, expected: tuple[str, str]
) -> None:
    stored_connection(url, "target")
    given = None if config is None else details(url, **config)

    response = editor.post("/generators", into_table(connection=connection, config=given))

    problem = assert_problem(response, 400)
    code, at = expected
    assert (code, f"/destination/{at}") in {(issue["code"], issue["path"]) for issue in problem["errors"]}


def test_a_connection_that_leads_elsewhere_by_now_refuses_to_go_on(admin: Caller, editor: Caller, url: str) -> None:
    stored_connection(url, "target", tls="DISABLE")
    path = started(editor, into_table(connection="target"))
    editor.post(f"{path}/pause")
    shown = admin.get("/connections/target").json()
    admin.put("/connections/target", {**shown, "config": {**shown["config"], "database": "other"}})

    problem = assert_problem(editor.post(f"{path}/resume"), 409, "CONNECTION_CHANGED")

    assert "database" in problem["detail"]
    admin.put("/connections/target", shown)
    assert editor.post(f"{path}/resume").status_code == 200
    work()
    assert editor.get(path).json()["status"] == "COMPLETED"


def test_a_server_that_is_away_refuses_a_start_and_leaves_no_run(editor: Caller, url: str) -> None:  # B9
    made = editor.post("/generators", into_table(config=details(url, port=1))).json()
    let_a_worker_beat()

    response = editor.post(f"/generators/{made['id']}/start")

    assert_problem(response, 503, "DEST_UNAVAILABLE")
    assert not Run.objects.exists()


def test_validate_asks_the_server_when_it_is_told_to(editor: Caller, url: str) -> None:
    stored_connection(url, "target", tls="DISABLE")
    wrong = into_table(connection="target", config={"table": "tt"})

    unasked = editor.post("/generators/validate", wrong).json()
    asked = editor.post("/generators/validate?checkConnections=true", wrong).json()
    right = editor.post("/generators/validate?checkConnections=true", into_table(connection="target")).json()

    assert (unasked["valid"], unasked["connections"]) == (True, None)
    assert [error["code"] for error in asked["errors"]] == ["DEST_SCHEMA"]
    assert asked["connections"] == [
        {"connection": "target", "place": "public.tt", "ok": False, "codes": ["DEST_SCHEMA"]}
    ]
    assert right["valid"] is True
    assert right["connections"][0]["ok"] is True


def test_a_server_is_asked_for_those_only_who_may_store_a_definition(viewer: Caller, url: str) -> None:  # S2
    document = into_table(config=details(url))

    assert viewer.post("/generators/validate", document).json()["valid"] is True
    assert_problem(viewer.post("/generators/validate?checkConnections=true", document), 403, "NOT_PERMITTED")


def test_records_that_the_server_refuses_are_dead_letters_of_delivery(editor: Caller, url: str) -> None:  # B11
    path = started(editor, into_table(config=details(url), recordCount=30, onError="CONTINUE"))

    work()

    shown = editor.get(path).json()
    letters = editor.get(f"{path}/dead-letters").json()
    assert shown["status"] == "COMPLETED"
    assert execute(url, "SELECT count(*), count(DISTINCT id) FROM t") == [(28, 28)]
    assert [(one["recordIndex"], one["errorClass"], one["code"]) for one in letters] == [
        (16, "DELIVERY", "RECORD_INVALID"),
        (17, "DELIVERY", "RECORD_INVALID"),
    ]
    assert editor.get(f"/runs/{shown['runId']}").json()["recordsFailed"] == 2


def test_a_refused_record_pauses_a_run_right_before_it_and_can_be_left_out(editor: Caller, url: str) -> None:
    path = started(editor, into_table(config=details(url), recordCount=30, onError="PAUSE"))

    work()
    paused = editor.get(path).json()
    there = execute(url, "SELECT count(*) FROM t")
    for _ in range(2):
        assert editor.post(f"{path}/resume", {"skipFailed": True}).status_code == 200
        work()

    assert (paused["status"], paused["lastError"]["recordIndex"]) == ("PAUSED", 16)
    assert there == [(16,)]
    assert editor.get(path).json()["status"] == "COMPLETED"
    assert execute(url, "SELECT count(*), count(DISTINCT id) FROM t") == [(28, 28)]
    assert DeadLetter.objects.count() == 2


@pytest.mark.parametrize(("policy", "status"), [("STOP", "PAUSED"), ("REGENERATE", "COMPLETED")])
def test_a_table_that_has_lost_its_rows_is_made_good_or_waits(
    editor: Caller, url: str, policy: str, status: str
) -> None:
    config = details(url, onRegression=policy)
    path = started(editor, into_table(config=config, recordCount=30, onError="PAUSE"))
    work()
    execute(url, "TRUNCATE t, sdg_checkpoint", "ALTER TABLE t DROP CONSTRAINT t_id_check")

    assert editor.post(f"{path}/resume").status_code == 200
    work()

    shown = editor.get(path).json()
    assert shown["status"] == status
    assert (shown["lastError"] or {}).get("code") == ("DEST_REGRESSED" if policy == "STOP" else None)
    assert execute(url, "SELECT count(*) FROM t") == [(0 if policy == "STOP" else 30,)]

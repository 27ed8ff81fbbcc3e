"""Pools over stored connections: made by editors, who see nothing of the connection."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest

from pools import apart
from pools import services as pool_services
from sdg_project.errors import Unavailable
from sinks import services
from tests.support.api import Caller, assert_problem
from tests.support.connections import CANARY, connection, stored_connection
from tests.support.postgres import Postgres, some_server

SIZES = {"name": "sizes", "source": {"type": "POSTGRES", "connection": "REFDATA", "table": "size"}}


@pytest.fixture(scope="module")
def server() -> Iterator[Postgres]:
    with some_server() as running:
        yield running


@pytest.fixture
def url(server: Postgres, db: None) -> Iterator[str]:
    with server.database() as made:
        with psycopg.connect(made, autocommit=True) as setup:
            setup.execute("CREATE TABLE size AS SELECT * FROM (VALUES ('S'), ('M')) AS rows (size)")
        yield made


def test_an_editor_makes_a_pool_over_a_connection(editor: Caller, admin: Caller, url: str) -> None:
    stored_connection(url)

    response = editor.post("/pools", SIZES)

    assert response.status_code == 201, response.content
    assert editor.get("/pools/sizes/rows").json() == [{"size": "S"}, {"size": "M"}]
    assert admin.get("/connections/refdata").json()["usedBy"] == [{"kind": "pool", "name": "sizes"}]
    assert_problem(admin.delete("/connections/refdata"), 409, "IN_USE")
    editor.delete("/pools/sizes")
    assert admin.delete("/connections/refdata").status_code == 200


def test_a_connection_that_there_is_not_is_told_with_a_close_one(editor: Caller, url: str) -> None:
    stored_connection(url)
    body = {**SIZES, "source": {**SIZES["source"], "connection": "refdat"}}  # type: ignore[dict-item]

    problem = assert_problem(editor.post("/pools", body), 400, "INVALID_VALUE")

    assert problem["errors"][0]["path"] == "/source/connection"
    assert problem["errors"][0]["hint"] == 'did you mean "refdata"?'


def test_a_server_that_is_away_keeps_the_version_and_is_told(editor: Caller, url: str) -> None:
    stored_connection(url)
    editor.post("/pools", SIZES)
    services.replace_connection("refdata", connection(host="127.0.0.1", port=1))

    with pytest.raises(Unavailable):
        pool_services.refresh_pool("sizes")

    pool = editor.get("/pools/sizes").json()
    assert (pool["status"], pool["version"], pool["rowCount"]) == ("READY", 1, 2)
    assert [issue["code"] for issue in pool["lastError"]] == ["SOURCE_UNAVAILABLE"]
    assert "127.0.0.1" not in json.dumps(pool)
    assert_problem(editor.post("/pools", {**SIZES, "name": "other"}), 503, "SOURCE_UNAVAILABLE")
    assert [one["name"] for one in editor.get("/pools").json() if one["source"]["type"] == "POSTGRES"] == ["sizes"]


def test_a_server_that_sends_more_than_there_is_room_for_does_not_hurt_the_service(
    editor: Caller, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(apart, "_BASE_BYTES", 500 * 2**20)
    monkeypatch.setattr(apart, "_BYTES_PER_BYTE", 0)
    stored_connection(url)
    query = "SELECT repeat('x', 20000000) AS long FROM generate_series(1, 100)"
    body = {"name": "long", "source": {"type": "POSTGRES", "connection": "refdata", "query": query}}

    problem = assert_problem(editor.post("/pools", body), 400, "POOL_TOO_LARGE")

    assert "memory" in problem["errors"][0]["message"]
    assert editor.get("/pools/long").status_code == 404


def test_s6_no_secret_and_no_address_shows_up_in_a_pool(editor: Caller, viewer: Caller, url: str, caplog: Any) -> None:
    caplog.set_level("DEBUG")
    stored_connection(url)
    services.set_secrets("refdata", {"password": CANARY})
    answers = [editor.post("/pools", SIZES), viewer.get("/pools"), viewer.get("/pools/sizes")]
    services.replace_connection("refdata", connection(host="127.0.0.1", port=1))
    with pytest.raises(Unavailable):
        pool_services.refresh_pool("sizes")
    answers += [viewer.get("/pools/sizes"), viewer.get("/connections")]

    texts = [answer.content.decode() for answer in answers] + [caplog.text]
    assert answers[0].status_code == 201
    assert [text for text in texts if CANARY in text] == []


def test_s10_in_production_a_host_inside_is_refused(editor: Caller, url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    stored_connection(url)
    monkeypatch.setenv("SDG_ENV", "production")

    assert_problem(editor.post("/pools", SIZES), 400, "HOST_NOT_ALLOWED")

"""Schema registries that are away, hostile, or no registry at all."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from sdg_project.hosts import HostPolicy
from sinks.connections.base import ConnectionFailed
from sinks.connections.kafka import KafkaConnection, KafkaConnectionConfig
from sinks.enums import ConnectionOutcome
from sinks.kafka.schema_registry import SchemaRefused, SchemaRegistry

O = ConnectionOutcome  # noqa: E741
SECRET = "canary-71be-secret"


@contextmanager
def answering(status: int, body: str, **headers: str) -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """A server that always says the same: its address, and what it has been asked."""
    asked: list[dict[str, Any]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:  # the library's name
            content = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            asked.append({"path": self.path, "login": self.headers["Authorization"], **content})
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body.encode())

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/api", asked
        finally:
            server.shutdown()


def registry(url: str, *, username: str | None = None, policy: HostPolicy | None = None) -> SchemaRegistry:
    place = {"url": url, **({"username": username} if username else {})}
    config = KafkaConnectionConfig.model_validate({"bootstrapServers": "a", "schemaRegistry": place})
    secrets = {"schemaRegistryPassword": SECRET}
    connection = KafkaConnection(config, secrets, policy=policy or HostPolicy(is_production=False))
    return SchemaRegistry(connection, timeout_s=2)


def test_a_schema_gets_its_number_and_the_login_is_sent() -> None:
    with answering(200, '{"id": 7}') as (url, asked):
        assert registry(url, username="me").register("a/b", "AVRO", '"int"') == 7

    [one] = asked
    assert (one["path"], one["schemaType"], one["schema"]) == ("/api/subjects/a%2Fb/versions", "AVRO", '"int"')
    assert one["login"].startswith("Basic ")


def test_a_refused_schema_is_refused_with_the_reason_in_one_short_line() -> None:
    said = json.dumps({"error_code": 409, "message": "no\n" + "x" * 2000})

    with answering(409, said) as (url, _), pytest.raises(SchemaRefused) as refused:
        registry(url).register("a", "AVRO", '"int"')

    assert str(refused.value).startswith("no xxx")
    assert len(str(refused.value)) == 500


@pytest.mark.parametrize(
    ("status", "body", "found"),
    [
        (401, "", O.AUTH),
        (403, "", O.NO_RIGHT),
        (500, "boom", O.OTHER),
        (200, "<html>", O.OTHER),
        (200, "[]", O.OTHER),
        (404, "", O.OTHER),
    ],
)
def test_what_answers_otherwise_is_told_apart(status: int, body: str, found: O) -> None:
    with answering(status, body) as (url, _), pytest.raises(ConnectionFailed) as failed:
        registry(url).register("a", "AVRO", '"int"')

    assert failed.value.outcome is found
    assert SECRET not in f"{failed.value}{failed.value.hint}"


def test_a_redirect_is_not_followed() -> None:
    with (
        answering(200, '{"id": 1}') as (inside, asked),
        answering(302, "", Location=inside) as (url, _),
        pytest.raises(ConnectionFailed),
    ):
        registry(url).register("a", "AVRO", '"int"')

    assert asked == []


def test_a_host_that_is_not_allowed_is_not_asked() -> None:
    with answering(200, '{"id": 1}') as (url, asked), pytest.raises(ConnectionFailed) as failed:
        registry(url, policy=HostPolicy(is_production=True)).register("a", "AVRO", '"int"')

    assert failed.value.outcome is O.HOST_NOT_ALLOWED
    assert asked == []


def test_nothing_stands_against_a_subject_that_is_not_there_yet() -> None:
    with answering(404, '{"error_code": 40401}') as (url, _):
        assert registry(url).reasons_against("a", "AVRO", '"int"') is None


def test_the_reasons_against_a_schema_are_told() -> None:
    with answering(200, '{"is_compatible": false, "messages": ["n has another type", "m is gone"]}') as (url, _):
        assert registry(url).reasons_against("a", "AVRO", '"int"') == "n has another type; m is gone"

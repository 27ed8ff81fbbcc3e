"""What holds for every operation: methods, media types, bodies, slow clients."""

from __future__ import annotations

import http.client
import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.support.api import Caller, assert_problem, definition


@pytest.mark.parametrize(
    "type_", ["application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "text/plain"]
)
def test_a8_only_json_is_read(editor: Caller, type_: str) -> None:
    assert_problem(editor.post("/generators", b"name=x", content_type=type_), 415, "UNSUPPORTED_MEDIA_TYPE")
    assert_problem(editor.post("/pools", b"name=x", content_type=type_), 415)


def test_a8_an_empty_body_needs_no_content_type(editor: Caller) -> None:
    problem = assert_problem(editor.post("/generators", b"", content_type=""), 400)

    assert "/name" in {issue["path"] for issue in problem["errors"]}


@pytest.mark.parametrize("path", ["/generators", "/me", "/pools", "/schema"])
def test_a8_html_is_not_acceptable_and_there_is_no_browsable_api(viewer: Caller, path: str) -> None:
    assert_problem(viewer.get(path, accept="text/html"), 406, "NOT_ACCEPTABLE")


@pytest.mark.parametrize("encoding", ["gzip", "br", "deflate"])
def test_a7_encoded_bodies_are_not_read(editor: Caller, encoding: str) -> None:
    assert_problem(editor.post("/generators", b"\x1f\x8b", content_encoding=encoding), 415)
    assert_problem(editor.put("/pools/p/content", b"\x1f\x8b", content_type="text/csv", content_encoding=encoding), 415)


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("PATCH", "/generators", "GET, HEAD, POST"),
        ("DELETE", "/generators", "GET, HEAD, POST"),
        ("OPTIONS", "/generators", "GET, HEAD, POST"),
        ("GET", "/generators/validate", "POST"),
        ("POST", "/health", "GET, HEAD"),
        ("PUT", "/me", "GET, HEAD"),
        ("GET", "/pools/people/refresh", "POST"),
        ("POST", "/pools/people/content", "PUT"),
    ],
)
def test_a14_a_wrong_method_is_answered_with_those_allowed(admin: Caller, method: str, path: str, allowed: str) -> None:
    response = admin.call(method, path)

    assert_problem(response, 405, "METHOD_NOT_ALLOWED")
    assert sorted(response["Allow"].split(", ")) == sorted(allowed.split(", "))


def test_a14_trace_is_off_and_overrides_are_ignored(admin: Caller) -> None:
    assert_problem(admin.call("TRACE", "/generators"), 405)
    response = admin.get("/generators", x_http_method_override="DELETE", x_method_override="POST")
    assert response.status_code == 200


@pytest.mark.parametrize("path", ["/generators", "/pools", "/pools/people/rows", "/me", "/health", "/schema"])
def test_a14_head_works_where_get_does(viewer: Caller, path: str) -> None:
    response = viewer.call("HEAD", path)

    assert response.status_code == 200
    assert response.content == b""


@pytest.mark.parametrize("path", ["/generators", "/health", "/nothing", "/docs"])
def test_every_answer_says_what_it_is_and_loads_nothing_from_elsewhere(viewer: Caller, path: str) -> None:
    response = viewer.get(path, accept="*/*")

    assert response["X-Content-Type-Options"] == "nosniff"
    assert "default-src 'none'" in response["Content-Security-Policy"]
    assert "unsafe-inline" not in response["Content-Security-Policy"].split("style-src")[0]
    assert response["X-Request-Id"]


def test_a_request_id_is_kept_when_it_is_harmless(viewer: Caller) -> None:
    assert viewer.get("/me", x_request_id="trace-7")["X-Request-Id"] == "trace-7"
    assert viewer.get("/me", x_request_id="a b\x1b[31m")["X-Request-Id"] != "a b\x1b[31m"


def test_an_error_that_nobody_has_foreseen_tells_nothing(viewer: Caller, monkeypatch: pytest.MonkeyPatch) -> None:
    def explode(*_: Any) -> None:
        raise RuntimeError("secret DSN postgresql://u:p@host")

    monkeypatch.setattr("generators.views.catalog.find_generators", explode)

    response = viewer.get("/generators")

    assert_problem(response, 500, "INTERNAL")
    assert b"secret" not in response.content


def test_cors_is_for_the_listed_origins_only(viewer: Caller, settings: Any) -> None:
    settings.CORS_ALLOWED_ORIGINS = ["https://ui.example.org"]

    listed = viewer.get("/me", origin="https://ui.example.org")
    other = viewer.get("/me", origin="https://evil.example.org")

    assert listed["Access-Control-Allow-Origin"] == "https://ui.example.org"
    assert "X-Total-Count" in listed["Access-Control-Expose-Headers"]
    assert "Access-Control-Allow-Origin" not in other


# A real server.


@dataclass(frozen=True, slots=True)
class Served:
    port: int
    token: str

    def connection(self) -> http.client.HTTPConnection:
        return http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)

    def ask(self, method: str, path: str, body: Any = None, **headers: str) -> tuple[http.client.HTTPResponse, bytes]:
        connection = self.connection()
        named = {"Authorization": f"Bearer {self.token}", "Content-Type": "application/json", **headers}
        connection.request(method, f"/api/v1{path}", body, named, encode_chunked=not isinstance(body, bytes | None))
        response = connection.getresponse()
        content = response.read()
        connection.close()
        return response, content


_SERVE = """
import django, sys
django.setup()
from sdg_project.database import ready_database
from sdg_project.access import create_token
from sdg_project.roles import Role
from sdg_project.server import listen, make_server
from sdg_project.wsgi import application
ready_database()
server = make_server(application, listening=listen("127.0.0.1", 0))
print(server.effective_port, create_token("test", Role.ADMIN, days=1), flush=True)
server.run()
"""


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    home = tmp_path_factory.mktemp("served")
    root = Path(__file__).parents[2]
    environment = {**os.environ, "SDG_HOME": str(home), "DJANGO_SETTINGS_MODULE": "sdg_project.settings"}
    environment.pop("DATABASE_URL", None)
    process = subprocess.Popen(
        [sys.executable, "-c", _SERVE], cwd=root, env=environment, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    port, token = process.stdout.readline().split()
    yield Served(int(port), token)
    process.kill()
    process.wait()


def test_a7_a_large_body_is_413_as_json(served: Served) -> None:
    response, content = served.ask("POST", "/generators", b" " * 10_000_000)

    assert (response.status, response.headers["Content-Type"]) == (413, "application/problem+json")
    assert json.loads(content)["code"] == "TOO_LARGE"


def test_a7_a_chunked_body_is_read_and_its_length_is_limited(served: Served) -> None:
    text = json.dumps(definition("chunked")).encode()
    small, _ = served.ask("POST", "/generators", iter([text[:10], text[10:]]))
    large, content = served.ask("POST", "/generators", iter([b" " * 100_000] * 30))

    assert small.status == 201
    assert (large.status, json.loads(content)["code"]) == (413, "TOO_LARGE")


def test_a7_slow_clients_hold_up_nobody(served: Served) -> None:
    head = f"POST /api/v1/generators HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {served.token}\r\n"
    slow = [socket.create_connection(("127.0.0.1", served.port)) for _ in range(20)]
    for client in slow:
        client.sendall(f"{head}Content-Type: application/json\r\nContent-Length: 1000\r\n\r\n{{".encode())

    started = time.monotonic()
    for _ in range(10):
        for client in slow:
            client.sendall(b" ")
        response, _ = served.ask("GET", "/generators")
        assert response.status == 200

    assert time.monotonic() - started < 10
    for client in slow:
        client.close()


def test_a14_head_and_trace_on_the_wire(served: Served) -> None:
    head, content = served.ask("HEAD", "/generators")
    trace, traced = served.ask("TRACE", "/generators")

    assert (head.status, content) == (200, b"")
    assert head.headers["X-Total-Count"] is not None
    assert trace.status == 405
    assert served.token.encode() not in traced


def test_the_documentation_loads_only_from_here(served: Served) -> None:
    response, page = served.ask("GET", "/docs", Accept="text/html")

    assert response.status == 200
    assert b"http://" not in page
    assert b"https://" not in page
    for address in (part.split(b'"')[0].decode() for part in page.split(b'src="')[1:]):
        connection = served.connection()
        connection.request("GET", address, headers={"Authorization": f"Bearer {served.token}"})
        script = connection.getresponse()
        assert script.status == 200, address
        assert "javascript" in str(script.headers["Content-Type"])
        script.read()

"""Connections to a real server of the Redis protocol: what a test of one tells apart, and what it never says."""

from __future__ import annotations

import socket
import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from sdg_project.hosts import HostPolicy
from sinks.connections.base import ConnectionFailed
from sinks.connections.dragonfly import DragonflyConfig, DragonflyConnection, server_name
from sinks.enums import ConnectionOutcome
from tests.support.certificates import Certificates
from tests.support.redis import OwnServer

PASSWORD = "canary-password"
O = ConnectionOutcome  # noqa: E741


@pytest.fixture(scope="module")
def server() -> Iterator[OwnServer]:
    """A server with users of several rights, and a default user with a password."""
    with OwnServer("--databases", "4", "--requirepass", PASSWORD) as running:
        admin = running.connection(secrets={"password": PASSWORD})
        with admin.connect(timeout_s=5) as client:
            client.call("ACL", "SETUSER", "writer", "on", f">{PASSWORD}", "~shop:*", "+@all")
            client.call("ACL", "SETUSER", "mute", "on", f">{PASSWORD}", "~*", "+ping")
            client.call("ACL", "SETUSER", "nobody", "on", f">{PASSWORD}", "~*", "-@all")
            client.call("ACL", "SETUSER", "asleep", "off", f">{PASSWORD}", "+@all")
        yield running


def probed(running: OwnServer, password: str | None = PASSWORD, **config: Any) -> tuple[O, str]:
    """What a test finds and says."""
    policy = config.pop("policy", HostPolicy(is_production=False))
    shape = DragonflyConfig.model_validate({**running.config, **config})
    connection = DragonflyConnection(shape, {"password": password} if password else {}, policy=policy)
    started = time.monotonic()
    try:
        found, said = O.OK, connection.probe(timeout_s=2.5)
    except ConnectionFailed as error:
        found, said = error.outcome, f"{error} {error.hint}"
    assert time.monotonic() - started < 10
    assert PASSWORD not in said
    return found, said


def test_a_connection_that_works_says_which_server_there_is(server: OwnServer) -> None:
    found, said = probed(server, database=3)

    assert found is O.OK
    assert said.split()[0] in {"Dragonfly", "Valkey", "Redis"}


@pytest.mark.parametrize(
    ("told", "given"),
    [
        (O.OK, {"username": "writer"}),
        (O.OK, {"username": "mute"}),
        (O.AUTH, {"password": "wrong"}),
        (O.AUTH, {"password": None}),
        (O.AUTH, {"username": "asleep"}),
        (O.AUTH, {"username": "stranger"}),
        (O.NO_RIGHT, {"username": "nobody"}),
        (O.MISSING_DATABASE, {"database": 99}),
        (O.REFUSED, {"port": 1}),
        (O.DNS, {"host": "none.invalid"}),
        (O.TLS, {"tls": "REQUIRE"}),
    ],
    ids=str,
)
def test_what_stands_against_a_connection_is_told_apart(server: OwnServer, told: O, given: dict[str, Any]) -> None:
    found, _ = probed(server, **given)

    assert found is told


def test_a_password_that_the_server_does_not_have_is_said_to_be_superfluous() -> None:
    with OwnServer() as open_server:
        found, said = probed(open_server)

    assert found is O.AUTH
    assert "without one" in said


@contextmanager
def encrypting(port: int, pem: Path) -> Iterator[int]:
    """A port that ends TLS and hands on to another one, for as long as the block lasts."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pem)
    listening = socket.create_server(("127.0.0.1", 0))

    def copy(source: socket.socket, target: socket.socket) -> None:
        with suppress(OSError, ValueError):
            while content := source.recv(65_536):
                target.sendall(content)
        for end in (source, target):
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)

    def serve() -> None:
        with suppress(OSError):
            while True:
                raw, _ = listening.accept()
                with suppress(OSError):
                    client = context.wrap_socket(raw, server_side=True)
                    behind = socket.create_connection(("127.0.0.1", port))
                    for ends in ((client, behind), (behind, client)):
                        threading.Thread(target=copy, args=ends, daemon=True).start()

    threading.Thread(target=serve, daemon=True).start()
    try:
        yield listening.getsockname()[1]
    finally:
        listening.shutdown(socket.SHUT_RDWR)
        listening.close()


def test_encryption_is_used_and_verified(server: OwnServer, tmp_path: Path) -> None:
    made = Certificates.made("127.0.0.1")
    pem = tmp_path / "server.pem"
    pem.write_text(made.certificate + made.key)
    with encrypting(server.port, pem) as port:
        by_name = HostPolicy(is_production=False, resolve=lambda host, port: ["127.0.0.1"])

        assert probed(server, port=port, tls="REQUIRE")[0] is O.OK
        assert probed(server, port=port, tls="VERIFY_FULL", caCertificate=made.ca)[0] is O.OK
        assert probed(server, port=port, tls="VERIFY_FULL", caCertificate=Certificates.made("127.0.0.1").ca)[0] is O.TLS
        assert probed(server, port=port, tls="VERIFY_FULL")[0] is O.TLS
        other = {"tls": "VERIFY_FULL", "caCertificate": made.ca, "host": "cache.example", "policy": by_name}
        assert probed(server, port=port, **other)[0] is O.TLS
        assert probed(server, port=port)[0] is O.OTHER


@pytest.mark.parametrize("answer", [b"", b"HTTP/1.1 400 Bad Request\r\n\r\n"], ids=["silence", "http"])
def test_what_is_no_such_server_is_found_out(answer: bytes) -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as listening:

        def serve() -> None:
            with suppress(OSError):
                client, _ = listening.accept()
                client.sendall(answer)
                time.sleep(3)

        threading.Thread(target=serve, daemon=True).start()
        config = DragonflyConfig.model_validate({"host": "127.0.0.1", "port": listening.getsockname()[1]})
        connection = DragonflyConnection(config, {}, policy=HostPolicy(is_production=False))

        with pytest.raises(ConnectionFailed) as caught:
            connection.probe(timeout_s=0.5)

    assert caught.value.outcome is (O.OTHER if answer else O.TIMEOUT)


def test_s10_a_forbidden_host_is_not_connected_to() -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as listening:
        config = DragonflyConfig.model_validate({"host": "localhost", "port": listening.getsockname()[1]})
        connection = DragonflyConnection(config, {"password": PASSWORD}, policy=HostPolicy(is_production=True))

        with pytest.raises(ConnectionFailed) as caught:
            connection.probe(timeout_s=2)

        listening.settimeout(0.2)
        with pytest.raises(TimeoutError):
            listening.accept()
    assert caught.value.outcome is O.HOST_NOT_ALLOWED


@pytest.mark.parametrize(
    "given",
    [
        {"host": "unix:///run/redis.sock"},
        {"host": "/run/redis.sock"},
        {"host": "cache.example?ssl_cert_reqs=none"},
        {"host": "a,b"},
        {"host": "cache.example", "ssl_cert_reqs": "none"},
        {"host": "cache.example", "unixSocketPath": "/run/redis.sock"},
        {"host": "cache.example", "database": "0?ssl_cert_reqs=none"},
    ],
    ids=str,
)
def test_s9_nothing_can_be_smuggled_in(given: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        DragonflyConfig.model_validate(given)


@pytest.mark.parametrize(
    ("facts", "name"),
    [
        ({"redis_version": "7.4.0", "dragonfly_version": "df-v1.31.0"}, "Dragonfly 1.31.0"),
        ({"redis_version": "7.2.4", "valkey_version": "9.1.2"}, "Valkey 9.1.2"),
        ({"redis_version": "7.0.15"}, "Redis 7.0.15"),
        ({"redis_version": "7\x1b[2J" + "9" * 100}, "Redis 7[2J" + "9" * 35),
    ],
    ids=["dragonfly", "valkey", "redis", "escapes"],
)
def test_servers_are_told_apart_by_what_they_say_of_themselves(facts: dict[str, str], name: str) -> None:
    assert server_name(facts) == name

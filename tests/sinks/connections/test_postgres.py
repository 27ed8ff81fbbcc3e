"""Connections to a real PostgreSQL: what a test of one tells apart, and what can never be smuggled in."""

from __future__ import annotations

import os
import pwd
import socket
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psycopg
import pytest

from sdg_project.hosts import ControlDatabase, HostPolicy
from sinks.connections.base import ConnectionFailed
from sinks.connections.postgres import PostgresConfig, PostgresConnection
from sinks.enums import ConnectionOutcome
from tests.support.certificates import Certificates
from tests.support.postgres import OwnServer

PASSWORD = "canary-password"
O = ConnectionOutcome  # noqa: E741


class Guarded:
    """A server that asks for passwords, with a database that nobody may enter, and TLS once it has been switched on."""

    def __init__(self, server: OwnServer) -> None:
        self._server, self.port = server, urlsplit(server.url).port
        self._certificates = Certificates.made("127.0.0.1")
        self.ca = self._certificates.ca
        with psycopg.connect(server.url, autocommit=True) as admin:
            admin.execute(f"CREATE ROLE reader LOGIN PASSWORD '{PASSWORD}'")
            admin.execute("CREATE ROLE sleeper NOLOGIN PASSWORD 'x'")
            admin.execute("CREATE DATABASE shut")
            admin.execute("REVOKE CONNECT ON DATABASE shut FROM public")
            rules = "host all sdg 127.0.0.1/32 trust", "host all reader,sleeper 127.0.0.1/32 scram-sha-256"
            self._write("pg_hba.conf", "\n".join(rules))
            admin.execute("SELECT pg_reload_conf()")
        self._wait_until(lambda: self.outcome(password="wrong") is O.AUTH)

    def encrypt(self) -> None:
        self._write("server.crt", self._certificates.certificate)
        self._write("server.key", self._certificates.key)
        with psycopg.connect(self._server.url, autocommit=True) as admin:
            admin.execute("ALTER SYSTEM SET ssl = on")
            admin.execute("SELECT pg_reload_conf()")
        self._wait_until(lambda: self.outcome(tls="REQUIRE") is O.OK)

    def outcome(self, password: str | None = PASSWORD, *, policy: HostPolicy | None = None, **config: Any) -> O:
        secrets = {} if password is None else {"password": password}
        given = {"host": "127.0.0.1", "port": self.port, "database": "postgres", "user": "reader", **config}
        policy = policy or HostPolicy(is_production=False)
        connection = PostgresConnection(PostgresConfig.model_validate(given), secrets, policy=policy)
        try:
            said = connection.probe(timeout_s=2.5)
            found = O.OK
        except ConnectionFailed as error:
            said, found = f"{error} {error.hint}", error.outcome
        assert said.startswith("PostgreSQL ") is (found is O.OK)
        assert PASSWORD not in said
        assert "reader" not in said
        return found

    def _write(self, name: str, text: str) -> None:
        path = Path(self._server._folder) / "data" / name
        path.write_text(text + "\n")
        path.chmod(0o600)
        if self._server._user:
            os.chown(path, pwd.getpwnam(self._server._user).pw_uid, -1)

    @staticmethod
    def _wait_until(holds: Any) -> None:
        deadline = time.monotonic() + 20
        while not holds():
            assert time.monotonic() < deadline
            time.sleep(0.05)


@pytest.fixture(scope="module")
def server() -> Iterator[Guarded]:
    with OwnServer() as running:
        yield Guarded(running)


def test_a_connection_that_works_says_so(server: Guarded) -> None:
    assert server.outcome() is O.OK


@pytest.mark.parametrize(
    ("told", "given"),
    [
        (O.AUTH, {"password": "wrong"}),
        (O.AUTH, {"password": None}),
        (O.AUTH, {"user": "sleeper"}),
        (O.MISSING_DATABASE, {"database": "none"}),
        (O.NO_RIGHT, {"database": "shut"}),
        (O.NO_RIGHT, {"user": "stranger", "tls": "DISABLE"}),
        (O.REFUSED, {"port": 1}),
        (O.DNS, {"host": "none.invalid"}),
        (O.TLS, {"tls": "REQUIRE"}),
        (O.TLS, {"tls": "VERIFY_FULL"}),
    ],
    ids=str,
)
def test_what_stands_against_a_connection_is_told_apart(server: Guarded, told: O, given: dict[str, Any]) -> None:
    found = server.outcome(**given)

    # Without TLS, the server says of strangers that it does not let them in without encryption.
    assert found is told or (given.get("user") == "stranger" and found is O.TLS)


def test_encryption_is_used_and_verified(server: Guarded) -> None:
    server.encrypt()

    assert server.outcome(tls="VERIFY_FULL", caCertificate=server.ca) is O.OK
    assert server.outcome(tls="VERIFY_FULL", caCertificate=Certificates.made("127.0.0.1").ca) is O.TLS
    assert server.outcome(tls="VERIFY_FULL") is O.TLS
    by_name = HostPolicy(is_production=False, resolve=lambda host, port: ["127.0.0.1"])
    assert server.outcome(tls="VERIFY_FULL", caCertificate=server.ca, host="db.example", policy=by_name) is O.TLS


def test_a_server_that_says_nothing_is_a_timeout() -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as silent:
        config = {"host": "127.0.0.1", "port": silent.getsockname()[1], "database": "d", "user": "u"}
        policy = HostPolicy(is_production=False)
        connection = PostgresConnection(PostgresConfig.model_validate(config), {}, policy=policy)

        with pytest.raises(ConnectionFailed) as caught:
            connection.probe(timeout_s=2)

    assert caught.value.outcome is O.TIMEOUT


def test_s10_a_forbidden_host_is_not_connected_to() -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as listening:
        config = {"host": "localhost", "port": listening.getsockname()[1], "database": "d", "user": "u"}
        policy = HostPolicy(is_production=True)
        connection = PostgresConnection(PostgresConfig.model_validate(config), {"password": PASSWORD}, policy=policy)

        with pytest.raises(ConnectionFailed) as caught:
            connection.probe(timeout_s=2)

        listening.settimeout(0.2)
        with pytest.raises(TimeoutError):
            listening.accept()
    assert caught.value.outcome is O.HOST_NOT_ALLOWED


@pytest.mark.parametrize("host", ["", "/var/run", "127.0.0.1", "localhost"])
def test_s10_the_control_database_is_refused(server: Guarded, host: str) -> None:
    control = ControlDatabase(host, server.port or 0, "postgres")
    policy = HostPolicy(is_production=False, control=control)

    assert server.outcome(policy=policy) is O.HOST_NOT_ALLOWED
    assert server.outcome(policy=policy, database="none") is O.MISSING_DATABASE


@pytest.mark.parametrize(
    "name", ["x host=192.0.2.1", "postgres://192.0.2.1/x", "x' host='192.0.2.1", "dbname=postgres", 'a"b', "a\\"]
)
def test_s9_a_name_is_nothing_but_a_name(server: Guarded, name: str) -> None:
    assert server.outcome(database=name) is O.MISSING_DATABASE
    assert server.outcome(user=name) in {O.NO_RIGHT, O.TLS}


def test_s9_libpq_takes_nothing_from_its_own_variables_and_files(
    server: Guarded, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    passwords = tmp_path / "pgpass"
    passwords.write_text(f"*:*:*:*:{PASSWORD}\n")
    passwords.chmod(0o600)
    monkeypatch.setenv("PGPASSFILE", str(passwords))
    monkeypatch.setenv("PGPASSWORD", PASSWORD)
    monkeypatch.setenv("PGHOSTADDR", "192.0.2.1")
    monkeypatch.setenv("PGOPTIONS", "-c no.such=1 -c search_path=x -Z")

    assert server.outcome() is O.OK
    assert server.outcome(password=None) is O.AUTH

"""A PostgreSQL server for tests: the one in ``SDG_TEST_POSTGRES_URL``, else one of our own that ends with us."""

from __future__ import annotations

import contextlib
import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import psycopg
import pytest

VARIABLE = "SDG_TEST_POSTGRES_URL"
_BINARIES = Path("/usr/lib/postgresql")
_START_SECONDS = 60


@dataclass(frozen=True)
class Postgres:
    """A running server; `url` names a database of it from which others can be made."""

    url: str

    @contextlib.contextmanager
    def database(self) -> Iterator[str]:
        """A new, empty database: its URL. It is gone afterwards."""
        name = f"sdg_test_{uuid.uuid4().hex}"
        with psycopg.connect(self.url, autocommit=True) as connection:
            connection.execute(f'CREATE DATABASE "{name}"')
        try:
            yield urlsplit(self.url)._replace(path=f"/{name}").geturl()
        finally:
            with psycopg.connect(self.url, autocommit=True) as connection:
                connection.execute(f'DROP DATABASE "{name}" WITH (FORCE)')


@contextlib.contextmanager
def some_server() -> Iterator[Postgres]:
    """The server that the environment names, else one of our own; without either the test is skipped, but not in CI."""
    named = os.environ.get(VARIABLE)
    if named:
        yield Postgres(named)
        return
    with OwnServer() as server:
        yield Postgres(server.url)


class OwnServer:
    """A server in a temporary folder, on a free port of 127.0.0.1; it can be stopped and started again.

    `settings` are further ones of its configuration.
    """

    def __init__(self, **settings: str) -> None:
        self._settings = [f"{name}={value}" for name, value in settings.items()]
        self._programs = _programs()
        # A server refuses to run as root: it then belongs to the user that Debian's package makes.
        self._user = "postgres" if os.geteuid() == 0 else None
        self._folder = Path(tempfile.mkdtemp(prefix="sdg-postgres-"))
        self._port = _free_port()
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def port(self) -> int:
        return self._port

    @property
    def url(self) -> str:
        return f"postgres://sdg@127.0.0.1:{self._port}/postgres"

    def __enter__(self) -> OwnServer:
        try:
            if self._user:
                os.chown(self._folder, pwd.getpwnam(self._user).pw_uid, -1)
            initdb = ["initdb", "--pgdata=data", "--auth=trust", "--username=sdg", "--encoding=UTF8", "--no-sync"]
            self._launch(*initdb).wait()
            self.start()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()
        shutil.rmtree(self._folder, ignore_errors=True)

    def start(self) -> None:
        """Start, and wait until it answers."""
        options = (f"port={self._port}", "listen_addresses=127.0.0.1", f"unix_socket_directories={self._folder}")
        settings = [f"-c{option}" for option in (*options, "fsync=off", *self._settings)]
        self._process = self._launch("postgres", "-Ddata", *settings)
        deadline = time.monotonic() + _START_SECONDS
        while True:
            with contextlib.suppress(psycopg.OperationalError), psycopg.connect(self.url):
                return
            if self._process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"PostgreSQL does not start: {(self._folder / 'log').read_text()}")
            time.sleep(0.05)

    def stop(self) -> None:
        """Stop at once; clients lose their connections."""
        if self._process is not None:
            self._process.send_signal(signal.SIGINT)
            self._process.wait(_START_SECONDS)
            self._process = None

    def _launch(self, program: str, *arguments: str) -> subprocess.Popen[bytes]:
        with (self._folder / "log").open("ab") as log:
            return subprocess.Popen(
                [self._programs / program, *arguments], cwd=self._folder, stdout=log, stderr=log, user=self._user
            )


def _programs() -> Path:
    """The folder of the newest installed server; skips the test when there is none, which fails it in CI."""
    versions = sorted(_BINARIES.glob("*/bin/postgres"), key=lambda path: int(path.parents[1].name))
    if versions:
        return versions[-1].parent
    message = f"there is no PostgreSQL below {_BINARIES}: apt-get install postgresql, or set {VARIABLE}"
    pytest.skip(message)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])

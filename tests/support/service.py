"""The whole service, `sdg up`, as processes of its own: started on a free port, called over HTTP, ended by its id."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import signal
import socket
import sqlite3
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO
from uuid import UUID

import psycopg

from tests.support.sdg import Sdg

START_SECONDS = 180.0
"""How long starting may take on a machine that does a lot besides."""
END_SECONDS = 30.0
"""How long ending may take at the very most: what `sdg up` promises."""


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer of the service."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


class Service:
    """`sdg up` with a home of its own; what it says stands in `log`."""

    def __init__(self, sdg: Sdg, *, workers: int = 2) -> None:
        self.sdg, self.workers = sdg, workers
        self.port = free_port()
        self.log = sdg.folder / f"up-{self.port}.log"
        self.process: subprocess.Popen[str] | None = None
        self._token: str | None = None

    @classmethod
    def at(cls, folder: Path, *, workers: int = 2, **variables: str) -> Service:
        """A new installation's service; not started yet."""
        return cls(Sdg.at(folder, **variables), workers=workers)

    def start(self, *arguments: str, ready: bool = True, **variables: str) -> None:
        """Start it, again on the same port, and wait until it says that it is ready, or not."""
        given = ["up", "--port", str(self.port), "--workers", str(self.workers), *arguments]
        begin = self.log.stat().st_size if self.log.exists() else 0
        with self.log.open("ab") as log:
            self.process = self.sdg.started(given, variables, stdout=log, stderr=log)
        deadline = time.monotonic() + START_SECONDS
        while ready and f"ready {self.address}" not in self.said(begin):
            if self.process.poll() is not None or time.monotonic() > deadline:
                raise AssertionError(f"the service is not ready:\n{self.said(begin)}")
            time.sleep(0.05)

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def said(self, begin: int = 0) -> str:
        """What it has said on standard output and standard error, from a place on."""
        return self.log.read_bytes()[begin:].decode("utf-8", "replace")

    def wait_for_word(self, part: str, *, seconds: float = 60) -> str:
        """The word with something in it, as soon as it is said: where to log in is said after that it is ready."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            whole, _, _ = self.said().rpartition("\n")
            if words := [word for word in whole.split() if part in word]:
                return words[0]
            time.sleep(0.05)
        raise AssertionError(f"nothing with {part} after {seconds} s:\n{self.said()[-4000:]}")

    def token(self, role: str = "admin") -> str:
        """A new token."""
        answer = self.sdg("token", "create", "--name", f"test-{role}", "--role", role)
        assert answer.code == 0, answer.err
        return answer.out.strip()

    def call(self, method: str, path: str, body: Any = None, **headers: str) -> Reply:
        """Ask for a path of the API, as an admin, with a body of JSON."""
        if self._token is None:
            self._token = self.token()
        given = {"Authorization": f"Bearer {self._token}", "Content-Type": "application/json", **headers}
        content = None if body is None else json.dumps(body).encode()
        return self.ask(method, f"/api/v1{path}", content, given)

    def ask(self, method: str, path: str, body: bytes | None = None, headers: Mapping[str, str] | None = None) -> Reply:
        """Ask for any path, as a stranger."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        try:
            connection.request(method, path, body, dict(headers or {}))
            answer = connection.getresponse()
            return Reply(answer.status, dict(answer.getheaders()), answer.read())
        finally:
            connection.close()

    def at_once(self, requests: Sequence[tuple[str, str, bytes, Mapping[str, str]]]) -> list[Reply]:
        """Send requests over one connection without waiting for answers; the answers."""
        last = len(requests) - 1
        with socket.create_connection(("127.0.0.1", self.port), timeout=60) as connection:
            for number, (method, path, body, headers) in enumerate(requests):
                closes = {"Connection": "close"} if number == last else {}
                given = {"Host": f"127.0.0.1:{self.port}", "Content-Length": str(len(body)), **headers, **closes}
                lines = [f"{method} {path} HTTP/1.1", *(f"{name}: {value}" for name, value in given.items()), "", ""]
                connection.sendall("\r\n".join(lines).encode() + body)
            with connection.makefile("rb") as answers:
                return [_read_reply(answers) for _ in requests]

    def create(self, document: Mapping[str, Any]) -> str:
        """Store a generator; its id."""
        reply = self.call("POST", "/generators", document)
        assert reply.status == 201, reply.body
        return str(reply.json["id"])

    def act(self, generator_id: str, action: str, body: Any = None) -> dict[str, Any]:
        """start, pause, resume or stop a generator, which must work; the generator as it is then."""
        reply = self.call("POST", f"/generators/{generator_id}/{action}", body)
        assert reply.status == 200, reply.body
        found: dict[str, Any] = reply.json
        return found

    def checksum(self, generator: str) -> str:
        """The checksum of what a generator's run has shown."""
        run = self.call("GET", f"/generators/{generator}").json["runId"]
        found: str = self.call("GET", f"/runs/{run}").json["outputs"][0]["checksum"]
        return found

    def wait_for_status(self, generator_id: str, *statuses: str, seconds: float = 120) -> dict[str, Any]:
        """The generator as soon as it has one of the statuses; while the service is away that is waited for, too."""
        deadline = time.monotonic() + seconds
        found: dict[str, Any] = {}
        while time.monotonic() < deadline:
            with contextlib.suppress(OSError, http.client.HTTPException):
                reply = self.call("GET", f"/generators/{generator_id}")
                if reply.status == 200 and (found := reply.json)["status"] in statuses:
                    return found
            time.sleep(0.1)
        raise AssertionError(f"not {' or '.join(statuses)} after {seconds} s: {found}\n{self.said()[-4000:]}")

    def wait_for_records(self, generator_id: str, records: int, *, seconds: float = 60) -> int:
        """How many records the current run has written durably, as soon as these are so many.

        The rows are looked at, and not the API, which answers only so many requests a minute.
        """
        deadline = time.monotonic() + seconds
        query = (
            "select coalesce(sum(s.next_record - s.first_record - s.rejected), 0) from generators_shard s"
            " join generators_generator g on g.last_run_id = s.run_id"
            f" where replace(cast(g.id as varchar), '-', '') = '{UUID(generator_id).hex}'"
        )
        written = 0
        while time.monotonic() < deadline:
            [(written,)] = self._rows(query)
            if written >= records:
                return int(written)
            time.sleep(0.05)
        raise AssertionError(f"only {written} records after {seconds} s\n{self.said()[-4000:]}")

    def stop(self, number: signal.Signals = signal.SIGTERM) -> int:
        """End it by a signal; its exit code. SIGKILL to what is left, and an error, when that takes too long."""
        process = self._process
        processes = self.pids()
        if process.poll() is None:
            process.send_signal(number)
        try:
            return process.wait(END_SECONDS)
        except subprocess.TimeoutExpired as error:
            for pid in [process.pid, *processes]:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            raise AssertionError(f"not ended after {END_SECONDS} s:\n{self.said()[-4000:]}") from error

    def pids(self) -> list[int]:
        """All processes below `sdg up`, without itself."""
        return list(_below(self._process.pid))

    def worker_pids(self) -> list[int]:
        """The processes that work on shards, of this service or started beside it by `sdg worker`."""
        return [pid for pid in (int(row[0]) for row in self._rows("select pid from generators_worker")) if alive(pid)]

    def _rows(self, query: str) -> list[tuple[Any, ...]]:
        url = self.sdg.environment.get("DATABASE_URL")
        if url:
            with psycopg.connect(url) as connection:
                return connection.execute(query.encode()).fetchall()
        with contextlib.closing(sqlite3.connect(Path(self.sdg.environment["SDG_HOME"]) / "sdg.sqlite3")) as database:
            return database.execute(query).fetchall()

    @property
    def _process(self) -> subprocess.Popen[str]:
        assert self.process is not None, "the service has not been started"
        return self.process

    def __enter__(self) -> Service:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self.process is not None:
            self.stop()


def _read_reply(answers: BinaryIO) -> Reply:
    status = int(answers.readline().split()[1])
    headers = http.client.parse_headers(answers)
    return Reply(status, dict(headers.items()), answers.read(int(headers.get("Content-Length", 0))))


def free_port() -> int:
    """A port that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def alive(pid: int) -> bool:
    """Whether a process is there and no zombie."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in {"Z", "X"}
    except OSError:
        return False


def cpu_seconds(pid: int) -> float:
    """The processor time that a process has used, in user and system mode."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0.0
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _below(pid: int) -> Iterator[int]:
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        with contextlib.suppress(OSError):
            for child in map(int, task.read_text().split()):
                yield child
                yield from _below(child)

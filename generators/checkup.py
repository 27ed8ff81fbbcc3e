"""The checkup: looks at everything that a working installation needs, and says what to do where something is amiss."""

from __future__ import annotations

import errno
import http.client
import json
import platform
import socket
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from importlib.metadata import version
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import DatabaseError, connection
from django.utils import timezone

from generators.enums import RunOrigin, RunStatus
from generators.models import Run
from generators.runs import leases
from generators.runs.lock import is_alive
from generators.runs.worker import count_alive, dead_workers
from generators.services.runs import stray_folders
from sdg_project import env
from sdg_project.database import is_behind
from sdg_project.errors import Conflict
from sdg_project.health import LOW_BYTES, free_bytes
from sdg_project.instance import Address, running_address
from sdg_project.text import amount

PORT = 50032
"""Where `sdg up` listens unless it is told otherwise."""
MAX_SKEW = timedelta(seconds=2)
_FRESH = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that was looked at; with a `remedy` where it is not as it should be."""

    part: str
    found: str
    remedy: str | None = None

    @property
    def is_fine(self) -> bool:
        return self.remedy is None


def check_all(*, port: int | None) -> Iterator[Check]:
    """Every check in turn; changes nothing. Without a port that of the running service is looked at."""
    yield Check("program", f"sdg {version('sdg')} on Python {platform.python_version()}")
    home = settings.SDG_HOME
    yield _writable("home", home, "SDG_HOME")
    yield _writable("output", settings.SDG_OUTPUT_ROOT, "SDG_OUTPUT_ROOT")
    yield _disk()
    database = _database()
    yield database
    running = running_address()
    if running is not None and port in {None, running.port}:
        yield _health(running, "the service of this SDG_HOME")
    else:
        yield _port(port or PORT, running)
    if database.is_fine and _has_tables():
        yield _clock()
        yield _workers(is_served=running is not None)
        yield _interrupted()
        yield _places()
        yield _leftovers()


def _writable(part: str, folder: Path, variable: str) -> Check:
    there = folder
    while not there.exists():
        there = there.parent
    try:
        with tempfile.TemporaryFile(dir=there):
            pass
    except OSError as error:
        return Check(part, f"{folder} cannot be written: {error.strerror}", f"set {variable} to a folder of your own")
    return Check(part, f"{folder} can be written" if there == folder else f"{folder} will be made at first use")


def _disk() -> Check:
    free = free_bytes()
    found = f"{free / 2**30:,.1f} GiB are free below {settings.SDG_OUTPUT_ROOT}"
    return Check("disk", found, None if free >= LOW_BYTES else "free some room, or set SDG_OUTPUT_ROOT to another disk")


def _database() -> Check:
    if connection.vendor == "sqlite" and not Path(settings.DATABASES["default"]["NAME"]).exists():
        return Check("database", "there is none yet; the first command that needs one makes it")
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT sqlite_version()" if connection.vendor == "sqlite" else "SHOW server_version")
            [name] = cursor.fetchone() or [""]
        behind = is_behind()
    except DatabaseError as error:
        remedy = "start it, or mend DATABASE_URL"
        return Check("database", f"it does not answer: {str(error).strip().splitlines()[0]}", remedy)
    except Conflict as error:
        return Check("database", str(error), error.hint)
    kind = "SQLite" if connection.vendor == "sqlite" else "PostgreSQL"
    state = "the next command brings it to this version" if behind else "it has this version's form"
    return Check("database", f"{kind} {name} answers, {state}")


def _has_tables() -> bool:
    if connection.vendor == "sqlite" and not Path(settings.DATABASES["default"]["NAME"]).exists():
        return False
    return not is_behind()


def _health(address: Address, service: str) -> Check:
    """What a service of ours says of itself."""
    health = health_of(address)
    if not health:
        found = f"{service} does not answer at {address}"
        return Check("port", found, "wait until sdg up says ready, or end it and start it again")
    found = f"{service} answers at {address}: {health}"
    return Check("port", found, None if health == "UP" else "GET /api/v1/health says to an admin why")


def _port(port: int, running: Address | None) -> Check:
    """Whether `sdg up` could listen on a port, where the service of this SDG_HOME does not."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError as error:
            if error.errno != errno.EADDRINUSE:
                return Check("port", f"port {port} cannot be used: {error.strerror}", "choose another one: --port N")
        else:
            if running is not None:
                return Check("port", f"port {port} is free; the service of this SDG_HOME is at {running}")
            return Check("port", f"port {port} is free: no service runs there; sdg up starts one")
    if health_of(Address("127.0.0.1", port)):
        found = f"a service of another SDG_HOME answers on port {port}"
        return Check("port", found, "set SDG_HOME to its folder, or choose another one: sdg up --port N")
    return Check("port", f"port {port} is used by something else", "end it, or choose another one: sdg up --port N")


def health_of(address: Address) -> str:
    """The word that a service of ours says of its health; empty when there is none."""
    connection = http.client.HTTPConnection(address.host, address.port, timeout=5)
    try:
        connection.request("GET", "/api/v1/health", headers={"Host": next(iter(env.allowed_hosts()), address.host)})
        said: Any = json.loads(connection.getresponse().read())
        return str(said["status"])
    except (OSError, http.client.HTTPException, ValueError, KeyError, TypeError):
        return ""
    finally:
        connection.close()


def _clock() -> Check:
    with connection.cursor() as cursor:
        if connection.vendor == "sqlite":
            cursor.execute("SELECT CAST(strftime('%s', 'now') AS REAL)")
            precision = timedelta(seconds=1)
        else:
            cursor.execute("SELECT EXTRACT(EPOCH FROM clock_timestamp())")
            precision = timedelta()
        [seconds] = cursor.fetchone() or [0]
    skew = abs(datetime.now(UTC) - datetime.fromtimestamp(float(seconds), UTC))
    if skew > MAX_SKEW + precision:
        found = f"the database's clock and ours differ by {skew.total_seconds():,.0f} s"
        return Check("clock", found, "let both machines keep time by NTP")
    return Check("clock", "the database's clock and ours agree")


def _workers(*, is_served: bool) -> Check:
    alive, due = count_alive(besides=dead_workers()), leases.due_shards().count()
    running = Run.objects.filter(origin=RunOrigin.SERVICE, status=RunStatus.RUNNING).count()
    found = f"{alive} alive, {amount(running, 'run')} of the service going on, {amount(due, 'piece')} of work waiting"
    if not alive and (running or due or is_served):
        return Check("workers", found, "start some: sdg up, or sdg worker")
    return Check("workers", found)


def _interrupted() -> Check:
    running = Run.objects.filter(origin=RunOrigin.CLI, status=RunStatus.RUNNING)
    dead = [run for run in running if not is_alive(run)]
    if dead:
        remedy = f"sdg run --resume {str(dead[0].pk)[:8]} goes on, sdg runs prune --days 0 removes them"
        return Check("runs", f"{amount(len(dead), 'run')} interrupted", remedy)
    return Check("runs", "none was interrupted")


def _places() -> Check:
    """Whether the files of live runs are where they were begun: a run has frozen that."""
    live = Run.objects.filter(
        origin=RunOrigin.SERVICE,
        status__in=[RunStatus.RUNNING, RunStatus.PAUSED],
        spec__document__destination__type="FILE",
    )
    gone = [run for run in live if not Path(run.spec["root"]).is_dir()]
    if gone:
        found = f"run {str(gone[0].pk)[:8]} of {gone[0].name} writes below {gone[0].spec['root']}, which is gone"
        more = f", as {len(gone) - 1} more" if len(gone) > 1 else ""
        return Check("places", found + more, "move it back and resume the run, or stop it and start it anew")
    return Check("places", "the files of live runs are where they were begun")


def _leftovers() -> Check:
    folders, workers = stray_folders(timezone.now() - _FRESH), dead_workers()
    if folders or workers:
        found = f"{amount(len(folders), 'folder')} of runs that came to nothing, {amount(len(workers), 'dead worker')}"
        return Check("leftovers", found, "sdg runs prune removes the folders; sdg up forgets the workers")
    return Check("leftovers", "none")

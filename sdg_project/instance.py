"""The instance: the one service that an SDG_HOME has at a time, and where it listens."""

from __future__ import annotations

import fcntl
import json
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from django.conf import settings

from sdg_project.errors import Conflict, Unavailable

_TRIES = 5
_WAIT_SECONDS = 0.05


@dataclass(frozen=True, slots=True)
class Address:
    """Where a service can be called from its own machine."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"http://{f'[{self.host}]' if ':' in self.host else self.host}:{self.port}"


@dataclass(frozen=True, slots=True)
class Instance:
    """The one service of this SDG_HOME."""

    lock: IO[str]

    def tell(self, address: Address) -> None:
        """Let others know where it listens."""
        self.lock.truncate(0)
        self.lock.write(json.dumps({"host": address.host, "port": address.port}))
        self.lock.flush()

    def is_in_place(self) -> bool:
        """Whether SDG_HOME still is where it was, and has not been removed."""
        try:
            return os.path.samestat(_path().stat(), os.fstat(self.lock.fileno()))
        except OSError:
            return False


@contextmanager
def only_instance() -> Iterator[Instance]:
    """Be the one service of this SDG_HOME. Raises Conflict when there is one."""
    try:
        settings.SDG_HOME.mkdir(parents=True, exist_ok=True)
        lock = _path().open("a+")  # not emptied: it says where the other one is
    except OSError as error:
        message = f"{settings.SDG_HOME} cannot be used: {error.strerror}"
        raise Unavailable("CONTROL_DB_DOWN", message, hint="set SDG_HOME") from error
    with lock:
        _take(lock)
        lock.truncate(0)
        yield Instance(lock)


def running_address() -> Address | None:
    """Where the service of this SDG_HOME listens; None when none is running."""
    try:
        with _path().open() as lock:
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return _told()
    except OSError:
        pass
    return None


def _take(lock: IO[str]) -> None:
    for _ in range(_TRIES):
        with suppress(BlockingIOError):  # held, or only looked at by `running_address`
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return
        time.sleep(_WAIT_SECONDS)
    there = _told()
    message = f"another sdg up is running on {settings.SDG_HOME}{f', at {there}' if there else ''}"
    raise Conflict("IN_USE", message, hint="end it first, or set another SDG_HOME")


def _told() -> Address | None:
    """What the running service has told, unless it is still starting."""
    try:
        told = json.loads(_path().read_text())
        return Address(str(told["host"]), int(told["port"]))
    except (OSError, ValueError):
        return None


def _path() -> Path:
    return Path(settings.SDG_HOME) / "up.lock"

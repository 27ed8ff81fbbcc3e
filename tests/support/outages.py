"""Control databases that take no writes, on this process's own connection to SQLite."""

from __future__ import annotations

import contextlib
import resource
from collections.abc import Iterator, Mapping
from typing import Any

from django.db import connection

from generators.models import DeadLetter, Generator, Run, Shard

_LIMIT_BYTES = 4_096
"""Less than the database's log needs for its first page."""


class Outage:
    """Something that happens to the control database, and is over again."""

    def begin(self) -> None:
        raise NotImplementedError

    def end(self) -> None:
        raise NotImplementedError

    @contextlib.contextmanager
    def lasting(self) -> Iterator[None]:
        """While the block runs."""
        self.begin()
        try:
            yield
        finally:
            self.end()


class ReadOnly(Outage):
    """Everything can be read, nothing can be written."""

    def begin(self) -> None:
        _pragma("query_only = 1")

    def end(self) -> None:
        _pragma("query_only = 0")


class FullDisk(Outage):
    """No file of this process can grow any more, those of its destinations neither."""

    def begin(self) -> None:
        if not connection.in_atomic_block:
            _pragma("wal_checkpoint(TRUNCATE)")
        _limit_files(_LIMIT_BYTES)

    def end(self) -> None:
        _limit_files(resource.RLIM_INFINITY)


OUTAGES: Mapping[str, Outage] = {"read-only": ReadOnly(), "full": FullDisk()}


def told() -> dict[str, list[dict[str, Any]]]:
    """All that the control database says of generators and runs."""
    return {model.__name__: list(model._default_manager.values()) for model in (Generator, Run, Shard, DeadLetter)}


def _pragma(text: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(f"PRAGMA {text}")


def _limit_files(most_bytes: int) -> None:
    _, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (most_bytes, hard))

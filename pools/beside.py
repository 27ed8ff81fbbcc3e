"""Pools beside: those of a bundle that have been read already, for the pools that are made by way of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar

from pools.snapshot import Snapshot

_beside: ContextVar[Mapping[str, Snapshot] | None] = ContextVar("pools_beside", default=None)


@contextmanager
def pools_beside(tables: Mapping[str, Snapshot]) -> Iterator[None]:
    """Within it these tables, by their pools' names, win over the stored ones; more of them may come."""
    token = _beside.set(tables)
    try:
        yield
    finally:
        _beside.reset(token)


def bundled_tables() -> Mapping[str, Snapshot]:
    """The tables of the bundle that is being read; none where there is no bundle."""
    return _beside.get() or {}

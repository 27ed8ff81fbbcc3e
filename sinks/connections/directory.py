"""The directory of connections: how those who know only a name come to a connection that is stored elsewhere."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from sinks.connections.base import ConnectionKind

Finder = Callable[[str], ConnectionKind[Any]]
"""From a name to the connection; raises NotFound."""

_finders: list[Finder] = []
_beside: ContextVar[Mapping[str, ConnectionKind[Any]] | None] = ContextVar("connections_beside", default=None)


def register_finder(finder: Finder) -> None:
    """Let `finder` be asked for stored connections."""
    _finders[:] = [finder]


def find_connection(name: str) -> ConnectionKind[Any]:
    """The connection of a name, without regard to case; raises NotFound."""
    found = (_beside.get() or {}).get(name.lower())
    return found if found is not None else _finders[0](name)


@contextmanager
def beside(connections: Mapping[str, ConnectionKind[Any]]) -> Iterator[None]:
    """Within it these connections, by their names in lower case, win over the stored ones."""
    token = _beside.set(connections)
    try:
        yield
    finally:
        _beside.reset(token)

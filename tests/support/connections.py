"""Connections of tests: a definition of one, and a stored one to a real server."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from sinks import services
from sinks.models import Connection

CANARY = "canary-8d1f-secret"
"""A password that must show up nowhere."""


def connection(name: str = "refdata", *, password: str | None = CANARY, **config: Any) -> dict[str, Any]:
    """A definition, as the body of a create request; its host is none that anybody has."""
    told = {"host": "192.0.2.7", "database": "shop", "user": "reader", **config}
    secrets = {} if password is None else {"password": password}
    return {"name": name, "type": "POSTGRES", "config": told, "secrets": secrets}


def stored_connection(url: str, name: str = "refdata", **config: Any) -> Connection:
    """A stored connection to the database of a URL."""
    place = urlsplit(url)
    told = {"host": place.hostname, "port": place.port or 5432, "database": place.path[1:], "user": place.username}
    return services.add_connection(connection(name, password=place.password, **told, **config), by="test")

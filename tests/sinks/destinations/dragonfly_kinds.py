"""DRAGONFLY: runs of every data type, and what a server holds, for tests to compare."""

from __future__ import annotations

import hashlib
from typing import Any

from sinks.dragonfly.protocol import Client
from tests.support.dragonfly_runs import DragonflyRun
from tests.support.redis import Redis, scanned

KINDS: dict[str, dict[str, Any]] = {
    "string": {"dataType": "STRING", "keyTemplate": "${id}"},
    "string with ttl": {"dataType": "STRING", "keyTemplate": "${id}", "ttlSeconds": 5000, "ttlJitterSeconds": 900},
    "hash": {"dataType": "HASH", "keyTemplate": "${token}/${id}", "ttlSeconds": 5000},
    "set": {"dataType": "SET", "keyTemplate": "all"},
    "sets": {"dataType": "SET", "keyTemplate": "of:${score}", "valueTemplate": "${id}"},
    "zset": {"dataType": "ZSET", "keyTemplate": "all", "scoreField": "score", "valueTemplate": "${token}"},
    "list": {"dataType": "LIST", "keyTemplate": "all"},
    "stream": {"dataType": "STREAM", "keyTemplate": "all"},
    "streams": {"dataType": "STREAM", "keyTemplate": "of:${score}"},
}
"""Configs whose keys begin anywhere."""
_READ = {
    b"string": lambda client, key: client.call("GET", key),
    b"hash": lambda client, key: _pairs(client.call("HGETALL", key)),
    b"set": lambda client, key: sorted(client.call("SMEMBERS", key)),
    b"zset": lambda client, key: client.call("ZRANGE", key, 0, -1, "WITHSCORES"),
    b"list": lambda client, key: client.call("LRANGE", key, 0, -1),
    b"stream": lambda client, key: client.call("XRANGE", key, "-", "+"),
}


def run_of(kind: str, server: Redis, prefix: str, **changes: Any) -> DragonflyRun:
    """A run of a kind whose keys begin with a prefix."""
    config = KINDS[kind]
    told = {**config, "keyTemplate": prefix + config["keyTemplate"], **changes.pop("config", {})}
    given = {"run_id": prefix.replace(":", "-"), "owner": prefix, **changes}
    return DragonflyRun(server.config, told, secrets=server.secrets, **given)


def content(client: Client, prefix: str) -> dict[bytes, Any]:
    """What the server holds below a prefix, whose length is taken off the keys."""
    found = {}
    for key in scanned(client, f"{prefix}*"):
        found[key.removeprefix(prefix.encode())] = _READ[client.call("TYPE", key)](client, key)  # type: ignore[index]
    return found


def digest(found: dict[bytes, Any]) -> str:
    """A short form of what a server holds."""
    return hashlib.sha256(repr(sorted(found.items())).encode()).hexdigest()


def _pairs(reply: Any) -> dict[bytes, bytes]:
    return dict(zip(reply[::2], reply[1::2], strict=True))

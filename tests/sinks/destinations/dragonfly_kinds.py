"""DRAGONFLY: runs of every data type, and what a server holds, for tests to compare."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Any

import redis

from tests.support.dragonfly_runs import DragonflyRun
from tests.support.redis import Redis

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
_READ: dict[bytes, Callable[[Any, bytes], Any]] = {
    b"string": lambda pipeline, key: pipeline.get(key),
    b"hash": lambda pipeline, key: pipeline.hgetall(key),
    b"set": lambda pipeline, key: pipeline.smembers(key),
    b"zset": lambda pipeline, key: pipeline.zrange(key, 0, -1, withscores=True),
    b"list": lambda pipeline, key: pipeline.lrange(key, 0, -1),
    b"stream": lambda pipeline, key: pipeline.xrange(key),
}


def run_of(kind: str, server: Redis, prefix: str, **changes: Any) -> DragonflyRun:
    """A run of a kind whose keys begin with a prefix."""
    config = KINDS[kind]
    told = {**config, "keyTemplate": prefix + config["keyTemplate"], **changes.pop("config", {})}
    given = {"run_id": prefix.replace(":", "-"), "owner": prefix, **changes}
    return DragonflyRun(server.config, told, secrets=server.secrets, **given)


def content(server: Redis, prefix: str) -> dict[bytes, Any]:
    """What the server holds below a prefix, which is taken off the keys; read by somebody else's client."""
    with redis.Redis.from_url(server.url, db=int(str(server.config.get("database", 0)))) as reader:
        keys = sorted(set(reader.scan_iter(match=f"{prefix}*", count=1000)))
        pipeline = reader.pipeline(transaction=False)
        for key in keys:
            pipeline.type(key)
        for key, kind in zip(keys, pipeline.execute(), strict=True):
            _READ[kind](pipeline, key)
        values = pipeline.execute()
    return {key.removeprefix(prefix.encode()): value for key, value in zip(keys, values, strict=True)}


def digest(found: dict[bytes, Any]) -> str:
    """A short form of what a server holds."""
    return hashlib.sha256(repr([(key, _ordered(found[key])) for key in sorted(found)]).encode()).hexdigest()


def _ordered(value: Any) -> Any:
    """Sets and hashes, which have no order, in one."""
    if isinstance(value, dict):
        return sorted(value.items())
    return sorted(value) if isinstance(value, set) else value

"""What stands against writing to a server: how it is set, what the user may do, what is in the way."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from engine.issues import Issue, Severity
from sdg_project.text import quoted
from sinks.dragonfly.commands import Commands
from sinks.dragonfly.config import OWN_PREFIX, DataType, DragonflyKeys
from sinks.dragonfly.protocol import Client, ServerError, facts_of

_AT = "/destination"
_MAY_NOT = "see the user's ACL: it needs what the dataType needs, EVAL, and keys that begin with " + OWN_PREFIX
_TYPES = {DataType.LIST: "list", DataType.SET: "set", DataType.ZSET: "zset", DataType.STREAM: "stream"}


def obstacles(client: Client, config: DragonflyKeys, commands: Commands, *, estimated_bytes: int) -> Iterator[Issue]:
    """Everything that can be seen without changing anything; raises what the client raises."""
    facts = _facts(client)
    if facts is None:
        message = "the user may not ask the server by INFO how it is set, so that eviction and memory are not checked"
        yield Issue("DEST_AUTH", _AT, message, severity=Severity.WARNING)
    else:
        yield from _settings(facts, config, estimated_bytes)
    key = _example_key(commands)
    yield from _rights(client, config, key, shares_a_key=commands.shares_a_key)
    if commands.shares_a_key and (wanted := _TYPES.get(config.data_type)) is not None:
        found = client.call("TYPE", key)
        if found not in {b"none", wanted.encode()}:
            there = found.decode(errors="replace") if isinstance(found, bytes) else "something else"
            message = f"the key {quoted(key, 80)} is there already, and is a {there}"
            hint = "remove it, or choose another keyTemplate"
            yield Issue("DEST_SCHEMA", f"{_AT}/config/keyTemplate", message, hint)


def _settings(facts: Mapping[str, str], config: DragonflyKeys, estimated_bytes: int) -> Iterator[Issue]:
    if facts.get("role") in {"slave", "replica"}:
        message = "the server is a replica, to which nothing is written"
        yield Issue("DEST_UNAVAILABLE", _AT, message, "connect to its primary")
    if facts.get("cluster_enabled") == "1":
        yield Issue("DEST_SCHEMA", _AT, "the server is one of a cluster, which is not written to")
    policy = facts.get("maxmemory_policy", "noeviction")
    is_cache = facts.get("cache_mode") == "cache"
    evicts = is_cache or policy.startswith("allkeys") or (policy.startswith("volatile") and config.ttl_seconds)
    most = int(facts.get("maxmemory", "0") or 0)
    if evicts and (most or is_cache):
        message = f"the server removes keys when its memory is full ({'cache_mode' if is_cache else policy})"
        hint = "set it to noeviction, or set allowEviction in destination.config if records may be lost silently"
        severity = Severity.WARNING if config.allow_eviction else Severity.ERROR
        yield Issue("DEST_SCHEMA", _AT, message, hint, severity=severity)
    used = int(facts.get("used_memory", "0") or 0)
    if most and not evicts and used + estimated_bytes > most:
        message = (
            f"the run needs about {estimated_bytes:,} bytes, and the server has {max(0, most - used):,} left of"
            f" {most:,}"
        )
        yield Issue("DEST_FULL", _AT, message, "raise maxmemory of the server, or write less")


def _rights(client: Client, config: DragonflyKeys, key: str, *, shares_a_key: bool) -> Iterator[Issue]:
    """What the user may not do, by commands that change nothing."""
    own, beside = f"{OWN_PREFIX}probe", f"{key}:sdg-probe"
    no_fields = ["odd", "number", "of"]  # refused for their form, if the command is not refused for its user
    asked = [
        ("EVAL", own, ["EVAL", "return redis.call('EXISTS', KEYS[1])", "1", own]),
        ("HSET", own, ["HSET", own, *no_fields]),
    ]
    if shares_a_key:
        asked.append(("HSET", key, ["HSET", key, *no_fields]))
    else:
        probes = {
            DataType.STRING: ["SET", beside, "", "XX"],
            DataType.HASH: ["HSET", beside, *no_fields],
            DataType.LIST: ["RPUSHX", beside, ""],
            DataType.SET: ["SREM", beside, ""],
            DataType.ZSET: ["ZADD", beside, "XX", "0", ""],
            DataType.STREAM: ["XADD", beside, "NOMKSTREAM", "1-0", "a", ""],
            DataType.JSON: ["JSON.TYPE", beside],
        }
        asked += [(words[0], beside, words) for words in (["UNLINK", beside], probes[config.data_type])]
    for name, on, words in asked:
        try:
            client.call(*words)
        except ServerError as error:
            if error.word in {"NOPERM", "NOAUTH"}:
                message = f"the user may not do {name} on keys such as {quoted(on, 80)}"
                yield Issue("DEST_AUTH", _AT, message, _MAY_NOT)
            elif "unknown command" in error.text.lower():
                message = f"the server does not know {name}, so that it cannot hold a {config.data_type}"
                yield Issue("DEST_SCHEMA", f"{_AT}/config/dataType", message, "choose another dataType, or server")
            elif error.word in {"LOADING", "MASTERDOWN", "READONLY", "OOM"}:
                raise


def _example_key(commands: Commands) -> str:
    """A key as the run would write it, with holes filled by nothing."""
    return "".join(commands.key.literals)


def _facts(client: Client) -> dict[str, str] | None:
    try:
        return facts_of(client.call("INFO"))
    except ServerError as error:
        if error.word != "NOPERM":
            raise
        return None

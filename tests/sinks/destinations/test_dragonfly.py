"""DRAGONFLY: what each data type holds on a real server, compared with plain Python; and what is refused before a run.

JSON.SET is known to neither Valkey nor Redis without a module: it is tried against the protocol, in
test_dragonfly_protocol.py.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from sinks.destinations.dragonfly import DragonflyDestination
from sinks.dragonfly.config import DragonflyKeys
from sinks.enums import DeliveryGuarantee
from sinks.errors import TerminalSinkError
from tests.sinks.destinations.dragonfly_kinds import KINDS, content, run_of
from tests.support.dragonfly_runs import DragonflyRun, carry, destination_of, errors_of, expected_records
from tests.support.redis import OwnServer, Redis, scanned


@pytest.fixture
def prefix(redis: Redis) -> Iterator[str]:
    with redis.prefix() as name:
        yield name


def held(redis: Redis, prefix: str) -> dict[bytes, Any]:
    return content(redis, prefix)


def document(record: dict[str, Any]) -> bytes:
    """A record as its JSON document: the slow obvious way."""
    return json.dumps(record, ensure_ascii=False, separators=(",", ":")).encode()


def fields(record: dict[str, Any]) -> dict[bytes, bytes]:
    return {name.encode(): str(value).encode() for name, value in record.items() if value is not None}


def expected(kind: str, records: list[dict[str, Any]]) -> dict[bytes, Any]:
    """What the keys of a kind must hold."""
    entries = [(b"%d-0" % record["id"], fields(record)) for record in records]
    scores = sorted({record["score"] for record in records})
    match kind:
        case "string" | "string with ttl":
            return {b"%d" % record["id"]: document(record) for record in records}
        case "hash":
            return {f"{record['token']}/{record['id']}".encode(): fields(record) for record in records}
        case "set":
            return {b"all": set(map(document, records))}
        case "sets":
            return {
                b"of:%d" % score: {b"%d" % one["id"] for one in records if one["score"] == score} for score in scores
            }
        case "zset":
            pairs = sorted((record["score"], record["token"].encode()) for record in records)
            return {b"all": [(token, float(score)) for score, token in pairs]}
        case "list":
            return {b"all": [document(record) for record in records]}
        case "stream":
            return {b"all": entries}
        case _:
            pairs_of = list(zip(records, entries, strict=True))
            return {b"of:%d" % s: [entry for record, entry in pairs_of if record["score"] == s] for s in scores}


@pytest.mark.parametrize("kind", KINDS)
def test_each_type_holds_exactly_the_records(kind: str, redis: Redis, prefix: str) -> None:
    run = run_of(kind, redis, prefix, records=400)

    [written] = carry(run)

    assert written.records == 400
    assert held(redis, prefix) == expected(kind, expected_records(run))


@pytest.mark.parametrize("kind", KINDS)
def test_batches_shards_and_pipelines_do_not_show(kind: str, redis: Redis, prefix: str) -> None:
    run = run_of(kind, redis, prefix, records=200, frame=32, shards=4, batch=7, config={"pipelineSize": 3})

    carry(run)

    assert held(redis, prefix) == expected(kind, expected_records(run))


def test_the_time_of_a_key_is_that_of_its_record_however_often_it_is_written(redis: Redis, prefix: str) -> None:
    run = run_of("string with ttl", redis, prefix, records=200, batch=7)
    times = []
    for run_id, batch in (("a", None), ("b", 7)):
        carry(run.but(run_id=prefix + run_id, batch=batch, config={**run.config, "beforeRun": "REPLACE"}))
        with redis.client() as client:
            times.append([client.call("TTL", f"{prefix}{number}") for number in range(1, 201)])

    assert all(abs(one - other) <= 3 for one, other in zip(*times, strict=True))  # type: ignore[operator]  # seconds pass
    assert len(set(times[0])) > 100  # of 901 times, 200 records have about 180
    assert all(4990 <= one <= 5900 for one in times[0])  # type: ignore[operator]


def test_the_one_key_of_all_records_gets_its_time_at_the_end(redis: Redis, prefix: str) -> None:
    run = run_of("list", redis, prefix, config={"ttlSeconds": 5000})

    carry(run.but(finalize=False))
    before = redis.ask("TTL", f"{prefix}all")
    carry(run)

    assert before == -1
    assert redis.ask("TTL", f"{prefix}all") in range(4990, 5001)


def test_a_stream_keeps_about_as_many_entries_as_it_is_told(redis: Redis, prefix: str) -> None:
    carry(run_of("stream", redis, prefix, records=5000, frame=2048, config={"streamMaxLen": 100}))

    assert 100 <= int(str(redis.ask("XLEN", f"{prefix}all"))) < 1000


def test_s_control_characters_and_protocol_in_keys_and_values_stay_what_they_are(redis: Redis, prefix: str) -> None:
    run = run_of("hash", redis, prefix, records=60, config={"keyTemplate": prefix + "\r\n$3\r\n\x00\t{*}\\é ${id}"})

    carry(run)

    keys = {f"\r\n$3\r\n\x00\t{{*}}\\é {record['id']}".encode() for record in expected_records(run)}
    assert set(held(redis, prefix)) == keys


# Before a run.


def test_a_second_run_is_refused_with_the_choices(redis: Redis, prefix: str) -> None:
    run = run_of("string", redis, prefix)
    carry(run)

    [issue] = errors_of(run.but(run_id="another"))
    with pytest.raises(TerminalSinkError) as caught:
        carry(run.but(run_id="another"))

    assert issue.code == caught.value.code == "RERUN_WOULD_COLLIDE"
    assert "APPEND" in str(issue.hint)
    assert "REPLACE" in str(issue.hint)


def test_a_run_of_somebody_else_is_no_earlier_run(redis: Redis, prefix: str) -> None:
    carry(run_of("string", redis, prefix))

    assert errors_of(run_of("string", redis, prefix, run_id="another", owner="another")) == []


def test_append_adds_to_lists_and_streams_behind_what_is_there(redis: Redis, prefix: str) -> None:
    for kind in ("list", "stream"):
        run = run_of(kind, redis, f"{prefix}{kind}:", records=100)
        carry(run)
        carry(run.but(run_id=f"{run.run_id}-2", config={**run.config, "beforeRun": "APPEND"}))

    found = held(redis, prefix)
    records = expected_records(run_of("list", redis, prefix, records=100))
    assert found[b"list:all"] == 2 * [document(record) for record in records]
    assert [entry[0] for entry in found[b"stream:all"]] == [b"%d-0" % number for number in range(1, 201)]
    assert [entry[1] for entry in found[b"stream:all"][100:]] == [entry[1] for entry in found[b"stream:all"][:100]]


@pytest.mark.parametrize("kind", KINDS)
def test_replace_leaves_nothing_of_the_earlier_run(kind: str, redis: Redis, prefix: str) -> None:
    run = run_of(kind, redis, prefix, records=150)
    carry(run.but(records=350, seed=9))

    replacing = run.but(run_id=f"{run.run_id}-2", config={**run.config, "beforeRun": "REPLACE"})
    carry(replacing)

    assert held(redis, prefix) == expected(kind, expected_records(replacing))
    with redis.client() as client:
        assert scanned(client, f"sdg:ck:{run.run_id}") == []
        assert scanned(client, f"sdg:ck:{run.run_id}:*") == []


def test_s_replace_takes_a_prefix_as_text_and_not_as_a_pattern(redis: Redis, prefix: str) -> None:
    names = ["[ab]*?", "a*?", "b-xy", "[ab]\\"]
    with redis.client() as client:
        for name in names:
            client.call("SET", f"{prefix}{name}kept", "theirs")
        client.call("SET", f"{prefix}[ab]*?gone", "theirs")
    run = run_of("string", redis, prefix, config={"keyTemplate": prefix + "[ab]*?\\${id}", "beforeRun": "REPLACE"})

    carry(run.but(records=10))

    found = held(redis, prefix)
    assert {name for name in found if name.endswith(b"kept")} == {f"{name}kept".encode() for name in names}
    assert b"[ab]*?gone" in found
    assert len(found) == 15


def test_replace_of_one_key_removes_no_other(redis: Redis, prefix: str) -> None:
    redis.ask("SET", f"{prefix}all-others", "theirs")

    carry(run_of("list", redis, prefix, records=10, config={"beforeRun": "REPLACE"}))

    assert set(held(redis, prefix)) == {b"all", b"all-others"}


def test_replace_removes_many_keys_and_no_checkpoint() -> None:
    with OwnServer() as server:
        prefix = "s"  # with which our own keys begin, too
        with server.client() as client:
            client.call("EVAL", "for i = 1, 5000 do redis.call('SET', 's:' .. i, '') end", 0)
        run = run_of("string", server, prefix, records=10, config={"beforeRun": "REPLACE"})
        run = run.but(config={**run.config, "keyTemplate": "s:${id}"})
        carry(run)
        carry(run.but(run_id="2"))

        with server.client() as client:
            assert len(scanned(client, "s:*")) == 10
            assert scanned(client, "sdg:ck:2:*")


# What is refused.


@pytest.mark.parametrize(
    ("at", "config"),
    [
        ("keyTemplate", {"keyTemplate": "k:${"}),
        ("keyTemplate", {"keyTemplate": "k:${none}"}),
        ("keyTemplate", {"keyTemplate": "k:${note}"}),
        ("keyTemplate", {"keyTemplate": "constant"}),
        ("keyTemplate", {"keyTemplate": "sdg:ck:${id}"}),
        ("keyTemplate", {"keyTemplate": "sdg:${id}"}),
        ("keyTemplate", {"keyTemplate": "${id}", "beforeRun": "REPLACE"}),
        ("valueTemplate", {"valueTemplate": "${note}"}),
        ("valueTemplate", {"dataType": "HASH", "valueTemplate": "${id}"}),
        ("scoreField", {"dataType": "ZSET"}),
        ("scoreField", {"dataType": "ZSET", "scoreField": "token"}),
        ("scoreField", {"dataType": "ZSET", "scoreField": "none"}),
        ("scoreField", {"scoreField": "score"}),
        ("streamMaxLen", {"streamMaxLen": 5}),
        ("ttlJitterSeconds", {"ttlJitterSeconds": 5}),
        ("beforeRun", {"dataType": "STREAM", "beforeRun": "APPEND"}),
    ],
    ids=str,
)
def test_a_config_that_does_not_fit_is_refused_at_its_place(at: str, config: dict[str, Any]) -> None:
    run = DragonflyRun({"host": "192.0.2.7"}, {"keyTemplate": "k:${id}", **config})

    issues = destination_of(run).check()

    assert [issue.path for issue in issues] == [f"/destination/config/{at}"]
    assert issues[0].hint or "${" in issues[0].message


def test_all_problems_are_told_at_once() -> None:
    config = {"dataType": "ZSET", "keyTemplate": "k:${none}", "valueTemplate": "${other}", "streamMaxLen": 5}

    issues = destination_of(DragonflyRun({"host": "192.0.2.7"}, config)).check()

    assert {issue.path.rpartition("/")[2] for issue in issues} == {
        "keyTemplate",
        "valueTemplate",
        "scoreField",
        "streamMaxLen",
    }


def test_the_guarantee_is_that_of_the_type() -> None:
    def of(**config: Any) -> DeliveryGuarantee:
        return DragonflyDestination.guarantee(DragonflyKeys.model_validate(config))

    assert of(keyTemplate="k:${id}", dataType="LIST") is DeliveryGuarantee.AT_LEAST_ONCE
    assert of(keyTemplate="k", dataType="LIST") is DeliveryGuarantee.EXACTLY_ONCE
    assert of(keyTemplate="k:${id}") is DeliveryGuarantee.EXACTLY_ONCE


def test_many_lists_are_warned_of() -> None:
    run = DragonflyRun({"host": "192.0.2.7"}, {"keyTemplate": "k:${id}", "dataType": "LIST"})

    assert [issue.code for issue in destination_of(run).check()] == ["NON_IDEMPOTENT_SINK"]


def test_d16_a_key_of_another_type_is_seen_before_a_run(redis: Redis, prefix: str) -> None:
    redis.ask("SET", f"{prefix}all", "in the way")

    [issue] = errors_of(run_of("list", redis, prefix))

    assert issue.code == "DEST_SCHEMA"
    assert "string" in issue.message


@pytest.mark.parametrize(
    ("settings", "ttl", "code"),
    [
        (("--maxmemory", "1gb", "--maxmemory-policy", "allkeys-lru"), False, "DEST_SCHEMA"),
        (("--maxmemory", "1gb", "--maxmemory-policy", "volatile-ttl"), True, "DEST_SCHEMA"),
        (("--maxmemory", "1gb", "--maxmemory-policy", "volatile-ttl"), False, None),
        (("--maxmemory-policy", "allkeys-lru"), False, None),
        (("--maxmemory", "2mb", "--maxmemory-policy", "noeviction"), False, "DEST_FULL"),
        (("--replicaof", "127.0.0.1 1"), False, "DEST_UNAVAILABLE"),
    ],
    ids=str,
)
def test_d18_a_server_that_would_lose_records_is_refused(
    settings: tuple[str, ...], ttl: bool, code: str | None
) -> None:
    with OwnServer(*settings) as server:
        destination = destination_of(run_of("string with ttl" if ttl else "string", server, "k:"))

        issues = destination.preflight(estimated_bytes=3_000_000)

    assert [issue.code for issue in issues] == ([code] if code else [])


def test_who_insists_may_write_to_a_cache() -> None:
    with OwnServer("--maxmemory", "1gb", "--maxmemory-policy", "allkeys-lru") as server:
        assert errors_of(run_of("string", server, "k:", config={"allowEviction": True})) == []


@pytest.mark.parametrize("kind", KINDS)
def test_what_the_user_may_not_do_is_said_before_a_run(kind: str, redis: Redis) -> None:
    with OwnServer() as server:
        for name, rights in (
            ("sdg", "~k:* ~sdg:ck:* +@all"),
            ("reader", "~* +@read +@connection"),
            ("other", "~o:* +@all"),
        ):
            server.ask("ACL", "SETUSER", name, "on", "nopass", *rights.split())
        run = run_of(kind, server, "k:", records=60)
        allowed, reader, other = (
            run.but(server={**server.config, "username": name}) for name in ("sdg", "reader", "other")
        )

        assert errors_of(allowed) == []
        carry(allowed)
        assert {issue.code for issue in errors_of(reader.but(run_id="2", owner="2"))} == {"DEST_AUTH"}
        assert {issue.code for issue in errors_of(other.but(run_id="2", owner="2"))} == {"DEST_AUTH"}

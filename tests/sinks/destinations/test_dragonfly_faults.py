"""DRAGONFLY: what befalls a server, and the way to it, in the middle of a run: nothing is lost, nothing is doubled."""

from __future__ import annotations

import resource
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from engine.span import Span
from sinks.destinations.dragonfly import DragonflyDestination
from sinks.dragonfly.shard import ShardWriter
from sinks.errors import SinkError, TerminalSinkError, TransientSinkError
from sinks.time_limits import TimeLimits
from tests.sinks.destinations.dragonfly_kinds import content, digest, run_of
from tests.support.dragonfly_runs import DragonflyRun, carry, destination_of, plan_of
from tests.support.proxy import Line, Proxy
from tests.support.redis import OwnServer, Redis

RECORDS, FRAME = 4000, 500
FAMILIES = ("hash", "list", "stream", "streams")
PREFIX = "k:"


@pytest.fixture
def prefix(redis: Redis) -> Iterator[str]:
    with redis.prefix() as name:
        yield name


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Calls wait for half a second, not for half a minute."""
    limits = TimeLimits(connect=0.5, call=0.5, lock=0.5, idle=0.5)
    monkeypatch.setattr("sinks.destinations.dragonfly.time_limits", lambda: limits)


def big_run(kind: str, server: Redis, prefix: str = PREFIX, **changes: Any) -> DragonflyRun:
    return run_of(kind, server, prefix, records=RECORDS, frame=FRAME, shards=1, **changes)


def held(server: Redis, prefix: str = PREFIX) -> str:
    return digest(content(server, prefix))


def undisturbed(kind: str, redis: Redis) -> str:
    with redis.prefix() as prefix:
        carry(big_run(kind, redis, prefix))
        return held(redis, prefix)


class Half:
    """A run whose first half is written and committed."""

    def __init__(self, run: DragonflyRun) -> None:
        self.run, self.plan = run, plan_of(run.records, run.seed)
        self.destination: DragonflyDestination = destination_of(run)
        self.destination.prepare()
        self.sink: ShardWriter = self.destination.sink(0)
        self.sink.open(1)
        for start in range(0, RECORDS // 2, FRAME):
            self.sink.write(self.plan.batch(Span(start, FRAME)))
        self.sink.commit(RECORDS // 2)

    def go_on(self) -> None:
        """Write what is left, and commit."""
        for start in range(RECORDS // 2, RECORDS, FRAME):
            self.sink.write(self.plan.batch(Span(start, FRAME)))
        self.sink.commit(RECORDS)

    def broken_off(self) -> SinkError:
        """The error that going on ends with."""
        with pytest.raises(SinkError) as caught:
            self.go_on()
        self.sink.close()
        return caught.value

    def resume(self) -> None:
        carry(self.run.but(epoch=2, prepare=False))


# Servers.


@pytest.mark.parametrize("kind", FAMILIES)
def test_d2_a_server_that_is_killed_and_comes_back_with_its_records(kind: str, redis: Redis) -> None:
    with OwnServer(keep=True) as server:
        half = Half(big_run(kind, server))
        server.kill()
        error = half.broken_off()
        with pytest.raises(TransientSinkError) as away:
            half.sink.open(2)
        server.start()

        half.resume()

        assert isinstance(error, TransientSinkError)
        assert error.code == away.value.code == "DEST_UNAVAILABLE"
        assert held(server) == undisturbed(kind, redis)


@pytest.mark.parametrize("kind", FAMILIES)
def test_a_server_that_comes_back_empty_gets_all_records_again(kind: str, redis: Redis) -> None:
    with OwnServer() as server:
        half = Half(big_run(kind, server))
        server.kill()
        server.start()
        half.broken_off()

        position = half.destination.sink(0).open(2)
        half.resume()

        assert position == 0  # which tells the worker that something is lost
        assert held(server) == undisturbed(kind, redis)


def test_a_run_is_not_complete_where_the_server_has_lost_records() -> None:
    with OwnServer() as server:
        run = big_run("hash", server)
        carry(run.but(finalize=False))
        server.kill()
        server.start()

        with pytest.raises(TerminalSinkError) as caught:
            destination_of(run).finalize()

    assert caught.value.code == "DEST_REGRESSED"


def test_a_list_whose_checkpoint_is_lost_is_written_anew_or_left(redis: Redis, prefix: str) -> None:
    run = big_run("list", redis, prefix)
    half = Half(run)
    half.sink.close()
    redis.ask("DEL", f"sdg:ck:{run.run_id}:0")

    with pytest.raises(TerminalSinkError) as caught:
        destination_of(run.but(config={**run.config, "onRegression": "STOP"})).sink(0).open(2)
    untouched = redis.ask("LLEN", f"{prefix}all")
    half.resume()

    assert caught.value.code == "DEST_REGRESSED"
    assert untouched == RECORDS // 2
    assert held(redis, prefix) == undisturbed("list", redis)


@pytest.mark.parametrize("kind", FAMILIES)
def test_d15_a_full_memory_pauses_the_run_and_leaves_no_gap(kind: str, redis: Redis) -> None:
    with OwnServer("--maxmemory-policy", "noeviction") as server:
        half = Half(big_run(kind, server))
        server.ask("CONFIG", "SET", "maxmemory", used(server) + 60_000)

        error = half.broken_off()
        next_record = int(str(server.ask("HGET", f"sdg:ck:{half.run.run_id}:0", "next"), "ascii"))  # type: ignore[call-overload]
        server.ask("CONFIG", "SET", "maxmemory", 0)
        half.resume()

        assert isinstance(error, TerminalSinkError)
        assert error.code == "DEST_FULL"
        assert next_record == RECORDS // 2
        assert held(server) == undisturbed(kind, redis)


@pytest.mark.parametrize("kind", FAMILIES)
def test_d15_a_memory_that_is_full_again_and_again_leaves_no_gap(kind: str, redis: Redis) -> None:
    with OwnServer("--maxmemory-policy", "noeviction") as server:
        run = big_run(kind, server, config={"pipelineSize": 20})
        carry(run.but(only=(), finalize=False))
        over = threading.Event()

        def toggle() -> None:
            with server.client() as client:
                while not over.is_set():
                    client.call("CONFIG", "SET", "maxmemory", "1mb")
                    client.call("CONFIG", "SET", "maxmemory", 0)
                    time.sleep(0.004)

        toggling = threading.Thread(target=toggle)
        toggling.start()
        failures = set()
        try:
            for epoch in range(1, 400):
                try:
                    carry(run.but(epoch=epoch, prepare=False))
                    break
                except SinkError as error:
                    failures.add(error.code)
        finally:
            over.set()
            toggling.join()

        carry(run.but(epoch=1000))
        assert failures <= {"DEST_FULL"}
        assert held(server) == undisturbed(kind, redis)


def used(server: Redis) -> int:
    facts = str(server.ask("INFO", "memory"), "ascii")  # type: ignore[call-overload]
    return int(facts.partition("used_memory:")[2].split()[0])


@pytest.mark.parametrize(("kind", "key"), [("hash", None), ("list", "all"), ("stream", "all"), ("streams", None)])
def test_d16_a_key_of_another_type_in_the_way_ends_the_run(
    kind: str, key: str | None, redis: Redis, prefix: str
) -> None:
    run = big_run(kind, redis, prefix)
    half = Half(run)
    row = half.plan.batch(Span(RECORDS // 2 + 700, 1)).records.to_dicts()[0]
    name = key or (f"{row['token']}/{row['id']}" if kind == "hash" else f"of:{row['score']}")
    redis.ask("SET", f"{prefix}{name}", "in the way")

    error = half.broken_off()

    assert isinstance(error, TerminalSinkError)
    assert error.code == "DEST_SCHEMA"
    assert redis.ask("HGET", f"sdg:ck:{run.run_id}:0", "next") == b"%d" % (RECORDS // 2)


def test_who_adds_to_a_list_of_the_run_is_found_out(redis: Redis, prefix: str) -> None:
    half = Half(big_run("list", redis, prefix))
    redis.ask("RPUSH", f"{prefix}all", "foreign")

    error = half.broken_off()

    assert error.code == "DEST_SCHEMA"
    assert redis.ask("LLEN", f"{prefix}all") == RECORDS // 2 + 1


# The way to the server.


def through(proxy: Proxy, kind: str, server: Redis, prefix: str) -> DragonflyRun:
    run = big_run(kind, server, prefix)
    return run.but(server={**run.server, "host": "127.0.0.1", "port": proxy.port})


@pytest.fixture
def proxied(redis: Redis) -> Iterator[Callable[[str, str], tuple[Proxy, DragonflyRun]]]:
    """A proxy before the server, and a run through it."""
    with Proxy(int(str(redis.config["port"])), str(redis.config["host"])) as proxy:
        yield lambda kind, prefix: (proxy, through(proxy, kind, redis, prefix))


@pytest.mark.parametrize("kind", FAMILIES)
def test_d17_an_answer_that_is_lost_doubles_nothing(kind: str, proxied: Any, redis: Redis, prefix: str) -> None:
    proxy, run = proxied(kind, prefix)
    half = Half(run)
    for epoch in range(2, 6):
        proxy.line = Line(cut_behind=b"RPUSH" if kind == "list" else b"XADD" if "stream" in kind else b"HSET")
        error = half.broken_off()
        assert isinstance(error, TransientSinkError)
        position = half.sink.open(epoch)
        assert position == RECORDS // 2

    carry(run.but(epoch=9))

    assert held(redis, prefix) == undisturbed(kind, redis)


def test_a_commit_whose_answer_is_lost_is_looked_up(proxied: Any, redis: Redis, prefix: str) -> None:
    proxy, run = proxied("hash", prefix)
    half = Half(run)
    half.sink.write(half.plan.batch(Span(RECORDS // 2, FRAME)))
    proxy.line = Line(cut_behind=b"'next', ARGV[2]")

    with pytest.raises(TransientSinkError):
        half.sink.commit(RECORDS // 2 + FRAME)

    assert half.sink.open(2) == RECORDS // 2 + FRAME


@pytest.mark.parametrize("piece_bytes", [100, 7777])
@pytest.mark.parametrize("kind", FAMILIES)
def test_d4_a_connection_cut_in_the_middle_of_a_command(
    kind: str, piece_bytes: int, proxied: Any, redis: Redis, prefix: str
) -> None:
    proxy, run = proxied(kind, prefix)
    half = Half(run)
    row = half.plan.batch(Span(RECORDS // 2 + 77, 1)).records["token"][0]
    proxy.line = Line(cut_before=row[:10].encode(), piece_bytes=piece_bytes)

    error = half.broken_off()
    half.resume()

    assert isinstance(error, TransientSinkError)
    assert held(redis, prefix) == undisturbed(kind, redis)


@pytest.mark.parametrize("setting", [{"latency_s": 0.01}, {"piece_bytes": 61}, {"bytes_per_s": 3e6}], ids=str)
def test_d4_a_bad_connection_does_not_show(setting: dict[str, Any], proxied: Any, redis: Redis, prefix: str) -> None:
    proxy, run = proxied("list", prefix)
    proxy.line = Line(**setting)

    carry(run)

    assert held(redis, prefix) == undisturbed("list", redis)


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize("kind", ["hash", "stream"])
def test_d4_a_black_hole_is_given_up_and_a_run_goes_on_behind_it(
    kind: str, proxied: Any, redis: Redis, prefix: str
) -> None:
    proxy, run = proxied(kind, prefix)
    half = Half(run)
    proxy.line = Line(is_black_hole=True)

    error = half.broken_off()
    with pytest.raises(TransientSinkError) as caught:
        half.sink.open(2)
    proxy.line = Line()
    half.resume()

    assert error.code == caught.value.code == "DEST_UNAVAILABLE"
    assert held(redis, prefix) == undisturbed(kind, redis)


def test_d5_a_slow_server_does_not_fill_our_memory(proxied: Any, redis: Redis, prefix: str) -> None:
    proxy, run = proxied("list", prefix)
    carry(run.but(records=1000))
    proxy.line = Line(bytes_per_s=2e6)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss

    carry(run.but(records=20_000, run_id="slow", config={**run.config, "beforeRun": "REPLACE"}))

    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 60_000  # KiB; all of it would be 3 MB a copy

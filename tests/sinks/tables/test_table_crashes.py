"""POSTGRES: whoever dies, hangs or comes too late, each record is there once."""

from __future__ import annotations

import os
import random
import re
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from urllib.parse import urlsplit

import psycopg
import pytest

import sinks
from sinks.errors import Fenced, SinkError, TerminalSinkError, TransientSinkError
from tests.support.nursery import Nursery
from tests.support.postgres import OwnServer
from tests.support.proxy import Proxy
from tests.support.table_runs import TableRun, carry, destination_of, execute, expected_rows, plan_of, rows_of

POINTS = [
    "postgres.prepare.locked",
    "postgres.prepare.begun",
    "postgres.prepare.done",
    "postgres.open.connected",
    "postgres.open.taken",
    "postgres.commit.begun",
    "postgres.commit.loaded",
    "postgres.commit.moved",
    "postgres.commit.done",
    "postgres.finalize.counted",
]


@pytest.fixture
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    """A lease of six seconds: a tenth of all time-outs."""
    monkeypatch.setenv("SDG_LEASE_SECONDS", "6")


@pytest.fixture
def proxy(own_server: OwnServer, url: str) -> Iterator[Proxy]:  # the database is to be ready
    with Proxy(own_server.port) as proxy:
        yield proxy


def wait_until(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 20
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def by_way_of(proxy: Proxy, run: TableRun) -> TableRun:
    """The same run over a line that may be bad."""
    place = urlsplit(run.url)
    return run.but(url=place._replace(netloc=f"{place.username}@127.0.0.1:{proxy.port}").geturl())


@pytest.mark.parametrize("point", POINTS)
def test_dying_at_any_step_loses_and_doubles_nothing(run: TableRun, nursery: Nursery, point: str) -> None:  # C1
    hit = 2 if ".commit." in point else 1

    died = nursery.run(run.but(failpoints=f"{point}=kill@{hit}"))
    carry(run.but(epoch=2))

    assert died.killed
    assert rows_of(run) == expected_rows(run)


def _storm(run: TableRun, nurseries: list[Nursery], seed: int) -> int:
    """Write all shards side by side in processes that are killed after a while; how many have died."""
    carry(run.but(only=(), finalize=False))
    deaths = 0

    def write(number: int) -> None:
        nonlocal deaths
        luck = random.Random(f"{seed} {number}")
        for epoch in range(1, 200):
            share = run.but(prepare=False, only=(number,), finalize=False, epoch=epoch)
            if not nurseries[number].run(share, kill_after=luck.uniform(0.02, 0.02 + 0.03 * epoch)).killed:
                return
            deaths += 1

    threads = [threading.Thread(target=write, args=(number,)) for number in range(run.shards)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return deaths


@pytest.fixture(scope="module")
def nurseries() -> Iterator[list[Nursery]]:
    nurseries = [Nursery(), Nursery()]
    yield nurseries
    for nursery in nurseries:
        nursery.close()


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_a_storm_of_deaths_leaves_count_distinct_and_sum_exact(  # C2
    run: TableRun, nurseries: list[Nursery], seed: int
) -> None:
    run = run.but(records=6_000, frame=500, shards=2)

    deaths = _storm(run, nurseries, seed)
    carry(run.but(only=()))

    assert deaths
    assert rows_of(run) == expected_rows(run)


def test_positions_apart_from_the_rows_are_caught(run: TableRun, nursery: Nursery) -> None:
    broken = run.but(broken="PositionsApart")

    died = nursery.run(broken.but(failpoints="broken.between=kill@2"))
    carry(broken.but(epoch=2))

    assert died.killed
    assert rows_of(run) != expected_rows(run)


def test_a_zombie_writes_nothing_when_it_wakes_up(run: TableRun, nursery: Nursery) -> None:  # C4
    carry(run.but(only=(), finalize=False))
    execute(
        run.url,
        "CREATE FUNCTION slow() RETURNS trigger LANGUAGE plpgsql"
        " AS $$ BEGIN PERFORM pg_sleep(0.2); RETURN NULL; END $$",
        "CREATE TRIGGER slow BEFORE INSERT ON t FOR EACH STATEMENT EXECUTE FUNCTION slow()",
    )
    pid = nursery.start(run.but(prepare=False))
    loading = "SELECT 1 FROM pg_stat_activity WHERE query LIKE 'COPY%' AND pid <> pg_backend_pid()"
    wait_until(lambda: bool(execute(run.url, loading)))
    os.kill(pid, signal.SIGSTOP)
    try:
        carry(run.but(epoch=2, prepare=False))
    finally:
        os.kill(pid, signal.SIGCONT)
    outcome = nursery.wait()

    assert outcome.said["error"] in {"Fenced", "TransientSinkError"}
    assert rows_of(run) == expected_rows(run)


def test_an_owner_of_an_earlier_epoch_is_shut_out(run: TableRun) -> None:
    destination = destination_of(run)
    destination.prepare()
    early, late = destination.sink(0), destination.sink(0)
    early.open(1)
    late.open(2)

    early.write(plan_of(run).batch(destination.delivery.shards[0]))
    with pytest.raises(SinkError) as caught:
        early.commit(300)
    with pytest.raises(Fenced):
        early.open(1)

    assert isinstance(caught.value, (Fenced, TransientSinkError))
    late.close()
    assert rows_of(run) == []


def test_a_client_that_has_stopped_inside_copy_does_not_keep_the_shard(run: TableRun) -> None:
    carry(run.but(only=(), finalize=False))
    with closing(psycopg.connect(run.url, autocommit=True, application_name=f"sdg/{run.run_id}/0")) as hung:
        hung.execute("BEGIN")
        hung.execute("SELECT 1 FROM sdg_checkpoint WHERE shard = 0 FOR UPDATE")
        hung.pgconn.exec_(b"COPY t FROM STDIN")
        hung.pgconn.put_copy_data(b"1\t2\tlate\n")
        hung.pgconn.flush()

        carry(run.but(epoch=2, prepare=False))

    assert rows_of(run) == expected_rows(run)


@pytest.mark.parametrize("side", ["before", "behind"])
def test_a_connection_cut_in_mid_commit_is_asked_for_its_position(
    run: TableRun, proxy: Proxy, side: str
) -> None:  # D11
    through = by_way_of(proxy, run)
    setattr(proxy.line, f"cut_{side}", b"COMMIT\0")
    carry(run.but(only=(), finalize=False))

    with pytest.raises(TransientSinkError):
        carry(through.but(prepare=False))
    there = len(rows_of(run))
    carry(through.but(prepare=False, epoch=2))

    assert there == (0 if side == "before" else 64)
    assert rows_of(run) == expected_rows(run)


@pytest.mark.usefixtures("short")
def test_a_black_hole_ends_the_call_and_the_next_owner_takes_over(run: TableRun, proxy: Proxy) -> None:  # D4, D14
    through = by_way_of(proxy, run)
    destination = destination_of(through)
    destination.prepare()
    sink = destination.sink(0)
    sink.open(1)
    proxy.line.is_black_hole = True

    sink.write(plan_of(run).batch(destination.delivery.shards[0]))
    with pytest.raises(TransientSinkError):
        sink.commit(300)
    sink.close()
    carry(run.but(epoch=2))

    assert rows_of(run) == expected_rows(run)


def test_a_slow_line_in_single_bytes_changes_nothing(run: TableRun, proxy: Proxy) -> None:  # D4
    through = by_way_of(proxy, run).but(records=3, frame=2)
    proxy.line.piece_bytes = 1

    carry(through)

    assert rows_of(through.but(url=run.url)) == expected_rows(through)


@pytest.mark.usefixtures("short")
def test_a_locked_table_is_waited_for_in_later_attempts(run: TableRun) -> None:  # D14
    carry(run.but(only=(), finalize=False))
    with psycopg.connect(run.url) as other:
        other.execute("LOCK TABLE t")
        with pytest.raises(TransientSinkError, match="lock"):
            carry(run.but(prepare=False))
    carry(run.but(prepare=False, epoch=2))

    assert rows_of(run) == expected_rows(run)


@pytest.mark.parametrize(
    ("state", "kind", "code"),
    [
        ("53100", TerminalSinkError, "DEST_FULL"),
        ("25006", TransientSinkError, "DEST_UNAVAILABLE"),
        ("57P01", TransientSinkError, "DEST_UNAVAILABLE"),
        ("42501", TerminalSinkError, "DEST_AUTH"),
        ("42P01", TerminalSinkError, "DEST_SCHEMA"),
    ],
    ids=["full", "read-only", "shutdown", "right", "table"],
)
def test_what_befalls_the_server_is_no_fault_of_a_record(
    run: TableRun, state: str, kind: type[SinkError], code: str
) -> None:
    execute(
        run.url,
        f"CREATE FUNCTION fail() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE SQLSTATE '{state}'; END $$",
        "CREATE TRIGGER fail BEFORE INSERT ON t FOR EACH STATEMENT EXECUTE FUNCTION fail()",
    )

    with pytest.raises(kind) as caught:
        carry(run, refuse=lambda _: pytest.fail("no record is to blame"))
    execute(run.url, "DROP TRIGGER fail ON t")
    carry(run.but(epoch=2))

    assert caught.value.code == code
    assert rows_of(run) == expected_rows(run)


def test_a_server_that_is_restarted_goes_on_where_it_was(run: TableRun, own_server: OwnServer) -> None:  # D2
    destination = destination_of(run)
    destination.prepare()
    sink = destination.sink(0)
    sink.open(1)
    sink.write(plan_of(run).batch(destination.delivery.shards[0]))
    own_server.stop()
    try:
        with pytest.raises(TransientSinkError):
            sink.commit(300)
        with pytest.raises(TransientSinkError):
            sink.open(2)
    finally:
        own_server.start()
    sink.close()
    carry(run.but(epoch=3))

    assert rows_of(run) == expected_rows(run)


def test_a_table_that_is_gone_or_changed_is_told(run: TableRun) -> None:
    carry(run.but(only=(), finalize=False))
    execute(run.url, "ALTER TABLE t RENAME COLUMN amount TO other")

    with pytest.raises(TerminalSinkError, match="no column") as changed:
        carry(run.but(prepare=False))
    execute(run.url, "DROP TABLE t")
    with pytest.raises(TerminalSinkError, match="no table") as gone:
        carry(run.but(prepare=False))

    assert {changed.value.code, gone.value.code} == {"DEST_SCHEMA"}


def test_a_lost_position_is_below_the_one_that_was_known(run: TableRun) -> None:
    carry(run)
    execute(run.url, "TRUNCATE t, sdg_checkpoint")
    sink = destination_of(run).sink(0)

    assert sink.open(2) == 0

    sink.close()
    carry(run.but(epoch=3, prepare=False))
    assert rows_of(run) == expected_rows(run)


def test_there_is_a_test_of_every_step() -> None:
    folder = Path(sinks.__file__).parent
    files = [folder / "destinations/postgres.py", *folder.glob("tables/*.py")]
    passed = {point for file in files for point in re.findall(r'failpoint\("([^"]+)"\)', file.read_text())}

    assert passed == set(POINTS)

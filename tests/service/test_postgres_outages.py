"""The service on a PostgreSQL without a free connection, without writes, without room, or with others in the way.

Every refusal is a 503 that changes nothing, and every run comes to the undisturbed bytes.
"""

from __future__ import annotations

import contextlib
import itertools
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import psycopg
import pytest

from tests.support.api import definition
from tests.support.postgres import OwnServer
from tests.support.service import Reply, Service

COUNT = 1_000_000
CONNECTIONS = 30
MANY = 200_000_000
_numbers = itertools.count()
_TOLD = (
    "SELECT g.status, g.updated_at, r.number, r.status, r.desired_state, r.phase, r.error::text"
    " FROM generators_generator g LEFT JOIN generators_run r ON r.id = g.last_run_id ORDER BY g.id"
)


def document(name: str, **changes: Any) -> dict[str, Any]:
    config = {"path": f"{name}.jsonl"}
    given: dict[str, Any] = {"streamName": "orders", "seed": 42, "recordCount": COUNT, "shards": 3, **changes}
    return definition(name, destination={"type": "FILE", "config": config}, **given)


@pytest.fixture(scope="module")
def server() -> Iterator[OwnServer]:
    with OwnServer(max_connections=str(CONNECTIONS), deadlock_timeout="500ms") as running:
        yield running


@pytest.fixture(scope="module")
def service(server: OwnServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    folder = tmp_path_factory.mktemp("service")
    with Service.at(folder, workers=2, DATABASE_URL=server.url, SDG_LEASE_SECONDS="6") as running:
        yield running


@pytest.fixture(scope="module")
def calm(service: Service) -> str:
    generator = service.create(document("calm"))
    service.act(generator, "start")
    service.wait_for_status(generator, "COMPLETED")
    return service.checksum(generator)


@pytest.fixture
def paused(service: Service) -> Iterator[str]:
    """A generator whose run is paused, and far from its end."""
    generator = service.create(document(f"paused-{next(_numbers)}", recordCount=MANY, shards=1))
    service.act(generator, "start")
    service.wait_for_records(generator, 1)
    service.act(generator, "pause")
    yield generator
    service.call("DELETE", f"/generators/{generator}")


def session(server: OwnServer) -> psycopg.Connection[Any]:
    """A session of the database that may write whatever the server's default is."""
    return psycopg.connect(
        server.url, autocommit=True, application_name="ours", options="-c default_transaction_read_only=off"
    )


def told(server: OwnServer) -> list[tuple[Any, ...]]:
    with session(server) as database:
        return database.execute(_TOLD).fetchall()


def hang_up(database: psycopg.Connection[Any]) -> None:
    """Take the connections of all that are none of ours."""
    database.execute(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
        " WHERE application_name <> 'ours' AND backend_type = 'client backend'"
    )


@contextlib.contextmanager
def no_connection_left(server: OwnServer) -> Iterator[None]:
    with contextlib.ExitStack() as taken:
        first = taken.enter_context(session(server))
        ours = 1
        deadline = time.monotonic() + 20
        while ours < CONNECTIONS:
            assert time.monotonic() < deadline
            try:
                taken.enter_context(session(server))
                ours += 1
            except psycopg.OperationalError:
                hang_up(first)
        yield


@contextlib.contextmanager
def read_only(server: OwnServer) -> Iterator[None]:
    with session(server) as database:
        database.execute("ALTER SYSTEM SET default_transaction_read_only = on")
        database.execute("SELECT pg_reload_conf()")
        hang_up(database)
        try:
            yield
        finally:
            database.execute("ALTER SYSTEM RESET default_transaction_read_only")
            database.execute("SELECT pg_reload_conf()")


@contextlib.contextmanager
def full_disk(server: OwnServer) -> Iterator[None]:
    """The error of a full disk wherever a row is written: to fill a real one takes the rights to mount one."""
    tables = ("generators_generator", "generators_run", "generators_shard", "generators_worker", "django_q_ormq")
    with session(server) as database:
        database.execute(
            "CREATE OR REPLACE FUNCTION no_room() RETURNS trigger LANGUAGE plpgsql AS"
            " $$ BEGIN RAISE EXCEPTION 'No space left on device' USING ERRCODE = 'disk_full'; END $$"
        )
        for table in tables:
            database.execute(
                f"CREATE TRIGGER no_room BEFORE INSERT OR UPDATE ON {table} EXECUTE FUNCTION no_room()".encode()
            )
        try:
            yield
        finally:
            for table in tables:
                database.execute(f"DROP TRIGGER no_room ON {table}".encode())


OUTAGES: dict[str, Callable[[OwnServer], Any]] = {
    "no connection": no_connection_left,
    "read-only": read_only,
    "full": full_disk,
}


@pytest.mark.parametrize("kind", OUTAGES)
def test_c10_an_outage_under_a_running_worker_costs_nothing(
    service: Service, server: OwnServer, calm: str, kind: str
) -> None:
    name = f"under-{kind}".replace(" ", "-")
    generator = service.create(document(name))
    service.act(generator, "start")
    service.wait_for_records(generator, 1)

    with OUTAGES[kind](server):
        time.sleep(3)

    assert service.wait_for_status(generator, "COMPLETED", "FAILED")["status"] == "COMPLETED"
    assert service.checksum(generator) == calm
    with session(server) as database:
        rows = database.execute("SELECT DISTINCT lost_claims FROM generators_shard").fetchall()
    assert rows == [(0,)]


@pytest.mark.parametrize("kind", OUTAGES)
def test_c10_what_people_ask_for_meanwhile_is_503_and_changes_nothing(
    service: Service, server: OwnServer, paused: str, kind: str
) -> None:
    asked: list[tuple[str, str, Any]] = [
        ("POST", "/generators", document("another")),
        ("PUT", f"/generators/{paused}", document("changed", recordCount=5)),
        ("POST", f"/generators/{paused}/resume", None),
        ("POST", f"/generators/{paused}/stop", None),
    ]
    if kind != "full":  # where rows can go away
        asked.append(("DELETE", f"/generators/{paused}", None))
    before = told(server)

    with OUTAGES[kind](server):
        replies = [service.call(*one) for one in asked]

    assert [(reply.status, reply.json["code"]) for reply in replies] == [(503, "CONTROL_DB_DOWN")] * len(asked)
    assert not any(word in reply.body.lower() for reply in replies for word in (b"psycopg", b"select ", b"sdg@"))
    assert told(server) == before
    service.wait_for_status(paused, "PAUSED")
    assert service.act(paused, "stop")["status"] == "STOPPED"


def resume(service: Service, generator: str) -> tuple[threading.Thread, list[Reply]]:
    """Resume in the background; the answer comes into the list."""
    replies: list[Reply] = []
    thread = threading.Thread(target=lambda: replies.append(service.call("POST", f"/generators/{generator}/resume")))
    thread.start()
    return thread, replies


def wait_for_a_lock(server: OwnServer) -> None:
    """Until somebody waits for a lock."""
    deadline = time.monotonic() + 20
    with session(server) as database:
        while not database.execute("SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock'").fetchone():
            assert time.monotonic() < deadline
            time.sleep(0.01)


def test_c10_who_loses_a_deadlock_is_told_to_try_again_and_nothing_is_changed_by_halves(
    service: Service, server: OwnServer, paused: str
) -> None:
    before = told(server)
    with session(server) as database:
        database.execute("SET deadlock_timeout = '1min'")  # so that it is the service that gives in
        database.execute("BEGIN")
        database.execute("SELECT 1 FROM generators_generator WHERE id = %s FOR UPDATE", [paused])
        thread, replies = resume(service, paused)  # it has the run, and waits for the generator
        wait_for_a_lock(server)
        database.execute("SELECT r.id FROM generators_run r WHERE r.generator_id = %s FOR UPDATE", [paused])
        database.execute("ROLLBACK")
    thread.join(30)

    assert [(reply.status, reply.json["code"]) for reply in replies] == [(503, "CONTROL_DB_DOWN")]
    assert told(server) == before
    assert service.act(paused, "resume")["status"] == "RUNNING"


def test_c10_who_cannot_be_put_in_an_order_is_told_to_try_again(
    service: Service, server: OwnServer, paused: str
) -> None:
    before = told(server)
    with session(server) as database:
        database.execute("ALTER SYSTEM SET default_transaction_isolation = 'serializable'")
        database.execute("SELECT pg_reload_conf()")
        try:
            database.execute("BEGIN")
            database.execute("UPDATE generators_run SET name = name WHERE generator_id = %s", [paused])
            thread, replies = resume(service, paused)
            wait_for_a_lock(server)
            database.execute("COMMIT")
            thread.join(30)
        finally:
            database.execute("ALTER SYSTEM RESET default_transaction_isolation")
            database.execute("SELECT pg_reload_conf()")

    assert [(reply.status, reply.json["code"]) for reply in replies] == [(503, "CONTROL_DB_DOWN")]
    assert told(server) == before
    assert service.act(paused, "resume")["status"] == "RUNNING"

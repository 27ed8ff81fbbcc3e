"""Runs into tables of a real server without Django, in one process or in several that may be killed at any time."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from functools import cache
from typing import Any
from urllib.parse import urlsplit

import psycopg
from psycopg import sql

from engine.cuts import Cuts
from engine.span import Span
from generators.plan import Plan
from sdg_project.hosts import HostPolicy
from sinks.connections.postgres import PostgresConfig, PostgresConnection
from sinks.destinations.base import Delivery, Refused, Written
from sinks.destinations.postgres import PostgresDestination
from sinks.tables.config import TableConfig
from tests.support.broken_tables import BROKEN_TABLES
from tests.support.file_runs import STARTED_AT, made_plan
from tests.support.shards import carried, write_to_end

MAPPINGS: list[dict[str, Any]] = [
    {"fieldName": "n", "type": "SEQUENCE", "params": {"start": 0}},
    {"fieldName": "amount", "type": "NUMERIC_RANGE", "params": {"min": 0, "max": 999_999}},
    {"fieldName": "word", "type": "ENUM_RANDOM", "params": {"values": ["a\tb", "c\\d", "", "ü\n"]}, "nullRate": 0.1},
]
COLUMNS = "n bigint, amount bigint, word text"


@dataclass(frozen=True)
class TableRun:
    """A run into a table, and which share of its work is to be done."""

    url: str
    config: Mapping[str, Any] = field(default_factory=dict)
    records: int = 300
    frame: int = 64
    shards: int = 1
    run_id: str = "11111111-aaaa"
    owner: str = "command line:tests"
    mappings: Sequence[Mapping[str, Any]] = ()
    prepare: bool = True
    only: Sequence[int] | None = None
    """Numbers of the shards to write, in this order; None for all."""
    finalize: bool = True
    ends: Sequence[int] | None = None
    epoch: int = 1
    batch: int | None = None
    failpoints: str = ""
    broken: str = ""
    """A known-bad writer of tests/support/broken_tables.py."""

    def but(self, **changes: Any) -> TableRun:
        return replace(self, **changes)

    def as_json(self) -> dict[str, Any]:
        return asdict(self)

    @property
    def table(self) -> str:
        return str(self.config.get("table", "t"))


@cache
def _plan(mappings: str, records: int) -> Plan:
    import json

    document = {"name": "table run", "recordCount": records, "fieldMappings": json.loads(mappings)}
    return made_plan(document, pools={}, seed=7, records=records)


def plan_of(run: TableRun) -> Plan:
    import json

    return _plan(json.dumps(list(run.mappings or MAPPINGS)), run.records)


def server_at(url: str, **config: Any) -> PostgresConnection:
    """A connection to the database of a URL."""
    place = urlsplit(url)
    told = {
        "host": place.hostname,
        "port": place.port or 5432,
        "database": place.path[1:],
        "user": place.username,
        "tls": "DISABLE",
    }
    secrets = {"password": place.password} if place.password else {}
    return PostgresConnection(PostgresConfig.model_validate(told | config), secrets, policy=HostPolicy(False))


def destination_of(run: TableRun, *, account: Callable[[int], int] | None = None) -> PostgresDestination:
    plan = plan_of(run)
    cuts = Cuts(run.frame)
    delivery = Delivery(
        run_id=run.run_id,
        owner=run.owner,
        generator_name=plan.definition.name,
        started_at=STARTED_AT,
        schema=plan.schema,
        spec_hash=plan.spec_hash,
        cuts=cuts,
        shards=tuple(cuts.shards(Span(0, run.records), run.shards)),
        root="",
        account=account,
        connect=lambda: server_at(run.url),
    )
    return PostgresDestination(TableConfig.model_validate({"table": "t", **run.config}), delivery)


def carry(
    run: TableRun,
    *,
    refuse: Callable[[Sequence[Refused]], None] | None = None,
    account: Callable[[int], int] | None = None,
) -> Sequence[Written]:
    """Do a share of a run's work in this process."""
    destination = destination_of(run, account=account)
    if run.prepare:
        destination.prepare()
    for number in range(len(destination.delivery.shards)) if run.only is None else run.only:
        write_shard(run, destination, number, refuse=refuse)
    return destination.finalize(ends=run.ends) if run.finalize else []


def write_shard(
    run: TableRun,
    destination: PostgresDestination,
    number: int,
    *,
    refuse: Callable[[Sequence[Refused]], None] | None = None,
) -> None:
    """Write a shard from where it stands to its end; each commit is at a frame."""
    sink = destination.sink(number)
    if run.broken:
        sink.__class__ = BROKEN_TABLES[run.broken]
    sink.refuse = refuse
    shard = destination.delivery.shards[number]
    wanted = shard if run.ends is None else Span(shard.start, run.ends[number] - shard.start)
    write_to_end(sink, plan_of(run), destination, shard=wanted, epoch=run.epoch, batch=run.batch)


def carry_as_json(document: Mapping[str, Any]) -> dict[str, Any]:
    """What a process of its own does and says."""
    return carried(TableRun(**document), carry)


def execute(url: str, *statements: str) -> list[tuple[Any, ...]]:
    """What the last of some statements gives."""
    with psycopg.connect(url, autocommit=True) as connection:
        for statement in statements:
            cursor = connection.execute(statement.encode())
        return cursor.fetchall() if cursor.description else []


def rows_of(run: TableRun, columns: str = "*") -> list[tuple[Any, ...]]:
    """The rows of the run's table, in the order of their first column."""
    table = sql.Identifier(str(run.config.get("schema", "public")), run.table).as_string(None)
    return execute(run.url, f"SELECT {columns} FROM {table} ORDER BY 1")


def expected_rows(run: TableRun) -> list[tuple[Any, ...]]:
    """The rows that the table must have in the end."""
    return sorted(plan_of(run).batch(Span(0, run.records)).records.rows())

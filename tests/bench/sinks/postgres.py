"""POSTGRES beside the server's own COPY FROM of a ready CSV file, into a table without a key."""

from __future__ import annotations

import os
import tempfile
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

from engine.cuts import FRAME_RECORDS, Cuts
from engine.span import Span
from tests.support.postgres import OwnServer
from tests.support.table_runs import execute, server_at

RECORDS = 8 * FRAME_RECORDS
_COLUMNS = """
"orderId" uuid, "orderNo" bigint, "orderedAt" timestamptz, status text, "customerName" text, "customerEmail" text,
"customerCity" text, quantity bigint, "unitPrice" numeric(18,2), discount numeric(18,2), "customerId" bigint,
currency text
"""


def bench(rounds: int) -> None:
    """Orders into a table, exactly once, by one shard; the server keeps its promises (fsync on)."""
    from tests.bench.__main__ import median_seconds, orders_plan

    plan = orders_plan()
    settings = {"fsync": "on", "shared_buffers": "512MB", "max_wal_size": "8GB"}
    with OwnServer(**settings) as server, tempfile.TemporaryDirectory() as folder:
        os.chmod(folder, 0o755)  # the server reads it as another user
        file = Path(folder) / "orders.csv"
        _write_csv(plan, file)
        contestants: dict[str, Callable[[], object]] = {
            "the server's COPY FROM csv": lambda: _server_copy(server.url, file),
            "exactly once": lambda: _carry(server.url, plan),
        }
        seconds = median_seconds(contestants, rounds)
    print(f"\n== POSTGRES: {RECORDS:,} orders of 12 columns, one shard, a transaction for each {FRAME_RECORDS:,}")
    yardstick = seconds["the server's COPY FROM csv"]
    for name, taken in seconds.items():
        print(f"  {RECORDS / taken:>14,.0f}  {yardstick / taken:7.2f} of the server's own  {name}")


def _write_csv(plan: Any, file: Path) -> None:
    from sinks.encoding.base import encoders
    from sinks.encoding.compression import Compression

    kind = encoders["CSV"]
    encoder = kind(plan.schema, kind.Options(), Compression.NONE)
    with file.open("wb") as target:
        target.write(encoder.header())
        for start in range(0, RECORDS, FRAME_RECORDS):
            target.write(encoder.frame(plan.batch(Span(start, FRAME_RECORDS))).payload)
    file.chmod(0o644)


def _empty(url: str) -> None:
    execute(url, "DROP TABLE IF EXISTS orders, sdg_checkpoint", f"CREATE TABLE orders ({_COLUMNS})", "CHECKPOINT")


def _server_copy(url: str, file: Path) -> None:
    _empty(url)
    execute(url, f"COPY orders FROM '{file}' (FORMAT csv, HEADER)", "ANALYZE orders")


def _carry(url: str, plan: Any) -> None:
    from generators.runs.runner import Watch, finish, run_slice
    from sinks.destinations.base import Delivery
    from sinks.destinations.postgres import PostgresDestination
    from sinks.tables.config import TableConfig

    _empty(url)
    span = Span(0, RECORDS)
    delivery = Delivery(
        run_id=str(uuid.uuid4()),
        owner="bench",
        generator_name="orders",
        started_at=plan.facts.started_at,
        schema=plan.schema,
        spec_hash="",
        cuts=Cuts(FRAME_RECORDS),
        shards=(span,),
        root="",
        connect=lambda: server_at(url),
    )
    destination = PostgresDestination(TableConfig.model_validate({"table": "orders"}), delivery)
    destination.prepare()
    sink = destination.sink(0)
    steps = run_slice(
        plan, sink, shard=span, next_record=sink.open(1), cuts=delivery.cuts, batch_size=None, watch=Watch()
    )
    finish(steps)
    sink.close()
    destination.finalize()

"""What large pools cost: to load from a file, to pick from, to look keys up in."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

if TYPE_CHECKING:
    from generators.plan import Plan
    from pools.snapshot import Snapshot

ROWS = 5_000_000
BATCH = 65_536
FACTS_AT = datetime(2026, 1, 1, tzinfo=UTC)


def bench_pools(rounds: int) -> None:
    """Load five million rows of CSV, index them, and take records from them."""
    with tempfile.TemporaryDirectory() as folder:
        _bench_in(Path(folder), rounds)


def _bench_in(folder: Path, rounds: int) -> None:
    from pools.definition import read_pool
    from pools.loading import load
    from pools.snapshot import open_snapshot, write_snapshot

    number = pl.int_range(ROWS).reverse()
    customer = pl.concat_str([pl.lit("customer "), number])
    pl.select(key=number * 7, name=customer, row=number, price=number % 9_999 / 100).write_csv(folder / "shop.csv")
    limits = {"maxRows": ROWS, "maxBytes": 2**31}
    document = {"name": "shop", "source": {"type": "FILE", "path": "shop.csv"}, "limits": limits}
    times, cpu = [time.perf_counter()], [time.process_time()]
    loaded = load(read_pool(document), base=folder)
    times, cpu = [*times, time.perf_counter()], [*cpu, time.process_time()]
    write_snapshot(loaded.records, folder / "1.arrow", index_columns=["key", "name"])
    times, cpu = [*times, time.perf_counter()], [*cpu, time.process_time()]
    print(f"\n== a pool of {ROWS:,} rows, {(folder / 'shop.csv').stat().st_size / 2**20:,.0f} MiB of CSV")
    for part, taken, work in zip(("load", "write and index"), np.diff(times), np.diff(cpu), strict=True):
        print(f"  {taken:14.2f} s  {part} ({work:.2f} s of processor time)")
    shop = open_snapshot(folder / "1.arrow", pool="shop", version=1, content_hash="", index_columns=("key", "name"))
    _bench_records(shop, rounds)
    _bench_lookups(shop, rounds)


def _bench_records(shop: Snapshot, rounds: int) -> None:
    from engine.span import Span
    from tests.bench.__main__ import median_seconds

    key = _mapping("key", column="key")
    plans = {
        "pick of a text": _plan_of(shop, _mapping("name", column="name")),
        "pick of a key": _plan_of(shop, key),
        "pick and lookup by it": _plan_of(shop, key, _mapping("row", column="row", keyField="key", keyColumn="key")),
    }
    contestants: dict[str, Callable[[], object]] = {
        name: lambda plan=plan: plan.batch(Span(10**9, BATCH))  # type: ignore[misc]
        for name, plan in plans.items()
    }
    print("  records/s")
    for name, seconds in median_seconds(contestants, rounds).items():
        print(f"  {BATCH / seconds:>14,.0f}  {name}")


def _bench_lookups(shop: Snapshot, rounds: int) -> None:
    from tests.bench.__main__ import median_seconds

    picked = np.random.default_rng(1).integers(0, ROWS, (16, BATCH))
    contestants: dict[str, Callable[[], object]] = {
        "index take, for comparison": lambda: [shop.records["row"].gather(rows) for rows in picked]
    }
    for column in ("key", "name"):
        index = shop.key_index(column)
        if index is None:
            raise ValueError("the index is not there")
        # As a field hands them on: texts of their own, not those of the pool.
        asked = [pl.concat([shop.records[column].gather(rows)]).rechunk() for rows in picked]
        asked = [pl.Series(values.to_list()) if values.dtype == pl.String else values for values in asked]
        contestants[f"lookup by {column}"] = lambda index=index, asked=asked: [  # type: ignore[misc]
            index.rows.take(index.find(values)) for values in asked
        ]
    print("  lookups/s and core")
    for name, seconds in median_seconds(contestants, rounds).items():
        print(f"  {picked.size / seconds:>14,.0f}  {name}")


def _mapping(name: str, **params: object) -> dict[str, object]:
    return {"fieldName": name, "type": "POOL_REFERENCE", "params": {"pool": "shop", **params}}


def _plan_of(shop: Snapshot, *mappings: dict[str, object]) -> Plan:
    from generators.definition import read_definition
    from generators.examination import compile_plan
    from generators.facts import RunFacts

    reading = read_definition({"name": "pools", "fieldMappings": list(mappings)})
    return compile_plan(reading, facts=RunFacts(1, FACTS_AT), pools={"shop": shop})

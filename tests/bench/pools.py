"""What large pools cost: to load from a file, to share among workers, to pick from, to look keys up in."""

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
WORKERS = 4
FACTS_AT = datetime(2026, 1, 1, tzinfo=UTC)
WANTED_LOAD_S = 10
WANTED_LOOKUPS = 5_000_000
WANTED_COPIES = 2
KEYS = ("key", "name", "code")


def bench_pools(rounds: int) -> None:
    """Load five million rows of CSV, index and share them, and take records from them."""
    with tempfile.TemporaryDirectory() as folder:
        _bench_load(Path(folder))
        shop = _indexed(Path(folder))
        _bench_records(shop, rounds)
        _bench_lookups(shop, rounds)
    with tempfile.TemporaryDirectory() as folder:
        _bench_sharing(Path(folder))


def _bench_load(folder: Path) -> None:
    """A file of six columns, from the definition to the table on the disk, as a refresh does it but for its child."""
    from pools.definition import read_pool
    from pools.loading import load
    from pools.snapshot import content_hash, write_snapshot

    number = pl.int_range(ROWS).reverse()
    pl.select(
        key=number * 7,
        name=pl.concat_str([pl.lit("customer "), number]),
        code=pl.concat_str([pl.lit("Z"), number]),
        city=pl.concat_str([pl.lit("City "), number % 5_000]),
        price=number % 9_999 / 100,
        row=number,
    ).write_csv(folder / "shop.csv")
    limits = {"maxRows": ROWS, "maxBytes": 2**31}
    document = {"name": "shop", "source": {"type": "FILE", "path": "shop.csv"}, "limits": limits}
    times, cpu = [time.perf_counter()], [time.process_time()]

    def lap() -> None:
        times.append(time.perf_counter())
        cpu.append(time.process_time())

    loaded = load(read_pool(document), base=folder)
    lap()
    content_hash(loaded.records)
    lap()
    write_snapshot(loaded.records, folder / "1.arrow")
    lap()
    size = (folder / "shop.csv").stat().st_size
    print(f"\n== a pool of {ROWS:,} rows, six columns, {size / 2**20:,.0f} MiB of CSV; on one core")
    for part, taken, work in zip(("load", "hash", "write"), np.diff(times), np.diff(cpu), strict=True):
        print(f"  {taken:14.2f} s  {part} ({work:.2f} s of processor time)")
    print(
        f"  {times[-1] - times[0]:14.2f} s  together ({cpu[-1] - cpu[0]:.2f} s of processor time);"
        f" wanted on an idle machine: < {WANTED_LOAD_S} s"
    )


def _indexed(folder: Path) -> Snapshot:
    """The written table with its indexes."""
    from pools.arrow_map import map_table
    from pools.snapshot import open_snapshot, write_indexes

    path = folder / "1.arrow"
    started, worked = time.perf_counter(), time.process_time()
    write_indexes(map_table(path), path, KEYS)
    taken, work = time.perf_counter() - started, time.process_time() - worked
    print(f"  {taken:14.2f} s  index of {len(KEYS)} columns ({work:.2f} s of processor time)")
    return open_snapshot(path, pool="shop", version=1, content_hash="", index_columns=KEYS)


def _bench_records(shop: Snapshot, rounds: int) -> None:
    from engine.span import Span
    from tests.bench.__main__ import median_seconds

    plans = {f"pick of {column}": _plan_of(shop, _mapping(column, column=column)) for column in KEYS}
    for column in KEYS:
        looked_up = _mapping("row", column="row", keyField=column, keyColumn=column)
        plans[f"pick of {column} and lookup by it"] = _plan_of(shop, _mapping(column, column=column), looked_up)
    contestants: dict[str, Callable[[], object]] = {
        name: lambda plan=plan: plan.batch(Span(10**9, BATCH))  # type: ignore[misc]
        for name, plan in plans.items()
    }
    print("  records/s and core")
    for name, seconds in median_seconds(contestants, rounds, clock=time.process_time).items():
        print(f"  {BATCH / seconds:>14,.0f}  {name}")


def _bench_lookups(shop: Snapshot, rounds: int) -> None:
    from tests.bench.__main__ import median_seconds

    picked = np.random.default_rng(1).integers(0, ROWS, (16, BATCH))
    contestants: dict[str, Callable[[], object]] = {
        "index take, for comparison": lambda: [shop.records["row"].gather(rows) for rows in picked]
    }
    for column in KEYS:
        index = shop.key_index(column)
        if index is None:
            raise ValueError("the index is not there")
        # As a field hands them on: texts of their own, not those of the pool.
        asked = [pl.concat([shop.records[column].gather(rows)]).rechunk() for rows in picked]
        asked = [pl.Series(values.to_list()) if values.dtype == pl.String else values for values in asked]
        contestants[f"lookup by {column}"] = lambda index=index, asked=asked: [  # type: ignore[misc]
            index.rows.take(index.find(values)) for values in asked
        ]
    print(f"  lookups/s and core; wanted: {WANTED_LOOKUPS:,}")
    for name, seconds in median_seconds(contestants, rounds, clock=time.process_time).items():
        print(f"  {picked.size / seconds:>14,.0f}  {name}")


def _bench_sharing(folder: Path) -> None:
    from tests.support.pool_sharing import memory_of_workers

    grown, size = memory_of_workers(WORKERS, ROWS, folder)
    print(
        f"  {sum(grown) / size:14.2f}    of the pool's size is what {WORKERS} workers together grow by;"
        f" wanted: < {WANTED_COPIES}"
    )


def _mapping(name: str, **params: object) -> dict[str, object]:
    return {"fieldName": name, "type": "POOL_REFERENCE", "params": {"pool": "shop", **params}}


def _plan_of(shop: Snapshot, *mappings: dict[str, object]) -> Plan:
    from generators.definition import read_definition
    from generators.examination import compile_plan
    from generators.facts import RunFacts

    reading = read_definition({"name": "pools", "fieldMappings": list(mappings)})
    return compile_plan(reading, facts=RunFacts(1, FACTS_AT), pools={"shop": shop})

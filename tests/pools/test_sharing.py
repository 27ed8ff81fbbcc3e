"""A pool and its index are one copy in memory, however many workers use them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import polars as pl

from pools.snapshot import write_snapshot

ROOT = Path(__file__).parents[2]
WORKERS = 4
ROWS = 3_000_000

WORKER = """
import json, sys
from datetime import UTC, datetime
from pathlib import Path
import polars as pl
from engine.span import Span
from generators.definition import read_definition
from generators.examination import compile_plan
from generators.facts import RunFacts
from pools.snapshot import open_snapshot, snapshot_of

def pss():
    lines = Path("/proc/self/smaps_rollup").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("Pss:"))

def mapping(name, **params):
    return {"fieldName": name, "type": "POOL_REFERENCE", "params": {"pool": "shop", **params}}

def use(pool):
    mappings = [
        mapping("key", column="key"),
        mapping("text", column="text"),
        mapping("number", column="number", keyField="key", keyColumn="key"),
    ]
    reading = read_definition({"name": "orders", "fieldMappings": mappings})
    plan = compile_plan(reading, facts=RunFacts(1, datetime(2026, 1, 1, tzinfo=UTC)), pools={"shop": pool})
    for start in range(0, 40 * 65_536, 65_536):
        plan.batch(Span(start, 65_536))
    return plan

small = pl.DataFrame({"key": [1, 2], "text": ["a", "b"], "number": [1, 2]})
use(snapshot_of(small, pool="shop", version=1))
before = pss()
pool = open_snapshot(Path(sys.argv[1]), pool="shop", version=1, content_hash="", index_columns=("key",))
plan = use(pool)
print("ready", flush=True)
sys.stdin.readline()
print(json.dumps(pss() - before), flush=True)
sys.stdin.readline()
"""


def test_four_workers_take_less_memory_for_a_pool_than_two_copies_of_it(tmp_path: Path) -> None:
    number = pl.int_range(ROWS)
    table = pl.select(key=number * 7, text=pl.concat_str([pl.lit("customer number "), number]), number=number)
    path = tmp_path / "1.arrow"
    write_snapshot(table, path, index_columns=["key"])
    size = sum(file.stat().st_size for file in tmp_path.iterdir())
    environment = os.environ | {"PYTHONPATH": str(ROOT), "POLARS_MAX_THREADS": "1"}
    workers = [
        subprocess.Popen(
            [sys.executable, "-c", WORKER, str(path)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=environment,
            cwd=tmp_path,
        )
        for _ in range(WORKERS)
    ]
    try:
        for worker in workers:  # all of them have looked at the pool before the first one measures
            assert worker.stdout is not None
            assert worker.stdout.readline() == "ready\n"
        grown = []
        for worker in workers:
            assert worker.stdin is not None
            assert worker.stdout is not None
            worker.stdin.write("\n")
            worker.stdin.flush()
            grown.append(json.loads(worker.stdout.readline()))
    finally:
        for worker in workers:
            worker.kill()
            worker.wait()

    assert 0 < sum(grown) < 2 * size, f"{grown} for {size:,} bytes"

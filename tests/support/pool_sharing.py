"""How much memory worker processes take when all of them use one pool."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import polars as pl

from pools.snapshot import write_snapshot

ROOT = Path(__file__).parents[2]

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


def memory_of_workers(workers: int, rows: int, folder: Path) -> tuple[list[int], int]:
    """By how many bytes each worker grows that picks and looks up in a pool of so many rows; and the pool's size."""
    number = pl.int_range(rows)
    table = pl.select(key=number * 7, text=pl.concat_str([pl.lit("customer number "), number]), number=number)
    path = folder / "1.arrow"
    write_snapshot(table, path, index_columns=["key"])
    size = sum(file.stat().st_size for file in folder.iterdir())
    environment = os.environ | {"PYTHONPATH": str(ROOT), "POLARS_MAX_THREADS": "1"}
    started = [
        subprocess.Popen(
            [sys.executable, "-c", WORKER, str(path)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=environment,
            cwd=folder,
        )
        for _ in range(workers)
    ]
    try:
        for worker in started:  # all of them have looked at the pool before the first one measures
            assert worker.stdout is not None
            assert worker.stdout.readline() == "ready\n"
        grown = []
        for worker in started:
            assert worker.stdin is not None
            assert worker.stdout is not None
            worker.stdin.write("\n")
            worker.stdin.flush()
            grown.append(json.loads(worker.stdout.readline()))
    finally:
        for worker in started:
            worker.kill()
            worker.wait()
    return grown, size

"""Runs into FILE destinations without Django, in one process or in several that may be killed at any time."""

from __future__ import annotations

import os
import resource
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any

import polars as pl

from engine.cuts import Cuts
from engine.issues import Severity
from engine.span import Span
from generators.definition import read_definition
from generators.examination import examine
from generators.facts import RunFacts
from generators.plan import Plan
from generators.runs.runner import Progress
from generators.runs.salvage import Salvage
from pools.snapshot import snapshot_of
from sinks.destinations.base import Delivery, Destination, Written, destinations
from tests.support.broken_destinations import BROKEN
from tests.support.shards import carried, write_to_end

STARTED_AT = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


@dataclass(frozen=True)
class FileRun:
    """A run into files, and which share of its work is to be done."""

    root: str
    path: str = "out.jsonl"
    config: Mapping[str, Any] = field(default_factory=dict)
    records: int = 300
    frame: int = 64
    seed: int = 1
    run_id: str = "11111111-aaaa"
    owner: str = "command line:tests"
    overwrite: bool = False
    first: int = 0
    """Number of the first record; `records` counts from 0."""
    shards: int = 3
    ends: Sequence[int] | None = None
    """Where each shard ends before its range does; None for the ends of the ranges."""
    rejects: bool = False
    """Leave out the records that cannot be made: one in sixteen, and all of the records 64 to 95."""
    batch: int | None = None
    prepare: bool = True
    only: Sequence[int] | None = None
    """Numbers of the shards to write, in this order; None for all."""
    finalize: bool = True
    epoch: int = 1
    failpoints: str = ""
    broken: str = ""
    """A known-bad destination of tests/support/broken_destinations.py."""
    file_bytes: int | None = None
    """Limit of a file's size, for runs in a process of their own."""

    def but(self, **changes: Any) -> FileRun:
        return replace(self, **changes)

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


@cache
def plan_of(records: int, seed: int, *, missing: bool = False, rejects: bool = False) -> Plan:
    """Some fields that copy from a pool of all column types, with nulls and (for JSON) missing values among them.

    With `rejects` there are two more, whose keys some rows of other pools lack.
    """
    rows = 97
    people = pl.DataFrame(
        {
            "name": [f'näme "{row}"' for row in range(rows)],
            "amount": [Decimal(row * 1001).scaleb(-2) for row in range(rows)],
            "count": [None if row % 7 == 0 else row * 10**9 for row in range(rows)],
            "ratio": [row / 7 for row in range(rows)],
            "flag": [row % 2 == 0 for row in range(rows)],
        },
        schema_overrides={"amount": pl.Decimal(18, 2)},
    )
    mappings: list[dict[str, Any]] = [
        {"fieldName": column, "type": "POOL_REFERENCE", "params": {"pool": "people", "column": column}}
        for column in people.columns
    ]
    mappings[1]["nullRate"] = 0.2
    if missing:
        mappings[2]["missingRate"] = 0.2
    if rejects:
        keys: dict[str, dict[str, Any]] = {
            "code": {"type": "SEQUENCE", "params": {"start": 0}},
            "other": {"type": "NUMERIC_RANGE", "params": {"min": 0, "max": 11_999}},
        }
        for column, key in keys.items():
            params = {"pool": column, "column": "value", "keyField": f"{column}Key", "keyColumn": "key"}
            mappings.append({"fieldName": f"{column}Key", "omit": True, **key})
            mappings.append({"fieldName": column, "type": "POOL_REFERENCE", "params": params})
    document: dict[str, Any] = {"name": "people run", "recordCount": records, "fieldMappings": mappings}
    if rejects:
        document["onError"] = "CONTINUE"
    pools = {"people": snapshot_of(people, pool="people", version=1)}
    if rejects:
        for name, is_missing in (("code", _has_no_code), ("other", _has_no_other)):
            found = [number for number in range(12_000) if not is_missing(number)]
            rows_of = pl.DataFrame({"key": found, "value": found})
            pools[name] = snapshot_of(rows_of, pool=name, version=1)
    return made_plan(document, pools=pools, seed=seed, records=records)


def _has_no_code(number: int) -> bool:
    return number % 29 == 5 or 64 <= number < 96


def _has_no_other(number: int) -> bool:
    return number % 37 == 3


def made_plan(document: Mapping[str, Any], *, pools: Mapping[str, Any], seed: int, records: int) -> Plan:
    """The plan of a definition, which must be right."""
    reading = read_definition(document)
    examination = examine(reading, facts=RunFacts(seed=seed, started_at=STARTED_AT, record_count=records), pools=pools)
    if examination.plan is None:
        raise ValueError(examination.issues)
    return examination.plan


def plan_of_run(run: FileRun) -> Plan:
    missing = ".jsonl" in run.path or run.config.get("format") == "JSONL"
    return plan_of(run.records, run.seed, missing=missing, rejects=run.rejects)


def destination_of(run: FileRun, plan: Plan | None = None) -> Destination[Any]:
    """The destination of a run; `plan` takes the place of the usual one."""
    kind = BROKEN[run.broken] if run.broken else destinations["FILE"]
    config = kind.Config.model_validate({"path": run.path, **run.config})
    roll = kind.roll_of(config, bytes_per_record=50.0, step_ms=1000)
    cuts = Cuts(run.frame, roll)
    plan = plan or plan_of_run(run)
    delivery = Delivery(
        run_id=run.run_id,
        owner=run.owner,
        generator_name=plan.definition.name,
        started_at=STARTED_AT,
        schema=plan.schema,
        spec_hash=plan.spec_hash,
        cuts=cuts,
        shards=shards_of(run, cuts),
        root=run.root,
        overwrite=run.overwrite,
    )
    destination = kind(config, delivery)
    if errors := [issue for issue in destination.check() if issue.severity is Severity.ERROR]:
        raise ValueError(errors)
    return destination


def shards_of(run: FileRun, cuts: Cuts) -> tuple[Span, ...]:
    """The ranges of a run's shards."""
    shards = cuts.shards(Span(0, run.records), run.shards)
    starts = [max(shard.start, run.first) for shard in shards]
    return tuple(Span(start, shard.end - start) for start, shard in zip(starts, shards, strict=True))


def carry(run: FileRun, plan: Plan | None = None) -> Sequence[Written]:
    """Do a share of a run's work in this process: prepare, write shards, show them. Each commit is at a frame."""
    plan = plan or plan_of_run(run)
    destination = destination_of(run, plan)
    try:
        if run.prepare:
            destination.prepare()
        for number in range(len(destination.delivery.shards)) if run.only is None else run.only:
            write_shard(run, plan, destination, number)
        return destination.finalize(ends=run.ends) if run.finalize else []
    finally:
        destination.close()


def shard_of(run: FileRun, destination: Destination[Any], number: int) -> Span:
    """The records that a shard has in the end."""
    shard: Span = destination.delivery.shards[number]
    return shard if run.ends is None else Span(shard.start, run.ends[number] - shard.start)


def write_shard(run: FileRun, plan: Plan, destination: Destination[Any], number: int) -> Progress:
    """Write a shard from where it stands to its end."""
    source = Salvage(plan) if run.rejects else plan
    shard = shard_of(run, destination, number)
    return write_to_end(destination.sink(number), source, destination, shard=shard, epoch=run.epoch, batch=run.batch)


def carry_as_json(document: Mapping[str, Any]) -> dict[str, Any]:
    """What a process of its own does and says: the files that were written, or why there are none."""
    run = FileRun(**document)
    if run.file_bytes is not None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (run.file_bytes, resource.RLIM_INFINITY))
    return carried(run, carry)


def tree(root: str | Path) -> dict[str, bytes]:
    """All files below a folder, hidden ones too, by their paths; links are named and not followed."""
    found: dict[str, bytes] = {}
    for folder, _, names in os.walk(root):
        for name in names:
            path = Path(folder) / name
            found[str(path.relative_to(root))] = (
                b"-> " + os.readlink(path).encode() if path.is_symlink() else path.read_bytes()
            )
    return found


def shown(files: Mapping[str, bytes]) -> dict[str, bytes]:
    """The files of a tree that are not hidden, nor in hidden folders."""
    return {path: content for path, content in files.items() if not any(s.startswith(".") for s in path.split("/"))}

"""Runs into DRAGONFLY destinations without Django, in one process or in several that may be killed at any time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from functools import cache
from typing import Any

import polars as pl

from engine.batch import Batch
from engine.cuts import Cuts
from engine.issues import Issue, Severity
from engine.span import Span
from generators.plan import Plan
from sdg_project.hosts import HostPolicy
from sinks.connections.dragonfly import DragonflyConfig, DragonflyConnection
from sinks.destinations.base import Delivery, Written
from sinks.destinations.dragonfly import DragonflyDestination
from tests.support.broken_dragonfly import BROKEN
from tests.support.file_runs import STARTED_AT, made_plan
from tests.support.shards import carried, write_to_end


@dataclass(frozen=True)
class DragonflyRun:
    """A run into keys, and which share of its work is to be done."""

    server: Mapping[str, Any]
    """The config of the connection."""
    config: Mapping[str, Any]
    records: int = 300
    frame: int = 64
    seed: int = 1
    run_id: str = "11111111-aaaa"
    owner: str = "command line:tests"
    shards: int = 3
    first: int = 0
    batch: int | None = None
    prepare: bool = True
    only: Sequence[int] | None = None
    finalize: bool = True
    epoch: int = 1
    failpoints: str = ""
    broken: str = ""
    """A known-bad destination of tests/support/broken_dragonfly.py."""
    secrets: Mapping[str, str] = field(default_factory=dict)

    def but(self, **changes: Any) -> DragonflyRun:
        return replace(self, **changes)

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


@cache
def plan_of(records: int, seed: int) -> Plan:
    """Fields of several types, a key among them and one that is null at times."""
    mappings = [
        {"fieldName": "id", "type": "SEQUENCE", "params": {"start": 1}},
        {"fieldName": "token", "type": "UUID_GENERATED", "params": {}},
        {"fieldName": "score", "type": "NUMERIC_RANGE", "params": {"min": -500, "max": 500}},
        {"fieldName": "note", "type": "ENUM_RANDOM", "params": {"values": ["a", "é\r\n$1", ""]}, "nullRate": 0.3},
    ]
    document = {"name": "keys", "recordCount": records, "fieldMappings": mappings}
    return made_plan(document, pools={}, seed=seed, records=records)


def destination_of(run: DragonflyRun, plan: Plan | None = None) -> DragonflyDestination:
    """The destination of a run; `plan` takes the place of the usual one."""
    plan = plan or plan_of(run.records + run.first, run.seed)
    kind = BROKEN[run.broken] if run.broken else DragonflyDestination
    cuts = Cuts(run.frame)
    whole = Span(run.first, run.records)
    shards = tuple(cuts.shards(whole, 1 if run.config.get("dataType") in {"LIST", "STREAM"} else run.shards))
    shape = DragonflyConfig.model_validate(run.server)
    connection = DragonflyConnection(shape, run.secrets, policy=HostPolicy(is_production=False))
    delivery = Delivery(
        run_id=run.run_id,
        owner=run.owner,
        generator_name="keys",
        started_at=STARTED_AT,
        schema=plan.schema,
        spec_hash=plan.spec_hash,
        cuts=cuts,
        shards=shards,
        root="",
        connect=lambda: connection,
    )
    return kind(kind.Config.model_validate(dict(run.config)), delivery)


def errors_of(run: DragonflyRun) -> list[Issue]:
    """What check and preflight have against a run."""
    destination = destination_of(run)
    found = [*destination.check()]
    if all(issue.severity is not Severity.ERROR for issue in found):
        found += destination.preflight(estimated_bytes=1000)
    return [issue for issue in found if issue.severity is Severity.ERROR]


def carry(run: DragonflyRun, plan: Plan | None = None) -> Sequence[Written]:
    """Do a share of a run's work in this process; each commit is at a frame."""
    plan = plan or plan_of(run.records + run.first, run.seed)
    destination = destination_of(run, plan)
    if run.prepare:
        destination.prepare()
    for number in range(len(destination.delivery.shards)) if run.only is None else run.only:
        write_shard(run, plan, destination, number)
    return destination.finalize() if run.finalize else []


def write_shard(run: DragonflyRun, plan: Plan, destination: DragonflyDestination, number: int) -> None:
    """Write a shard from where it stands to its end."""
    shard = destination.delivery.shards[number]
    write_to_end(destination.sink(number), plan, destination, shard=shard, epoch=run.epoch, batch=run.batch)


def carry_as_json(document: Mapping[str, Any]) -> dict[str, Any]:
    """What a process of its own does and says: how much was written, or why nothing was."""
    return carried(DragonflyRun(**document), carry)


def expected_records(run: DragonflyRun) -> list[dict[str, Any]]:
    """The records of a run as Python values: the slow obvious way."""
    plan = plan_of(run.records + run.first, run.seed)
    batch: Batch = plan.batch(Span(run.first, run.records))
    frame: pl.DataFrame = batch.records
    return frame.to_dicts()

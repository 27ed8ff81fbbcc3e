"""Drafts: a definition, examined against the facts of one run, before anything of it is kept."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial
from typing import Any

from engine.batch import Batch
from engine.cuts import Cuts
from engine.errors import RecordInvalid
from engine.issues import Issue, Severity
from engine.rates import MICROS
from engine.schema import RecordSchema
from engine.span import Span
from generators.definition import MAX_SEED, DefinitionShape, Reading, read_definition
from generators.enums import OnError
from generators.examination import Examination, examine
from generators.facts import RunFacts
from generators.issue_params import with_params
from generators.pace import time_limit
from generators.plan import Plan
from generators.planning import PoolShelf, destination_kind, sample, sample_size
from generators.record_schema import check_sample
from generators.runs.salvage import salvaged
from pools.snapshot import Snapshot
from sdg_project.errors import Invalid
from sdg_project.partial_shapes import unrefused
from sinks.connections.base import ConnectionKind
from sinks.destinations.base import Delivery, Destination
from sinks.servers import found_issues, read_server, server_of, told_server

PREVIEW_SEED = 0
"""The seed of previews, where neither the definition nor the question names one."""


@dataclass(frozen=True, slots=True)
class Draft:
    """What a definition would make: its plan where there is one, and everything that is wrong with it."""

    document: Any
    reading: Reading
    facts: RunFacts
    examination: Examination

    @property
    def shape(self) -> DefinitionShape | None:
        """The envelope of the definition; None when it could not be read."""
        return self.reading.definition.shape if self.reading.definition else None

    @property
    def plan(self) -> Plan:
        """The plan; raises Invalid with every error of the definition."""
        if self.examination.plan is None:
            raise Invalid(self.examination.errors)
        return self.examination.plan

    def issues(self, *, root: str) -> list[Issue]:
        """Everything that is wrong with the fields and with the destination, which lies below `root`."""
        issues = list(self.examination.issues)
        if self.shape is not None and self.shape.destination is not None:
            schema = RecordSchema(self.shape.name, self.examination.columns, self.examination.untyped)
            issues += with_params(_destination_issues(self.shape.destination, schema, root=root), self.document)
            issues += with_params(_shard_issues(self.shape), self.document)
        return issues


def draft(
    document: Any,
    *,
    started_at: datetime,
    started_at_given: bool = False,
    seed: int | None = None,
    own_pools: Mapping[str, Snapshot] | None = None,
    destination_required: bool = False,
    count_required: bool = False,
    run_id: str | None = None,
    earlier_records: int = 0,
    first_record: int = 0,
) -> Draft:
    """Read and examine a definition; changes nothing.

    The seed is the given one, else the definition's; where neither is there, a preview uses `PREVIEW_SEED` and a run
    (with a `run_id`) one drawn from the operating system. `first_record` is how many records an earlier run has made
    that this one goes on behind.
    """
    reading = read_definition(document, destination_required=destination_required, count_required=count_required)
    shape = reading.definition.shape if reading.definition else None
    if seed is None and shape is not None:
        seed = shape.seed
    if seed is None:
        seed = PREVIEW_SEED if run_id is None else secrets.randbelow(MAX_SEED + 1)
    facts = RunFacts(
        seed=seed,
        started_at=started_at,
        started_at_given=started_at_given,
        record_count=first_record + shape.record_count if shape and shape.record_count else None,
        entropy=secrets.token_hex(16),
        earlier_records=earlier_records,
        **({} if run_id is None else {"run_id": run_id}),
    )
    examination = examine(reading, facts=facts, pools=PoolShelf(own_pools))
    issues = tuple(with_params(examination.issues, document))
    return Draft(document, reading, facts, replace(examination, issues=issues))


def present() -> datetime:
    """Now, in whole milliseconds: what a run's start is frozen to."""
    now = datetime.now(UTC)
    return now.replace(microsecond=now.microsecond // 1000 * 1000)


def run_length(plan: Plan) -> tuple[int | None, str]:
    """How many records a run makes, and what ends it; None when only time or a person does."""
    asked, limit = plan.pace.record_count, plan.record_limit
    if limit is not None and (asked is None or limit[0] < asked):
        return limit
    return asked, plan.pace.end_reason or ""


def run_seconds(plan: Plan) -> float | None:
    """How long a run takes by its pace and its limit of time; None when neither tells."""
    schedule, limit = plan.pace.schedule, time_limit(plan.definition.shape)
    count, _ = run_length(plan)
    times = [] if limit is None else [limit.time_us]
    if schedule is not None and count:
        times.append(schedule.due_one(count - 1))
    return min(times) / MICROS if times else None


def sample_issues(plan: Plan, records: int | None) -> tuple[Batch | None, list[Issue]]:
    """The first records, None if they cannot be made; and what is wrong with them.

    With onError CONTINUE records that cannot be made are left out, and are no more than a warning.
    """
    definition = plan.definition
    goes_on = definition.shape.on_error is OnError.CONTINUE
    batch, errors = salvaged(plan, Span(0, sample_size(records))) if goes_on else _sampled(plan, records)
    severity = Severity.WARNING if goes_on else Severity.ERROR
    places = {mapping.shape.field_name: mapping.pointer for mapping in definition.mappings}
    first = {error.field: error for error in reversed(errors)}
    issues = [
        Issue(error.code, places.get(field, "/fieldMappings"), str(error), field=field, severity=severity)
        for field, error in first.items()
    ]
    if batch is not None:
        issues += check_sample(definition, batch.records)
    return batch, with_params(issues, definition.document)


def _sampled(plan: Plan, records: int | None) -> tuple[Batch | None, list[RecordInvalid]]:
    try:
        return sample(plan, records), []
    except RecordInvalid as error:
        return None, [error]


def errors_of(issues: Sequence[Issue]) -> list[Issue]:
    """Those that stand against a run."""
    return [issue for issue in issues if issue.severity is Severity.ERROR]


def written_bytes(plan: Plan, batch: Batch, *, root: str) -> float | None:
    """The size of a record at the definition's destination, estimated from a sample; None when there is none yet."""
    document = plan.definition.shape.destination
    if document is None or not batch.span.count:
        return None
    destination = imagined_destination(document, plan.schema, root=root)
    if destination is None or errors_of(destination.check()):
        return None
    return float(destination.encoded_bytes(batch)) / batch.span.count


def part_issues(plan: Plan, *, records: int | None, written: float) -> Sequence[Issue]:
    """What is wrong with the number of parts into which so many records of this size are cut."""
    kind, config, issues = destination_kind(plan.definition.shape.destination)
    if kind is None or issues or not records:
        return ()
    roll = kind.roll_of(config, bytes_per_record=written, step_ms=plan.clock.step_ms)
    return kind.part_issues(config, parts=-(-records // roll)) if roll else ()


def imagined_destination(
    document: Any, schema: RecordSchema, *, root: str, owner: str = "", kept: Mapping[str, str] | None = None
) -> Destination[Any] | None:
    """The definition's destination as a run would see it, for questions that need no run; None without one.

    With `kept`, the secrets that the definition keeps, its server can be reached.
    """
    kind, config, issues = destination_kind(document)
    if kind is None or issues:
        return None
    told = None if kept is None else told_server(document)
    connect = None if told is None else partial(server_of, told, kept=kept or {})
    roll = kind.roll_of(config, bytes_per_record=1.0, step_ms=1)
    return _imagined(kind, config, schema, root=root, owner=owner, roll=roll, connect=connect)


def _imagined(
    kind: type[Destination[Any]],
    config: Any,
    schema: RecordSchema,
    *,
    root: str,
    owner: str,
    roll: int | None,
    connect: Callable[[], ConnectionKind[Any]] | None = None,
) -> Destination[Any]:
    delivery = Delivery(
        run_id="preview",
        owner=owner,
        generator_name=schema.name,
        started_at=datetime.now(UTC),
        schema=schema,
        spec_hash="",
        cuts=Cuts(1, roll),
        shards=(Span(0, 1),),
        root=root,
        connect=connect,
    )
    return kind(config, delivery)


def _shard_issues(shape: DefinitionShape) -> Sequence[Issue]:
    """What is wrong with the number of shards that a destination is to be written by."""
    kind, config, issues = destination_kind(shape.destination)
    if kind is None or issues or (reason := kind.one_shard_because(config)) is None or (shape.shards or 1) == 1:
        return ()
    message = f"{reason}, so there can be only one shard, not {shape.shards}"
    return [Issue("INVALID_VALUE", "/shards", message, "remove shards")]


def _destination_issues(document: Any, schema: RecordSchema, *, root: str) -> Sequence[Issue]:
    """What is wrong with a destination; with the form of the records only as far as that is known."""
    kind, config, refusals = destination_kind(document)
    if kind is None or config is None:
        return refusals
    found = list(_imagined(kind, config, schema, root=root, owner="", roll=None).check())
    told, _ = read_server(kind, document)
    found += found_issues(told) if told is not None else ()
    return [*refusals, *unrefused(found, refusals)]

"""The use cases: examine a definition, preview it, start a run, go on with one, prune old ones."""

from __future__ import annotations

import secrets
import shutil
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from django.db import transaction
from django.db.models import Sum
from django.db.models.functions import Coalesce
from django.utils import timezone

from engine.batch import Batch
from engine.cuts import Cuts, frame_records
from engine.errors import RecordInvalid
from engine.issues import Issue, Severity
from engine.schema import RecordSchema
from engine.span import Span
from generators.definition import MAX_SEED, Reading, read_definition
from generators.enums import EndReason, RunOrigin, RunStatus
from generators.examination import Examination, examine
from generators.facts import RunFacts
from generators.models import Run, Shard
from generators.plan import Plan
from generators.planning import (
    PoolShelf,
    bytes_per_record,
    destination_kind,
    destination_of_run,
    run_folder,
    sample,
    save_tables,
)
from generators.record_schema import check_sample
from generators.run_spec import PoolPin, RunSpec
from generators.runs.lock import carrying
from pools import services as pool_services
from pools.snapshot import Snapshot, write_snapshot
from sdg_project.errors import Conflict, Invalid, NotFound
from sinks.destinations.base import Delivery
from sinks.errors import SinkError


@dataclass(frozen=True, slots=True)
class Validation:
    """The answer of validate: the issues, and what a run would make."""

    issues: tuple[Issue, ...]
    plan: Plan | None
    records: int | None
    bytes_per_record: float | None
    preview: Batch | None

    @property
    def errors(self) -> tuple[Issue, ...]:
        return tuple(issue for issue in self.issues if issue.severity is Severity.ERROR)


def validate_definition(
    document: Any,
    *,
    own_pools: Mapping[str, Snapshot] | None = None,
    updated_at: datetime,
    root: str,
    preview: int = 5,
    destination_required: bool = False,
) -> Validation:
    """Everything that is wrong with a definition, what it would make, and its first records. Changes nothing.

    Without a seed in the definition seed 0 is used; without ``clock.start`` the clock refers to `updated_at`.
    """
    reading = read_definition(document, destination_required=destination_required, count_required=True)
    shape = reading.definition.shape if reading.definition else None
    facts = RunFacts(
        seed=(shape.seed if shape else None) or 0,
        started_at=updated_at,
        record_count=shape.record_count if shape else None,
        entropy=secrets.token_hex(16),
    )
    examination = examine(reading, facts=facts, pools=PoolShelf(own_pools))
    issues = list(examination.issues)
    plan = examination.plan
    if shape is not None and shape.destination is not None:
        schema = plan.schema if plan is not None else RecordSchema(shape.name)
        issues += _destination_issues(shape.destination, schema, root=root)
    if plan is None:
        return Validation(tuple(issues), None, None, None, None)
    records, _ = run_length(plan)
    try:
        batch = sample(plan, records)
    except RecordInvalid as error:
        issues.append(Issue(error.code, "/fieldMappings", str(error), field=error.field))
        return Validation(tuple(issues), plan, records, None, None)
    issues += check_sample(plan.definition, batch.records)
    size = _written_bytes(plan, batch, root=root) or bytes_per_record(plan, batch)
    shown = batch.slice(Span(0, min(preview, batch.span.count)))
    return Validation(tuple(issues), plan, records, size, shown)


def preview_plan(
    document: Any, *, own_pools: Mapping[str, Snapshot] | None = None, updated_at: datetime, seed: int | None = None
) -> Plan:
    """A plan to look at any records of a definition; raises Invalid with every error."""
    reading = read_definition(document)
    shape = reading.definition.shape if reading.definition else None
    given = shape.seed if shape else None
    facts = RunFacts(
        seed=seed if seed is not None else given or 0,
        started_at=updated_at,
        record_count=shape.record_count if shape else None,
        entropy=secrets.token_hex(16),
    )
    examination = examine(reading, facts=facts, pools=PoolShelf(own_pools))
    return _plan_of(examination)


@dataclass(frozen=True, slots=True)
class RunOrder:
    """What starts a run from the command line, beside the definition itself."""

    owner: str
    root: str
    overwrite: bool = False
    started_at: datetime | None = None
    workers: int = 1
    own_pools: Mapping[str, Snapshot] | None = None


def start_run(document: Mapping[str, Any], order: RunOrder) -> tuple[Run, tuple[Issue, ...]]:
    """Freeze a definition into a run that is ready to be carried; with the warnings of its examination.

    Raises Invalid with every error of the definition, or with what stands against starting at the destination. No run
    exists then.
    """
    reading = read_definition(document, destination_required=True, count_required=True)
    run_id = uuid.uuid4()
    spec = _asked(reading, order)
    shelf = PoolShelf(order.own_pools)
    examination = examine(reading, facts=spec.facts(str(run_id)), pools=shelf)
    shape = reading.definition.shape if reading.definition else None
    issues = list(examination.issues)
    if shape is not None and shape.destination is not None:
        schema = examination.plan.schema if examination.plan is not None else RecordSchema(shape.name)
        issues += _destination_issues(shape.destination, schema, root=order.root)
    errors = [issue for issue in issues if issue.severity is Severity.ERROR]
    if errors or examination.plan is None or shape is None:
        raise Invalid(errors)
    plan = examination.plan
    records, reason = run_length(plan)
    batch = _checked_sample(plan, records)
    size = bytes_per_record(plan, batch)
    written = _written_bytes(plan, batch, root=order.root) or size
    spec = _cut(replace(spec, record_count=records, end_reason=reason), plan, size=size, written=written)
    spans = spec.cuts.shards(records, shape.shards or order.workers)
    run = Run(
        id=run_id,
        origin=RunOrigin.CLI,
        owner=order.owner,
        name=plan.definition.name,
        spec=spec.to_json(),
        spec_hash=plan.spec_hash,
        tables_hash=plan.tables_hash,
        seed=spec.seed,
        record_count=records,
        started_at=plan.facts.started_at,
    )
    try:
        _keep(run, plan, order)
        with transaction.atomic():
            run.save(force_insert=True)
            Shard.objects.bulk_create(
                Shard(
                    run=run,
                    number=number,
                    first_record=span.start,
                    end_record=span.end,
                    next_record=span.start,
                )
                for number, span in enumerate(spans)
            )
            destination = destination_of_run(run, plan.schema)
            obstacles = destination.preflight(estimated_bytes=int(written * records))
            if obstacles:
                raise Invalid(obstacles)
    except BaseException:
        shutil.rmtree(run_folder(run), ignore_errors=True)
        raise
    return run, tuple(issue for issue in issues if issue.severity is not Severity.ERROR)


def find_run(reference: str) -> Run:
    """A run by its id, the beginning of its id, or ``last``."""
    runs = Run.objects.all()
    if reference == "last":
        run = runs.first()
        if run is None:
            raise NotFound("there is no run yet", hint="start one with sdg run DEFINITION")
        return run
    beginning = reference.lower().replace("-", "")
    found = [run for run in runs.only("id") if beginning and run.pk.hex.startswith(beginning)]
    if len(found) != 1:
        problem = "there is no run" if not found else f"{len(found)} runs have ids that begin with"
        raise NotFound(f'{problem} "{reference}"', hint="sdg runs lists them")
    return Run.objects.get(pk=found[0].pk)


@dataclass(frozen=True, slots=True)
class Pruned:
    """What was removed, and what could not be: each run with the reason."""

    runs: Sequence[Run]
    pool_versions: int
    kept: Sequence[tuple[Run, str]]


def prune_runs(*, older_than: timedelta) -> Pruned:
    """Remove runs that have ended so long ago, or were started so long ago and nobody works on them.

    With them goes what only they need: tables, hidden parts, versions of pools. The newest run of an owner whose next
    run goes on behind its numbers stays.
    """
    limit = timezone.now() - older_than
    removed: list[Run] = []
    kept: list[tuple[Run, str]] = []
    for run in Run.objects.annotate(rested_at=Coalesce("finished_at", "created_at")).filter(rested_at__lt=limit):
        try:
            if not _is_counted_on(run):
                _remove(run)
                removed.append(run)
        except (Conflict, SinkError) as error:
            kept.append((run, str(error)))
    return Pruned(removed, pool_services.prune_versions(_pinned_versions()), kept)


def _is_counted_on(run: Run) -> bool:
    return bool(run.spec.get("continues")) and Run.objects.filter(owner=run.owner).first() == run


def _remove(run: Run) -> None:
    """Remove a run that nobody works on; raises Conflict when somebody does."""
    with carrying(run):
        run.refresh_from_db()
        if run.status != RunStatus.COMPLETED:
            destination_of_run(run, RecordSchema(run.name)).abandon()
        Run.objects.filter(pk=run.pk).delete()
        shutil.rmtree(run_folder(run), ignore_errors=True)


def _pinned_versions() -> set[tuple[uuid.UUID, int]]:
    """The versions of stored pools that runs still need."""
    specs = Run.objects.values_list("spec", flat=True)
    pins = {(name, pin["version"]) for spec in specs for name, pin in spec["pools"].items()}
    ids = {pool.name.lower(): pool.pk for pool in pool_services.list_pools()}
    return {(ids[name.lower()], version) for name, version in pins if name.lower() in ids}


def run_length(plan: Plan) -> tuple[int, str]:
    """How many records a run makes, and what ends it."""
    asked = plan.facts.record_count or 0
    limit = plan.record_limit
    if limit is not None and limit[0] < asked:
        return limit
    return asked, EndReason.RECORD_COUNT


def progress_of(run: Run) -> dict[str, int]:
    """Records and bytes that the run has durably written, over all shards."""
    sums = run.shards.aggregate(next=Sum("next_record"), first=Sum("first_record"), written=Sum("bytes_written"))
    return {"records": (sums["next"] or 0) - (sums["first"] or 0), "bytes": sums["written"] or 0}


def _plan_of(examination: Examination) -> Plan:
    if examination.plan is None:
        raise Invalid(examination.errors)
    return examination.plan


def _asked(reading: Reading, order: RunOrder) -> RunSpec:
    """The spec as far as it is known before the definition has been examined."""
    definition = reading.definition
    shape = definition.shape if definition else None
    seed = shape.seed if shape and shape.seed is not None else secrets.randbelow(MAX_SEED + 1)
    now = datetime.now(UTC)
    earlier = [
        before + made
        for before, made in Run.objects.filter(owner=order.owner).values_list("spec__earlier_records", "record_count")
    ]
    return RunSpec(
        document=definition.document if definition else {},
        seed=seed,
        started_at=(order.started_at or now.replace(microsecond=now.microsecond // 1000 * 1000)).isoformat(),
        started_at_given=order.started_at is not None,
        record_count=0,
        asked_count=(shape.record_count if shape else None) or 0,
        end_reason="",
        entropy=secrets.token_hex(16),
        earlier_records=max(earlier, default=0),
        pools={},
        frame=1,
        roll=None,
        batch_size=shape.batch_size if shape else None,
        workers=order.workers,
        root=order.root,
        owner=order.owner,
        overwrite=order.overwrite,
    )


def _checked_sample(plan: Plan, records: int) -> Batch:
    """The first records, if they can be made and are as the schema wants them; raises Invalid."""
    try:
        batch = sample(plan, records)
    except RecordInvalid as error:
        raise Invalid([Issue(error.code, "/fieldMappings", str(error), field=error.field)]) from error
    issues = check_sample(plan.definition, batch.records)
    if issues:
        raise Invalid(issues)
    return batch


def _cut(spec: RunSpec, plan: Plan, *, size: float, written: float) -> RunSpec:
    """The spec with frames, parts and pins, by the sizes of a record in the plan's measure and as it is written."""
    kind, config, _ = destination_kind(spec.document["destination"])
    roll = kind.roll_of(config, bytes_per_record=written, step_ms=plan.clock.step_ms) if kind is not None else None
    pins = {name: PoolPin(pool.version, pool.content_hash, pool.weight_column) for name, pool in plan.pools.items()}
    continues = any("earlierRecords" in planned.field.uses() for planned in plan.fields)
    return replace(spec, frame=frame_records(size), roll=roll, pools=pins, continues=continues)


def _keep(run: Run, plan: Plan, order: RunOrder) -> None:
    """What the run's workers need beside the database: its tables, and the pools that only its bundle has."""
    save_tables(run, plan)
    for name, snapshot in (order.own_pools or {}).items():
        if name in plan.pools:
            folder = run_folder(run) / "pools"
            folder.mkdir(parents=True, exist_ok=True)
            write_snapshot(snapshot.records, folder / f"{name}.arrow")


def _try_destination(document: Any, schema: RecordSchema, *, root: str) -> Any:
    """The definition's destination as a run would see it, for questions that need no run; None without one."""
    kind, config, issues = destination_kind(document)
    if kind is None or issues:
        return None
    roll = kind.roll_of(config, bytes_per_record=1.0, step_ms=1)
    delivery = Delivery(
        run_id="preview",
        owner="",
        generator_name=schema.name,
        started_at=datetime.now(UTC),
        schema=schema,
        spec_hash="",
        cuts=Cuts(1, roll),
        shards=(Span(0, 1),),
        root=root,
    )
    return kind(config, delivery)


def _destination_issues(document: Any, schema: RecordSchema, *, root: str) -> Sequence[Issue]:
    """What is wrong with a destination; with the form of the records only as far as that is known."""
    destination = _try_destination(document, schema, root=root)
    return destination_kind(document)[2] if destination is None else destination.check()


def _written_bytes(plan: Plan, batch: Batch, *, root: str) -> float | None:
    """The size of a record at the definition's destination, estimated from a sample; None when there is none yet."""
    document = plan.definition.shape.destination
    if document is None or not batch.span.count:
        return None
    destination = _try_destination(document, plan.schema, root=root)
    if destination is None or destination.check():
        return None
    return float(destination.encoded_bytes(batch)) / batch.span.count

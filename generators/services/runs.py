"""The use cases of runs: start one, find one, say how far it is, prune old ones."""

from __future__ import annotations

import shutil
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from django.db import transaction
from django.db.models import F, Sum
from django.db.models.functions import Coalesce, Now
from django.utils import timezone

from engine.cuts import frame_records
from engine.issues import Issue, Severity
from engine.schema import RecordSchema
from engine.span import MAX_RECORDS, Span
from generators.enums import CountBasis, EndReason, RunOrigin, RunPhase, RunStatus
from generators.models import Generator, Run, Shard, Worker
from generators.pace import time_limit
from generators.pace_rules import shards_of
from generators.plan import Plan
from generators.planning import (
    bytes_per_record,
    destination_kind,
    destination_of_run,
    guarantee_of,
    run_folder,
    runs_folder,
    save_tables,
)
from generators.run_spec import PoolPin, RunSpec
from generators.runs import leases, timing
from generators.runs.lock import carrying
from generators.services.drafts import (
    Draft,
    draft,
    errors_of,
    part_issues,
    present,
    run_length,
    sample_issues,
    written_bytes,
)
from pools import services as pool_services
from pools.snapshot import Snapshot, write_snapshot
from sdg_project.errors import Conflict, Invalid, NotFound
from sdg_project.failpoints import failpoint
from sinks.enums import DeliveryGuarantee
from sinks.errors import SinkError
from sinks.servers import pinned, server_of, told_server, without_secrets


@dataclass(frozen=True, slots=True)
class RunOrder:
    """What starts a run, beside the definition itself.

    `overwrite_hint` says how `overwrite` is asked for, where a person can do so. `first_record` is where its record
    numbers begin, behind those of an earlier run that it continues.
    """

    owner: str
    root: str
    overwrite: bool = False
    overwrite_hint: str | None = None
    started_at: datetime | None = None
    workers: int = 1
    own_pools: Mapping[str, Snapshot] | None = None
    origin: RunOrigin = RunOrigin.CLI
    created_by: str = ""
    first_record: int = 0
    generator_id: uuid.UUID | None = None
    secrets: Mapping[str, str] = field(default_factory=dict)
    """Those of the generator's destination."""


@dataclass(frozen=True, slots=True)
class FrozenRun:
    """A run that could start: not in the database yet, but its tables and pools are in its folder."""

    run: Run
    shards: Sequence[Span]
    notes: tuple[Issue, ...]
    """The warnings of its examination."""

    def save(self) -> None:
        """Put it into the database, in one transaction."""
        with transaction.atomic():
            self.run.save(force_insert=True)
            Shard.objects.bulk_create(
                Shard(
                    run=self.run,
                    number=number,
                    first_record=span.start,
                    end_record=span.end,
                    next_record=span.start,
                    made_record=span.start,
                    due_since=timezone.now(),
                )
                for number, span in enumerate(self.shards)
            )

    def discard(self) -> None:
        """Remove what was kept for it."""
        shutil.rmtree(run_folder(self.run), ignore_errors=True)


_SILENT_LEASES = 10
"""After so many leases without a beat a worker is forgotten; it may still come back."""
_STARTING = timedelta(hours=1)
"""How long a run may take from its first file to its row in the database, at the very most."""


def start_run(document: Mapping[str, Any], order: RunOrder) -> tuple[Run, tuple[Issue, ...]]:
    """Freeze a definition into a run that is ready to be carried; with the warnings of its examination.

    Raises Invalid as `freeze_run` does. No run exists then.
    """
    frozen = freeze_run(document, order)
    failpoint("run.frozen")
    try:
        frozen.save()
    except BaseException:
        frozen.discard()
        raise
    return frozen.run, frozen.notes


def freeze_run(document: Mapping[str, Any], order: RunOrder) -> FrozenRun:
    """Fix everything that the records and the place of a run depend on.

    Raises Invalid with every error of the definition, or with what stands against starting at the destination.
    """
    run_id = uuid.uuid4()
    drafted = draft(
        document,
        started_at=order.started_at or present(),
        started_at_given=order.started_at is not None,
        own_pools=order.own_pools,
        destination_required=True,
        count_required=True,
        run_id=str(run_id),
        earlier_records=_numbers_used(order.owner),
        first_record=order.first_record,
    )
    issues = drafted.issues(root=order.root)
    errors = errors_of(issues)
    if errors:
        raise Invalid(errors)
    plan = drafted.plan
    end, reason = run_length(plan)
    if order.first_record and (plan.pace.schedule is not None or end is None):
        message = "a run with a rate or a limit of time begins at its own first record"
        raise Invalid([Issue("PROPERTY_NOT_ALLOWED", "/mode", message, 'remove "mode"')])
    records = None if end is None else max(0, end - order.first_record)
    batch, wrong = sample_issues(plan, end)
    if batch is None or errors_of(wrong):
        raise Invalid(errors_of(wrong))
    issues += wrong
    size = bytes_per_record(plan, batch)
    written = written_bytes(plan, batch, root=order.root) or size
    issues += part_issues(plan, records=records, written=written)
    if errors := errors_of(issues):
        raise Invalid(errors)
    spec = _frozen(drafted, order, records=records, end_reason=reason, size=size, written=written)
    shards = shards_of(plan.definition.shape, default=_default_shards(plan, order))
    span = Span(order.first_record, spec.range_count)
    spans = spec.cuts(plan.pace.schedule).shards(span, shards)
    run = Run(
        id=run_id,
        origin=order.origin,
        owner=order.owner,
        created_by=order.created_by,
        name=plan.definition.name,
        spec=spec.to_json(),
        spec_hash=plan.spec_hash,
        tables_hash=plan.tables_hash,
        seed=spec.seed,
        record_count=records,
        started_at=plan.facts.started_at,
    )
    frozen = FrozenRun(run, spans, tuple(issue for issue in issues if issue.severity is not Severity.ERROR))
    try:
        _keep(run, plan, order)
        run.generator_id = order.generator_id  # its secrets are needed
        destination = destination_of_run(run, plan.schema, spans, overwrite_hint=order.overwrite_hint)
        found = destination.preflight(estimated_bytes=int(written * (records or 0)))
        if obstacles := errors_of(found):
            raise Invalid(obstacles)
        if guarantee_of(plan.definition.document) is DeliveryGuarantee.EXACTLY_ONCE:
            run.spec["guarantee"] = destination.achieved_guarantee
    except SinkError as error:
        frozen.discard()
        raise Invalid([Issue(error.code, "/destination", str(error))]) from error
    except BaseException:
        frozen.discard()
        raise
    return replace(frozen, notes=(*frozen.notes, *found))


def _default_shards(plan: Plan, order: RunOrder) -> int:
    kind, config, _ = destination_kind(plan.definition.shape.destination)
    return 1 if kind is not None and kind.one_shard_because(config) else order.workers


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


def find_own_run(reference: str, *, action: str) -> Run:
    """The command line's own run that `find_run` would find; raises Conflict for one of the service.

    `action` is what is wanted of it, as the service's API names that.
    """
    runs = Run.objects.filter(origin=RunOrigin.CLI)
    run = (runs.first() if reference == "last" else None) or find_run(reference)
    if run.origin == RunOrigin.SERVICE:
        message = f'run {run.pk} of "{run.name}" is the service\'s, whose workers carry it'
        path = f"/api/v1/generators/{run.generator_id}/{action}"
        follows = "goes on with it" if action == "resume" else "ends it"
        hint = f"POST {path} {follows}" if run.generator_id else None
        raise Conflict("INVALID_TRANSITION", message, hint=hint)
    return run


@dataclass(frozen=True, slots=True)
class Pruned:
    """What was removed, and what could not be: each run with the reason."""

    runs: Sequence[Run]
    pool_versions: int
    kept: Sequence[tuple[Run, str]]
    folders: int
    """Folders of runs that came to nothing."""
    workers: int
    """Workers that have been silent for long."""


def prune_runs(*, older_than: timedelta) -> Pruned:
    """Remove runs that have ended so long ago, or were started so long ago and nobody works on them.

    With them goes what only they need: tables, dead letters, hidden parts, versions of pools. What stays is a live run
    of the service, the last run of a stored generator, and the newest one of an owner whose next run goes on behind its
    numbers. Workers of which nothing has been heard for long are forgotten.
    """
    limit = timezone.now() - older_than
    removed: list[Run] = []
    kept: list[tuple[Run, str]] = []
    for run in Run.objects.annotate(rested_at=Coalesce("finished_at", "created_at")).filter(rested_at__lt=limit):
        try:
            if not _is_counted_on(run) and not _is_service_s(run):
                _remove(run)
                removed.append(run)
        except (Conflict, SinkError) as error:
            kept.append((run, str(error)))
    versions = pool_services.prune_versions(_pinned_versions())
    silent, _ = Worker.objects.filter(beat_at__lt=Now() - _SILENT_LEASES * timing.lease()).delete()
    return Pruned(removed, versions, kept, _remove_stray_folders(limit), silent)


def stray_folders(before: datetime) -> list[Path]:
    """The folders of runs that came to nothing: their process was killed before the run was in the database."""
    folder = runs_folder()
    known = {str(key) for key in Run.objects.values_list("pk", flat=True)}
    found = folder.iterdir() if folder.is_dir() else ()
    return [path for path in found if path.name not in known and path.stat().st_mtime < before.timestamp()]


def is_start_lost(run: Run) -> bool:
    """Whether somebody was killed on the way to a run that would be later than this one."""
    return any(path.stat().st_mtime > run.created_at.timestamp() for path in stray_folders(timezone.now()))


def _remove_stray_folders(before: datetime) -> int:
    stray = stray_folders(min(before, timezone.now() - _STARTING))
    for path in stray:
        shutil.rmtree(path, ignore_errors=True)
    return len(stray)


def _is_service_s(run: Run) -> bool:
    """Whether the service still needs a run: it is live, its workers are ending it, or its generator shows it."""
    if run.origin != RunOrigin.SERVICE:
        return False
    is_live = run.status in {RunStatus.RUNNING, RunStatus.PAUSED} or run.phase == RunPhase.ENDING
    return is_live or not leases.is_drained(run) or Generator.objects.filter(last_run=run).exists()


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


def progress_of(run: Run) -> dict[str, int]:
    """How many records the run is done with, how many of them were rejected, and the bytes written; over all shards."""
    return run.shards.aggregate(
        records=Sum(F("next_record") - F("first_record"), default=0),
        rejected=Sum("rejected", default=0),
        bytes=Sum("bytes_written", default=0),
    )


def _numbers_used(owner: str) -> int:
    """How many record numbers earlier runs of an owner have used."""
    earlier = Run.objects.filter(owner=owner).values_list("spec__earlier_records", "record_count")
    return max((before + (made or 0) for before, made in earlier), default=0)


def _frozen(
    drafted: Draft, order: RunOrder, *, records: int | None, end_reason: str, size: float, written: float
) -> RunSpec:
    """The spec of a run, whose records have these sizes in the plan's measure and as they are written."""
    plan, facts = drafted.plan, drafted.facts
    document, shape = plan.definition.document, plan.definition.shape
    counts_written = shape.count_basis is CountBasis.WRITTEN and end_reason == EndReason.RECORD_COUNT
    written_count = records if counts_written else None
    limits = [MAX_RECORDS, shape.safety.max_records, plan.record_limit[0] if plan.record_limit else None]
    most = min(limit for limit in limits if limit is not None) - order.first_record
    kind, config, _ = destination_kind(document["destination"])
    told = told_server(document["destination"])
    frozen, _ = without_secrets(document) if order.origin == RunOrigin.SERVICE else (document, {})
    return RunSpec(
        document=frozen,
        server=None if told is None else pinned(told, server_of(told, kept=order.secrets)),
        seed=facts.seed,
        started_at=facts.started_at.isoformat(),
        started_at_given=facts.started_at_given,
        record_count=records,
        first_record=order.first_record,
        asked_count=facts.record_count,
        written_count=written_count,
        most_records=most,
        end_reason=end_reason,
        entropy=facts.entropy,
        earlier_records=facts.earlier_records,
        pools={name: PoolPin(pool.version, pool.content_hash, pool.weight_column) for name, pool in plan.pools.items()},
        frame=frame_records(size),
        roll=kind.roll_of(config, bytes_per_record=written, step_ms=plan.clock.step_ms) if kind is not None else None,
        batch_size=plan.definition.shape.batch_size,
        workers=order.workers,
        root=order.root,
        owner=order.owner,
        overwrite=order.overwrite,
        paced=plan.pace.schedule is not None,
        timed=plan.pace.schedule is not None or time_limit(plan.definition.shape) is not None,
        continues=any("earlierRecords" in planned.field.uses() for planned in plan.fields),
    )


def _keep(run: Run, plan: Plan, order: RunOrder) -> None:
    """What the run's workers need beside the database: its tables, and the pools that only its bundle has."""
    save_tables(run, plan)
    for name, snapshot in (order.own_pools or {}).items():
        if name in plan.pools:
            folder = run_folder(run) / "pools"
            folder.mkdir(parents=True, exist_ok=True)
            write_snapshot(snapshot.records, folder / f"{name}.arrow", index_columns=snapshot.index_columns)

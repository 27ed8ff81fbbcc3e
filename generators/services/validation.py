"""The use cases that change nothing: examine a definition, and look at any of its records."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from engine.batch import Batch
from engine.errors import RecordInvalid
from engine.issues import Issue
from engine.span import Span
from generators.issue_params import with_params
from generators.plan import Plan
from generators.planning import bytes_per_record
from generators.services.drafts import (
    draft,
    errors_of,
    imagined_destination,
    part_issues,
    run_length,
    run_seconds,
    sample_issues,
    written_bytes,
)
from pools.snapshot import Snapshot
from sdg_project.errors import Conflict
from sinks.errors import SinkError
from sinks.servers import told_server

MEASURED_RECORDS = 8_192
"""Enough that what a batch costs beside its records hardly counts, and done in some milliseconds."""


@dataclass(frozen=True, slots=True)
class CheckedConnection:
    """A server that was asked: `name` of its stored connection, the `place` there, and what stands against a run."""

    name: str | None
    place: str
    issues: tuple[Issue, ...]


@dataclass(frozen=True, slots=True)
class Validation:
    """The answer of validate: the issues, and what a run would make."""

    issues: tuple[Issue, ...]
    plan: Plan | None
    records: int | None
    """None also when nothing but time or a person ends a run."""
    duration_seconds: float | None
    """About how long a run takes, by its pace or in one process; None when that is not known, or it has no end."""
    bytes_per_record: float | None
    preview: Batch | None
    connections: tuple[CheckedConnection, ...] | None = None
    """What the servers have said that were asked; None when nobody was."""

    @property
    def errors(self) -> tuple[Issue, ...]:
        return tuple(errors_of(self.issues))


def validate_definition(
    document: Any,
    *,
    own_pools: Mapping[str, Snapshot] | None = None,
    updated_at: datetime,
    root: str,
    preview: int = 5,
    destination_required: bool = False,
    monotonic: Callable[[], float] = time.monotonic,
) -> Validation:
    """Everything that is wrong with a definition, what it would make, and its first records. Changes nothing.

    Without ``clock.start`` the clock refers to `updated_at`. How long a run takes is measured by `monotonic`.
    """
    drafted = draft(
        document,
        started_at=updated_at,
        own_pools=own_pools,
        destination_required=destination_required,
        count_required=True,
    )
    issues = drafted.issues(root=root)
    plan = drafted.examination.plan
    if plan is None:
        return Validation(tuple(issues), None, None, None, None, None)
    records, _ = run_length(plan)
    duration = run_seconds(plan)
    batch, wrong = sample_issues(plan, records)
    issues += wrong
    if batch is None:
        return Validation(tuple(issues), plan, records, duration, None, None)
    size = written_bytes(plan, batch, root=root) or bytes_per_record(plan, batch)
    issues += part_issues(plan, records=records, written=size)
    if duration is None and records is not None:
        duration = _measured(plan, records, root=root, monotonic=monotonic)
    first = batch.slice(Span(0, min(preview, batch.span.count)))
    return Validation(tuple(issues), plan, records, duration, size, first)


def with_connections(validation: Validation, *, root: str, owner: str, kept: Mapping[str, str]) -> Validation:
    """The same, with what the server of the destination says; `kept` are the secrets that the definition keeps.

    A definition that is wrong is not taken to any server.
    """
    if validation.plan is None or validation.errors:
        return validation
    plan = validation.plan
    document = plan.definition.shape.destination
    told = told_server(document)
    if document is None or told is None:
        return replace(validation, connections=())
    destination = imagined_destination(document, plan.schema, root=root, owner=owner, kept=kept)
    try:
        found = () if destination is None else tuple(destination.preflight(estimated_bytes=0))
    except (SinkError, Conflict) as error:
        found = (Issue(error.code, "/destination", str(error)),)
    found = tuple(with_params(found, plan.definition.document))
    place = "" if destination is None else destination.target(destination.config)
    checked = (CheckedConnection(told.name, place, found),)
    return replace(validation, issues=(*validation.issues, *found), connections=checked)


def _measured(plan: Plan, records: int, *, root: str, monotonic: Callable[[], float]) -> float | None:
    """How long it takes to make and encode so many records, from a measurement of the first; None if one fails."""
    count = min(records, MEASURED_RECORDS)
    if not count:
        return 0.0
    started = monotonic()
    try:
        batch = plan.batch(Span(0, count))
    except RecordInvalid:
        return None
    if written_bytes(plan, batch, root=root) is None:
        bytes_per_record(plan, batch)  # as JSON Lines, where no destination says otherwise
    return (monotonic() - started) / count * records


def preview_plan(
    document: Any, *, own_pools: Mapping[str, Snapshot] | None = None, updated_at: datetime, seed: int | None = None
) -> Plan:
    """A plan to look at any records of a definition; raises Invalid with every error."""
    return draft(document, started_at=updated_at, seed=seed, own_pools=own_pools).plan

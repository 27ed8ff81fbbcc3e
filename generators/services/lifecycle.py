"""The use cases of a generator's life: start, pause, resume, stop and delete.

Each changes the status and what is wanted at once; the workers follow within seconds, and here is waited for them a
little. Nothing is signalled, and nothing is taken out of the queue.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping
from dataclasses import replace
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import F, Max, Q, Sum
from django.db.models.functions import Now
from django.utils import timezone
from pydantic import Field, ValidationError

from engine.issues import Issue
from engine.schema import RecordSchema
from engine.span import MAX_RECORDS
from generators.circles import pools_made_of
from generators.definition import MAX_SEED
from generators.enums import (
    DesiredState,
    EndReason,
    GeneratorStatus,
    RunOrigin,
    RunPhase,
    RunStatus,
    ShardState,
    StartMode,
)
from generators.models import Generator, Run
from generators.planning import (
    check_server,
    destination_kind,
    destination_of_run,
    place_of_run,
    secrets_of_generator,
)
from generators.runs import leases
from generators.runs.doorbell import ring
from generators.runs.lifecycle import ACTIONS, change_status, impossible, refuse_unless_possible
from generators.runs.rejects import failed_records, post
from generators.runs.worker import count_alive
from generators.services.catalog import get_generator, owner_of, refuse_loss_of
from generators.services.runs import FrozenRun, RunOrder, freeze_run
from sdg_project.errors import Conflict, Invalid, NotFound, Unavailable
from sdg_project.shapes import Int64, Params, issues_of
from sinks.enums import BeforeRun
from sinks.errors import SinkError

DRAIN_SECONDS = 2.0
"""How long pause and stop wait for the workers to come to their next commit."""
FENCE_SECONDS = 5.0
"""How long delete waits for them before it shuts them out."""
_POLL_SECONDS = 0.05
_UNREACHABLE = {"DEST_UNAVAILABLE"}
_OF_THE_WORLD = {"DEST_FULL", "DEST_REGRESSED", "RERUN_WOULD_COLLIDE", "POOL_NOT_FOUND", "POOL_NOT_READY", "POOL_EMPTY"}
_log = logging.getLogger("sdg.lifecycle")


class StartOptions(Params):
    """The body of a start request; everything in it is optional."""

    mode: StartMode | None = Field(
        default=None, description="CONTINUE: record numbers go on behind the last run's, and what it wrote stays."
    )
    before_run: BeforeRun | None = Field(default=None, description="What happens to what an earlier run wrote.")
    seed: Int64 | None = Field(default=None, ge=0, le=MAX_SEED, description="Instead of the definition's.")
    record_count: Int64 | None = Field(default=None, ge=1, le=MAX_RECORDS, description="Instead of the definition's.")


def read_start_options(body: Any) -> StartOptions:
    """The options in a request's body; raises Invalid with every problem."""
    try:
        options = StartOptions.model_validate({} if body is None else body)
    except ValidationError as error:
        raise Invalid(issues_of(error, at="", model=StartOptions)) from error
    if options.mode is StartMode.CONTINUE and options.before_run not in {None, BeforeRun.APPEND}:
        message = f"CONTINUE adds to what is there, which does not go with beforeRun {options.before_run}"
        raise Invalid([Issue("PROPERTY_NOT_ALLOWED", "/beforeRun", message, "remove beforeRun, or mode")])
    return options


class ResumeOptions(Params):
    """The body of a resume request; everything in it is optional."""

    skip_failed: bool = Field(
        default=False, description="Leave out the record at which the run stands: it becomes a dead letter."
    )


def read_resume_options(body: Any) -> ResumeOptions:
    """The options in a request's body; raises Invalid with every problem."""
    try:
        return ResumeOptions.model_validate({} if body is None else body)
    except ValidationError as error:
        raise Invalid(issues_of(error, at="", model=ResumeOptions)) from error


def start_generator(generator_id: UUID, options: StartOptions, *, by: str) -> Generator:
    """Start a new run of a stored generator.

    Raises Conflict in another status, or for what else depends on the world; Unavailable when there is no worker or
    the destination is away. Then nothing has changed.
    """
    generator = get_generator(generator_id)
    refuse_unless_possible(generator, "start")
    _check_quota(by)
    workers = _living_workers()
    _settle(generator)
    document, first_record = _to_run(generator, options)
    order = RunOrder(
        owner=owner_of(generator.pk),
        root=str(settings.SDG_OUTPUT_ROOT),
        workers=workers,
        origin=RunOrigin.SERVICE,
        created_by=by,
        first_record=first_record,
        generator_id=generator.pk,
        secrets=secrets_of_generator(generator),
    )
    frozen = _frozen(document, order, options)
    try:
        _begin(generator, frozen)
    except BaseException:
        frozen.discard()
        raise
    _log.info("run started", extra={"fields": {"generator": generator.name, "run": str(frozen.run.pk), "by": by}})
    return get_generator(generator_id)


def pause_generator(generator_id: UUID) -> Generator:
    """Let a running generator come to its next commit and stay there."""
    run = _current_run(generator_id, "pause")
    _change(generator_id, run, "pause", RunStatus.PAUSED, pause_reason=EndReason.USER, desired_state=DesiredState.PAUSE)
    _wait_until_drained(run, DRAIN_SECONDS)
    return get_generator(generator_id)


def resume_generator(generator_id: UUID, *, skip_failed: bool = False) -> Generator:
    """Let a paused or failed run go on, exactly where its destination stands; who still worked on it is shut out.

    Raises Conflict in another status, or when a failed record is to be skipped and there is none.
    """
    run = _current_run(generator_id, "resume")
    _living_workers()
    check_server(run)
    skipped = failed_records(run) if skip_failed else None
    with transaction.atomic():
        _change(
            generator_id,
            run,
            "resume",
            RunStatus.RUNNING,
            pause_reason="",
            end_reason="",
            error=None,
            finished_at=None,
            desired_state=DesiredState.RUN,
        )
        leases.fence(run)
        if skipped is not None:
            post(run, *skipped)
        run.shards.update(
            lost_claims=0,
            not_before=None,
            retries=0,
            retrying_since=None,
            about_from=None,
            about_count=0,
            due_since=Now(),
        )
        run.shards.filter(state=ShardState.FAILED).update(state=ShardState.READY)
        for shard in leases.due_shards().filter(run=run):
            ring(shard, run.phase)
    return get_generator(generator_id)


def stop_generator(generator_id: UUID) -> Generator:
    """End a run here: what it has written stays and is shown, and nothing follows."""
    run = _current_run(generator_id, "stop")
    with transaction.atomic():
        _change(
            generator_id,
            run,
            "stop",
            RunStatus.STOPPED,
            pause_reason="",
            end_reason=EndReason.USER,
            desired_state=DesiredState.STOP,
        )
        Run.objects.filter(pk=run.pk, phase=RunPhase.PREPARING).update(phase=RunPhase.ENDED)  # nothing is written yet
        Run.objects.filter(pk=run.pk, phase=RunPhase.WRITING).update(phase=RunPhase.ENDING)
        for shard in run.shards.filter(number=0):
            ring(shard, RunPhase.ENDING)
    _wait_until_drained(run, DRAIN_SECONDS)
    return get_generator(generator_id)


def delete_generator(generator_id: UUID) -> None:
    """Remove a generator; a live run of it is stopped and its workers are shut out first. Its runs stay.

    Raises Conflict when a pool is made of its records; nothing is stopped then.
    """
    generator = get_generator(generator_id)
    refuse_loss_of(generator, pools_made_of(generator))
    run = generator.last_run
    if run is not None and run.status in {RunStatus.RUNNING, RunStatus.PAUSED}:
        try:
            change_status(
                run,
                RunStatus.STOPPED,
                end_reason=EndReason.USER,
                desired_state=DesiredState.STOP,
                phase=RunPhase.ENDED,
            )
        except Conflict:
            _log.info("the run has ended by itself", extra={"fields": {"run": str(run.pk)}})
        _wait_until_drained(run, FENCE_SECONDS)
        leases.fence(run)
        try:
            destination_of_run(run, RecordSchema(run.name)).abandon()
        except (Conflict, SinkError) as error:  # then it is removed with the run, when that is old enough
            _log.warning("hidden parts are left", extra={"fields": {"run": str(run.pk), "reason": str(error)}})
    generator.delete()


def in_flight(run: Run) -> int:
    """How many records of a run have been made and are not durable yet."""
    sums = run.shards.aggregate(count=Sum(F("made_record") - F("next_record"), default=0))
    return max(0, int(sums["count"]))


def _current_run(generator_id: UUID, action: str) -> Run:
    generator = get_generator(generator_id)
    refuse_unless_possible(generator, action)
    if generator.last_run is None:
        raise impossible(generator, action)
    return Run.objects.get(pk=generator.last_run.pk)


def _change(generator_id: UUID, run: Run, action: str, to: RunStatus, **values: Any) -> None:
    """Change the status of a run as a person wants it; raises Conflict with what is possible instead."""
    expected = frozenset(status for status in RunStatus if status.value in ACTIONS[action])
    try:
        change_status(run, to, expected=expected, **values)
    except Conflict as error:
        raise impossible(get_generator(generator_id), action) from error


def _wait_until_drained(run: Run, seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline and not leases.is_drained(run):
        time.sleep(_POLL_SECONDS)


def _settle(generator: Generator) -> None:
    """Let the last run come to its end before another one writes to the same place.

    A stopped run shows what it has written; is that not done in time, its workers are shut out and it stays hidden.
    """
    last = generator.last_run
    if last is None:
        return
    left = Run.objects.filter(pk=last.pk, status=RunStatus.STOPPED).exclude(phase=RunPhase.ENDED)
    deadline = time.monotonic() + FENCE_SECONDS
    while time.monotonic() < deadline and left.exists():
        time.sleep(_POLL_SECONDS)
    with transaction.atomic():
        left.update(phase=RunPhase.ENDED, finished_at=timezone.now())
        leases.fence(last)


def _living_workers() -> int:
    """How many workers there are; raises Unavailable when there is none."""
    workers = count_alive()
    if not workers:
        raise Unavailable("NO_WORKER", "there is no worker that could do it", hint="start one: sdg up, or sdg worker")
    return workers


def _check_quota(by: str) -> None:
    live = Run.objects.filter(created_by=by, status__in=[RunStatus.RUNNING, RunStatus.PAUSED]).count()
    if live >= settings.SDG_MAX_LIVE_RUNS:
        message = f"{live} runs that {by} has started are running or paused, and no more than that are allowed"
        raise Conflict("QUOTA", message, hint="stop some, or raise SDG_MAX_LIVE_RUNS")


def _to_run(generator: Generator, options: StartOptions) -> tuple[dict[str, Any], int]:
    """The definition as this run is to have it, and its first record number."""
    document = dict(generator.definition)
    if options.seed is not None:
        document["seed"] = options.seed
    if options.record_count is not None:
        document["recordCount"] = options.record_count
    before_run = options.before_run
    first_record = 0
    if options.mode is StartMode.CONTINUE:
        before_run = BeforeRun.APPEND
        has_some = Q(shards__next_record__gt=F("shards__first_record"))
        ends = generator.runs.aggregate(end=Max("shards__next_record", filter=has_some))
        first_record = ends["end"] or 0
    if before_run is not None:
        destination = dict(document["destination"])
        document["destination"] = {**destination, "config": {**destination.get("config", {}), "beforeRun": before_run}}
    return document, first_record


def _frozen(document: Mapping[str, Any], order: RunOrder, options: StartOptions) -> FrozenRun:
    """Freeze a stored definition; what is wrong now was right when it was stored, so that the world has changed."""
    try:
        return freeze_run(document, order)
    except Invalid as error:
        codes = {issue.code for issue in error.issues}
        issues = [_of_the_start(issue, options) for issue in error.issues]
        first = issues[0]
        if codes & _UNREACHABLE:
            raise Unavailable(first.code, first.message, hint=first.hint) from error
        raise Conflict(first.code, first.message, hint=first.hint, issues=issues) from error


def _of_the_start(issue: Issue, options: StartOptions) -> Issue:
    """An issue as the one who starts sees it: what the start says about earlier records may not suit the destination.

    The definition is right, and so is the request; they would collide.
    """
    asked = options.mode or options.before_run
    if asked is None or issue.path != "/destination/config/beforeRun":
        return issue
    at = "/mode" if options.mode else "/beforeRun"
    hint = f"{issue.hint}; without mode the run begins at record 0" if options.mode else issue.hint
    message = f"{asked} is not possible here: {issue.message}"
    return replace(issue, code="RERUN_WOULD_COLLIDE", path=at, message=message, hint=hint)


def _begin(generator: Generator, frozen: FrozenRun) -> None:
    """Store a run and tell the workers, unless somebody else was first; all or nothing."""
    run = frozen.run
    run.generator = generator
    run.created_at = timezone.now()
    run.number = 1 + (generator.runs.aggregate(last=Max("number"))["last"] or 0)
    _refuse_shared_place(run)
    try:
        with transaction.atomic():
            locked = Generator.objects.select_for_update().filter(pk=generator.pk).first()
            if locked is None:
                raise NotFound(f"there is no generator {generator.pk}")
            refuse_unless_possible(locked, "start")
            if locked.updated_at != generator.updated_at:
                message = f'generator "{generator.name}" was changed while it was being started'
                raise Conflict("INVALID_TRANSITION", message, hint="start it again")
            frozen.save()
            Generator.objects.filter(pk=generator.pk).update(status=GeneratorStatus.RUNNING, last_run=run)
            ring(run.shards.get(number=0), RunPhase.PREPARING)
    except IntegrityError as error:  # somebody else's run of it is live
        raise impossible(get_generator(generator.pk), "start") from error


def _refuse_shared_place(run: Run) -> None:
    """Two live runs must not write to one place."""
    destination, server = run.spec["document"]["destination"], run.spec["server"]
    kind, config, _ = destination_kind(destination)
    if kind is None or kind.is_shared(config):
        return
    live = Run.objects.filter(origin=RunOrigin.SERVICE, status__in=[RunStatus.RUNNING, RunStatus.PAUSED])
    for other in live.only("name", "spec"):
        if other.spec["document"]["destination"]["type"] != destination["type"]:
            continue
        if place_of_run(other) == place_of_run(run) and (other.spec.get("server") or {}).get("config") == (
            server and server["config"]
        ):
            message = f'a run of "{other.name}" is writing to the same place now'
            raise Conflict("RERUN_WOULD_COLLIDE", message, hint="wait until it has ended, or choose another place")

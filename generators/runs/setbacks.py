"""Setbacks: what becomes of a shard, and of its run, when a slice could not do its work."""

from __future__ import annotations

import logging
import random
from datetime import timedelta
from typing import Any

from django.db.models import F
from django.db.models.functions import Now
from django.utils import timezone

from engine.errors import RecordInvalid
from engine.issues import PAUSING
from generators.enums import DesiredState, EndReason, EscalateTo, OnError, RunPhase, RunStatus, ShardState
from generators.error_handling import ErrorHandlingShape
from generators.models import Run, Shard
from generators.runs import leases, timing
from generators.runs.lifecycle import change_status
from generators.runs.rejects import Rejects
from sdg_project.errors import Conflict
from sinks.errors import SinkError

_RUNNING = frozenset({RunStatus.RUNNING})
_log = logging.getLogger("sdg.workers")


def give_up(shard: Shard) -> None:
    """A shard whose owners die again and again is no shard for anybody."""
    first = shard.next_record if shard.about_from is None else shard.about_from
    count = shard.about_count or 1
    which = f"record {first}" if count == 1 else f"one of the records {first} to {first + count - 1}"
    message = f"{shard.lost_claims} workers have died while making {which}"
    leases.release(shard, state=ShardState.FAILED, last_error=_error("POISON", message, first))
    _fail(shard.run, _error("POISON", message, first))


def escalate(run: Run, rejects: Rejects | None, excess: str) -> None:
    """There have been too many bad records: do what the definition says of that."""
    error = _error("RECORD_INVALID", excess)
    if rejects is not None and rejects.handling.escalate_to is EscalateTo.STOP:
        _fail(run, error)
    else:
        _pause(run, error, EndReason.ERROR)


def end_at_record(shard: Shard, invalid: RecordInvalid) -> None:
    """What onError says of a record that cannot be made; CONTINUE does not come here."""
    error = _error(invalid.code, str(invalid), invalid.record_number)
    if not leases.release(shard, last_error=error):
        return
    on_error = shard.run.spec["document"].get("onError") or OnError.STOP
    if on_error == OnError.PAUSE:
        _pause(shard.run, error, EndReason.ERROR)
    else:
        _fail(shard.run, error)


def retry_later(shard: Shard, sink_error: SinkError) -> None:
    """Wait 1, 2, 4 … 60 s for a destination that is away; when it is away for too long, pause."""
    error = _error(sink_error.code, str(sink_error))
    seconds = min(60.0, 2.0**shard.retries) * random.uniform(0.8, 1.2)  # noqa: S311  # only spreads the attempts
    now = timezone.now()
    since = shard.retrying_since or now
    held = leases.release(
        shard,
        retries=F("retries") + 1,
        retrying_since=since,
        not_before=Now() + timedelta(seconds=seconds),
        last_error=error,
    )
    given = shard.run.spec["document"].get("errorHandling") or {}
    budget = timedelta(seconds=ErrorHandlingShape.model_validate(given).retry_budget_seconds)
    if held and now - since >= budget:
        _end_run(shard.run, error)


def break_off(shard: Shard, code: str, message: str) -> None:
    error = _error(code, message)
    if leases.release(shard, last_error=error):
        _end_run(shard.run, error)


def refuse(shard: Shard, conflict: Conflict) -> None:
    """Another worker may be able to do what this one cannot: it waits a little, and says why."""
    leases.release(shard, last_error=_error(conflict.code, str(conflict)), not_before=Now() + timing.ring_time())
    _log.warning("a shard was refused", extra={"fields": {"shard": shard.number, "reason": str(conflict)}})


def _end_run(run: Run, error: dict[str, Any]) -> None:
    """Pause a run for what a person can mend, fail it for what nobody can; a stopped one is left as it is."""
    if run.status == RunStatus.STOPPED:
        ending = Run.objects.filter(pk=run.pk, phase=RunPhase.ENDING)
        ending.update(phase=RunPhase.ENDED, error=error, finished_at=timezone.now())
    elif error["code"] in PAUSING:
        _pause(run, error, error["code"])
    else:
        _fail(run, error)


def _fail(run: Run, error: dict[str, Any]) -> None:
    try:
        change_status(
            run,
            RunStatus.FAILED,
            expected=_RUNNING,
            error=error,
            end_reason=EndReason.ERROR,
            desired_state=DesiredState.STOP,
        )
    except Conflict:
        _log.info("the run has ended otherwise before it could fail", extra={"fields": {"code": error["code"]}})


def _pause(run: Run, error: dict[str, Any], reason: str) -> None:
    try:
        change_status(
            run, RunStatus.PAUSED, expected=_RUNNING, error=error, pause_reason=reason, desired_state=DesiredState.PAUSE
        )
    except Conflict:
        _log.info("the run has ended otherwise before it could pause", extra={"fields": {"code": error["code"]}})


def _error(code: str, message: str, record_number: int | None = None) -> dict[str, Any]:
    at = timezone.now().isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return {"code": code, "message": message, "recordIndex": record_number, "at": at}

"""The statuses of a run and what leads from one to the other. Nothing else writes a status.

A generator has the status of its last run; both change in one transaction, and only from a status that allows it.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from django.db import transaction
from django.db.models import F, Max
from django.utils import timezone

from generators.enums import GeneratorStatus, RunStatus
from generators.models import Generator, Run
from sdg_project.errors import Conflict

TRANSITIONS: Mapping[RunStatus, frozenset[RunStatus]] = {
    RunStatus.RUNNING: frozenset(
        {RunStatus.RUNNING, RunStatus.PAUSED, RunStatus.COMPLETED, RunStatus.STOPPED, RunStatus.FAILED}
    ),
    RunStatus.PAUSED: frozenset({RunStatus.RUNNING, RunStatus.STOPPED}),
    RunStatus.FAILED: frozenset({RunStatus.RUNNING, RunStatus.STOPPED}),
    RunStatus.COMPLETED: frozenset(),
    RunStatus.STOPPED: frozenset(),
}
"""From a status to those that may follow.

RUNNING follows itself when a run goes on after its process was killed; STOPPED follows FAILED when a person wants to
see what a run of the command line has kept.
"""

ACTIONS: Mapping[str, frozenset[GeneratorStatus]] = {
    "start": frozenset(
        {GeneratorStatus.CREATED, GeneratorStatus.COMPLETED, GeneratorStatus.STOPPED, GeneratorStatus.FAILED}
    ),
    "pause": frozenset({GeneratorStatus.RUNNING}),
    "resume": frozenset({GeneratorStatus.PAUSED, GeneratorStatus.FAILED}),
    "stop": frozenset({GeneratorStatus.RUNNING, GeneratorStatus.PAUSED}),
    "update": frozenset(GeneratorStatus) - {GeneratorStatus.RUNNING},
}
"""What a person may do with a generator, and in which statuses."""

_log = logging.getLogger("sdg.lifecycle")
_ENDED = {RunStatus.COMPLETED, RunStatus.STOPPED, RunStatus.FAILED}
_RESTING = {RunStatus.PAUSED, RunStatus.FAILED}
"""Statuses from which a run may go on."""


def refuse_unless_possible(generator: Generator, action: str) -> None:
    """Raise Conflict when an action does not go with the generator's status, with what does."""
    if generator.status not in ACTIONS[action]:
        raise impossible(generator, action)


def impossible(generator: Generator, action: str) -> Conflict:
    """The refusal of an action, with those that are possible instead."""
    allowed = [name for name, statuses in ACTIONS.items() if generator.status in statuses]
    past = {"start": "started", "pause": "paused", "resume": "resumed", "stop": "stopped", "update": "changed"}[action]
    message = f'generator "{generator.name}" is {generator.status}, so it cannot be {past}'
    details = {"generatorStatus": generator.status, "action": action, "allowed": allowed}
    return Conflict("INVALID_TRANSITION", message, hint=f"possible are {', '.join(allowed)}", details=details)


def change_status(run: Run, to: RunStatus, *, expected: frozenset[RunStatus] | None = None, **values: Any) -> None:
    """Move a run, and its generator, to a status if it is in one that allows it, with further values.

    `expected` narrows the statuses to come from. Raises Conflict when somebody else was first or the transition does
    not exist.
    """
    allowed = [
        status
        for status, following in TRANSITIONS.items()
        if to in following and (expected is None or status in expected)
    ]
    now = timezone.now()
    if to is RunStatus.RUNNING:  # whoever lets a run go on accepts the bad records that it has
        values["accepted_letter"] = run.dead_letters.aggregate(last=Max("pk", default=0))["last"]
    if to in _ENDED:
        values.setdefault("finished_at", now)
    with transaction.atomic():
        before = Run.objects.select_for_update().filter(pk=run.pk, status__in=allowed).first()
        changed = 0
        if before is not None:
            if before.paused_since is not None:
                values["paused_seconds"] = F("paused_seconds") + max(now - before.paused_since, timedelta()) / _SECOND
            values["paused_since"] = now if to in _RESTING else None
            changed = Run.objects.filter(pk=run.pk, status=before.status).update(status=to, **values)
        if changed:
            Generator.objects.filter(last_run=run.pk).update(status=to)
    run.refresh_from_db()
    if changed:
        facts = {
            "run": str(run.pk),
            "generator": run.name,
            "status": run.status,
            "reason": run.pause_reason or run.end_reason,
        }
        code = (run.error or {}).get("code")
        _log.info("run has a new status", extra={"fields": facts if code is None else {**facts, "code": code}})
    else:
        following = sorted(TRANSITIONS[RunStatus(run.status)])
        words = f"from there leads only {', '.join(following)}" if following else "nothing follows that"
        raise Conflict("INVALID_TRANSITION", f"run {run.pk} is {run.status}; {words}")


_SECOND = timedelta(seconds=1)

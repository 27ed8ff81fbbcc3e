"""The statuses of a run and what leads from one to the other. Nothing else writes a status."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.utils import timezone

from generators.enums import RunStatus
from generators.models import Run
from sdg_project.errors import Conflict

TRANSITIONS: Mapping[RunStatus, frozenset[RunStatus]] = {
    RunStatus.RUNNING: frozenset({RunStatus.RUNNING, RunStatus.PAUSED, RunStatus.COMPLETED, RunStatus.FAILED}),
    RunStatus.PAUSED: frozenset({RunStatus.RUNNING}),
    RunStatus.FAILED: frozenset({RunStatus.RUNNING}),
    RunStatus.COMPLETED: frozenset(),
}
"""From a status to those that may follow. RUNNING follows itself when a run goes on after its process was killed."""


def change_status(run: Run, to: RunStatus, **values: Any) -> None:
    """Move a run to a status if it is in one that allows it, with further values, in one compare-and-set.

    Raises Conflict when somebody else was first or the transition does not exist.
    """
    allowed = [status for status, following in TRANSITIONS.items() if to in following]
    if to in {RunStatus.COMPLETED, RunStatus.FAILED}:
        values.setdefault("finished_at", timezone.now())
    changed = Run.objects.filter(pk=run.pk, status__in=allowed).update(status=to, **values)
    run.refresh_from_db()
    if not changed:
        words = ", ".join(sorted(TRANSITIONS[RunStatus(run.status)])) or "nothing"
        raise Conflict("INVALID_TRANSITION", f"run {run.pk} is {run.status}; from there leads only {words}")

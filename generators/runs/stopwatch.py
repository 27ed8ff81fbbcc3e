"""Stopwatches: how long a run has been at work, kept in its row where something depends on it."""

from __future__ import annotations

import time

from django.utils import timezone

from engine.rates import MICROS
from generators.enums import EndReason
from generators.models import Run
from generators.pace import time_limit
from generators.plan import Plan
from generators.run_spec import RunSpec
from generators.runs.pacing import GRACE_US, pacing_of
from generators.runs.runner import Progress


class Stopwatch:
    """The active time of a run, with that of earlier writers; the pace that depends on it; and whether it is over.

    The service knows the time from `running_since`; a run of the command line writes it down where somebody asks.
    """

    def __init__(self, run: Run, plan: Plan) -> None:
        """Begin to count where the run's row says that earlier writers stood."""
        self._run, now = run, timezone.now()
        Run.refresh_from_db(run, fields=["active_seconds", "running_since"])
        self._before_us = round(run.active_seconds * MICROS)
        if run.running_since is not None:
            self._before_us += int((now - run.running_since).total_seconds() * MICROS)
        paused_us = 0
        if run.active_seconds:
            paused_us = max(0, int((now - run.created_at).total_seconds() * MICROS) - self._before_us)
        self._counted_us = paused_us if plan.definition.shape.include_paused else 0
        self._limit = time_limit(plan.definition.shape)
        self._started = time.monotonic()
        self.pacing = pacing_of(plan, active_us=self._before_us, paused_us=paused_us)
        self._is_kept = run.running_since is None and RunSpec.from_json(run.spec).timed

    def look(self, progress: Progress) -> EndReason | None:
        """Why the run's time is over; None when it is not. The time is written down, so that nobody counts it again."""
        active_us = progress.elapsed_us
        if self.pacing is None:
            active_us = self._before_us + round((time.monotonic() - self._started) * MICROS)
        if self._is_kept:
            self._run.active_seconds = active_us / MICROS
            self._run.save(update_fields=["active_seconds"])
        grace_us = 0 if self.pacing is None else GRACE_US
        if self._limit is None or active_us + self._counted_us < self._limit.time_us + grace_us:
            return None
        return self._limit.reason

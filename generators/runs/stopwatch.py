"""Stopwatches: how long a run has been at work, kept in its row with each progress, so that a death costs no more."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.db.models import F
from django.utils import timezone

from engine.rates import MICROS
from generators.enums import EndReason, RunOrigin
from generators.models import Run
from generators.pace import time_limit
from generators.plan import Plan
from generators.run_spec import RunSpec
from generators.runs.ending import is_fixed
from generators.runs.pacing import SystemTimer, Timer, pacing_of
from generators.runs.runner import Progress

HANDOVER = timedelta(seconds=2)
"""How long a shard may take from one worker to the next, or back to the same one, without waiting for it."""
CROWDED_TALLY_S = 10.0
"""How often workers add up a run's time at twice as many workers as one control database bears well."""


class Stopwatch:
    """The active time of a run, with that of earlier writers; the pace that depends on it; and whether it is over.

    Active is a run while somebody has it: neither pauses count nor the time in which it waits for a worker. Where
    something depends on the time, the run's one writer keeps it. Else a run of the service adds it up, and one of the
    command line leaves that to the process that carries it.
    """

    def __init__(
        self,
        run: Run,
        plan: Plan,
        *,
        timer: Timer | None = None,
        given_back_at: datetime | None = None,
        crowding: float = 1.0,
    ) -> None:
        """Begin to count where the run's row says that earlier writers stood.

        To go from hand to hand since `given_back_at` is no waiting, as long as it takes less than `HANDOVER`. With
        `crowding` above 1 a time that nothing depends on is written down less often.
        """
        self._run, self._timer = run, timer or SystemTimer()
        Run.refresh_from_db(run, fields=["active_seconds"])
        self._before_us = round(run.active_seconds * MICROS)
        handover = HANDOVER if given_back_at is None else timezone.now() - given_back_at
        if run.active_seconds and timedelta() < handover < HANDOVER:
            self._before_us += handover // _MICROSECOND
        paused_us = 0
        if run.active_seconds:
            gone_by = timezone.now() - (run.begun_at or run.created_at)
            paused_us = max(0, gone_by // _MICROSECOND - self._before_us)
        self._counted_us = paused_us if plan.definition.shape.include_paused else 0
        self.limit = time_limit(plan.definition.shape)
        self._started = self._timer.now()
        self.pacing = pacing_of(
            plan, active_us=self._before_us, paused_us=paused_us, is_fixed=is_fixed(run), timer=self._timer
        )
        self._is_kept = RunSpec.from_json(run.spec).timed
        self._tally_s = (crowding - 1) * CROWDED_TALLY_S
        self._tally = Tally(run, self._timer) if run.origin == RunOrigin.SERVICE and not self._is_kept else None

    def look(self, progress: Progress) -> EndReason | None:
        """Why the run's time is over; None when it is not, or when its pace says so by itself.

        The time is written down, so that nobody counts it again.
        """
        active_us = progress.elapsed_us
        if self.pacing is None:
            active_us = self._before_us + round((self._timer.now() - self._started) * MICROS)
        if self._is_kept:
            Run.objects.filter(pk=self._run.pk).update(active_seconds=active_us / MICROS)
        if self._tally is not None and self._timer.now() - self._tally.noted_s >= self._tally_s:
            self._tally.note()
        if self.pacing is not None or self.limit is None:
            return None
        return self.limit.reason if active_us + self._counted_us >= self.limit.time_us else None


class Tally:
    """Adds the time that one of perhaps several workers has had a run; what they had it at the same time counts once.

    A worker that begins while another one writes nothing down loses at most the time between two progresses.
    """

    def __init__(self, run: Run, timer: Timer) -> None:
        self._run, self._timer = run, timer
        self.noted_s, self._noted_at = timer.now(), timezone.now()

    def note(self) -> None:
        """Add the time since the last call, but for what others have added in the meantime."""
        now, now_at = self._timer.now(), timezone.now()
        run = Run.objects.filter(pk=self._run.pk)
        until = run.values_list("counted_until", flat=True).get()
        theirs = timedelta() if until is None else max(timedelta(), until - self._noted_at)
        mine = max(0.0, now - self.noted_s - theirs / _SECOND)
        # When somebody else was quicker just now, the next call adds what is left.
        if run.filter(counted_until=until).update(active_seconds=F("active_seconds") + mine, counted_until=now_at):
            self.noted_s, self._noted_at = now, now_at


_SECOND, _MICROSECOND = timedelta(seconds=1), timedelta(microseconds=1)

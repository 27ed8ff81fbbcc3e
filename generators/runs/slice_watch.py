"""The watch over a slice: keeps its lease, notes its progress, and looks at what people want."""

from __future__ import annotations

from typing import Any

from django.db.models.functions import Now

from engine.rates import MICROS
from engine.span import Span
from generators.enums import EndReason
from generators.models import Shard
from generators.plan import Plan
from generators.runs import leases
from generators.runs.ending import end_early
from generators.runs.gauges import Gauges
from generators.runs.pacing import Timer
from generators.runs.passed_over import moved
from generators.runs.rejects import Rejects
from generators.runs.runner import Progress, Watch
from generators.runs.stopwatch import Stopwatch
from sdg_project.failpoints import failpoint

NARROWER = {2: 4_096, 3: 256, 4: 16, 5: 1}
"""After so many owners that died: how many records are made at a time, so that the one that kills them is found.

Those before the ones at which the last owner died did not kill it, and are made by the most of these.
"""
REACHED: dict[str, Any] = {"retries": 0, "retrying_since": None, "not_before": None, "last_error": None}
"""What is forgotten once the destination has been reached."""


class SliceWatch(Watch):
    """Keeps the lease, writes progress, and ends the slice when its time is over or a person wants it."""

    def __init__(
        self,
        shard: Shard,
        plan: Plan,
        stopwatch: Stopwatch,
        *,
        timer: Timer,
        ends_at: float,
        rejects: Rejects | None,
    ) -> None:
        self.shard, self._timer = shard, timer
        self._plan, self._stopwatch, self._rejects = plan, stopwatch, rejects
        self._counted_to, self._passed_over = shard.next_record, dict(shard.passed_over)
        self.excess: str | None = None
        """Why there are too many bad records to go on."""
        self.is_over: EndReason | None = None
        self._suspects_from = shard.about_from or 0
        self._gauges = Gauges.of(shard)
        self._begun_at, self._ends_at = timer.now(), ends_at

    def most_records(self, next_record: int) -> int | None:
        lost = self.shard.lost_claims
        if lost not in NARROWER:
            return None
        ahead = self._suspects_from - next_record
        return min(ahead, max(NARROWER.values())) if ahead > 0 else NARROWER[lost]

    def about_to_make(self, span: Span) -> None:
        self._begun_at = self._timer.now()
        if self.shard.lost_claims in NARROWER:
            leases.renew(self.shard, about_from=span.start, about_count=span.count)

    def about_to_commit(self, next_record: int) -> None:
        failpoint("slice.before_commit")
        leases.renew(self.shard, made_record=next_record)
        if self._rejects is not None:
            self._rejects.keep(next_record)
            failpoint("slice.rejects_kept")

    def about_to_end(self, next_record: int) -> None:
        limit = self._stopwatch.limit
        self.is_over = None if limit is None else limit.reason
        if self.is_over is not None:
            end_early(self.shard, next_record=next_record, reason=self.is_over)

    def committed(self, progress: Progress) -> bool:
        shard = self.shard
        now = self._timer.now()
        schedule = self._plan.pace.schedule
        if schedule is not None:
            begun, later = (schedule.count_before(progress.elapsed_us + us) for us in (0, MICROS))
            self._gauges.target_rate, self._gauges.behind_s = float(later - begun), progress.behind_us / MICROS
        has_progressed = progress.next_record > shard.next_record
        self._gauges.note(progress.next_record, latency_s=now - self._begun_at if has_progressed else None)
        self._passed_over = moved(self._plan, self._passed_over, self._counted_to, progress.next_record)
        self._counted_to = progress.next_record
        values: dict[str, Any] = {
            "next_record": progress.next_record,
            "passed_over": self._passed_over,
            "made_record": progress.next_record,
            "bytes_written": progress.bytes_written,
            "gauges": self._gauges.as_json(),
            "progressed_at": Now(),
            **REACHED,
        }
        if self._rejects is not None:
            values["rejected"] = self._rejects.count(progress.next_record)
            self.excess = self._rejects.excess(progress.next_record)
        if has_progressed:
            values |= {"lost_claims": 0, "about_from": None, "about_count": 0}
        is_wanted = leases.keep(shard, **values)
        failpoint("slice.progress")
        if has_progressed:
            shard.next_record = progress.next_record
            shard.lost_claims = shard.retries = 0
        is_over = self._stopwatch.look(progress)
        self.is_over = self.is_over or (is_over if progress.next_record < shard.end_record else None)
        # Every slice that is wanted comes to a commit, however short its time is, unless it has nothing to commit.
        may_end = has_progressed or (self._stopwatch.pacing is not None and not progress.in_flight)
        return is_wanted and self.is_over is None and self.excess is None and (now < self._ends_at or not may_end)

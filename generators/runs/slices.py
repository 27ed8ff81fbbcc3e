"""Slices: a worker's turn with one shard of the service, from claiming it to giving it back.

Whatever ends a slice, the truth stays at the destination; the rows say who may go on, when, and why not.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

from django.db import InterfaceError, OperationalError, transaction
from django.db.models.functions import Now
from django.utils import timezone

from engine.errors import RecordInvalid
from engine.rates import MICROS
from engine.schedule import Schedule
from engine.span import Span
from generators.enums import DesiredState, EndReason, RunPhase, RunStatus, ShardState
from generators.models import Run, Shard
from generators.runs import leases, timing
from generators.runs.doorbell import ring
from generators.runs.ending import end_early, ends_of
from generators.runs.gauges import Gauges
from generators.runs.job import Job
from generators.runs.leases import LeaseLost
from generators.runs.lifecycle import change_status
from generators.runs.pacing import SystemTimer, Timer, latency_of
from generators.runs.rejects import Rejects
from generators.runs.runner import Progress, Watch, run_slice
from generators.runs.setbacks import break_off, end_at_record, escalate, give_up, refuse, retry_later
from generators.runs.stopwatch import Stopwatch, Tally
from generators.runs.worker import is_asked_to_leave
from sdg_project.errors import Conflict
from sdg_project.failpoints import failpoint
from sdg_project.logs import run_id
from sinks.destinations.base import Sink
from sinks.errors import Fenced, SinkError, TransientSinkError

LOOK_SECONDS = 1.0
"""How often the wishes of people are looked at, and progress is written."""
NARROWER = {2: 4_096, 3: 256, 4: 16, 5: 1}
"""After so many owners that died: how many records are made at a time, so that the one that kills them is found."""
_NONE = -2
"""The epoch of nobody."""
_SOON_JOINED_BYTES = 2**30
"""Shards with less than that are brought together at once; with more, by a task that may take longer."""
AWAY = (OperationalError, InterfaceError)
"""What is raised when the control database is away."""
_log = logging.getLogger("sdg.workers")


@dataclass(frozen=True, slots=True)
class _Kept:
    """What a worker keeps from its last slice, to go on where it was if it gets the same shard again."""

    shard_id: int
    epoch: int
    job: Job
    sink: Sink
    next_record: int


class SliceWorker:
    """What works on shards in one process, one slice at a time."""

    def __init__(self, worker_id: str, *, timer: Timer | None = None) -> None:
        self.worker_id, self._timer = worker_id, timer or SystemTimer()
        self._kept: _Kept | None = None

    def work(self, shard_id: int) -> bool:
        """A slice of a shard, if it is due and free; whether there was anything to do. Raises only what is a bug."""
        shard = leases.claim(shard_id, self.worker_id)
        if shard is None:
            return False
        failpoint("slice.claimed")
        run_id.set(str(shard.run_id))
        try:
            following = self._turn(shard)
        finally:
            run_id.set(None)
        if following is not None:
            self.work(following)
        return True

    def let_go(self) -> None:
        """Close what is kept."""
        if self._kept is not None:
            self._kept.sink.close()
            self._kept.job.destination.close()
            self._kept = None

    def _turn(self, shard: Shard) -> int | None:
        """One kind of work on a shard; the shard that need not wait for another ring, if there is one."""
        run = shard.run
        try:
            if shard.lost_claims >= leases.MAX_LOST_CLAIMS:
                give_up(shard)
            elif run.phase == RunPhase.PREPARING:
                return self._prepare(shard)
            elif run.phase == RunPhase.WRITING:
                return self._write(shard)
            else:
                self._end(shard)
        except (LeaseLost, Fenced) as error:
            self.let_go()
            _log.info("shard lost to another owner", extra={"fields": {"shard": shard.number, "reason": str(error)}})
        except AWAY:
            self.let_go()
            raise
        except RecordInvalid as error:
            self.let_go()
            end_at_record(shard, error)
        except TransientSinkError as error:
            self.let_go()
            retry_later(shard, error)
        except SinkError as error:
            self.let_go()
            if error.code == "RERUN_WOULD_COLLIDE" and shard.lost_claims:
                retry_later(shard, error)  # who had the shard before may still be alive, and hold the place
            else:
                break_off(shard, error.code, str(error))
        except Conflict as error:
            self.let_go()
            refuse(shard, error)
        except Exception:
            self.let_go()
            _log.exception("a slice has failed", extra={"fields": {"shard": shard.number}})
            break_off(shard, "INTERNAL", "something went wrong that is no fault of the definition; see the log")
        return None

    # The three kinds of work.

    def _prepare(self, shard: Shard) -> int:
        """Get the destination ready, once per run, before its shards are written."""
        job = self._job(shard)
        try:
            job.destination.prepare()
            failpoint("slice.prepared")
        finally:
            job.destination.close()
        with transaction.atomic():
            leases.renew(shard)
            prepared = Run.objects.filter(pk=shard.run_id, phase=RunPhase.PREPARING)
            prepared.update(phase=RunPhase.WRITING, begun_at=timezone.now())
            leases.release(shard, **_REACHED)
            for waiting in shard.run.shards.filter(state=ShardState.READY):
                ring(waiting, RunPhase.WRITING)
        return shard.pk

    def _write(self, shard: Shard) -> int | None:
        kept = self._opened(shard)
        plan = kept.job.plan
        stopwatch = Stopwatch(shard.run, plan, timer=self._timer)
        rejects = Rejects.of(plan, shard)
        watch = _SliceWatch(
            shard, self.worker_id, stopwatch, timer=self._timer, schedule=plan.pace.schedule, rejects=rejects
        )
        reached = run_slice(
            rejects or plan,
            kept.sink,
            shard=shard.wanted,
            next_record=kept.next_record,
            cuts=kept.job.spec.cuts(plan.pace.schedule),
            batch_size=kept.job.spec.batch_size,
            watch=watch,
            monotonic=self._timer.now,
            pacing=stopwatch.pacing,
            max_latency_s=latency_of(plan),
        )
        failpoint("slice.before_release")
        is_done = reached.next_record >= shard.wanted.end or watch.is_over is not None
        following: int | None = None
        with transaction.atomic():
            run = Run.objects.select_for_update().get(pk=shard.run_id)
            leases.renew(shard)
            if watch.is_over is not None:
                end_early(shard, next_record=reached.next_record, reason=watch.is_over)
            leases.release(shard, state=ShardState.DONE if is_done else ShardState.READY, progressed_at=Now())
            failpoint("slice.before_ring")
            if not is_done:
                ring(shard, RunPhase.WRITING)
            elif not run.shards.filter(state=ShardState.READY).exists():
                Run.objects.filter(pk=run.pk, phase=RunPhase.WRITING).update(phase=RunPhase.ENDING)
                first = run.shards.get(number=0)
                ring(first, RunPhase.ENDING)
                if sum(one.bytes_written for one in run.shards.all()) < _SOON_JOINED_BYTES:
                    following = first.pk
        if watch.excess is not None:
            escalate(shard.run, rejects, watch.excess)
        if is_done:
            self.let_go()
        else:
            # A sink that holds more than was committed is opened anew.
            epoch = shard.epoch if not reached.in_flight else _NONE
            self._kept = replace(kept, epoch=epoch, next_record=reached.next_record)
        return following

    def _end(self, shard: Shard) -> None:
        """Bring the shards together at the destination: all of them, or what a person's stop has left."""
        run, tally = shard.run, Tally(shard.run, self._timer)
        job = self._job(shard)
        try:
            written = job.destination.finalize(ends=ends_of(job, mine=shard), on_progress=lambda: leases.renew(shard))
            failpoint("slice.finalized")
        finally:
            job.destination.close()
        outputs = [one.as_json() for one in written]
        with transaction.atomic():
            leases.renew(shard)
            tally.note()
            if run.status == RunStatus.STOPPED:
                Run.objects.filter(pk=run.pk).update(outputs=outputs, phase=RunPhase.ENDED, finished_at=timezone.now())
            else:
                reason = job.spec.end_reason
                change_status(run, RunStatus.COMPLETED, outputs=outputs, end_reason=reason, phase=RunPhase.ENDED)
            leases.release(shard, state=ShardState.DONE)

    def _job(self, shard: Shard) -> Job:
        if self._kept is not None and self._kept.job.run.pk == shard.run_id:
            return self._kept.job
        self.let_go()
        return Job.of(shard.run)

    def _opened(self, shard: Shard) -> _Kept:
        """The job and the open sink of a shard: those of the last slice if nobody has had the shard since."""
        kept = self._kept
        if kept is not None and (kept.shard_id, kept.epoch + 1) == (shard.pk, shard.epoch):
            return kept
        job = self._job(shard)
        if kept is not None:
            kept.sink.close()
        sink = job.destination.sink(shard.number)
        self._kept = _Kept(shard.pk, shard.epoch, job, sink, shard.first_record)  # closed, too, if opening fails
        self._kept = replace(self._kept, next_record=sink.open(shard.epoch))
        return self._kept


class _SliceWatch(Watch):
    """Keeps the lease, writes progress, and ends the slice when its time is over or a person wants it."""

    def __init__(
        self,
        shard: Shard,
        worker_id: str,
        stopwatch: Stopwatch,
        *,
        timer: Timer,
        schedule: Schedule | None,
        rejects: Rejects | None,
    ) -> None:
        self.shard, self.worker_id, self._timer = shard, worker_id, timer
        self._stopwatch, self._schedule, self._rejects = stopwatch, schedule, rejects
        self.excess: str | None = None
        """Why there are too many bad records to go on."""
        self.is_over: EndReason | None = None
        self.most_records = NARROWER.get(min(shard.lost_claims, max(NARROWER)))
        self._gauges = Gauges.of(shard)
        self._begun_at = timer.now()
        self._ends_at = self._begun_at + timing.slice_time() / timedelta(seconds=1)

    def about_to_make(self, span: Span) -> None:
        self._begun_at = self._timer.now()
        if self.most_records is not None:
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
            failpoint("slice.end_fixed")

    def committed(self, progress: Progress) -> bool:
        shard = self.shard
        now = self._timer.now()
        if self._schedule is not None:
            begun, later = (self._schedule.count_before(progress.elapsed_us + us) for us in (0, MICROS))
            self._gauges.target_rate, self._gauges.behind_s = float(later - begun), progress.behind_us / MICROS
        has_progressed = progress.next_record > shard.next_record
        self._gauges.note(progress.next_record, latency_s=now - self._begun_at if has_progressed else None)
        values: dict[str, Any] = {
            "next_record": progress.next_record,
            "made_record": progress.next_record,
            "bytes_written": progress.bytes_written,
            "gauges": self._gauges.as_json(),
            "progressed_at": Now(),
            **_REACHED,
        }
        if self._rejects is not None:
            values["rejected"] = self._rejects.count(progress.next_record)
            self.excess = self._rejects.excess(progress.next_record)
        if has_progressed:
            values |= {"lost_claims": 0, "about_from": None, "about_count": 0}
        leases.renew(shard, **values)
        failpoint("slice.progress")
        if has_progressed:
            shard.next_record = progress.next_record
            shard.lost_claims = 0
            self.most_records = None
        is_over = self._stopwatch.look(progress)
        self.is_over = self.is_over or (is_over if progress.next_record < shard.end_record else None)
        # Every slice that is wanted comes to a commit, however short its time is, unless it has nothing to commit.
        may_end = has_progressed or (self._stopwatch.pacing is not None and not progress.in_flight)
        return (
            self.is_over is None and self.excess is None and (now < self._ends_at or not may_end) and self._is_wanted()
        )

    def _is_wanted(self) -> bool:
        wanted = Run.objects.filter(
            pk=self.shard.run_id, status=RunStatus.RUNNING, desired_state=DesiredState.RUN
        ).exists()
        return wanted and not is_asked_to_leave(self.worker_id)


_REACHED: dict[str, Any] = {"retries": 0, "retrying_since": None, "not_before": None, "last_error": None}
"""What is forgotten once the destination has been reached."""

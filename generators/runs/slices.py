"""Slices: a worker's turn with one shard of the service, from claiming it to giving it back.

Whatever ends a slice, the truth stays at the destination; the rows say who may go on, when, and why not.
"""

from __future__ import annotations

import logging
import random
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

from django.db import transaction
from django.db.models import F
from django.db.models.functions import Now
from django.utils import timezone

from engine.errors import RecordInvalid
from engine.issues import PAUSING
from engine.rates import MICROS
from engine.span import Span
from generators.enums import DesiredState, EndReason, EscalateTo, OnError, RunPhase, RunStatus, ShardState
from generators.error_handling import ErrorHandlingShape
from generators.models import Run, Shard
from generators.plan import Plan
from generators.runs import leases, timing
from generators.runs.doorbell import ring
from generators.runs.ending import end_early, ends_of
from generators.runs.following import source_of
from generators.runs.gauges import Gauges
from generators.runs.job import Job
from generators.runs.leases import LeaseLost
from generators.runs.lifecycle import change_status
from generators.runs.pacing import latency_of
from generators.runs.passed_over import moved
from generators.runs.rejects import Rejects
from generators.runs.runner import Progress, Watch, run_slice
from generators.runs.stopwatch import Stopwatch
from generators.runs.worker import count_alive
from sdg_project.errors import Conflict
from sdg_project.failpoints import failpoint
from sdg_project.logs import run_id
from sdg_project.outages import AWAY
from sinks.destinations.base import Sink
from sinks.errors import Fenced, SinkError, TransientSinkError

NARROWER = {2: 4_096, 3: 256, 4: 16, 5: 1}
"""After so many owners that died: how many records are made at a time, so that the one that kills them is found."""
_NONE = -2
"""The epoch of nobody."""
_SOON_JOINED_BYTES = 2**30
"""Shards with less than that are brought together at once; with more, by a task that may take longer."""
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

    def __init__(self, worker_id: str, *, monotonic: Callable[[], float] = time.monotonic) -> None:
        self.worker_id = worker_id
        self._monotonic = monotonic
        self._kept: _Kept | None = None
        self._unreleased: Shard | None = None

    def work(self, shard_id: int) -> bool:
        """A slice of a shard, if it is due and free; whether there was anything to do.

        Raises AWAY when the control database is away; else only what is a bug.
        """
        self.give_back()
        shard = leases.claim(shard_id, self.worker_id)
        if shard is None:
            return False
        failpoint("slice.claimed")
        run_id.set(str(shard.run_id))
        try:
            following = self._turn(shard)
        except AWAY:
            self.let_go()
            self._unreleased = shard
            raise
        finally:
            run_id.set(None)
        if following is not None:
            self.work(following)
        return True

    def give_back(self) -> None:
        """Give back the shard that was held when the control database went away, if there is one.

        Nobody has to wait then until its lease is over, or takes this worker for dead. Raises AWAY while it still is.
        """
        if self._unreleased is not None:
            leases.release(self._unreleased, rung_at=None)
            self._unreleased = None

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
                _give_up(shard)
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
            raise
        except RecordInvalid as error:
            self.let_go()
            _end_at_record(shard, error)
        except TransientSinkError as error:
            self.let_go()
            _retry_later(shard, error)
        except SinkError as error:
            self.let_go()
            if error.code == "RERUN_WOULD_COLLIDE" and shard.lost_claims:
                _retry_later(shard, error)  # who had the shard before may still be alive, and hold the place
            else:
                _break_off(shard, error.code, str(error))
        except Conflict as error:
            self.let_go()
            _refuse(shard, error)
        except Exception:
            self.let_go()
            _log.exception("a slice has failed", extra={"fields": {"shard": shard.number}})
            _break_off(shard, "INTERNAL", "something went wrong that is no fault of the definition; see the log")
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
            # Its time runs from here on: what it has waited for a worker is nothing that it did.
            prepared = Run.objects.filter(pk=shard.run_id, phase=RunPhase.PREPARING)
            now = timezone.now()
            prepared.update(phase=RunPhase.WRITING, running_since=now, begun_at=now)
            leases.release(shard, **_REACHED)
            for waiting in shard.run.shards.filter(state=ShardState.READY):
                ring(waiting, RunPhase.WRITING)
        return shard.pk

    def _write(self, shard: Shard) -> int | None:
        kept = self._opened(shard)
        plan = kept.job.plan
        stopwatch = Stopwatch(shard.run, plan)
        cuts = kept.job.spec.cuts(plan.pace.schedule)
        rejects = Rejects.of(plan, shard)
        crowding = timing.crowding(count_alive())
        ends_at = self._monotonic() + crowding * (timing.slice_time() / timedelta(seconds=1))
        watch = _SliceWatch(shard, plan, stopwatch, rejects=rejects, monotonic=self._monotonic, ends_at=ends_at)
        reached = run_slice(
            source_of(shard.run, plan, cuts, rejects.source if rejects else None),
            kept.sink,
            shard=shard.span,
            next_record=kept.next_record,
            cuts=cuts,
            batch_size=kept.job.spec.batch_size,
            watch=watch,
            monotonic=self._monotonic,
            pacing=stopwatch.pacing,
            max_latency_s=latency_of(plan) * (1.0 if kept.job.spec.timed else crowding),
        )
        failpoint("slice.before_release")
        is_done = reached.next_record >= shard.end_record or watch.is_over is not None
        following: int | None = None
        with transaction.atomic():
            run = Run.objects.select_for_update().get(pk=shard.run_id)
            if watch.is_over is not None:
                end_early(shard, next_record=reached.next_record, reason=watch.is_over)
            state = ShardState.DONE if is_done else ShardState.READY
            if not leases.release(shard, state=state, progressed_at=Now()):
                raise LeaseLost(f"shard {shard.pk}, epoch {shard.epoch}")
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
            _escalate(shard.run, rejects, watch.excess)
        if is_done:
            self.let_go()
        else:
            # A sink that holds more than was committed is opened anew.
            epoch = shard.epoch if not reached.in_flight else _NONE
            self._kept = replace(kept, epoch=epoch, next_record=reached.next_record)
        return following

    def _end(self, shard: Shard) -> None:
        """Bring the shards together at the destination: all of them, or what a person's stop has left."""
        job = self._job(shard)
        run = shard.run
        try:
            written = job.destination.finalize(ends=ends_of(job, mine=shard), on_progress=lambda: leases.renew(shard))
            failpoint("slice.finalized")
        finally:
            job.destination.close()
        outputs = [one.as_json() for one in written]
        with transaction.atomic():
            leases.renew(shard)
            if run.status == RunStatus.STOPPED:
                Run.objects.filter(pk=run.pk).update(outputs=outputs, phase=RunPhase.ENDED)
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
        plan: Plan,
        stopwatch: Stopwatch,
        *,
        rejects: Rejects | None,
        monotonic: Callable[[], float],
        ends_at: float,
    ) -> None:
        self.shard = shard
        self._plan, self._stopwatch, self._rejects = plan, stopwatch, rejects
        self._counted_to, self._passed_over = shard.next_record, dict(shard.passed_over)
        self._monotonic, self._ends_at = monotonic, ends_at
        self.excess: str | None = None
        """Why there are too many bad records to go on."""
        self.is_over: EndReason | None = None
        self.most_records = NARROWER.get(min(shard.lost_claims, max(NARROWER)))
        self._gauges = Gauges.of(shard)
        self._begun_at = monotonic()

    def about_to_make(self, span: Span) -> None:
        self._begun_at = self._monotonic()
        if self.most_records is not None:
            leases.renew(self.shard, about_from=span.start, about_count=span.count)

    def about_to_commit(self, next_record: int) -> None:
        failpoint("slice.before_commit")
        leases.renew(self.shard, made_record=next_record)
        if self._rejects is not None:
            self._rejects.keep(next_record)
            failpoint("slice.rejects_kept")

    def committed(self, progress: Progress) -> bool:
        shard = self.shard
        now = self._monotonic()
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
            **_REACHED,
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
            shard.lost_claims = 0
            self.most_records = None
        is_over = self._stopwatch.look(progress)
        self.is_over = is_over if progress.next_record < shard.end_record else None
        # Every slice that is wanted comes to a commit, however short its time is, unless it has nothing to commit.
        may_end = has_progressed or (self._stopwatch.pacing is not None and not progress.in_flight)
        return is_wanted and self.is_over is None and self.excess is None and (now < self._ends_at or not may_end)


_REACHED: dict[str, Any] = {"retries": 0, "retrying_since": None, "not_before": None, "last_error": None}
"""What is forgotten once the destination has been reached."""


def _error(code: str, message: str, record_number: int | None = None) -> dict[str, Any]:
    at = timezone.now().isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return {"code": code, "message": message, "recordIndex": record_number, "at": at}


def _give_up(shard: Shard) -> None:
    """A shard whose owners die again and again is no shard for anybody."""
    first = shard.next_record if shard.about_from is None else shard.about_from
    count = shard.about_count or 1
    which = f"record {first}" if count == 1 else f"one of the records {first} to {first + count - 1}"
    message = f"{shard.lost_claims} workers have died while making {which}"
    leases.release(shard, state=ShardState.FAILED, last_error=_error("POISON", message, first))
    _fail(shard.run, _error("POISON", message, first))


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


_RUNNING = frozenset({RunStatus.RUNNING})


def _escalate(run: Run, rejects: Rejects | None, excess: str) -> None:
    """There have been too many bad records: do what the definition says of that."""
    error = _error("RECORD_INVALID", excess)
    if rejects is not None and rejects.handling.escalate_to is EscalateTo.STOP:
        _fail(run, error)
    else:
        _pause(run, error, EndReason.ERROR)


def _end_at_record(shard: Shard, invalid: RecordInvalid) -> None:
    """What onError says of a record that cannot be made; CONTINUE does not come here."""
    error = _error(invalid.code, str(invalid), invalid.record_number)
    if not leases.release(shard, last_error=error):
        return
    on_error = shard.run.spec["document"].get("onError") or OnError.STOP
    if on_error == OnError.PAUSE:
        _pause(shard.run, error, EndReason.ERROR)
    else:
        _fail(shard.run, error)


def _retry_later(shard: Shard, sink_error: SinkError) -> None:
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


def _break_off(shard: Shard, code: str, message: str) -> None:
    error = _error(code, message)
    if leases.release(shard, last_error=error):
        _end_run(shard.run, error)


def _end_run(run: Run, error: dict[str, Any]) -> None:
    """Pause a run for what a person can mend, fail it for what nobody can; a stopped one is left as it is."""
    if run.status == RunStatus.STOPPED:
        Run.objects.filter(pk=run.pk, phase=RunPhase.ENDING).update(phase=RunPhase.ENDED, error=error)
    elif error["code"] in PAUSING:
        _pause(run, error, error["code"])
    else:
        _fail(run, error)


def _refuse(shard: Shard, conflict: Conflict) -> None:
    """Another worker may be able to do what this one cannot: it waits a little, and says why."""
    leases.release(shard, last_error=_error(conflict.code, str(conflict)), not_before=Now() + timing.ring_time())
    _log.warning("a shard was refused", extra={"fields": {"shard": shard.number, "reason": str(conflict)}})

"""Slices: a worker's turn with shards of the service, from claiming them to giving them back.

A worker that has a shard with a rate rests most of the time. So it takes in others that wait, and serves each when it
is due: a few workers carry many slow runs, each at its own rate. One shard without a rate may be among them; it gets
what time is left. Whatever ends a slice, the truth stays at the destination; the rows say who may go on, when, and why
not.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import timedelta

from django.db import transaction
from django.db.models.functions import Now
from django.utils import timezone

from engine.errors import RecordInvalid
from generators.enums import RunPhase, RunStatus, ShardState
from generators.models import Run, Shard
from generators.runs import leases, timing
from generators.runs.doorbell import ring
from generators.runs.ending import end_early, ends_of, goes_on
from generators.runs.following import source_of
from generators.runs.job import Job
from generators.runs.leases import LeaseLost
from generators.runs.lifecycle import change_status
from generators.runs.pacing import SystemTimer, Timer, latency_of
from generators.runs.regression import opened
from generators.runs.rejects import Rejects, watch_over
from generators.runs.runner import Progress, Steps, run_slice
from generators.runs.setbacks import break_off, end_at_record, escalate, give_up, refuse, retry_later
from generators.runs.slice_watch import REACHED, SliceWatch
from generators.runs.stopwatch import Stopwatch, Tally
from generators.runs.worker import count_alive
from sdg_project.errors import Conflict
from sdg_project.failpoints import failpoint
from sdg_project.logs import run_id
from sdg_project.outages import AWAY
from sinks.destinations.base import Sink
from sinks.errors import Fenced, SinkError, TransientSinkError

LOOKS_A_SECOND = 4.0
"""How often all workers together look for shards that wait; one looks once a second at most."""
MAX_COMPANY = 64
"""How many shards a worker has at the same time, at most."""
_NONE = -2
"""The epoch of nobody."""
_SOON_JOINED_BYTES = 2**30
"""Shards with less than that are brought together at once; with more, by a task that may take longer."""
_log = logging.getLogger("sdg.workers")


@dataclass(frozen=True, slots=True)
class _Kept:
    """What a worker keeps from its last slice, to go on where it was if it gets the same shard again."""

    epoch: int
    job: Job
    sink: Sink
    next_record: int

    @property
    def is_paced(self) -> bool:
        return self.job.spec.paced


@dataclass(slots=True)
class _Turn:
    """A shard that is being written, and when it is to be looked after next."""

    shard: Shard
    is_paced: bool
    watch: SliceWatch
    rejects: Rejects | None
    steps: Steps
    due_at: float

    @property
    def may_have_company(self) -> bool:
        """Whether others may share its fate, and its waiting: neither has it lost its owners, nor its destination."""
        return self.shard.lost_claims <= leases.MAX_LOST_IN_COMPANY and not self.shard.retries


class SliceWorker:
    """What works on shards in one process, for the time of a slice at each call."""

    def __init__(self, worker_id: str, *, timer: Timer | None = None) -> None:
        self.worker_id, self._timer = worker_id, timer or SystemTimer()
        self._kept: dict[int, _Kept] = {}
        self._turns: list[_Turn] = []
        self._unreleased: dict[int, Shard] = {}
        self._ends_at, self._crowding = 0.0, 1.0

    def work(self, shard_id: int) -> bool:
        """A slice of a shard, if it is due and free; whether there was anything to do.

        Those that the worker had beside it before, and those that nobody else has time for, are served with it. Raises
        AWAY when the control database is away; else only what is a bug.
        """
        self.give_back()
        shard = leases.claim(shard_id, self.worker_id)
        if shard is None:
            return False
        self._turns.clear()
        try:
            self._work_on(shard)
        except AWAY:
            self.let_go()
            self._unreleased |= {turn.shard.pk: turn.shard for turn in self._turns}
            raise
        return True

    def give_back(self) -> None:
        """Give back the shards that were held when the control database went away, if there are any.

        Nobody has to wait then until their leases are over, or takes this worker for dead. Raises AWAY while it still
        is.
        """
        for shard in list(self._unreleased.values()):
            leases.release(shard, rung_at=None)
            del self._unreleased[shard.pk]

    def let_go(self) -> None:
        """Close what is kept."""
        for shard_id in list(self._kept):
            self._close(shard_id)

    # Whom the worker has.

    def _work_on(self, first: Shard) -> None:
        """Serve a claimed shard and its company until their slices are over."""
        looked_at = self._timer.now()
        workers = count_alive()
        self._crowding = timing.crowding(workers)
        self._ends_at = looked_at + self._crowding * (timing.slice_time() / timedelta(seconds=1))
        look_seconds = max(1.0, workers / LOOKS_A_SECOND)
        self._begin(first)
        self._go_on_with_company(first.pk)
        while self._turns:
            now = self._timer.now()
            if now - looked_at >= look_seconds and now < self._ends_at:
                looked_at = now
                self._take_in()
            turn = min(self._turns, key=lambda one: one.due_at)
            if turn.due_at <= now:
                self._step(turn)
            else:
                until = turn.due_at if now >= self._ends_at else min(turn.due_at, looked_at + look_seconds)
                self._timer.sleep(until - now)

    def _begin(self, shard: Shard | None) -> None:
        """Do what a claimed shard needs: at once, or in turns with others; then the same for what follows from it."""
        while shard is not None:
            failpoint("slice.claimed")
            following: int | None = None
            with self._minding(shard):
                if shard.lost_claims >= leases.MAX_LOST_CLAIMS:
                    give_up(shard)
                elif shard.run.phase == RunPhase.PREPARING:
                    following = self._prepare(shard)
                elif shard.run.phase == RunPhase.WRITING:
                    self._turns.append(self._opened_turn(shard))
                else:
                    self._end(shard)
            shard = None if following is None else leases.claim(following, self.worker_id)

    def _go_on_with_company(self, first: int) -> None:
        """Take again the shards with a rate that the worker had in its last slice; all others are let go of."""
        for shard_id, kept in list(self._kept.items()):
            if shard_id == first:
                continue
            shard = None
            if kept.is_paced and self._may_have_company:
                shard = leases.claim(shard_id, self.worker_id)
            if shard is None:
                self._close(shard_id)
            else:
                self._begin(shard)

    def _take_in(self) -> None:
        """Take half of the shards that wait although every worker has had the time to take them; others take theirs."""
        if not self._may_have_company:
            return
        waiting = leases.waiting_in_vain(MAX_COMPANY)
        for shard in waiting[: (len(waiting) + 1) // 2]:
            is_paced = bool(shard.run.spec["paced"])
            is_long = shard.run.phase == RunPhase.ENDING and shard.bytes_written >= _SOON_JOINED_BYTES
            has_room = len(self._turns) < MAX_COMPANY and (is_paced or all(turn.is_paced for turn in self._turns))
            if has_room and not is_long:
                self._begin(leases.claim(shard.pk, self.worker_id))

    @property
    def _may_have_company(self) -> bool:
        return all(turn.may_have_company for turn in self._turns)

    def _step(self, turn: _Turn) -> None:
        """Let a shard go on until it gives way; the one whose slice is over is given back."""
        following: int | None = None
        with self._minding(turn.shard):
            try:
                turn.due_at = self._timer.now() + next(turn.steps)
                return
            except StopIteration as end:
                following = self._give_back(turn, end.value)
        self._turns.remove(turn)
        if following is not None:
            self._begin(leases.claim(following, self.worker_id))

    @contextmanager
    def _minding(self, shard: Shard) -> Iterator[None]:
        """What goes wrong with a shard becomes of it what must; only that the control database is away goes on."""
        run_id.set(str(shard.run_id))
        try:
            yield
        except (LeaseLost, Fenced) as error:
            self._close(shard.pk)
            _log.info("shard lost to another owner", extra={"fields": {"shard": shard.number, "reason": str(error)}})
        except AWAY:
            self._unreleased[shard.pk] = shard
            raise
        except RecordInvalid as error:
            self._close(shard.pk)
            end_at_record(shard, error)
        except TransientSinkError as error:
            self._close(shard.pk)
            retry_later(shard, error)
        except SinkError as error:
            self._close(shard.pk)
            if error.code == "RERUN_WOULD_COLLIDE" and shard.lost_claims:
                retry_later(shard, error)  # who had the shard before may still be alive, and hold the place
            else:
                break_off(shard, error.code, str(error))
        except Conflict as error:
            self._close(shard.pk)
            refuse(shard, error)
        except MemoryError:
            # The next owner may have more of it, and after another loss makes fewer records at a time.
            self._close(shard.pk)
            leases.lose(shard)
            _log.warning("out of memory", extra={"fields": {"shard": shard.number, "record": shard.next_record}})
        except Exception:
            self._close(shard.pk)
            _log.exception("a slice has failed", extra={"fields": {"shard": shard.number}})
            break_off(shard, "INTERNAL", "something went wrong that is no fault of the definition; see the log")
        finally:
            run_id.set(None)

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
            leases.release(shard, **REACHED)
            for waiting in shard.run.shards.filter(state=ShardState.READY):
                ring(waiting, RunPhase.WRITING)
        return shard.pk

    def _opened_turn(self, shard: Shard) -> _Turn:
        """A shard's sink is open, and its slice may begin."""
        kept = self._opened(shard)
        plan, cuts = kept.job.plan, kept.job.spec.cuts(kept.job.plan.pace.schedule)
        stopwatch = Stopwatch(
            shard.run, plan, timer=self._timer, given_back_at=shard.due_since, crowding=self._crowding
        )
        rejects = Rejects.of(plan, shard)
        watch_over(kept.sink, rejects)
        watch = SliceWatch(shard, plan, stopwatch, timer=self._timer, ends_at=self._ends_at, rejects=rejects)
        steps = run_slice(
            source_of(shard.run, plan, cuts, rejects.source if rejects else None),
            kept.sink,
            shard=shard.wanted,
            next_record=kept.next_record,
            cuts=cuts,
            batch_size=kept.job.spec.batch_size,
            watch=watch,
            monotonic=self._timer.now,
            pacing=stopwatch.pacing,
            max_latency_s=latency_of(plan) * (1.0 if kept.job.spec.timed else self._crowding),
        )
        return _Turn(shard, kept.is_paced, watch, rejects, steps, due_at=self._timer.now())

    def _give_back(self, turn: _Turn, reached: Progress) -> int | None:
        """A shard's slice is over; the shard that need not wait for another ring, if there is one."""
        shard, watch = turn.shard, turn.watch
        failpoint("slice.before_release")
        is_done = watch.is_over is not None or (reached.next_record >= shard.wanted.end and not goes_on(shard))
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
            escalate(shard.run, turn.rejects, watch.excess)
        if is_done:
            self._close(shard.pk)
        else:
            # A sink that holds more than was committed is opened anew.
            epoch = shard.epoch if not reached.in_flight else _NONE
            self._kept[shard.pk] = replace(self._kept[shard.pk], epoch=epoch, next_record=reached.next_record)
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

    # What it keeps.

    def _job(self, shard: Shard) -> Job:
        """The job of a shard's run, made anew unless the worker has one."""
        known = (kept.job for kept in self._kept.values() if kept.job.run.pk == shard.run_id)
        return next(known, None) or Job.of(shard.run)

    def _opened(self, shard: Shard) -> _Kept:
        """The job and the open sink of a shard: those of the last slice if nobody has had the shard since."""
        kept = self._kept.get(shard.pk)
        if kept is not None and kept.epoch + 1 == shard.epoch:
            return kept
        job = self._job(shard)
        if kept is not None:
            kept.sink.close()
        sink = job.destination.sink(shard.number)
        self._kept[shard.pk] = kept = _Kept(shard.epoch, job, sink, shard.first_record)  # closed if opening fails, too
        self._kept[shard.pk] = kept = replace(kept, next_record=opened(sink, shard, job))
        return kept

    def _close(self, shard_id: int) -> None:
        """Close what is kept of a shard; its run's destination, too, when nothing else of it is kept."""
        kept = self._kept.pop(shard_id, None)
        if kept is not None:
            kept.sink.close()
            if all(other.job is not kept.job for other in self._kept.values()):
                kept.job.destination.close()

"""Runs of the command line: carried by this process, or by children of it that die with it."""

from __future__ import annotations

import multiprocessing
import os
import signal
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from multiprocessing.synchronize import Event
from typing import Any

from django.db import transaction
from django.db.models import F

from engine.errors import RecordInvalid
from engine.issues import PAUSING
from generators.enums import EndReason, EscalateTo, OnError, RunStatus, ShardState
from generators.models import Run, Shard
from generators.run_spec import RunSpec
from generators.runs.child import work
from generators.runs.ending import end_early, ends_of, goes_on
from generators.runs.following import source_of
from generators.runs.job import Job
from generators.runs.lifecycle import change_status
from generators.runs.lock import carrying
from generators.runs.pacing import latency_of
from generators.runs.regression import opened
from generators.runs.rejects import Rejects, failed_records, post, watch_over
from generators.runs.runner import Progress, Watch, finish, run_slice
from generators.runs.stopwatch import Stopwatch
from sdg_project.errors import Conflict
from sdg_project.failpoints import failpoint
from sdg_project.memory import keep_freed_memory
from sinks.destinations.base import Written
from sinks.errors import SinkError, TransientSinkError

RETRY_SECONDS = (0.1, 0.5, 2.0)
"""Waits before a sink is opened again after a transient error; then the run is paused."""
MAX_LOST_CLAIMS = 6
_POLL_SECONDS = 0.1
_KEEP_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class Failure:
    """Why a run does not go on, in words that travel between processes."""

    code: str
    message: str
    record_number: int | None = None
    is_pause: bool = False
    """Whether the run pauses although nothing is wrong with its destination: onError wants it."""

    def as_json(self) -> dict[str, Any]:
        return {"code": self.code, "message": self.message, "recordIndex": self.record_number}


class Stop:
    """Whether somebody has asked to stop; set by a signal's handler."""

    def __init__(self, event: Event | None = None) -> None:
        self._asked = False
        self._event = event

    def ask(self) -> None:
        self._asked = True
        if self._event is not None:
            self._event.set()

    @property
    def asked(self) -> bool:
        return self._asked or (self._event is not None and self._event.is_set())


@contextmanager
def interruptible(stop: Stop) -> Iterator[None]:
    """Ctrl-C and SIGTERM ask the run to stop at its next commit; a second Ctrl-C ends the process at once."""

    def ask(number: int, frame: Any) -> None:  # noqa: ARG001
        if stop.asked and number == signal.SIGINT:
            raise KeyboardInterrupt
        stop.ask()

    before: dict[signal.Signals, Callable[..., Any] | int | None] = {
        number: signal.signal(number, ask) for number in (signal.SIGINT, signal.SIGTERM)
    }
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def carry_run(
    run: Run, *, workers: int, stop: Stop, on_progress: Callable[[], None], skip_failed: bool = False
) -> None:
    """Work on a run until it is complete, has failed or is to stop; its row says how that ended.

    With `skip_failed` the record at which the run has failed is left out. `on_progress` is called about ten times a
    second. Raises Conflict when another process carries the run, when the run cannot be continued by this version, or
    when there is no record to skip.
    """
    with carrying(run):
        run.refresh_from_db()
        skipped = failed_records(run) if skip_failed else None
        with transaction.atomic():
            change_status(run, RunStatus.RUNNING, error=None, finished_at=None, end_reason="")
            if skipped is not None:
                post(run, *skipped)
        # Whoever had a shard is gone, since we hold the lock. Also those that were done are opened again, in case that
        # what they had hidden was lost: a complete one costs no more than that.
        run.shards.update(owner="", state=ShardState.READY)
        spec = RunSpec.from_json(run.spec)
        watch = _WallTime(run)

        def progressed() -> None:
            if not spec.timed:  # else who writes keeps the time
                watch.keep()
            on_progress()

        outcome = _carried(run, workers=workers, stop=stop, on_progress=progressed)
        spent: dict[str, Any] = {} if spec.timed else {"active_seconds": watch.seconds}
        if isinstance(outcome, Failure):
            status = RunStatus.PAUSED if outcome.is_pause or outcome.code in PAUSING else RunStatus.FAILED
            reason = "" if status is RunStatus.PAUSED else EndReason.ERROR
            change_status(run, status, error=outcome.as_json(), end_reason=reason, **spent)
        elif outcome is None:
            change_status(run, RunStatus.PAUSED, **spent)
        else:
            reason = RunSpec.from_json(run.spec).end_reason  # of an earlier end, too
            change_status(run, RunStatus.COMPLETED, outputs=outcome, end_reason=reason, **spent)


def end_run(run: Run) -> Failure | None:
    """End a run where it stands, which no process carries: what it has written is shown, and nothing follows.

    Gives the reason when the destination does not let it; then this may be done again. Where nothing is written,
    nothing is shown or replaced. Raises Conflict when another process carries the run, or when it has ended already.
    """
    with carrying(run):
        run.refresh_from_db()
        job = Job.of(run)
        try:
            if run.status != RunStatus.STOPPED or run.outputs:  # else it was stopped, and not shown in time
                change_status(run, RunStatus.STOPPED, end_reason=EndReason.USER)
            failpoint("run.stopped")
            written: Sequence[Written] = ()
            has_begun = run.shards.filter(epoch__gt=0).exists()  # else the place may not have been got ready
            ends = ends_of(job) if has_begun else None
            if ends is not None and any(ends[shard.number] > shard.first_record for shard in run.shards.all()):
                written = job.destination.finalize(ends=ends)
            else:
                job.destination.abandon()
        except SinkError as error:
            return Failure(error.code, str(error))
        finally:
            job.destination.close()
        Run.objects.filter(pk=run.pk).update(outputs=[one.as_json() for one in written])
        run.refresh_from_db()
    return None


class _WallTime:
    """How long a run has been worked on, kept in its row once a second: being killed costs no more than that."""

    def __init__(self, run: Run) -> None:
        self._run, self._before = run, run.active_seconds
        self._started = self._kept_at = time.monotonic()

    @property
    def seconds(self) -> float:
        return self._before + time.monotonic() - self._started

    def keep(self) -> None:
        """Write it down if that was more than a second ago."""
        now = time.monotonic()
        if now - self._kept_at >= _KEEP_SECONDS:
            Run.objects.filter(pk=self._run.pk).update(active_seconds=self.seconds)
            self._kept_at = now


def _carried(
    run: Run, *, workers: int, stop: Stop, on_progress: Callable[[], None]
) -> list[dict[str, Any]] | Failure | None:
    """Write all shards and bring them together: what is shown then, or why not; None when it was told to stop."""
    job = Job.of(run)
    try:
        job.destination.prepare()
        failpoint("run.prepared")
        waiting = run.shards.filter(state=ShardState.READY).count()
        if min(workers, waiting) > 1:
            failure = _with_children(run, count=min(workers, waiting), stop=stop, on_progress=on_progress)
        else:
            failure = work_on_shards(job, owner=str(os.getpid()), stop=stop, on_progress=on_progress)
        if failure is not None:
            return failure
        if run.shards.filter(state=ShardState.READY).exists():
            return None
        failpoint("run.finalize")
        written = job.destination.finalize(ends=ends_of(job))
        failpoint("run.finalized")
    except SinkError as error:
        return Failure(error.code, str(error))
    finally:
        job.destination.close()
    return [one.as_json() for one in written]


def work_on_shards(job: Job, *, owner: str, stop: Stop, on_progress: Callable[[], None]) -> Failure | None:
    """Claim one shard after the other and write it, until none is left."""
    keep_freed_memory()
    run, plan = job.run, job.plan

    def write(shard: Shard) -> _Onlooker:
        """Write a shard; whoever has looked on says how that ended."""
        stopwatch = Stopwatch(run, plan)
        cuts = job.spec.cuts(plan.pace.schedule)
        rejects = Rejects.of(plan, shard)
        watch = _Onlooker(shard, stop, on_progress, stopwatch, rejects)
        sink = job.destination.sink(shard.number)
        watch_over(sink, rejects)
        try:
            steps = run_slice(
                source_of(run, plan, cuts, rejects.source if rejects else None),
                sink,
                shard=shard.wanted,
                next_record=opened(sink, shard, job),
                cuts=cuts,
                batch_size=job.spec.batch_size,
                watch=watch,
                pacing=stopwatch.pacing,
                max_latency_s=latency_of(plan),
            )
            reached = finish(steps)
        finally:
            sink.close()
        if watch.is_over is not None:
            end_early(shard, next_record=reached.next_record, reason=watch.is_over)
            is_done = True
        else:
            is_done = reached.next_record >= shard.wanted.end and not goes_on(shard)
        run.refresh_from_db()  # its end may be another one now
        state = ShardState.DONE if is_done else ShardState.READY
        Shard.objects.filter(pk=shard.pk, owner=owner, epoch=shard.epoch).update(state=state, owner="")
        return watch

    waits = iter(RETRY_SECONDS)
    while not stop.asked and (shard := claim_shard(run, owner)) is not None:
        failpoint("run.claimed")
        try:
            watch = write(shard)
            if watch.excess is not None:
                return watch.excess
            waits = iter(RETRY_SECONDS)
        except RecordInvalid as error:
            is_pause = plan.definition.shape.on_error is OnError.PAUSE
            return Failure(error.code, str(error), error.record_number, is_pause=is_pause)
        except Conflict as error:  # a pool that it follows: it may be mended
            return Failure(error.code, str(error), is_pause=True)
        except TransientSinkError as error:
            Shard.objects.filter(pk=shard.pk, owner=owner).update(owner="")
            wait = next(waits, None)
            if wait is None:
                return Failure(error.code, str(error))
            time.sleep(wait)
        except SinkError as error:
            return Failure(error.code, str(error))
    return None


class _Onlooker(Watch):
    """Notes a shard's progress for people to see, and asks whether to stop, or whether the run's time is over."""

    def __init__(
        self,
        shard: Shard,
        stop: Stop,
        on_progress: Callable[[], None],
        stopwatch: Stopwatch,
        rejects: Rejects | None,
    ) -> None:
        self._shard, self._stop, self._on_progress = shard, stop, on_progress
        self._stopwatch, self._rejects = stopwatch, rejects
        self.is_over: EndReason | None = None
        self.excess: Failure | None = None

    def about_to_commit(self, next_record: int) -> None:
        if self._rejects is not None:
            self._rejects.keep(next_record)
            failpoint("run.rejects_kept")

    def about_to_end(self, next_record: int) -> None:
        limit = self._stopwatch.limit
        self.is_over = None if limit is None else limit.reason
        if self.is_over is not None:
            end_early(self._shard, next_record=next_record, reason=self.is_over)

    def committed(self, progress: Progress) -> bool:
        self._on_progress()
        shard = self._shard
        lost = 0 if progress.next_record > shard.next_record else shard.lost_claims
        rejected = 0 if self._rejects is None else self._rejects.count(progress.next_record)
        if self._rejects is not None and (excess := self._rejects.excess(progress.next_record)) is not None:
            is_pause = self._rejects.handling.escalate_to is EscalateTo.PAUSE
            self.excess = Failure("RECORD_INVALID", excess, is_pause=is_pause)
        held = Shard.objects.filter(pk=shard.pk, owner=shard.owner, epoch=shard.epoch).update(
            next_record=progress.next_record, bytes_written=progress.bytes_written, lost_claims=lost, rejected=rejected
        )
        is_over = self._stopwatch.look(progress)
        self.is_over = self.is_over or (is_over if progress.next_record < shard.end_record else None)
        return bool(held) and not self._stop.asked and self.is_over is None and self.excess is None


def claim_shard(run: Run, owner: str) -> Shard | None:
    """Take the first shard that nobody works on; None when there is none."""
    for shard in run.shards.filter(state=ShardState.READY, owner=""):
        if Shard.objects.filter(pk=shard.pk, owner="", epoch=shard.epoch).update(owner=owner, epoch=F("epoch") + 1):
            shard.refresh_from_db()
            return shard
    return None


def _with_children(run: Run, *, count: int, stop: Stop, on_progress: Callable[[], None]) -> Failure | None:
    """Let children work on the shards, and start another one for each that dies."""
    context = multiprocessing.get_context("spawn")
    event = context.Event()
    children: dict[int, tuple[BaseProcess, Connection]] = {}
    failure: Failure | None = None
    idle_deaths = 0

    def start() -> None:
        ours, theirs = context.Pipe(duplex=False)
        process = context.Process(target=work, args=(str(run.pk), os.getpid(), event, theirs), daemon=True)
        process.start()
        theirs.close()
        children[int(process.pid or 0)] = (process, ours)

    for _ in range(count):
        start()
    while children:
        time.sleep(_POLL_SECONDS)
        on_progress()
        if stop.asked or failure:
            event.set()
        for pid, (process, connection) in list(children.items()):
            if process.is_alive():
                continue
            del children[pid]
            if process.exitcode == 0:
                failure = failure or connection.recv()
            elif not event.is_set():
                lost = run.shards.filter(owner=str(pid), state=ShardState.READY).first()
                idle_deaths = 0 if lost else idle_deaths + 1
                failure = failure or (_release(lost) if lost else _give_up(idle_deaths))
                if failure is None:
                    start()
    return failure


def _release(shard: Shard) -> Failure | None:
    """Give back the shard of a child that has died; a failure when that happens again and again at one place."""
    Shard.objects.filter(pk=shard.pk, owner=shard.owner).update(owner="", lost_claims=F("lost_claims") + 1)
    if shard.lost_claims + 1 < MAX_LOST_CLAIMS:
        return None
    message = f"{MAX_LOST_CLAIMS} processes have died while making records from {shard.next_record} on"
    return Failure("POISON", message, shard.next_record)


def _give_up(idle_deaths: int) -> Failure | None:
    """A failure when children die one after the other before they have begun to work."""
    if idle_deaths < MAX_LOST_CLAIMS:
        return None
    return Failure("NO_WORKER", f"{idle_deaths} processes have died before they could begin")

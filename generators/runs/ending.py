"""Endings: runs that end before their last record, because their time is over or a person wants it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from django.db import transaction
from django.db.models import F

from generators.enums import EndReason, RunStatus
from generators.models import Run, Shard
from generators.run_spec import RunSpec
from generators.runs.job import Job
from generators.runs.passed_over import moved
from sdg_project.failpoints import failpoint


def end_early(shard: Shard, *, next_record: int, reason: EndReason) -> None:
    """Let the run of a shard, the only one it has, make no more records than those before one.

    Nothing happens when somebody else has the shard by now.
    """
    with transaction.atomic():
        run = Run.objects.select_for_update().get(pk=shard.run_id)
        if not Shard.objects.filter(pk=shard.pk, epoch=shard.epoch).exists():
            return
        count = next_record - run.first_record
        spec = replace(RunSpec.from_json(run.spec), record_count=count, end_reason=reason)
        Run.objects.filter(pk=run.pk).update(spec=spec.to_json(), record_count=count)
    failpoint("ending.fixed")


def goes_on(shard: Shard) -> bool:
    """Whether a shard that has come to the end of its run goes on, since the run counts what is written.

    The run then makes as many records more as it has left out so far.
    """
    if RunSpec.from_json(shard.run.spec).written_count is None:
        return False
    with transaction.atomic():
        run = Run.objects.select_for_update().get(pk=shard.run_id)
        spec = RunSpec.from_json(run.spec)
        if spec.written_count is None or not spec.counts_written:
            return False
        wanted = spec.written_count + run.dead_letters.count()
        count = min(wanted, spec.most_records)
        reason = EndReason.RECORD_COUNT if count == wanted else EndReason.SAFETY_LIMIT
        spec_now = replace(spec, record_count=count, end_reason=reason)
        Run.objects.filter(pk=run.pk).update(spec=spec_now.to_json(), record_count=count)
    failpoint("ending.moved")
    return count != spec.record_count


def is_fixed(run: Run) -> bool:
    """Whether time has ended a run at a record, up to which it still has to go."""
    return run.record_count is not None and not RunSpec.from_json(run.spec).counts_written and is_cut_short(run)


def is_cut_short(run: Run) -> bool:
    """Whether the run ends, or has ended, before its shards' ranges do."""
    return run.status == RunStatus.STOPPED or run.record_count != sum(shard.span.count for shard in run.shards.all())


def ends_of(job: Job, *, mine: Shard | None = None) -> Sequence[int] | None:
    """Behind which record each shard ends at the destination; None when they end where their ranges do.

    What a run has left is the beginning of what it would have made, where the destination can take back what is there:
    when a shard has not come to its end, those behind it leave nothing, and what they had is counted as dropped.
    Nobody else can write there afterwards: whoever had a shard is shut out. `mine` is the shard that the caller holds.
    """
    run = job.run if mine is None else mine.run  # a job may be older than the end of its run
    if not is_cut_short(run):
        return None
    ends: list[int] = []
    has_gap, dropped = False, 0
    for shard in run.shards.all():
        if mine is not None and shard.pk == mine.pk:
            shard.epoch = mine.epoch
        else:
            Shard.objects.filter(pk=shard.pk).update(epoch=F("epoch") + 1, owner="", lease_until=None)
            shard.refresh_from_db()
        sink = job.destination.sink(shard.number)
        try:
            reached = sink.open(shard.epoch)
            if reached < shard.end_record:
                sink.end(reached)
        finally:
            sink.close()
        left: dict[str, int] = {}
        if has_gap and job.destination.takes_back:
            dropped += reached - shard.first_record
            reached, left = shard.first_record, {"rejected": 0, "bytes_written": 0}
        has_gap = has_gap or reached < shard.end_record
        ends.append(reached)
        counts = moved(job.plan, shard.passed_over, shard.next_record, reached)
        Shard.objects.filter(pk=shard.pk).update(next_record=reached, made_record=reached, passed_over=counts, **left)
    # Whoever does this again, after a death, may find them gone already.
    Run.objects.filter(pk=run.pk, dropped__lt=dropped).update(dropped=dropped)
    return ends

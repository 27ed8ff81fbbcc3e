"""Leases: which shards are to be worked on, and who may. Every change names the epoch that it expects.

All instants are those of the database's clock, so that the clocks of the machines do not matter.
"""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from typing import Any

from django.db.models import Exists, F, OuterRef, Q, QuerySet
from django.db.models.functions import Now

from generators.enums import DesiredState, RunOrigin, RunPhase, RunStatus, ShardState
from generators.models import Run, Shard, Worker
from generators.runs import timing

MAX_LOST_CLAIMS = 6
"""After so many owners that died without progress between them a shard is given up."""
MAX_LOST_IN_COMPANY = 1
"""After more of them a shard is suspected, and worked on alone: others shall not be taken for what kills workers."""


class LeaseLost(Exception):
    """Somebody else has the shard, or nobody is to work on it any more: write nothing, say nothing."""


_IS_FREE = Q(owner="") | Q(lease_until__lt=Now())
_IS_WANTED = Q(run__status=RunStatus.RUNNING, run__desired_state=DesiredState.RUN) & (
    Q(run__phase=RunPhase.PREPARING, number=0)
    | Q(run__phase=RunPhase.WRITING, state=ShardState.READY)
    | Q(run__phase=RunPhase.ENDING, number=0)
)
_WAITING: Mapping[str, Any] = {"owner": "", "lease_until": None, "due_since": Now()}
"""What a shard's row says when nobody has it any more."""
_LOST: Mapping[str, Any] = {
    **_WAITING,
    "epoch": F("epoch") + 1,
    "lost_claims": F("lost_claims") + 1,
    "rung_at": None,
    "made_record": F("next_record"),
}
"""And when its owner has come to grief over it; what it was about to make stays written."""
_IS_TO_BE_ENDED = Q(run__status=RunStatus.STOPPED, run__phase=RunPhase.ENDING, number=0)


def due_shards() -> QuerySet[Shard]:
    """The shards of the service's runs that wait for a worker, those that wait longest first."""
    waited = Q(not_before=None) | Q(not_before__lte=Now())
    due = Shard.objects.filter(Q(run__origin=RunOrigin.SERVICE), _IS_WANTED | _IS_TO_BE_ENDED, _IS_FREE, waited)
    return due.order_by(F("progressed_at").asc(nulls_first=True), "pk")


def waiting_in_vain(most: int) -> Sequence[Shard]:
    """The first free shards that have been due for so long that a worker with nothing to do would have taken them."""
    due = due_shards().select_related("run").filter(owner="", due_since__lt=Now() - timing.company_time())
    return list(due.filter(lost_claims__lte=MAX_LOST_IN_COMPANY, retries=0)[:most])


def due_for_one_of(workers: int) -> list[int]:
    """Shards that are due, for one of so many workers that all look for one now: those that wait longest.

    Each has an order of its own, so that few of them want the same; to have waited longer still counts, since there are
    only twice as many as workers.
    """
    found = list(due_shards().values_list("pk", flat=True)[: max(20, 2 * workers)])
    if workers > 1:
        random.shuffle(found)
    return found


def claim(shard_id: int, worker_id: str) -> Shard | None:
    """Take a shard, with its run; None when it is not due, or somebody else was first."""
    seen = due_shards().select_related("run").filter(pk=shard_id).first()
    if seen is None:
        return None
    if seen.run.phase == RunPhase.ENDING and _others_at_work(seen):
        return None
    was_lost = seen.owner != ""
    taken = Shard.objects.filter(_IS_FREE, pk=shard_id, epoch=seen.epoch).update(
        owner=worker_id,
        epoch=F("epoch") + 1,
        lease_until=Now() + timing.lease(),
        made_record=F("next_record"),
        lost_claims=F("lost_claims") + (1 if was_lost else 0),
    )
    if not taken:
        return None
    return Shard.objects.select_related("run").get(pk=shard_id)


def _others_at_work(shard: Shard) -> bool:
    """Whether another shard of the run is being written still."""
    return shard.run.shards.exclude(pk=shard.pk).exclude(owner="").filter(lease_until__gte=Now()).exists()


def renew(shard: Shard, **values: Any) -> None:
    """Keep a shard for another lease, and note how far it is; raises LeaseLost."""
    if not _held(shard).update(lease_until=Now() + timing.lease(), **values):
        raise LeaseLost(f"shard {shard.pk}, epoch {shard.epoch}")


def keep(shard: Shard, **values: Any) -> bool:
    """Renew a shard and note how far it is; whether people still want its run to go on, and its owner to stay.

    That takes one query as long as they do. Raises LeaseLost.
    """
    run = Run.objects.filter(pk=OuterRef("run"), status=RunStatus.RUNNING, desired_state=DesiredState.RUN)
    leaving = Worker.objects.filter(pk=shard.owner, is_leaving=True)
    wanted = _held(shard).filter(Exists(run), ~Exists(leaving))
    if wanted.update(lease_until=Now() + timing.lease(), **values):
        return True
    renew(shard, **values)
    return False


def release(shard: Shard, **values: Any) -> bool:
    """Give a shard back; whether it still was this owner's."""
    return bool(_held(shard).update(**_WAITING, about_from=None, about_count=0, **values))


def lose(shard: Shard) -> bool:
    """Give a shard back that was too much for this owner, as if it had died; whether it still was its own."""
    return bool(_held(shard).update(**_LOST))


def _held(shard: Shard) -> QuerySet[Shard]:
    return Shard.objects.filter(pk=shard.pk, owner=shard.owner, epoch=shard.epoch)


def fence(run: Run) -> None:
    """Shut out whoever works on a run now: their next renewal fails."""
    run.shards.exclude(owner="").update(**_WAITING, epoch=F("epoch") + 1)


def is_drained(run: Run) -> bool:
    """Whether nobody works on a run any more."""
    return not run.shards.exclude(owner="").filter(lease_until__gte=Now()).exists()


def release_dead(worker_ids: Sequence[str]) -> int:
    """Give back the shards of workers that are known to be dead, and forget these workers; how many shards."""
    lost = Shard.objects.filter(owner__in=worker_ids).update(**_LOST)
    Worker.objects.filter(pk__in=worker_ids).delete()
    return lost

"""The doorbell: tells the workers that a shard is due. That is all the queue is for; a ring too many does nothing."""

from __future__ import annotations

import logging
from typing import Any

from django.conf import settings
from django.db.models.functions import Now
from django_q.brokers.orm import ORM
from django_q.models import OrmQ
from django_q.signing import BadSignature, SignedPackage
from django_q.tasks import async_task

from generators.enums import RunPhase
from generators.models import Shard
from generators.runs import timing

WORK_ON_SHARD = "generators.runs.tasks.work_on_shard"
_log = logging.getLogger("sdg.workers")


def ring(shard: Shard, phase: str) -> None:
    """Tell the workers of a shard; in a transaction, when that is committed."""
    options: dict[str, Any] = {"save": False}
    if phase == RunPhase.ENDING:
        options["timeout"] = int(timing.ending_time().total_seconds())
    Shard.objects.filter(pk=shard.pk).update(rung_at=Now())
    async_task(WORK_ON_SHARD, shard.pk, **options)


def count_rings() -> int:
    """How many rings nobody has answered yet."""
    return int(OrmQ.objects.count())


def count_waiting_rings() -> int:
    """How many rings no worker has heard yet."""
    return int(Doorbell(settings.Q_CLUSTER["name"]).queue_size())


class Doorbell(ORM):  # type: ignore[misc]  # django-q2 has no types
    """The queue in the control database; what is no ring of ours, or not signed by us, is thrown away."""

    def dequeue(self) -> Any:
        return [package for package in super().dequeue() or () if self._is_ours(*package)]

    def _is_ours(self, number: int, payload: str) -> bool:
        try:
            task = SignedPackage.loads(payload)
            func, args = task.get("func"), task.get("args")
        except (BadSignature, TypeError, AttributeError, ValueError):
            func, args = None, None
        if func == WORK_ON_SHARD and isinstance(args, tuple) and [type(part) for part in args] == [int]:
            return True
        _log.warning("a task that is not ours was thrown out of the queue", extra={"fields": {"task": number}})
        self.delete(number)
        return False

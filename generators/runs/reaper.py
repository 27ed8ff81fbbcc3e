"""The reaper: gives back what the dead held, and rings for whatever is due and not being worked on."""

from __future__ import annotations

import logging
from collections.abc import Sequence

from django.db.models import Q
from django.db.models.functions import Now

from generators.models import Shard
from generators.runs import leases, timing
from generators.runs.doorbell import count_waiting_rings, ring
from generators.runs.worker import count_alive, dead_workers

_log = logging.getLogger("sdg.workers")


def bury_the_dead() -> int:
    """Give back the shards of this host's workers that are no process any more; how many workers."""
    dead = dead_workers()
    if dead:
        shards = leases.release_dead(dead)
        if shards:
            _log.warning("workers have died at work", extra={"fields": {"workers": len(dead), "shards": shards}})
    return len(dead)


def ring_for_due() -> Sequence[Shard]:
    """Ring for shards that are due and for which nobody has rung lately; those that are due.

    Rings are answered one after the other: what waits behind others is not rung for again before it is its turn.
    """
    turns = count_waiting_rings() / max(1, count_alive())
    is_unheard = Q(rung_at=None) | Q(rung_at__lt=Now() - timing.ring_time() - turns * timing.slice_time())
    found = leases.due_shards().select_related("run").defer("run__spec", "run__outputs")
    due = list(found.annotate(is_unheard=is_unheard)[:1000])
    for shard in due:
        if shard.is_unheard:
            ring(shard, shard.run.phase)
    return due

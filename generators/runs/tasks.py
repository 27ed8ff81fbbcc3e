"""What django-q2's workers run: a ring of the doorbell leads to one slice."""

from __future__ import annotations

import os
import time
from functools import cache

from django.db import close_old_connections

from generators.runs.slices import AWAY, SliceWorker
from generators.runs.worker import worker_id
from sdg_project.memory import keep_freed_memory


@cache
def this_worker() -> SliceWorker:
    """The worker that this process is."""
    keep_freed_memory()
    return SliceWorker(worker_id(os.getpid()))


def work_on_shard(shard_id: int) -> None:
    """A slice of a shard, if it is due."""
    try:
        this_worker().work(shard_id)
    except AWAY:  # the control database is away: the shard will be due again when it is back
        close_old_connections()
        time.sleep(1)

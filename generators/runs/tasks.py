"""What django-q2's workers run: a ring of the doorbell leads to one slice."""

from __future__ import annotations

import os
import time
from contextlib import suppress
from datetime import timedelta
from functools import cache

from django.db import close_old_connections

from generators.runs import timing
from generators.runs.slices import SliceWorker
from generators.runs.worker import worker_id
from sdg_project.memory import keep_freed_memory
from sdg_project.outages import AWAY


@cache
def this_worker() -> SliceWorker:
    """The worker that this process is."""
    keep_freed_memory()
    return SliceWorker(worker_id(os.getpid()))


def work_on_shard(shard_id: int) -> None:
    """A slice of a shard, if it is due."""
    try:
        this_worker().work(shard_id)
    except AWAY:
        _wait_until_it_is_back()


def _wait_until_it_is_back() -> None:
    """Give the shard back as soon as the control database takes that; others take it anyway when the lease is over."""
    for _ in range(int(timing.lease() / timedelta(seconds=1)) + 1):
        close_old_connections()
        time.sleep(1)
        with suppress(*AWAY):
            this_worker().give_back()
            return

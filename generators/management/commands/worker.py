"""`sdg worker`: works on the service's runs without a queue, on this machine or another one."""

from __future__ import annotations

import logging
import os
import signal
import time
from typing import Any

from django.core.management.base import CommandParser
from django.db import close_old_connections

from engine.issues import Issue
from generators.runs import leases
from generators.runs.reaper import bury_the_dead
from generators.runs.slices import SliceWorker
from generators.runs.worker import Heart, count_alive, is_asked_to_leave
from pools.apart import end_loads
from pools.refreshing import keep_fresh
from sdg_project.arguments import whole_number
from sdg_project.commands import DONE, SdgCommand
from sdg_project.database import ready_database
from sdg_project.errors import Invalid
from sdg_project.memory import keep_freed_memory
from sdg_project.outages import AWAY

POLL_SECONDS = 0.5
FRESH_SECONDS = 10.0
"""How often it is looked whether pools are to be read anew: there may be hundreds of workers, and a supervisor."""
_log = logging.getLogger("sdg.workers")


class Command(SdgCommand):
    help = "Work on the runs of a service, beside its own workers: with DATABASE_URL on PostgreSQL, from any machine."
    example = "sdg worker --once"
    _fresh_at = -FRESH_SECONDS

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--once", action="store_true", help="end as soon as nothing is due")
        parser.add_argument("--shards", type=whole_number, metavar="N", help="end after so many slices")

    def carry_out(self, options: dict[str, Any]) -> int:
        slices = options["shards"]
        if slices is not None and slices < 1:
            raise Invalid([Issue("INVALID_VALUE", "", f"--shards must be at least 1, not {slices}")])
        ready_database()
        keep_freed_memory()
        stopped = False

        def stop(*_: Any) -> None:
            nonlocal stopped
            stopped = True

        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, stop)
        heart = Heart()
        heart.start()
        worker = SliceWorker(heart.worker_id)
        self.say(f"worker {heart.worker_id} is waiting for work; Ctrl-C ends it at its next commit")
        done = 0
        try:
            while not stopped and (slices is None or done < slices):
                worked = self._turn(worker)
                done += worked
                if not worked and options["once"]:
                    break
                if not worked:
                    time.sleep(POLL_SECONDS)
        finally:
            worker.let_go()
            heart.stop()
            end_loads()
        return DONE

    def _turn(self, worker: SliceWorker) -> int:
        """One slice of whatever has waited longest; 0 when nothing is due."""
        try:
            if is_asked_to_leave(worker.worker_id):
                os.kill(os.getpid(), signal.SIGTERM)
                return 0
            worker.give_back()
            bury_the_dead()
            if time.monotonic() - self._fresh_at >= FRESH_SECONDS:
                self._fresh_at = time.monotonic()
                keep_fresh()
            for shard_id in leases.due_for_one_of(count_alive()):
                if worker.work(shard_id):
                    return 1
        except AWAY as error:
            _log.warning("the control database is away", extra={"fields": {"reason": str(error)}})
            close_old_connections()
            time.sleep(1)
        return 0

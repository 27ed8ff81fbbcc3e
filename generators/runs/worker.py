"""Workers: processes that beat while they live, and work on one shard after the other."""

from __future__ import annotations

import logging
import os
import socket
import threading
from collections.abc import Sequence
from datetime import timedelta
from functools import cache
from importlib.metadata import version
from pathlib import Path

from django.db import Error, connections
from django.db.models.functions import Now

from generators.models import Worker
from generators.runs import timing

_log = logging.getLogger("sdg.workers")


@cache
def this_host() -> str:
    """This machine since it was last started: process ids are only unique there."""
    boot = Path("/proc/sys/kernel/random/boot_id")
    started = boot.read_text(encoding="ascii").strip()[:8] if boot.exists() else "0"
    return f"{socket.gethostname()[:50]}-{started}"


def worker_id(pid: int) -> str:
    """The name of a process: of another one with the same process id, later, it differs."""
    return f"{this_host()}:{pid}:{_started(pid)}"


def _started(pid: int) -> str:
    """When a process was started, in ticks since the machine was; empty when there is no such process."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
    fields = stat.rpartition(")")[2].split()
    return "" if fields[0] in {"Z", "X"} else fields[19]


def is_running(worker: Worker) -> bool:
    """Whether a worker of this host still is a process."""
    return worker.pk == worker_id(worker.pid)


def dead_workers() -> list[str]:
    """The workers of this host that are no process any more."""
    return [worker.pk for worker in Worker.objects.filter(host=this_host()) if not is_running(worker)]


def count_alive(*, besides: Sequence[str] = ()) -> int:
    """How many workers have beaten lately, wherever they are, without those that are known better."""
    beating = Worker.objects.filter(beat_at__gt=Now() - timing.alive_time(), is_leaving=False)
    return beating.exclude(pk__in=besides).count()


class Heart(threading.Thread):
    """Beats for this process until it ends. Beating is all that it does: shards are kept by whoever writes them."""

    def __init__(self) -> None:
        super().__init__(name="heart", daemon=True)
        self.worker_id = worker_id(os.getpid())
        self._stopped = threading.Event()

    def run(self) -> None:
        while True:
            try:
                self._beat()
            except Error as error:  # the control database is away; whoever writes will notice, too
                _log.warning("no beat", extra={"fields": {"worker": self.worker_id, "reason": str(error)}})
            connections.close_all()
            if self._stopped.wait(timing.beat_time() / timedelta(seconds=1)):
                return

    def stop(self) -> None:
        """Beat no more, and be forgotten."""
        self._stopped.set()
        self.join()
        Worker.objects.filter(pk=self.worker_id).delete()

    def _beat(self) -> None:
        if Worker.objects.filter(pk=self.worker_id).update(beat_at=Now()):
            return
        Worker.objects.bulk_create(
            [
                Worker(
                    id=self.worker_id,
                    host=this_host(),
                    pid=os.getpid(),
                    version=version("sdg"),
                    started_at=Now(),
                    beat_at=Now(),
                )
            ],
            ignore_conflicts=True,
        )


def is_asked_to_leave(name: str) -> bool:
    """Whether a worker is to end after its next commit."""
    return Worker.objects.filter(pk=name, is_leaving=True).exists()

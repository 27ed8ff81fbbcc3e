"""The supervisor: keeps the workers of this machine alive and at work, and does what has to be done now and then."""

from __future__ import annotations

import logging
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta

from django.conf import settings
from django.db import close_old_connections, connections
from django.db.models import Count

from generators.models import Shard, Worker
from generators.runs import timing
from generators.runs.reaper import bury_the_dead, ring_for_due
from generators.runs.worker import this_host
from pools.apart import end_loads
from pools.refreshing import keep_fresh
from sdg_project.outages import AWAY

_LOOK_SECONDS = 0.5
_GRACE_SECONDS = 20.0
"""How long a child may take to end before it is killed."""
_START_SECONDS = 60.0
"""How long the workers may take to say that they are there, before they are taken for stuck."""
_DAY_SECONDS = 86_400.0
_log = logging.getLogger("sdg.supervisor")


@dataclass
class Child:
    """A program in a process group of its own, that is started again when it ends."""

    name: str
    command: Sequence[str]
    pass_fds: Sequence[int] = ()
    process: subprocess.Popen[bytes] | None = None
    started_at: float = 0.0

    def start(self) -> None:
        """Start it, and let the kernel kill it when this process dies."""
        parent = str(os.getpid())
        launcher = (
            "import os, runpy, sys; from sdg_project.parent import die_with; die_with(int(sys.argv.pop(1)));"
            "runpy.run_module(sys.argv.pop(1), run_name='__main__', alter_sys=True)"
        )
        self.process = subprocess.Popen(  # noqa: S603  # our own modules
            [sys.executable, "-c", launcher, parent, *self.command], start_new_session=True, pass_fds=self.pass_fds
        )
        self.started_at = time.monotonic()

    @property
    def is_running(self) -> bool:
        return self.process is not None and self.process.poll() is None

    def keep_up(self) -> None:
        """Start it again if it has ended, but not more often than once a second."""
        if not self.is_running and time.monotonic() - self.started_at > 1.0:
            _log.warning("started again after its end", extra={"fields": {"child": self.name, "pid": self._pid}})
            self.start()

    def ask_to_end(self) -> None:
        """SIGTERM to its main process only: what that has started may come to its next commit."""
        if self.is_running:
            os.kill(self._pid, signal.SIGTERM)

    def kill(self) -> None:
        """SIGKILL to all of its group."""
        with suppress(ProcessLookupError):
            os.killpg(self._pid, signal.SIGKILL)
        if self.process is not None:
            self.process.wait()

    @property
    def _pid(self) -> int:
        return self.process.pid if self.process is not None else 0


class Supervisor:
    """Watches children, the dead and the due until it is told to stop.

    `daily` is called once a day, and at the start; as soon as `is_in_place` says no it is over, too.
    """

    def __init__(
        self,
        cluster: Child,
        others: Sequence[Child] = (),
        *,
        daily: Callable[[], None],
        is_in_place: Callable[[], bool] = lambda: True,
    ) -> None:
        self.cluster, self.others, self._daily, self._is_in_place = cluster, others, daily, is_in_place
        self._waiting: dict[int, tuple[int, float]] = {}
        self._complete_since: float | None = None
        self._free_since: float | None = None
        self._rung_at = 0.0
        self._day_began_at = time.monotonic() - _DAY_SECONDS
        self._stopped = False

    def stop(self) -> None:
        """Come to an end soon; safe to call from a signal's handler."""
        self._stopped = True

    def run(self) -> None:
        """Supervise until the end; then end the children."""
        for child in (self.cluster, *self.others):
            child.start()
        connections.close_all()
        try:
            while not self._stopped and self._is_in_place():
                self.look()
                time.sleep(_LOOK_SECONDS)
        finally:
            self._end_children()

    def look(self) -> None:
        """Start what has ended, give back what the dead had, ring for what is due."""
        for child in (self.cluster, *self.others):
            child.keep_up()
        try:
            bury_the_dead()
            if time.monotonic() - self._rung_at >= min(1.0, timing.ring_time() / timedelta(seconds=1)):
                self._rung_at = time.monotonic()
                self._mend_if_stuck(ring_for_due())
                keep_fresh()
            if time.monotonic() - self._day_began_at >= _DAY_SECONDS:
                self._day_began_at = time.monotonic()
                self._daily()
        except AWAY as error:
            _log.warning("the control database is away", extra={"fields": {"reason": str(error)}})
            close_old_connections()
            time.sleep(1)

    def _mend_if_stuck(self, due: Sequence[Shard]) -> None:
        """Start the cluster anew when a shard waits although one of its workers is free all the time.

        That happens when a worker is killed while it waits for work: it dies with the lock of the queue. Between two
        slices every worker is free for a moment.
        """
        now = time.monotonic()
        complete = self._count_workers() >= settings.Q_CLUSTER["workers"]
        self._complete_since = (self._complete_since or now) if complete else None
        self._waiting = {
            shard.pk: self._waiting[shard.pk]
            if self._waiting.get(shard.pk, (-1, 0.0))[0] == shard.epoch
            else (shard.epoch, now)
            for shard in due
        }
        is_free = bool(due) and self._count_busy() < settings.Q_CLUSTER["workers"]
        self._free_since = (self._free_since or now) if is_free else None
        longest = min((since for _, since in self._waiting.values()), default=now)
        since = self._complete_since or self.cluster.started_at + _START_SECONDS
        limit = timing.stuck_time() / timedelta(seconds=1)
        if self._free_since is None or now - max(longest, since, self._free_since) < limit:
            return
        _log.warning("the workers are stuck and are started anew", extra={"fields": {"due": len(due)}})
        self.cluster.kill()
        bury_the_dead()
        self._waiting.clear()
        self._complete_since = self._free_since = None
        self.cluster.start()

    def _count_workers(self) -> int:
        """How many workers of this machine have said that they are there."""
        return Worker.objects.filter(host=this_host()).count()

    def _count_busy(self) -> int:
        """How many of this machine's workers hold shards; one may hold several."""
        ours = Worker.objects.filter(host=this_host()).values("pk")
        return int(Shard.objects.filter(owner__in=ours).aggregate(count=Count("owner", distinct=True))["count"])

    def _end_children(self) -> None:
        end_loads()
        with suppress(*AWAY):
            Worker.objects.filter(host=this_host()).update(is_leaving=True)
        children = (*self.others, self.cluster)
        for child in children:
            child.ask_to_end()
        deadline = time.monotonic() + _GRACE_SECONDS
        while time.monotonic() < deadline and any(child.is_running for child in children):
            time.sleep(0.1)
        for child in children:
            child.kill()
        with suppress(*AWAY):
            bury_the_dead()

"""The cluster: django-q2's processes on this machine, in a process group of their own, none outliving its parent.

Run as ``python -m generators.runs.cluster``; SIGTERM lets the slices at work come to their next commit.
"""

from __future__ import annotations

import os
import signal
import time
import uuid
from collections.abc import Callable
from multiprocessing import Event
from multiprocessing.context import ForkProcess
from typing import Any

from sdg_project.parent import die_with


class Flag:
    """What a signal's handler may set at any moment; `multiprocessing.Event` could be locked just then."""

    def __init__(self) -> None:
        self._is_set = False

    def set(self) -> None:
        self._is_set = True

    def is_set(self) -> bool:
        return self._is_set

    def wait(self, seconds: float) -> bool:
        """Wait until it is set, at most so long; whether it is."""
        deadline = time.monotonic() + seconds
        while not self._is_set and (left := deadline - time.monotonic()) > 0:
            time.sleep(min(left, 0.2))
        return self._is_set


def _in_child(parent: int, target: Callable[..., Any], *arguments: Any) -> None:
    die_with(parent)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    target(*arguments)


def main() -> None:
    """Be the cluster until SIGTERM."""
    import django

    django.setup()
    from django_q.cluster import Sentinel
    from django_q.signals import post_spawn
    from django_q.worker import worker as worker_loop

    import generators.runs.tasks  # noqa: F401  # before the workers are forked, which then start at once and share it
    from generators.runs.worker import Heart

    class Cluster(Sentinel):  # type: ignore[misc]  # django-q2 has no types
        """The guard of the workers: without a process above it, and with children that die with it."""

        def spawn_process(self, target: Callable[..., Any], *arguments: Any) -> ForkProcess:
            process: Any = ForkProcess(
                target=_in_child,
                args=(os.getpid(), target, *arguments),
                name=f"Process-{uuid.uuid4().hex}",
                daemon=True,
            )
            if target is worker_loop:
                process.timer = arguments[2]
                self.pool.append(process)
            process.start()
            return process  # type: ignore[no-any-return]

    def beat(**_: Any) -> None:
        Heart().start()

    post_spawn.connect(beat, weak=False)
    stop = Flag()
    cluster = Cluster(stop, Event(), uuid.uuid4(), start=False)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    cluster.start()


if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "sdg_project.settings")
    main()

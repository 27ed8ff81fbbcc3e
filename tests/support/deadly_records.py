"""Records that kill whoever makes them, each in its own way; for workers that are forked from one process."""

from __future__ import annotations

import os
import resource
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from django.core.management import call_command
from django.db import connections

from engine.span import Span
from generators.enums import RunStatus
from generators.models import Run
from generators.plan import Plan

_ROOM = 256 * 2**20
MOST_DEATHS = 10


def abort() -> None:
    """What a failed assertion in a library of C does."""
    os.abort()


def run_out_of_address_space() -> None:
    """Ask for more than the process may have, where nobody can catch it: polars ends the process."""
    used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (used + _ROOM, used + _ROOM))
    pl.zeros(_ROOM, pl.Int64, eager=True)


def be_killed_for_memory() -> None:
    """Allocate, and be killed in the midst of it, as the kernel does when there is no memory left."""
    pieces = []
    while True:
        pieces.append(np.ones(2**20))
        if len(pieces) * pieces[0].nbytes >= _ROOM:
            os.kill(os.getpid(), signal.SIGKILL)


WAYS = (abort, run_out_of_address_space, be_killed_for_memory)


def make_deadly(record: int, way: Callable[[], None]) -> None:
    """Let the making of a record, alone or among others, kill this process."""

    def deadly(made: Callable[[Plan, Span], Any]) -> Any:
        def method(plan: Plan, span: Span) -> Any:
            if span.start <= record < span.end:
                way()
            return made(plan, span)

        return method

    # This process is for nothing else.
    Plan.batch, Plan.salvaged = deadly(Plan.batch), deadly(Plan.salvaged)  # type: ignore[method-assign]


def work_and_die(record: int) -> list[int]:
    """Workers, one after the other until the run is over, each dying in the next way; the signals that ended them.

    Each is a fork of this process, which imports all but computes nothing: polars has not started its threads.
    """
    signals: list[int] = []
    while len(signals) < MOST_DEATHS and Run.objects.get().status == RunStatus.RUNNING:
        connections.close_all()
        pid = os.fork()
        if pid == 0:
            resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
            make_deadly(record, WAYS[len(signals) % len(WAYS)])
            call_command("worker", "--once")
            os._exit(0)
        _, status = os.waitpid(pid, 0)
        signals.append(os.WTERMSIG(status) if os.WIFSIGNALED(status) else 0)
    return signals

"""The lock of a run: one process carries it, and its death lets go at once."""

from __future__ import annotations

import contextlib
import fcntl
from collections.abc import Iterator

from generators.models import Run
from generators.planning import run_folder
from sdg_project.errors import Conflict


@contextlib.contextmanager
def carrying(run: Run) -> Iterator[None]:
    """Be the one process that carries a run; raises Conflict when another one does."""
    folder = run_folder(run)
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise Conflict(
                "INVALID_TRANSITION", f"another process is working on run {run.pk}", hint="wait until it has ended"
            ) from error
        yield


def is_alive(run: Run) -> bool:
    """Whether some process carries the run now."""
    path = run_folder(run) / "lock"
    if not path.exists():
        return False
    with path.open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False

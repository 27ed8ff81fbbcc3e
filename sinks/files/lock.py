"""The lock of a place: one live run writes there, and its death lets go at once."""

from __future__ import annotations

import contextlib
import fcntl
import os
import time

from sinks.errors import SinkError, TerminalSinkError
from sinks.files.folder import Folder

_TRIES = 5
_WAIT_SECONDS = 0.05


class PlaceLock:
    """Held from its making on, until `release` or the end of the process."""

    def __init__(self, root: str, steps: list[str], name: str, *, place: str) -> None:
        """Raises TerminalSinkError when another live run holds the place."""
        self._folder, self._name = Folder.at(root, steps), name
        for _ in range(_TRIES):
            self._descriptor = self._folder.open(name, create=True)
            with contextlib.suppress(BlockingIOError):
                fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                if self._is_ours():
                    return
            os.close(self._descriptor)  # held, only looked at by `is_held`, or removed by its last holder meanwhile
            time.sleep(_WAIT_SECONDS)
        self._folder.close()
        raise TerminalSinkError("RERUN_WOULD_COLLIDE", f"another run is writing {place} now; wait until it has ended")

    def release(self) -> None:
        """Let other runs write here; nothing of the lock stays behind."""
        with contextlib.suppress(SinkError):
            if self._is_ours():
                self._folder.remove(self._name)
        os.close(self._descriptor)
        self._folder.close()

    def _is_ours(self) -> bool:
        """Whether the name still is that of the file that we have locked."""
        found = self._folder.status(self._name)
        return found is not None and found.st_ino == os.fstat(self._descriptor).st_ino


def is_held(folder: Folder, name: str) -> bool:
    """Whether a live run holds the lock of that name."""
    descriptor = folder.open_if_there(name)
    if descriptor is None:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    return False

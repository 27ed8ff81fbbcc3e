"""Failpoints: places where a test makes the process die or a call fail, to see that nothing is lost or doubled.

``SDG_FAILPOINTS`` names them: ``file.commit.data=kill@3`` dies by SIGKILL when that point is passed for the third
time; ``=enospc`` and ``=eio`` raise the operating system's error instead. Without the variable a failpoint costs one
look-up.
"""

from __future__ import annotations

import errno
import os
import signal
from collections import Counter

_ERRORS = {"enospc": errno.ENOSPC, "eio": errno.EIO}


def _parse(text: str) -> dict[str, tuple[str, int]]:
    points = {}
    for entry in filter(None, text.split(",")):
        name, _, action = entry.partition("=")
        action, _, hit = action.partition("@")
        if action not in {"kill", *_ERRORS}:
            raise ValueError(
                f"SDG_FAILPOINTS: {entry!r} is not name=kill, name=enospc or name=eio, with @N for the Nth time"
            )
        points[name] = (action, int(hit or 1))
    return points


_POINTS = _parse(os.environ.get("SDG_FAILPOINTS", ""))
_passed: Counter[str] = Counter()


def failpoint(name: str) -> None:
    """Do what ``SDG_FAILPOINTS`` says about this place; nothing by default."""
    point = _POINTS.get(name)
    if point is None:
        return
    action, hit = point
    _passed[name] += 1
    if _passed[name] == hit:
        if action == "kill":
            os.kill(os.getpid(), signal.SIGKILL)
        raise OSError(_ERRORS[action], os.strerror(_ERRORS[action]), name)

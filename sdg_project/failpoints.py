"""Failpoints: places where a test makes the process die or a call fail, to see that nothing is lost or doubled.

``SDG_FAILPOINTS`` names them: ``file.commit.data=kill@3`` dies by SIGKILL when that point is passed for the third
time; ``=enospc``, ``=eio`` and ``=eacces`` raise the operating system's error instead. Several are separated by
commas. Without the variable a failpoint costs one look-up.
"""

from __future__ import annotations

import errno
import os
import signal
from collections import Counter

_ERRORS = {"enospc": errno.ENOSPC, "eio": errno.EIO, "eacces": errno.EACCES}

_points: dict[str, tuple[str, int]] = {}
_passed: Counter[str] = Counter()


def set_failpoints(text: str) -> None:
    """Let this process fail as a text in the form of ``SDG_FAILPOINTS`` says, counting from now on."""
    points = {}
    for entry in filter(None, text.split(",")):
        name, _, action = entry.partition("=")
        action, _, hit = action.partition("@")
        if action not in {"kill", *_ERRORS} or not (hit or "1").isdecimal():
            raise ValueError(
                f"SDG_FAILPOINTS: {entry!r} is not name=kill, or name= with one of {', '.join(_ERRORS)}; "
                "with @N for the Nth time"
            )
        points[name] = (action, int(hit or 1))
    _points.clear()
    _points.update(points)
    _passed.clear()


def failpoint(name: str) -> None:
    """Do what ``SDG_FAILPOINTS`` says about this place; nothing by default."""
    point = _points.get(name)
    if point is None:
        return
    action, hit = point
    _passed[name] += 1
    if _passed[name] == hit:
        if action == "kill":
            os.kill(os.getpid(), signal.SIGKILL)
        raise OSError(_ERRORS[action], os.strerror(_ERRORS[action]), name)


set_failpoints(os.environ.get("SDG_FAILPOINTS", ""))

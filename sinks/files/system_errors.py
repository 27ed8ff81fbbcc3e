"""The operating system's errors about files, as a destination's errors."""

from __future__ import annotations

import contextlib
import errno
from collections.abc import Iterator

from sinks.errors import TerminalSinkError, TransientSinkError

_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
_FORBIDDEN = {errno.EACCES, errno.EPERM, errno.EROFS}
_STRANGE = {errno.ENOTDIR, errno.EISDIR, errno.EEXIST, errno.ELOOP, errno.ENXIO, errno.ENODEV}


@contextlib.contextmanager
def translated(shown: str) -> Iterator[None]:
    """Turn the operating system's errors into ours, with the path and what can be done."""
    try:
        yield
    except OSError as error:
        if error.errno in _FULL:
            hint = "free some room (or raise the quota or file size limit), then resume the run"
            raise TerminalSinkError("DEST_FULL", f"no room for {shown}: {error.strerror}; {hint}") from error
        if error.errno == errno.ENOENT:
            raise TerminalSinkError("DEST_UNAVAILABLE", f"{shown} is gone: put it back, or start anew") from error
        if error.errno in _FORBIDDEN:
            message = f"no right to write {shown}: {error.strerror}"
            raise TerminalSinkError("DEST_UNAVAILABLE", message) from error
        if error.errno in _STRANGE:
            message = f"{shown} is a link or of the wrong kind; choose another path"
            raise TerminalSinkError("DEST_SCHEMA", message) from error
        if error.errno == errno.ENAMETOOLONG:
            raise TerminalSinkError("DEST_SCHEMA", f"{shown} is too long a name for its file system") from error
        raise TransientSinkError("DEST_UNAVAILABLE", f"{shown}: {error.strerror}") from error

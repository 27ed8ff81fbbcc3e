"""Keys that are made at their first use in development: the one that signs sessions, the one that encrypts secrets."""

from __future__ import annotations

import os
import secrets
from collections.abc import Callable
from pathlib import Path
from typing import Any

FILE_NAME = "secret.key"


def _session_key() -> str:
    return secrets.token_urlsafe(48)


def read_or_make(home: Path, *, name: str = FILE_NAME, make: Callable[[], str] = _session_key) -> str:
    """The key in a folder, made with mode 600 if it is not there. Two processes that make it get the same one."""
    path = home / name
    try:
        return path.read_text()
    except FileNotFoundError:
        home.mkdir(parents=True, exist_ok=True)
    made = path.with_name(f"{name}.{os.getpid()}.{secrets.token_hex(4)}")
    with open(os.open(made, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(make())
    try:
        os.link(made, path)  # whole, and only where nobody was first
    except FileExistsError:
        pass
    finally:
        made.unlink()
    return path.read_text()


class LateKey:
    """A key that is read, or made, when it is first used as text; that it is there is known before."""

    def __init__(self, home: Path) -> None:
        self._home = home

    def __bool__(self) -> bool:
        return True

    def __str__(self) -> str:
        return read_or_make(self._home)

    def encode(self, *arguments: Any) -> bytes:
        """As that of the text."""
        return str(self).encode(*arguments)

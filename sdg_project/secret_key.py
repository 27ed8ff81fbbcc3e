"""The key that signs sessions: from the environment, or in development one that is made at its first use."""

from __future__ import annotations

import os
import secrets
from pathlib import Path

FILE_NAME = "secret.key"


def read_or_make(home: Path) -> str:
    """The key in a folder, made with mode 600 if it is not there. Two processes that make it get the same one."""
    path = home / FILE_NAME
    try:
        return path.read_text()
    except FileNotFoundError:
        home.mkdir(parents=True, exist_ok=True)
    made = path.with_name(f"{FILE_NAME}.{os.getpid()}.{secrets.token_hex(4)}")
    with open(os.open(made, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(secrets.token_urlsafe(48))
    try:
        os.link(made, path)  # whole, and only where nobody was first
    except FileExistsError:
        pass
    finally:
        made.unlink()
    return path.read_text()

"""Paths that a definition may name: below the output folder, and fine on every file system we write to."""

from __future__ import annotations

_NAME_BYTES = 195
"""A name may have 255 bytes; hidden files put the run's id and a suffix behind it."""
_RESERVED = {"con", "prn", "aux", "nul", "conin$", "conout$"} | {
    f"{device}{number}" for device in ("com", "lpt") for number in "123456789¹²³"
}


def path_problem(path: str) -> str | None:
    """Why a relative path is refused, as a sentence; None when it is fine."""
    if not path or path.startswith("/"):
        return "must be a path below the output folder, such as orders.jsonl or shop/orders.csv"
    for part in path.split("/"):
        if part in {"", ".", ".."}:
            return f'must not contain the step "{part}"'
        if any(ord(character) < 32 or character in '\x7f\\<>:"|?*' for character in part):
            return f'{part!r} contains a control character or one of \\ < > : " | ? *'
        if any("\ud800" <= character <= "\udfff" for character in part):
            return f"{part!r} contains half of a surrogate pair, which is no character"
        if part != part.rstrip(". ") or part != part.lstrip():
            return f'"{part}" begins with a blank or ends with a dot or blank'
        if len(part.encode()) > _NAME_BYTES:
            return f'"{part[:20]}…" is longer than {_NAME_BYTES} bytes'
        if part.split(".")[0].rstrip().lower() in _RESERVED:
            return f'"{part}" is a reserved name on some systems'
        if ".sdg-" in part or part.endswith(".sdg.lock"):
            return f'"{part}" looks like the hidden files of a run'
    return None

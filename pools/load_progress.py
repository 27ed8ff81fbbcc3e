"""How far a load is, for a person: a line that changes on a terminal, a line now and then elsewhere."""

from __future__ import annotations

import sys
from time import monotonic
from typing import Any

_FIRST_S, _TERMINAL_S, _LINE_S = 1.0, 0.2, 10.0


class LoadProgress:
    """A progress that is shown on standard error when a load takes longer than a second."""

    def __init__(self, name: str) -> None:
        self._name, self._terminal = name, sys.stderr.isatty()
        self._due_at = monotonic() + (_FIRST_S if self._terminal else _LINE_S)
        self._is_shown = False

    def __call__(self, rows: int, bytes_: int) -> None:
        if monotonic() < self._due_at:
            return
        self._due_at = monotonic() + (_TERMINAL_S if self._terminal else _LINE_S)
        text = f'loading pool "{self._name}": {rows:,} rows, {bytes_ / 2**20:,.0f} MiB read'
        self._is_shown = self._terminal
        sys.stderr.write(f"\r\x1b[K{text}" if self._terminal else f"{text}\n")
        sys.stderr.flush()

    def __enter__(self) -> LoadProgress:
        return self

    def __exit__(self, *_: Any) -> None:
        if self._is_shown:
            sys.stderr.write("\r\x1b[K")
            sys.stderr.flush()

"""What destinations raise, sorted by what the runner does next."""

from __future__ import annotations


class SinkError(Exception):
    """Writing failed; `code` is one of the issue codes."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


class TransientSinkError(SinkError):
    """Open the sink again and go on: nothing is known to be wrong with the records."""


class TerminalSinkError(SinkError):
    """Going on would fail again until a person mends something: room, rights, the form of the destination."""


class Fenced(SinkError):
    """Somebody else has taken over this shard: write no more."""

    def __init__(self, message: str) -> None:
        super().__init__("FENCED", message)

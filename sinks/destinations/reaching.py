"""Reaching a destination's server: what it means for a start, and for a run, when there is no connection."""

from __future__ import annotations

from engine.issues import Issue
from sinks.connections.base import ConnectionFailed
from sinks.enums import ConnectionOutcome
from sinks.errors import SinkError, TerminalSinkError, TransientSinkError

_O = ConnectionOutcome
_CODES = {
    _O.HOST_NOT_ALLOWED: "HOST_NOT_ALLOWED",
    _O.AUTH: "DEST_AUTH",
    _O.NO_RIGHT: "DEST_AUTH",
    _O.TLS: "DEST_AUTH",
    _O.MISSING_DATABASE: "DEST_SCHEMA",
}
AT = "/destination"


def issue_of(failed: ConnectionFailed) -> Issue:
    """Why a run cannot start."""
    message = f"the destination cannot be reached: {failed} ({failed.outcome})"
    return Issue(_code(failed), AT, message, failed.hint)


def error_of(failed: ConnectionFailed) -> SinkError:
    """What becomes of a run: it waits for a server that is away, and nobody mends the rest by waiting."""
    code, message = _code(failed), f"{failed} ({failed.outcome})"
    return TransientSinkError(code, message) if code == "DEST_UNAVAILABLE" else TerminalSinkError(code, message)


def _code(failed: ConnectionFailed) -> str:
    return _CODES.get(failed.outcome, "DEST_UNAVAILABLE")

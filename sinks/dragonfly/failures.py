"""What becomes of a run when its server answers with an error, or not at all."""

from __future__ import annotations

from sdg_project.text import quoted
from sinks.dragonfly.protocol import ConnectionLost, ProtocolViolation, ServerError
from sinks.errors import Fenced, SinkError, TerminalSinkError, TransientSinkError

_AWAY = frozenset(
    {"READONLY", "LOADING", "MASTERDOWN", "BUSY", "TRYAGAIN", "CLUSTERDOWN", "MISCONF", "NOREPLICAS", "UNBLOCKED"}
)
_NOT_ALLOWED = frozenset({"NOPERM", "NOAUTH", "WRONGPASS", "DENIED"})
_ELSEWHERE = frozenset({"MOVED", "ASK", "CROSSSLOT"})


def failure(error: ServerError | ConnectionLost | ProtocolViolation, *, at: str) -> SinkError:
    """What the error means for the run; `at` says where it has come up."""
    if not isinstance(error, ServerError):
        return TransientSinkError("DEST_UNAVAILABLE", f"{at}: {error}")
    return refusal(error, at=at) or TerminalSinkError("DEST_SCHEMA", f"{at}: the server says {quoted(str(error), 200)}")


def refusal(error: ServerError, *, at: str, key: str | None = None) -> SinkError | None:
    """What an answer means for the run; None when it is about one record only."""
    said = f"{at}: {error}" if key is None else f"{at}, key {quoted(key, 80)}: {error}"
    if error.word == "FENCED":
        return Fenced(said)
    if error.word == "GONE":  # a look at the place tells whether somebody has taken it, or the server has lost it
        return TransientSinkError("DEST_REGRESSED", said)
    if error.word == "OOM" or "out of memory" in error.text.lower():
        return TerminalSinkError("DEST_FULL", f"{at}: the memory of the server is full; raise maxmemory, then resume")
    if error.word == "WRONGTYPE":
        return TerminalSinkError("DEST_SCHEMA", f"{said}; remove the key, or choose another keyTemplate or dataType")
    if error.word in _NOT_ALLOWED:
        return TerminalSinkError("DEST_AUTH", said)
    if error.word == "MOVED" and "somebody else" in error.text:
        return TransientSinkError("DEST_UNAVAILABLE", said)
    if error.word == "MOVED" and "the list" in error.text:
        message = f"{said}, so that others write to it or it has lost elements; remove it and start a new run"
        return TerminalSinkError("DEST_SCHEMA", message)
    if error.word in _ELSEWHERE:
        return TerminalSinkError("DEST_SCHEMA", f"{at}: the server is one of a cluster, which is not written to")
    if error.word in _AWAY:
        return TransientSinkError("DEST_UNAVAILABLE", said)
    if "unknown command" in error.text.lower():
        return TerminalSinkError("DEST_SCHEMA", f"{said}; the server cannot hold this dataType")
    return None

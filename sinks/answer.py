"""A connection as the API and ``--json`` show it: never with a secret."""

from __future__ import annotations

from typing import Any

from sdg_project.variables import HIDDEN
from sinks.models import Connection
from sinks.services import Tested
from sinks.uses import uses_of


def connection_summary(connection: Connection) -> dict[str, Any]:
    """What everybody may know."""
    return {"name": connection.name, "type": connection.type}


def connection_answer(connection: Connection) -> dict[str, Any]:
    """All that may be shown; it can be sent back as it is."""
    return {
        **connection_summary(connection),
        "config": connection.config,
        "secrets": dict.fromkeys(connection.secret_names, HIDDEN),
        "usedBy": uses_of(connection.name),
        "createdBy": connection.created_by,
        "createdAt": connection.created_at.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "updatedAt": connection.updated_at.strftime("%Y-%m-%dT%H:%M:%SZ"),
    }


def tested_answer(tested: Tested) -> dict[str, Any]:
    """What a test has found."""
    return {
        "ok": tested.is_ok,
        "outcome": tested.outcome.value,
        "message": tested.message,
        "hint": tested.hint,
        "server": tested.server,
        "durationMs": tested.duration_ms,
    }

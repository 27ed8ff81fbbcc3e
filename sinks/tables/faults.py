"""What an error of the server means: for the record that was sent, for the run, or for the next attempt."""

from __future__ import annotations

import psycopg

from sinks.errors import SinkError, TerminalSinkError, TransientSinkError

_OF_A_RECORD = ("22", "23", "44", "P0")
"""Data exceptions, violated constraints, check options, and what triggers raise."""
_FULL = frozenset({"53100", "53200", "53400"})
_PASSING = ("08", "40", "57", "25", "53", "55", "58")
"""Connections, rollbacks, operators' interventions, wrong transaction states (a server that only reads), locks."""


def is_of_a_record(error: psycopg.Error) -> bool:
    """Whether a record is to blame, so that the others can go on without it."""
    return error.sqlstate is not None and error.sqlstate[:2] in _OF_A_RECORD


def reason_of(error: psycopg.Error) -> str:
    """The server's own sentence about a record, without what it quotes of other rows and of its own code."""
    told = error.diag.message_primary or "the server does not take it"
    column = error.diag.column_name
    return f'{told} (column "{column}")' if column and column not in told else told


def error_of(error: psycopg.Error, *, table: str) -> SinkError:
    """What becomes of a run whose destination says so."""
    state = error.sqlstate
    told = error.diag.message_primary or "the connection was lost"
    message = f"table {table}: {told}"
    if state is None or (state not in _FULL and state[:2] in _PASSING):
        return TransientSinkError("DEST_UNAVAILABLE", message)
    if state in _FULL:
        return TerminalSinkError("DEST_FULL", message)
    if state == "42501" or state[:2] == "28":
        return TerminalSinkError("DEST_AUTH", message)
    return TerminalSinkError("DEST_SCHEMA", message)

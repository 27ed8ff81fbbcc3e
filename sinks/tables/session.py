"""Sessions with the server: their time-outs, and a call that ends by itself whatever the server does."""

from __future__ import annotations

import os
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg

from sinks.connections.base import ConnectionFailed
from sinks.connections.postgres import PostgresConnection
from sinks.destinations.reaching import error_of as unreached
from sinks.tables.faults import error_of
from sinks.time_limits import TimeLimits

_SETTINGS = {
    "TimeZone": "UTC",
    "DateStyle": "ISO, YMD",
    "IntervalStyle": "postgres",
    "standard_conforming_strings": "on",
    "bytea_output": "hex",
}
"""What decides how the text of values is read, whatever the role or the database has set."""


def open_session(server: PostgresConnection, limits: TimeLimits, *, name: str) -> psycopg.Connection[Any]:
    """A session under a name that others can see, in which every statement is a transaction of its own.

    Raises TransientSinkError, or TerminalSinkError when waiting does not help.
    """
    try:
        connection = server.opened(timeout_s=limits.connect, name=name, silence_s=limits.call)
    except ConnectionFailed as error:
        raise unreached(error) from error
    timeouts = {
        "statement_timeout": limits.call,
        "lock_timeout": limits.lock,
        "idle_in_transaction_session_timeout": limits.idle,
    }
    settings = {**_SETTINGS, **{name: f"{round(seconds * 1000)}ms" for name, seconds in timeouts.items()}}
    try:
        connection.autocommit = True
        for setting, value in settings.items():
            connection.execute("SELECT set_config(%s, %s, false)", [setting, value])
    except psycopg.Error as error:
        connection.close()
        raise error_of(error, table=name) from error
    return connection


@contextmanager
def within(connection: psycopg.Connection[Any], seconds: float) -> Iterator[None]:
    """Cut the connection when the block takes longer: a server behind a dead line does not even end it."""
    own = socket.socket(fileno=os.dup(connection.fileno()))
    timer = threading.Timer(seconds, _cut, [own])
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
        own.close()


def _cut(own: socket.socket) -> None:
    try:
        own.shutdown(socket.SHUT_RDWR)
    except OSError:
        return  # it is closed already

"""What a table needs after a load: numbers of its own that do not collide, and statistics for its queries."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Any

import psycopg
from psycopg import errors, sql

from sinks.tables.config import TableConfig
from sinks.tables.fit import Mapped

_log = logging.getLogger("sdg.workers")


def after_load(
    session: psycopg.Connection[Any], config: TableConfig, mapped: Sequence[Mapped], *, seconds: float
) -> None:
    """Move sequences of written columns behind their values, and let the server look at the table.

    No record depends on that: what is not allowed, or would take longer than some seconds, is left out and logged.
    """
    table = sql.Identifier(config.schema_, config.table)
    parts = 2 + sum(one.column.has_default for one in mapped)
    session.execute("SELECT set_config('statement_timeout', %s, false)", [f"{round(seconds / parts * 1000)}ms"])
    for one in mapped:
        column = one.column
        if not column.has_default:
            continue
        found = session.execute(
            "SELECT pg_get_serial_sequence(%s, %s)", [table.as_string(session), column.name]
        ).fetchone()
        if found is None or found[0] is None:
            continue
        # Never back: others may have taken numbers of rows that are gone by now.
        advance = sql.SQL(
            "SELECT setval(%s::regclass, greatest(max({0}), coalesce(pg_sequence_last_value(%s::regclass), 1)))"
            " FROM {1} HAVING max({0}) IS NOT NULL"
        ).format(sql.Identifier(column.name), table)
        _attempt(session, advance, [found[0], found[0]], what=f'sequence of column "{column.name}"')
    _attempt(session, sql.SQL("ANALYZE {}").format(table), [], what="statistics")


def _attempt(session: psycopg.Connection[Any], query: sql.Composed, arguments: list[Any], *, what: str) -> None:
    try:
        session.execute(query, arguments)
    except (errors.InsufficientPrivilege, errors.QueryCanceled, errors.LockNotAvailable) as error:
        reason = error.diag.message_primary
        _log.warning("left out after a load", extra={"fields": {"what": what, "reason": reason}})

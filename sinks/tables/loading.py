"""Statements that bring rows into a table: COPY, or COPY to a temporary table and INSERT from there."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import psycopg
from psycopg import sql

from sinks.tables.config import OnConflict, TableConfig, WriteMode
from sinks.tables.fit import Mapped

_STAGING = sql.Identifier("pg_temp", "sdg_rows")
_ORDINAL = sql.Identifier("sdg ordinal")


class Loader:
    """Brings rows into one table within the caller's transaction; the rows come as the text of COPY."""

    def __init__(self, config: TableConfig, mapped: Sequence[Mapped]) -> None:
        self._config = config
        self._columns = [one.column.name for one in mapped]
        self._table = sql.Identifier(config.schema_, config.table)
        self._is_staged = config.write_mode is not WriteMode.COPY
        target = _STAGING if self._is_staged else self._table
        self._copy = sql.SQL("COPY {} ({}) FROM STDIN").format(target, _listed(self._columns))
        self._insert = self._insertion() if self._is_staged else None

    def begin(self, session: psycopg.Connection[Any]) -> None:
        """Make what a session needs once."""
        if self._is_staged:
            names = _listed(self._columns)
            session.execute(
                sql.SQL("CREATE TEMPORARY TABLE {} ON COMMIT DELETE ROWS AS SELECT {} FROM {} WITH NO DATA").format(
                    _STAGING, names, self._table
                )
            )
            ordinal = sql.SQL("ALTER TABLE {} ADD COLUMN {} bigint GENERATED ALWAYS AS IDENTITY")
            session.execute(ordinal.format(_STAGING, _ORDINAL))

    def load(self, session: psycopg.Connection[Any], pieces: Iterable[bytes]) -> int:
        """Bring rows in, and say how many bytes they had; the server takes each piece while the next one is made."""
        size = 0
        with session.cursor() as cursor:
            with cursor.copy(self._copy) as copy:
                for piece in pieces:
                    copy.write(piece)
                    size += len(piece)
            if self._insert is not None:
                cursor.execute(self._insert)
                cursor.execute(sql.SQL("DELETE FROM {}").format(_STAGING))
        return size

    def _insertion(self) -> sql.Composed:
        config, names = self._config, _listed(self._columns)
        keys = _listed(config.conflict_keys)
        query = sql.SQL("INSERT INTO {} ({}) OVERRIDING SYSTEM VALUE ").format(self._table, names)
        if config.conflict is OnConflict.UPDATE:
            # Of rows with one key the last wins, as it would if they came one by one.
            latest = sql.SQL("SELECT DISTINCT ON ({0}) * FROM {1} ORDER BY {0}, {2} DESC")
            rows = sql.SQL("({}) AS latest").format(latest.format(keys, _STAGING, _ORDINAL))
        else:
            rows = sql.Composed([_STAGING])
        query += sql.SQL("SELECT {} FROM {} ORDER BY {}").format(names, rows, _ORDINAL)
        match config.conflict:
            case OnConflict.IGNORE:
                target = sql.SQL("({})").format(keys) if config.conflict_keys else sql.SQL("")
                query += sql.SQL(" ON CONFLICT {} DO NOTHING").format(target)
            case OnConflict.UPDATE:
                others = [name for name in self._columns if name not in config.conflict_keys]
                query += sql.SQL(" ON CONFLICT ({}) ").format(keys) + _updating(others)
            case OnConflict.ERROR:
                pass
        return query


def _updating(names: Sequence[str]) -> sql.Composable:
    if not names:
        return sql.SQL("DO NOTHING")
    parts = [sql.SQL("{0} = EXCLUDED.{0}").format(sql.Identifier(name)) for name in names]
    return sql.SQL("DO UPDATE SET ") + sql.SQL(", ").join(parts)


def _listed(names: Sequence[str]) -> sql.Composed:
    return sql.SQL(", ").join(map(sql.Identifier, names))

"""Positions of shards in the destination: a table of ours beside the one that is written, moved together with it."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

import psycopg
from psycopg import sql

from sinks.destinations.base import Delivery
from sinks.errors import Fenced, TransientSinkError
from sinks.tables.config import CHECKPOINT_TABLE, TableConfig

_GONE_POLL_S = 0.02
_CREATE = """
CREATE TABLE IF NOT EXISTS {} (
    run_id text, shard integer, target text NOT NULL, owner text NOT NULL, epoch bigint NOT NULL,
    next_record bigint NOT NULL, row_count bigint NOT NULL, byte_count bigint NOT NULL,
    updated_at timestamptz NOT NULL DEFAULT now(), PRIMARY KEY (run_id, shard)
) WITH (fillfactor = 50)
"""
_ADD = """
INSERT INTO {} (run_id, shard, target, owner, epoch, next_record, row_count, byte_count)
VALUES (%s, %s, %s, %s, %s, %s, 0, 0) ON CONFLICT DO NOTHING
"""
_TAKE = """
UPDATE {} SET epoch = %s WHERE run_id = %s AND shard = %s AND epoch <= %s
RETURNING next_record, row_count, byte_count
"""
_MOVE = """
UPDATE {} SET next_record = %s, row_count = %s, byte_count = %s, updated_at = now()
WHERE run_id = %s AND shard = %s AND epoch = %s AND next_record = %s
"""
_HOLD = "SELECT 1 FROM {} WHERE run_id = %s AND shard = %s AND epoch = %s AND next_record = %s FOR UPDATE"
_OLD_OWNERS = """
SELECT pid FROM pg_stat_activity
WHERE application_name = %s AND usename = current_user AND datname = current_database() AND pid <> pg_backend_pid()
"""


@dataclass(frozen=True, slots=True)
class Position:
    """How far a shard is: its next record, and the rows and bytes that it has written."""

    next_record: int
    rows: int = 0
    bytes: int = 0


class Checkpoints:
    """The positions of one run's shards, by a session that the caller has opened."""

    def __init__(self, config: TableConfig, delivery: Delivery) -> None:
        self._target, self._delivery = config.table, delivery
        self._name = sql.Identifier(config.schema_, CHECKPOINT_TABLE)

    def session_name(self, shard: int) -> str:
        """What the session of a shard's writer is called on the server."""
        return f"sdg/{self._delivery.run_id}/{shard}"

    def make(self, session: psycopg.Connection[Any]) -> None:
        """Make the table, if it is not there."""
        session.execute(self._with_name(_CREATE))

    def are_begun(self, session: psycopg.Connection[Any]) -> bool:
        """Whether the run has positions already: its place was made ready before."""
        query = self._with_name("SELECT 1 FROM {} WHERE run_id = %s LIMIT 1")
        return session.execute(query, [self._delivery.run_id]).fetchone() is not None

    def begin(self, session: psycopg.Connection[Any]) -> None:
        """Note that all shards of the run stand at their beginnings."""
        for shard in range(len(self._delivery.shards)):
            self._add(session, shard, epoch=0)

    def others(self, session: psycopg.Connection[Any]) -> bool:
        """Whether another run has written to the table."""
        query = self._with_name("SELECT 1 FROM {} WHERE target = %s AND run_id <> %s AND row_count > 0 LIMIT 1")
        return session.execute(query, [self._target, self._delivery.run_id]).fetchone() is not None

    def forget_others(self, session: psycopg.Connection[Any]) -> None:
        """Forget what other runs have written to the table, which is gone."""
        query = self._with_name("DELETE FROM {} WHERE target = %s AND run_id <> %s")
        session.execute(query, [self._target, self._delivery.run_id])

    def positions(self, session: psycopg.Connection[Any]) -> dict[int, Position]:
        """Where the shards of the run stand."""
        query = self._with_name("SELECT shard, next_record, row_count, byte_count FROM {} WHERE run_id = %s")
        rows = session.execute(query, [self._delivery.run_id]).fetchall()
        return {shard: Position(next_record, count, size) for shard, next_record, count, size in rows}

    def take(self, session: psycopg.Connection[Any], shard: int, *, epoch: int, seconds: float) -> Position:
        """Shut out earlier owners of a shard, and say where it stands; raises Fenced when a later one is there.

        Who has hung in the middle of a transaction is ended: neither do the server's own time-outs end a client that
        has stopped inside COPY, nor can anything be written past the row that it holds.
        """
        query = self._with_name("SELECT epoch FROM {} WHERE run_id = %s AND shard = %s")
        found = session.execute(query, [self._delivery.run_id, shard]).fetchone()
        if found is not None and found[0] > epoch:
            raise self._fenced(shard, epoch)
        self._end_old_owners(session, shard, seconds=seconds)
        taken = session.execute(self._with_name(_TAKE), [epoch, self._delivery.run_id, shard, epoch]).fetchone()
        if taken is None and found is None:  # it has been lost, with or without the rows that it told of
            self._add(session, shard, epoch=epoch)
            taken = session.execute(self._with_name(_TAKE), [epoch, self._delivery.run_id, shard, epoch]).fetchone()
        if taken is None:
            raise self._fenced(shard, epoch)
        return Position(*taken)

    def hold(self, session: psycopg.Connection[Any], shard: int, *, epoch: int, at: Position) -> None:
        """Keep everybody else from moving a position until the transaction ends; raises Fenced when it is not ours."""
        arguments = [self._delivery.run_id, shard, epoch, at.next_record]
        if session.execute(self._with_name(_HOLD), arguments).fetchone() is None:
            raise self._fenced(shard, epoch)

    def move(
        self, session: psycopg.Connection[Any], shard: int, *, epoch: int, before: Position, after: Position
    ) -> None:
        """Note where a shard stands, in the transaction that has written it; raises Fenced when it is not ours."""
        moved = session.execute(
            self._with_name(_MOVE),
            [after.next_record, after.rows, after.bytes, self._delivery.run_id, shard, epoch, before.next_record],
        )
        if moved.rowcount != 1:
            raise self._fenced(shard, epoch)

    def _end_old_owners(self, session: psycopg.Connection[Any], shard: int, *, seconds: float) -> None:
        name, deadline = self.session_name(shard), time.monotonic() + seconds
        while owners := session.execute(_OLD_OWNERS, [name]).fetchall():
            for (pid,) in owners:
                session.execute("SELECT pg_terminate_backend(%s)", [pid])
            if time.monotonic() > deadline:
                raise TransientSinkError("DEST_UNAVAILABLE", f"an earlier session {name} does not end on the server")
            time.sleep(_GONE_POLL_S)

    def _add(self, session: psycopg.Connection[Any], shard: int, *, epoch: int) -> None:
        delivery = self._delivery
        first = delivery.shards[shard].start
        session.execute(self._with_name(_ADD), [delivery.run_id, shard, self._target, delivery.owner, epoch, first])

    def _with_name(self, text: str) -> sql.Composed:
        return sql.SQL(text).format(self._name)

    def _fenced(self, shard: int, epoch: int) -> Fenced:
        return Fenced(f"shard {shard} of run {self._delivery.run_id} has a later owner than epoch {epoch}")

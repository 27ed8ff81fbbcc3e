"""The writer of one shard: frames go into the table in one transaction with the shard's position."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import psycopg
from psycopg.pq import TransactionStatus

from engine.batch import Batch, joined
from engine.errors import RecordInvalid
from engine.span import Span
from sdg_project.failpoints import failpoint
from sinks.destinations.base import Refused, Sink
from sinks.errors import TransientSinkError
from sinks.tables.checkpoint import Checkpoints, Position
from sinks.tables.copy_text import CopyText
from sinks.tables.faults import error_of, is_of_a_record, reason_of
from sinks.tables.fit import Mapped, refused, unfit
from sinks.tables.loading import Loader
from sinks.tables.session import within
from sinks.time_limits import TimeLimits

_PIECE = 8_192
"""So many records are sent at a time."""


@dataclass(frozen=True, slots=True)
class Passage:
    """The way into a table: an open session, and the form that the records take there."""

    session: psycopg.Connection[Any]
    mapped: Sequence[Mapped]
    keeps_positions: bool
    """Whether the destination has room for positions; else the run's own account counts."""


class TableShard(Sink):
    """Holds the records of a frame, and loads them with the position at each commit."""

    commits_anywhere = True
    commits_every_frame = True

    def __init__(
        self,
        number: int,
        *,
        span: Span,
        table: str,
        checkpoints: Checkpoints,
        open_passage: Callable[[], Passage],
        loader_of: Callable[[Sequence[Mapped]], Loader],
        limits: TimeLimits,
        account: Callable[[int], int],
    ) -> None:
        self._number, self._span, self._table, self._checkpoints = number, span, table, checkpoints
        self._open_passage, self._loader_of, self._limits, self._account = open_passage, loader_of, limits, account
        self._passage: Passage | None = None
        self._batches: list[Batch] = []
        self._position, self._epoch = Position(span.start), 0

    def open(self, epoch: int) -> int:
        self.close()
        self._epoch = epoch
        passage = self._passage = self._open_passage()
        session = passage.session
        failpoint("postgres.open.connected")
        try:
            with within(session, self._limits.call):
                if passage.keeps_positions:
                    limit = self._limits.connect
                    self._position = self._checkpoints.take(session, self._number, epoch=epoch, seconds=limit)
                else:
                    self._position = Position(self._account(self._number))
                failpoint("postgres.open.taken")
                self._text = CopyText(passage.mapped)
                self._loader = self._loader_of(passage.mapped)
                self._loader.begin(session)
        except psycopg.Error as error:
            raise error_of(error, table=self._table) from error
        return self._position.next_record

    def write(self, batch: Batch) -> None:
        self._batches.append(batch)

    def commit(self, next_record: int) -> None:
        if not self._batches:
            if next_record != self._position.next_record:
                raise ValueError(f"record {next_record} was never written, only {self._position.next_record}")
            return
        batch, self._batches = joined(self._batches), []
        if batch.span.end != next_record:
            raise ValueError(f"written up to {batch.span.end}, to be committed up to {next_record}")
        numbers = _numbers(batch)
        found = refused(unfit(self._mapped, batch.records), numbers.tolist())
        if found and self.refuse is None:
            self._load(batch, numbers, until=found[0].record_number)
            raise _invalid(found[0])
        self._load(batch, numbers, without=found)

    def end(self, next_record: int) -> None:
        self.commit(next_record)

    def go_on_from(self, next_record: int) -> int:
        return next_record

    @property
    def bytes_written(self) -> int:
        return self._position.bytes

    def close(self) -> None:
        self._batches = []
        if self._passage is not None:
            self._passage.session.close()
            self._passage = None

    @property
    def _mapped(self) -> Sequence[Mapped]:
        return self._opened.mapped

    @property
    def _opened(self) -> Passage:
        if self._passage is None:
            raise TransientSinkError("DEST_UNAVAILABLE", f"table {self._table}: the session has been closed")
        return self._passage

    def _load(
        self, batch: Batch, numbers: np.ndarray[Any, Any], *, without: Sequence[Refused] = (), until: int | None = None
    ) -> None:
        """Load records and move the position behind them, in one transaction; an error leaves the sink to be reopened.

        What the server does not take is told to `refuse`; or else the position stays there, with RecordInvalid.
        """
        end = batch.span.end if until is None else until
        skipped = [one.record_number for one in without]
        keeps = (numbers < end) & ~np.isin(numbers, skipped) if skipped or until is not None else None
        records = batch.records if keeps is None else batch.records.filter(keeps)
        load = _Load(self, records, numbers if keeps is None else numbers[keeps], stops_at_first=self.refuse is None)
        session = self._opened.session
        try:
            with within(session, self._limits.call):
                session.execute("BEGIN")
                if self._opened.keeps_positions:
                    self._checkpoints.hold(session, self._number, epoch=self._epoch, at=self._position)
                failpoint("postgres.commit.begun")
                load.carry_out()
                bad = load.refused
                if bad and self.refuse is None:
                    end = bad[0].record_number
                if self.refuse is not None and (all_bad := sorted([*without, *bad])):
                    self.refuse(all_bad)
                failpoint("postgres.commit.loaded")
                before = self._position
                after = Position(end, before.rows + load.rows, before.bytes + load.bytes)
                if self._opened.keeps_positions:
                    self._checkpoints.move(session, self._number, epoch=self._epoch, before=before, after=after)
                failpoint("postgres.commit.moved")
                session.execute("COMMIT")
                failpoint("postgres.commit.done")
        except psycopg.Error as error:
            # Nobody knows whether a COMMIT whose answer is lost was done: the position will tell.
            raise error_of(error, table=self._table) from error
        finally:
            if session.info.transaction_status != TransactionStatus.IDLE:
                self.close()
        self._position = after
        if bad and self.refuse is None:
            raise _invalid(bad[0])


class _Load:
    """Rows on their way into the table, by halves where the server does not take them all at once."""

    def __init__(self, shard: TableShard, records: Any, numbers: np.ndarray[Any, Any], *, stops_at_first: bool) -> None:
        self._shard, self._records, self._numbers = shard, records, numbers
        self._stops_at_first = stops_at_first
        self.refused: list[Refused] = []
        self.rows, self.bytes = 0, 0

    def carry_out(self) -> None:
        if self._records.height:
            self._put(0, self._records.height)

    def _field_of(self, error: psycopg.Error) -> str:
        """The field of the column that an error names, empty if there is none."""
        fields = {one.column.name: one.field.name for one in self._shard._mapped}
        return fields.get(error.diag.column_name or "", "")

    def _put(self, first: int, end: int) -> None:
        """Load the rows of a range, in order."""
        session = self._shard._opened.session
        session.execute("SAVEPOINT sdg")
        text, records = self._shard._text, self._records
        pieces = (text.lines(records.slice(at, min(_PIECE, end - at))) for at in range(first, end, _PIECE))
        try:
            size = self._shard._loader.load(session, pieces)
            session.execute("SET CONSTRAINTS ALL IMMEDIATE")
        except psycopg.Error as error:
            if not is_of_a_record(error):
                raise
            session.execute("ROLLBACK TO SAVEPOINT sdg")
            session.execute("RELEASE SAVEPOINT sdg")
            if end - first == 1:
                number = int(self._numbers[first])
                self.refused.append(Refused(number, self._field_of(error), "RECORD_INVALID", reason_of(error)))
                return
            middle = (first + end) // 2
            self._put(first, middle)
            if not (self.refused and self._stops_at_first):
                self._put(middle, end)
            return
        session.execute("RELEASE SAVEPOINT sdg")
        self.rows += end - first
        self.bytes += size


def _numbers(batch: Batch) -> np.ndarray[Any, Any]:
    """The record number of each row."""
    numbers = np.arange(batch.span.start, batch.span.end)
    return np.delete(numbers, np.asarray(batch.rejected, dtype=np.int64) - batch.span.start)


def _invalid(one: Refused) -> RecordInvalid:
    return RecordInvalid(one.code, one.message, field=one.field or "the row", record_number=one.record_number)

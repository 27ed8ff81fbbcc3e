"""The writer of one shard: commands in pipelines, whose replies are read one pipeline behind.

STRING, HASH, SET, ZSET and JSON are written by commands that change nothing when they are repeated; only then the
checkpoint moves. Lists and streams, to which records are added, are written by scripts that look at their end first.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from engine.batch import Batch
from engine.errors import RecordInvalid
from engine.span import Span
from sdg_project.failpoints import failpoint
from sdg_project.text import readable
from sinks.destinations.base import Refused, Sink
from sinks.dragonfly.commands import Commands
from sinks.dragonfly.config import DataType
from sinks.dragonfly.failures import failure, refusal
from sinks.dragonfly.protocol import Client, ConnectionLost, ProtocolViolation, Reply, ServerError, command
from sinks.dragonfly.scripts import ADD, COMMIT, GUARD, OPEN, PUSH, checkpoint_key

_FAILURES = (ServerError, ConnectionLost, ProtocolViolation)


@dataclass(frozen=True, slots=True)
class _Sent:
    """A pipeline whose replies are not yet read: commands of the records of `batch` from `first` on."""

    batch: Batch
    first: int
    expected: bytes
    """How each reply begins, the first of which is that to the guard."""
    end: int
    """The record up to which all is written once it is carried out."""


class ShardWriter(Sink):
    """Writes a shard's records; the place is ready for the run."""

    commits_anywhere = True

    def __init__(
        self,
        *,
        run_id: str,
        number: int,
        span: Span,
        commands: Commands,
        connected: Callable[[], Client],
        base_of: Callable[[Client], int],
    ) -> None:
        self._number, self._span, self._commands = number, span, commands
        self._connected, self._base_of = connected, base_of
        self._checkpoint = checkpoint_key(run_id, number)
        self._client: Client | None = None
        self._epoch = -1
        self._base = self._records = self._bytes = 0
        self._written = self._committed = span.start
        self._sent: deque[_Sent] = deque()
        self._refused: list[Refused] = []
        self._left_out: list[int] = []
        """Records since the last commit that are not written: they could not be made, or were refused."""

    def open(self, epoch: int) -> int:
        self.close()
        self._client = self._connected()
        self._epoch, self._refused, self._left_out = epoch, [], []
        with _Translated(self._at(self._span.start)):
            failpoint("dragonfly.open.connected")
            base = self._base_of(self._client)
            reply = self._script(OPEN, [self._checkpoint], epoch, self._span.start, base)
            failpoint("dragonfly.open.fenced")
        next_record, self._written, self._records, self._bytes, self._base = _numbers(reply)
        self._committed = next_record
        return next_record

    def write(self, batch: Batch) -> None:
        numbers = _record_numbers(batch)
        # What an owner has written that did not come to its commit is made again, but not written again.
        first = int(np.searchsorted(numbers, self._written))
        with _Translated(self._at(batch.span.start)):
            failpoint("dragonfly.write.begun")
            match self._commands.config.data_type:
                case DataType.STREAM:
                    size = self._add_entries(batch, numbers, first)
                case DataType.LIST if self._commands.shares_a_key:
                    size = self._push(batch, numbers, first)
                case _:
                    size = self._pipe(batch, numbers, first)
            failpoint("dragonfly.write.done")
        self._bytes += size
        self._left_out += batch.rejected

    def commit(self, next_record: int) -> None:
        with _Translated(self._at(next_record)):
            while self._sent:
                self._read()
            failpoint("dragonfly.commit.replied")
            bad = None
            if self._refused and self.refuse is not None:
                self.refuse(self._refused)
                self._left_out += [one.record_number for one in self._refused]
            elif self._refused:
                bad = min(self._refused, key=lambda one: one.record_number)
                next_record = bad.record_number
            left_out = sum(self._committed <= number < next_record for number in self._left_out)
            records = self._records + next_record - self._committed - left_out
            # Never less than an earlier owner has written, whose lists and streams would be added to again.
            written = next_record if bad is not None else max(self._written, next_record)
            self._script(COMMIT, [self._checkpoint], self._epoch, next_record, written, records, self._bytes)
            failpoint("dragonfly.commit.done")
        self._records, self._written, self._committed = records, written, next_record
        self._refused, self._left_out = [], []
        if bad is not None:
            raise RecordInvalid(bad.code, bad.message, field=bad.field, record_number=bad.record_number)

    def end(self, next_record: int) -> None:
        self.commit(next_record)

    def go_on_from(self, next_record: int) -> int:
        return next_record

    @property
    def bytes_written(self) -> int:
        return self._bytes

    def close(self) -> None:
        if self._client is not None:
            self._client.close()
        self._client = None
        self._sent.clear()

    # The ways of writing.

    def _pipe(self, batch: Batch, numbers: NDArray[np.uint64], first: int) -> int:
        """Commands that may be repeated; each pipeline first sees that the shard is still ours."""
        rows = self._commands.commands(batch)
        expected, size = self._commands.expected, self._commands.config.pipeline_size
        form = expected[:1]
        for start, end in rows.pipelines(first, max(1, size // len(expected))):
            arguments = (self._epoch, self._written, form)
            self._open_client.send(command("EVAL", GUARD, 1, self._checkpoint, *arguments))
            self._open_client.send(rows.part(start, end))
            failpoint("dragonfly.write.sent")
            behind = batch.span.end if end == len(numbers) else int(numbers[end])
            self._sent.append(_Sent(batch, start, form + expected * (end - start), behind))
            while len(self._sent) > 1:
                self._read()
        return len(rows.content)

    def _push(self, batch: Batch, numbers: NDArray[np.uint64], first: int) -> int:
        """Values at the end of one list, which is as long as the records that are there."""
        rows = self._commands.elements(batch)
        before = self._base + self._records + batch.span.start - self._committed - len(self._left_out)
        for start, end in rows.pipelines(first, self._commands.config.pipeline_size):
            behind = batch.span.end if end == len(numbers) else int(numbers[end])
            keys = [self._checkpoint, self._commands.key.literals[0]]
            arguments = (self._epoch, self._written, behind, before + start)
            self._script(PUSH, keys, *arguments, items=rows.part(start, end), count=end - start)
            failpoint("dragonfly.write.sent")
            self._written = behind
        return len(rows.content)

    def _add_entries(self, batch: Batch, numbers: NDArray[np.uint64], first: int) -> int:
        """Entries of streams, whose ids follow from the records' numbers."""
        to_record = self._span.start - self._base - 1
        rows, words = self._commands.entries(batch, numbers.astype(np.int64) - to_record)
        keys = None if self._commands.shares_a_key else self._commands.key_items(batch)
        behind_words = np.concatenate([[0], np.cumsum(words)])
        for start, end in rows.pipelines(first, self._commands.config.pipeline_size):
            behind = batch.span.end if end == len(numbers) else int(numbers[end])
            named = [self._checkpoint, *([self._commands.key.literals[0]] if keys is None else [])]
            arguments = (self._epoch, self._written, behind, self._commands.config.stream_max_len or "", to_record)
            self._script(
                ADD,
                named,
                *arguments,
                items=rows.part(start, end),
                count=int(behind_words[end] - behind_words[start]),
                further_keys=None if keys is None else (keys.part(start, end), end - start),
            )
            failpoint("dragonfly.write.sent")
            self._written = behind
        return len(rows.content)

    # Replies.

    def _read(self) -> None:
        """Read the replies to the pipeline that was sent first, and see what each says."""
        sent = self._sent.popleft()
        refusals = self._open_client.simple_replies(sent.expected)
        if not refusals:
            if not self._refused:
                self._written = max(self._written, sent.end)
            return
        numbers = _record_numbers(sent.batch)
        keys = self._commands.keys(sent.batch)
        for one in refusals:
            if one.number == 0:
                raise failure(one.error, at=self._at(self._written))
            row = sent.first + (one.number - 1) // len(self._commands.expected)
            record, key = int(numbers[row]), str(keys[row])
            if (stopped := refusal(one.error, at=self._at(record), key=key)) is not None:
                raise stopped
            if not self._refused or self._refused[-1].record_number != record:
                self._refused.append(Refused(record, "", "RECORD_INVALID", readable(str(one.error))))

    def _script(
        self,
        script: str,
        keys: Sequence[str],
        *arguments: str | int,
        items: memoryview | None = None,
        count: int = 0,
        further_keys: tuple[memoryview, int] | None = None,
    ) -> Reply:
        """Run a script; `items` are `count` more arguments, and `further_keys` more keys, in their written form."""
        more, number = (b"", 0) if further_keys is None else further_keys
        head: list[str | int] = ["EVAL", script, len(keys) + number, *keys]
        written = [_words(head), more, _words(arguments), b"" if items is None else items]
        total = len(head) + number + len(arguments) + count
        self._open_client.send(b"".join([b"*%d\r\n" % total, *written]))
        return self._open_client.reply()

    @property
    def _open_client(self) -> Client:
        if self._client is None:
            raise ValueError(f"shard {self._number} is not open")
        return self._client

    def _at(self, record: int) -> str:
        return f"shard {self._number}, record {record}"


class _Translated:
    """Within it what the server says, or does not say, becomes what it means for the run."""

    def __init__(self, at: str) -> None:
        self._at = at

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if isinstance(error, _FAILURES):
            raise failure(error, at=self._at) from error


def _words(words: Iterable[str | int]) -> bytes:
    return command(*words).partition(b"\r\n")[2]


def _record_numbers(batch: Batch) -> NDArray[np.uint64]:
    """The record number of each row."""
    numbers = batch.span.numbers()
    return np.setdiff1d(numbers, np.array(batch.rejected, np.uint64), assume_unique=True) if batch.rejected else numbers


def _numbers(reply: Reply) -> list[int]:
    if not isinstance(reply, list):
        raise ProtocolViolation("a script has another answer")
    return [int(one) for one in reply if isinstance(one, bytes | int)]

"""Checkpoints: how far a shard is, in a small file per epoch beside the data; the latest epoch's counts."""

from __future__ import annotations

import json
import re
from dataclasses import asdict, dataclass

from sinks.files.folder import Folder


@dataclass(frozen=True, slots=True)
class Tail:
    """What a shard that has ended, or rests, between two frame borders has behind the first one.

    That is a short frame in a file of its own.
    """

    end: int
    records: int
    bytes: int
    index_bytes: int


@dataclass(frozen=True, slots=True)
class Position:
    """How far a shard is: the next record to be framed, what the current segment holds, and the bytes before it."""

    next_record: int
    records: int = 0
    offset: int = 0
    index_offset: int = 0
    bytes_before: int = 0
    tail: Tail | None = None

    @property
    def reached(self) -> int:
        """The number behind the last record."""
        return self.next_record if self.tail is None else self.tail.end

    @property
    def bytes_written(self) -> int:
        """How many bytes the shard has in all."""
        return self.bytes_before + self.offset + (self.tail.bytes if self.tail is not None else 0)


def save_position(work: Folder, *, shard: int, epoch: int, position: Position) -> None:
    """Make a position durable; what it stands for must be durable already."""
    work.replace_file(f"shard-{shard}.{epoch}.checkpoint", json.dumps(asdict(position)).encode())


def latest_position(work: Folder, *, shard: int) -> tuple[int, Position | None]:
    """The latest epoch that has opened a shard, and the latest position that can be read; -1 and None at first."""
    found = (re.fullmatch(rf"shard-{shard}\.(\d+)\.checkpoint", name) for name in work.names())
    epochs = [int(match[1]) for match in found if match]
    for epoch in sorted(epochs, reverse=True):
        position = _read(work, f"shard-{shard}.{epoch}.checkpoint")
        if position is not None:
            return max(epochs), position
    return max(epochs, default=-1), None


def _read(work: Folder, name: str) -> Position | None:
    try:
        document = json.loads(work.read(name) or b"null")
        tail = document.pop("tail")
        return Position(**document, tail=None if tail is None else Tail(**tail))
    except (ValueError, KeyError, TypeError, AttributeError):  # somebody has been at it
        return None

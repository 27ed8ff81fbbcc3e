"""Parts: what the files of a run are called that are cut by record numbers, and a shard's account of its own."""

from __future__ import annotations

import os
import re
import struct
from dataclasses import dataclass

from engine.span import Span
from sinks.files.folder import write_all

_PART = struct.Struct("<Q32s")  # bytes, digest


@dataclass(frozen=True, slots=True)
class PartNames:
    """The names of a run's parts: exactly one for every `roll` of its `records`."""

    prefix: str
    suffix: str
    roll: int
    records: int

    def __post_init__(self) -> None:
        if self.roll < 1:
            raise ValueError(f"there are no parts of {self.roll} records")

    def span_at(self, number: int) -> Span:
        """The part that holds a record."""
        start = number // self.roll * self.roll
        return Span(start, min(self.roll, self.records - start))

    def name(self, span: Span) -> str:
        """What a part is called."""
        return f"{self.prefix}{span.start:013d}-{span.end:013d}{self.suffix}"

    def covers(self, name: str) -> bool:
        """Whether a part of the run is called so."""
        found = re.fullmatch(r"(\d{13})-\d{13}", name.removeprefix(self.prefix).removesuffix(self.suffix))
        return found is not None and int(found[1]) < self.records and name == self.name(self.span_at(int(found[1])))


@dataclass(frozen=True, slots=True)
class PartEntry:
    """What a shard has written down of a finished part."""

    length: int
    digest: bytes


class PartsLog:
    """The finished parts of a shard by their places in it: entries of one length, so that writers agree on offsets."""

    def __init__(self, descriptor: int, *, digest_bytes: int) -> None:
        self.descriptor = descriptor
        self._digest_bytes = digest_bytes

    def write(self, place: int, entry: PartEntry) -> None:
        """Write down a part; durable when the log is synced."""
        write_all(self.descriptor, _PART.pack(entry.length, entry.digest), place * _PART.size)

    def read(self, place: int) -> PartEntry | None:
        """A part's entry; None when the log does not go so far."""
        content = os.pread(self.descriptor, _PART.size, place * _PART.size)
        if len(content) < _PART.size:
            return None
        length, digest = _PART.unpack(content)
        return PartEntry(length, digest[: self._digest_bytes])

"""Parts: what the files of a run are called that are cut by record numbers, and a shard's account of its own."""

from __future__ import annotations

import os
import re
import struct
from collections.abc import Iterator
from dataclasses import dataclass

from engine.span import Span
from sinks.files.folder import write_all

_PART = struct.Struct("<QQ32s")  # records, bytes, digest


@dataclass(frozen=True, slots=True)
class PartNames:
    """The names of a run's parts: one for every `roll` of the numbers that it has at most, from `first` to `end`.

    A part has its share of these, or fewer if a shard ends in its middle: a name says where it begins and ends. The
    width of the numbers is that of the largest number of any run.
    """

    prefix: str
    suffix: str
    roll: int
    first: int
    end: int

    def __post_init__(self) -> None:
        if self.roll < 1:
            raise ValueError(f"there are no parts of {self.roll} records")

    def span_at(self, number: int) -> Span:
        """The part that holds a record, if nothing ends before it is full."""
        start = max(number // self.roll * self.roll, self.first)
        return Span(start, min((number // self.roll + 1) * self.roll, self.end) - start)

    def spans_in(self, span: Span) -> Iterator[Span]:
        """The parts of a shard with these records, the last one as far as it goes on."""
        number = span.start
        while number < span.end:
            end = min(self.span_at(number).end, span.end)
            yield Span(number, end - number)
            number = end

    def name(self, span: Span) -> str:
        """What a part is called."""
        return f"{self.prefix}{span.start:013d}-{span.end:013d}{self.suffix}"

    def covers(self, name: str) -> bool:
        """Whether a full part of the run is called so."""
        found = re.fullmatch(r"(\d{13})-\d{13}", name.removeprefix(self.prefix).removesuffix(self.suffix))
        start = int(found[1]) if found is not None else -1
        return self.first <= start < self.end and name == self.name(self.span_at(start))


@dataclass(frozen=True, slots=True)
class PartEntry:
    """What a shard has written down of a finished part."""

    records: int
    length: int
    digest: bytes


class PartsLog:
    """The finished parts of a shard by their places in it: entries of one length, so that writers agree on offsets."""

    def __init__(self, descriptor: int, *, digest_bytes: int) -> None:
        self.descriptor = descriptor
        self._digest_bytes = digest_bytes

    def write(self, place: int, entry: PartEntry) -> None:
        """Write down a part; durable when the log is synced."""
        write_all(self.descriptor, _PART.pack(entry.records, entry.length, entry.digest), place * _PART.size)

    def read(self, place: int) -> PartEntry | None:
        """A part's entry; None when the log does not go so far."""
        content = os.pread(self.descriptor, _PART.size, place * _PART.size)
        if len(content) < _PART.size:
            return None
        records, length, digest = _PART.unpack(content)
        return PartEntry(records, length, digest[: self._digest_bytes])


def log_name(shard: int) -> str:
    """The hidden file of a shard's parts log."""
    return f"shard-{shard}.parts"

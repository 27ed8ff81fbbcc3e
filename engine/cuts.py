"""Where a run is cut: frames, parts and shards, at record numbers that depend on nothing but the run's spec."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Protocol

from engine.rates import MICROS
from engine.span import Span

FRAME_RECORDS = 65_536
FRAME_BYTES = 32 * 2**20


@dataclass(frozen=True, slots=True)
class Cuts:
    """The borders of a run.

    A frame (a compressed member, a row group, a block) has at most `frame` records. A part has `roll` records, or there
    is one file if `roll` is None. Frames are counted from the beginning of their part. Both are at least 1.
    """

    frame: int
    roll: int | None = None

    def __post_init__(self) -> None:
        if self.frame < 1 or (self.roll is not None and self.roll < 1):
            raise ValueError(f"no such cuts: frames of {self.frame} records, parts of {self.roll}")

    def frame_end(self, number: int) -> int:
        """The first border behind the record `number`: in ``[number + 1, number + frame]``, of a run without an end."""
        if self.roll is None:
            return (number // self.frame + 1) * self.frame
        part = number // self.roll * self.roll
        return min(part + ((number - part) // self.frame + 1) * self.frame, part + self.roll)

    def parts(self, span: Span) -> Iterator[Span]:
        """The parts that begin inside a span, the last one as long as the span goes on.

        Raises ValueError for a run without `roll`.
        """
        if self.roll is None:
            raise ValueError("a run without roll has no parts")
        start = -(-span.start // self.roll) * self.roll
        while start < span.end:
            yield Span(start, min(self.roll, span.end - start))
            start += self.roll

    def shards(self, span: Span, wanted: int) -> list[Span]:
        """Ranges that cover a span in order: at most `wanted`, none empty unless the span is.

        They begin where frames or, with `roll`, parts do; their numbers of frames (or parts) differ by at most one.
        """
        unit = self.roll or self.frame
        first = span.start // unit
        units = -(-span.end // unit) - first
        shards = min(wanted, units) or 1
        inner = [(first + units * number // shards) * unit for number in range(1, shards)]
        borders = [span.start, *inner, span.end]
        return [Span(start, end - start) for start, end in itertools.pairwise(borders)]


class Planned(Protocol):
    """What knows when each record of a run is due, in microseconds; see `engine.schedule.Schedule`."""

    def due_one(self, number: int) -> int:
        """When a record is due."""
        ...

    def count_before(self, time_us: int) -> int:
        """How many records are due before a time."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class TimedCuts(Cuts):
    """The borders of a run that keeps a pace: frames also end with each whole second of planned time.

    In a second with more than `frame` records they are counted from its beginning.
    """

    planned: Planned
    _second: list[range] = field(default_factory=lambda: [range(0)], compare=False, repr=False)
    """The records of the second that was looked at last."""

    def frame_end(self, number: int) -> int:
        """The first border behind the record `number`: in ``[number + 1, number + frame]``, of a run without an end."""
        second = self._second_of(number)
        end = min(second.start + ((number - second.start) // self.frame + 1) * self.frame, second.stop)
        return end if self.roll is None else min(end, (number // self.roll + 1) * self.roll)

    def _second_of(self, number: int) -> range:
        """The records that are due in the same second."""
        if number not in self._second[0]:
            second = self.planned.due_one(number) // MICROS
            borders = (self.planned.count_before(at * MICROS) for at in (second, second + 1))
            self._second[0] = range(*borders)
        return self._second[0]


def frame_records(bytes_per_record: float) -> int:
    """How many records a frame has: 65,536, or the power of two below it that keeps a frame under 32 MiB."""
    records = FRAME_RECORDS
    while records > 1 and records * bytes_per_record > FRAME_BYTES:
        records //= 2
    return records

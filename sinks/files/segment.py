"""Segments: stretches of records that lie in one hidden file each."""

from __future__ import annotations

from dataclasses import dataclass

from engine.span import Span


@dataclass(frozen=True, slots=True)
class Segment:
    """A part, or the share that a shard has in the one file; a part is shown as `name` when it is complete."""

    span: Span
    hidden: str
    header: bool
    name: str | None

    @property
    def index(self) -> str:
        return f"{self.hidden}.index"


def part_name(first_record: int) -> str:
    """The hidden file of a part, whose end may not be known yet."""
    return f"part-{first_record:013d}.data"


def data_name(shard: int) -> str:
    """The hidden file of a shard's share in the one file; the first one's becomes the whole file."""
    return f"shard-{shard}.data"

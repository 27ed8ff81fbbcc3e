"""Segments: stretches of records that lie in one hidden file each."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace

from engine.span import Span
from sinks.files.folder import Folder

WHOLE = "whole.data"
"""The one file of a run, complete and hidden still. No writer of a shard ever opens it."""


@dataclass(frozen=True, slots=True)
class Segment:
    """A part, or the share that a shard has in the one file; a part is shown as `name` when it is complete."""

    span: Span
    hidden: str
    header: bool
    name: str | None

    @property
    def index(self) -> str:
        return index_name(self.hidden)

    def owned(self, epoch: int) -> Segment:
        """The segment in the hidden file of the writer of an epoch.

        With parts each has its own, and takes that of its predecessor over: or else that one could still give the part
        its name, when the new one may have to end the shard in the middle of it.
        """
        return self if self.name is None else replace(self, hidden=f"{self.hidden}.{epoch}")

    def found(self, work: Folder) -> Iterator[Segment]:
        """The segment in all hidden files that writers have left of it, those of later epochs first."""
        if self.name is None:
            yield self
            return
        matches = (re.fullmatch(rf"{re.escape(self.hidden)}\.(\d+)", name) for name in work.names())
        for epoch in sorted((int(match[1]) for match in matches if match), reverse=True):
            yield self.owned(epoch)


def index_name(hidden: str) -> str:
    """The index beside a hidden file."""
    return f"{hidden}.index"


def data_name(shard: int) -> str:
    """The hidden file of a shard's share in the one file; the first one's may become the whole file."""
    return f"shard-{shard}.data"


def tail_name(shard: int, end: int) -> str:
    """The hidden file of a shard's last records, when they are fewer than a frame.

    Its name tells where they end: a late writer that lets the shard end elsewhere writes to another file.
    """
    return f"shard-{shard}.tail-{end}"

"""Completion: all that the shards have committed in its final form, hidden still, and the list of it."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from engine.span import Span
from sdg_project.failpoints import failpoint
from sinks.encoding.base import Encoder
from sinks.enums import Checksum
from sinks.errors import TerminalSinkError
from sinks.files.folder import Folder
from sinks.files.joining import join_pieces
from sinks.files.manifest import WrittenFile, checksum_text, digest_bytes, examined, ranges_of
from sinks.files.parts import PartNames, PartsLog, log_name
from sinks.files.pieces import Piece, committed_pieces, final_position
from sinks.files.place import Place
from sinks.files.segment import WHOLE, Segment


@dataclass(frozen=True, slots=True)
class Completion:
    """Brings together what the shards have written; `spans` are the records that each has in the end.

    Late writers may still be writing behind these, into the very files that shards have written. So nothing is shown
    of a file that somebody might have open and write more into than is wanted: what has ended early is copied.
    """

    work: Folder
    target: Folder
    place: Place
    spans: Sequence[Span]
    segment_at: Callable[[int], Segment]
    encoder: Encoder[Any]
    checksum: Checksum
    on_progress: Callable[[], None]

    def whole_file(self, shards: Sequence[Span]) -> list[WrittenFile]:
        """All shards, which might have had the given ranges, as one file."""
        pieces: list[Piece] = []
        for number, span in enumerate(self.spans):
            if number and not span.count:  # nothing of it is wanted, whatever it has written
                continue
            _, position = final_position(self.work, shard=number, span=span)
            pieces += committed_pieces(self.segment_at(span.start), position, shard=number)
        if self.work.size(WHOLE) is None:
            into = pieces[0].hidden if self.spans[0] == shards[0] else f"{WHOLE}.new"
            join_pieces(self.work, pieces, self.encoder, into=into, on_progress=self.on_progress)
            failpoint("file.finalize.joined")
            self.work.rename(into, WHOLE)
        failpoint("file.finalize.whole")
        return [self._written(self.place.file_name, pieces, hidden=WHOLE)]

    def parts(self, names: PartNames) -> list[WrittenFile]:
        """All parts as their shards have written them down, and those that shards have only begun."""
        files: list[WrittenFile] = []
        for number, span in enumerate(self.spans):
            if number and not span.count:
                continue
            epoch, position = final_position(self.work, shard=number, span=span)
            descriptor = self.work.open_if_there(log_name(number))
            try:
                log = PartsLog(descriptor, digest_bytes=digest_bytes(self.checksum)) if descriptor is not None else None
                for place, part in enumerate(names.spans_in(span)):
                    if part == names.span_at(part.start):
                        files.append(self._full_part(names, part, log, place))
                    else:
                        segment = self.segment_at(part.start).owned(epoch)
                        pieces = committed_pieces(segment, position, shard=number)
                        files.append(self._made_part(names, part, pieces))
                    self.on_progress()
            finally:
                if descriptor is not None:
                    os.close(descriptor)
        files = files or [self._made_part(names, Span(self.spans[0].start, 0), [])]
        self.work.sync()
        return files

    def _full_part(self, names: PartNames, part: Span, log: PartsLog | None, place: int) -> WrittenFile:
        entry = log.read(place) if log else None
        name = names.name(part)
        if entry is None or self.target.size(name) != entry.length:
            raise TerminalSinkError("DEST_REGRESSED", f"{self.target.shown}/{name} is gone, or not as it was written")
        checksum = checksum_text(self.checksum, entry.digest)
        return WrittenFile(name, entry.records, (part,), entry.length, checksum, self.place.run_id)

    def _made_part(self, names: PartNames, part: Span, pieces: Sequence[Piece]) -> WrittenFile:
        """A part that is not full, hidden under its name until the manifest tells whose it is."""
        name = names.name(part)
        join_pieces(self.work, pieces, self.encoder, into=name, on_progress=self.on_progress)
        failpoint("file.finalize.part")
        return self._written(name, pieces, hidden=name)

    def _written(self, name: str, pieces: Sequence[Piece], *, hidden: str) -> WrittenFile:
        length, checksum = examined(self.work, hidden, self.checksum, self.on_progress)
        records = sum(piece.records for piece in pieces)
        ranges = ranges_of(piece.span for piece in pieces)
        return WrittenFile(name, records, ranges, length, checksum, self.place.run_id)


def once_a_second(call: Callable[[], object]) -> Callable[[], None]:
    """What makes a call when the last one was a second ago, and otherwise nothing."""
    called_at = time.monotonic()

    def on_progress() -> None:
        nonlocal called_at
        if time.monotonic() - called_at >= 1.0:
            call()
            called_at = time.monotonic()

    return on_progress

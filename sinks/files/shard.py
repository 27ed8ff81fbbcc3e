"""The writer of one shard: frames at absolute offsets of hidden files, and a checkpoint file per epoch.

A shard is a row of segments. In one file for all records a shard is one segment, and the destination joins the shards
at the end; with parts each part is a segment of its own, complete with header and footer, that is shown under its name
once it is committed. Because frames are pure functions of the record numbers and stand at offsets that follow from
them, a writer that was believed dead writes the same bytes to the same places and does no harm, as long as nobody
shortens a file before its end is known, gives a name to a file that it has not itself brought to its end, or makes a
file anew whose beginning it does not write.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import polars as pl

from engine.batch import Batch
from engine.cuts import Cuts
from engine.span import Span
from sdg_project.failpoints import failpoint
from sinks.destinations.base import Sink
from sinks.encoding.base import Encoder
from sinks.enums import Checksum
from sinks.errors import Fenced, TransientSinkError
from sinks.files.checkpoint import Position, latest_position, save_position
from sinks.files.folder import Folder, write_all
from sinks.files.index import index_entry, placed_frames
from sinks.files.manifest import digest_bytes, file_digest, file_length
from sinks.files.parts import PartEntry, PartsLog
from sinks.files.segment import Segment
from sinks.files.system_errors import translated


class ShardWriter(Sink):
    """Writes one shard into the work folder of its run."""

    def __init__(
        self,
        *,
        number: int,
        span: Span,
        cuts: Cuts,
        encoder: Encoder[Any],
        checksum: Checksum,
        segment_at: Callable[[int], Segment],
        open_folders: Callable[[], tuple[Folder, Folder] | None],
    ) -> None:
        """`segment_at` tells the segment that holds a record.

        `open_folders` opens the work and the target folder, or says None when the run is complete already.
        """
        self._number, self._span, self._cuts, self._encoder = number, span, cuts, encoder
        self._checksum, self._segment_at, self._open_folders = checksum, segment_at, open_folders
        self._position = Position(span.start)
        self._epoch = 0
        self._segment: Segment | None = None
        self._held: list[Batch] = []
        self._finished: list[Segment] = []
        self._files: list[int] = []
        self._log: PartsLog | None = None
        self._folders: tuple[Folder, Folder] | None = None

    def open(self, epoch: int) -> int:
        self._folders = self._open_folders()
        if self._folders is None:
            self._position = Position(self._span.end)
            return self._position.next_record
        latest, saved = latest_position(self._work, shard=self._number)
        if latest > epoch:
            raise Fenced(f"shard {self._number} belongs to epoch {latest}, not {epoch}")
        self._epoch = epoch
        if saved is None or not self._span.start <= saved.next_record <= self._span.end:
            saved = Position(self._span.start)
        self._position = self._reopened(self._with_its_parts(saved))
        failpoint("file.open.checkpoint")
        self._save()
        if self._segment is not None and self._segment.name and self._segment.span.end == self._position.next_record:
            self._finish(self._segment)  # the run has come to an end inside of this part
            self.commit(self._position.next_record)
        return self._position.next_record

    def write(self, batch: Batch) -> None:
        expected = self._held[-1].span.end if self._held else self._position.next_record
        if batch.span.start != expected:
            raise ValueError(f"record {batch.span.start} does not follow: record {expected} is next")
        while batch.span.count:
            border = min(self._cuts.frame_end(batch.span.start), self._span.end)
            count = min(border, batch.span.end) - batch.span.start
            self._held.append(batch.slice(Span(batch.span.start, count)))
            batch = batch.slice(Span(batch.span.start + count, batch.span.count - count))
            if self._held[-1].span.end == border:
                frame = _joined(self._held)
                self._held.clear()
                self._write_frame(frame)

    def commit(self, next_record: int) -> None:
        if self._held or next_record != self._position.next_record:
            raise ValueError(f"record {next_record} is no border: the sink stands at {self._position.next_record}")
        failpoint("file.commit.data")
        for descriptor in self._files:
            self._sync(descriptor)
        if self._log is not None and self._finished:
            failpoint("file.commit.log")
            self._sync(self._log.descriptor)
        failpoint("file.commit.checkpoint")
        self._save()
        failpoint("file.commit.show")
        self._show(self._finished)
        self._finished.clear()

    @property
    def bytes_written(self) -> int:
        return self._position.bytes_before + self._position.offset

    def close(self) -> None:
        for descriptor in [*self._files, *([self._log.descriptor] if self._log else [])]:
            os.close(descriptor)
        for folder in self._folders or ():
            folder.close()
        self._files, self._finished, self._held = [], [], []
        self._log, self._folders, self._segment = None, None, None

    @property
    def _work(self) -> Folder:
        return self._opened[0]

    @property
    def _target(self) -> Folder:
        return self._opened[1]

    @property
    def _opened(self) -> tuple[Folder, Folder]:
        if self._folders is None:
            raise ValueError(f"shard {self._number} is not open, or its run is complete")
        return self._folders

    # Writing.

    def _write_frame(self, frame: Batch) -> None:
        segment = self._segment or self._begin(self._segment_at(frame.span.start))
        encoded = self._encoder.frame(frame)
        position = self._position
        with translated(f"{self._work.shown}/{segment.hidden}"):
            failpoint("file.write.frame")
            write_all(self._files[0], encoded.payload, position.offset)
            failpoint("file.write.index")
            entry = index_entry(encoded, frame.span.count) if self._encoder.indexed else b""
            if entry:
                write_all(self._files[1], entry, position.index_offset)
            failpoint("file.write.done")
        self._position = Position(
            frame.span.end,
            position.offset + len(encoded.payload),
            position.index_offset + len(entry),
            position.bytes_before,
        )
        if segment.name is not None and frame.span.end == segment.span.end:
            self._finish(segment)

    def _begin(self, segment: Segment) -> Segment:
        """Open the files of a segment at its beginning, and write its header."""
        # What may be in them is not cut off: somebody else may be writing the same behind our back.
        names = [segment.hidden, *([segment.index] if self._encoder.indexed else [])]
        self._files = []
        for name in names:
            self._files.append(self._work.open(name, create=True))
        failpoint("file.begin.opened")
        header = self._encoder.header() if segment.header else b""
        with translated(f"{self._work.shown}/{segment.hidden}"):
            write_all(self._files[0], header, 0)
        failpoint("file.begin.header")
        self._segment = segment
        self._position = Position(segment.span.start, len(header), 0, self._position.bytes_before)
        return segment

    def _finish(self, segment: Segment) -> None:
        """A part is full: give it its footer, and write it down; it is shown after the next commit."""
        position, data = self._position, self._files[0]
        header = len(self._encoder.header())
        frames = placed_frames(self._files[1], segment.span, place=header) if self._encoder.indexed else iter(())
        footer = self._encoder.footer(list(frames))
        length = position.offset + len(footer)
        with translated(f"{self._work.shown}/{segment.hidden}"):
            failpoint("file.finish.footer")
            write_all(data, footer, position.offset)
            failpoint("file.finish.cut")
            os.ftruncate(data, length)
        failpoint("file.finish.data")
        self._sync(data)  # now, and not at the commit: small parts would be more open files than a process may have
        failpoint("file.finish.log")
        with translated(self._work.shown):
            entry = PartEntry(length, file_digest(data, length, self._checksum))
            self._parts.write(self._place(segment), entry)
        for descriptor in self._files:
            os.close(descriptor)
        self._finished.append(segment)
        self._files, self._segment = [], None
        self._position = Position(position.next_record, 0, 0, position.bytes_before + length)

    def _show(self, segments: Sequence[Segment]) -> None:
        """Give committed parts their names."""
        if not segments:
            return
        for segment in segments:
            self._name(segment)
            failpoint("file.show.part")
        self._target.sync()
        self._work.sync()
        failpoint("file.show.index")
        for segment in segments:
            self._work.remove(segment.index)

    def _name(self, segment: Segment) -> None:
        if segment.name is None:
            raise ValueError(f"{segment.hidden} is no part")
        if self._work.status(segment.hidden) is not None:
            self._work.move(segment.hidden, segment.name, to=self._target)
        elif self._target.size(segment.name) is None:
            raise TransientSinkError("DEST_UNAVAILABLE", f"{self._work.shown}/{segment.hidden} is gone")

    def _sync(self, descriptor: int) -> None:
        """Make data durable; a failed fsync is not tried again.

        Its pages may be gone although they can still be read, so the frames since the checkpoint are made anew.
        """
        with translated(f"{self._work.shown}: data could not be made durable"):
            failpoint("file.fsync")
            os.fsync(descriptor)

    def _save(self) -> None:
        save_position(self._work, shard=self._number, epoch=self._epoch, position=self._position)

    # Finding the way back.

    def _with_its_parts(self, saved: Position) -> Position:
        """The position, or the beginning of the first part before it that is neither shown nor ready to be."""
        first = self._segment_at(self._span.start) if self._span.count else None
        if first is None or first.name is None:
            return saved
        log = self._work.open(f"shard-{self._number}.parts", create=True)
        self._log = PartsLog(log, digest_bytes=digest_bytes(self._checksum))
        waiting: list[Segment] = []
        segment, written = first, 0
        while segment.span.end <= saved.next_record:
            entry = self._parts.read(self._place(segment))
            if entry is None and saved.offset and segment.span.end == saved.next_record:
                break  # it is still open: the run came to an end inside of it
            if entry is None or not self._is_whole(segment, entry, waiting):
                saved = Position(segment.span.start, bytes_before=written)
                break
            written += entry.length
            if saved.offset and segment.span.end == saved.next_record:
                saved = Position(saved.next_record, bytes_before=written)
            if segment.span.end == self._span.end:
                break
            segment = self._segment_at(segment.span.end)
        self._show(waiting)
        return saved

    def _is_whole(self, segment: Segment, entry: PartEntry, waiting: list[Segment]) -> bool:
        """Whether a part has all its bytes, under its name or still hidden; those that are hidden go to `waiting`."""
        if self._target.size(segment.name or "") == entry.length:
            return True
        hidden = self._work.open_if_there(segment.hidden)
        if hidden is None:
            return False
        try:
            if file_length(hidden) != entry.length:
                return False
            self._sync(hidden)
        finally:
            os.close(hidden)
        waiting.append(segment)
        return True

    def _reopened(self, saved: Position) -> Position:
        """The position with its files open, or the beginning of its segment if these are gone or too short.

        They are opened before their lengths are looked at: another writer may move them away at any time.
        """
        if saved.offset == 0:
            return saved
        segment = self._segment_at(saved.next_record - 1)
        wanted = {segment.hidden: saved.offset} | ({segment.index: saved.index_offset} if self._encoder.indexed else {})
        for name, length in wanted.items():
            descriptor = self._work.open_if_there(name)
            if descriptor is not None:
                self._files.append(descriptor)
            if descriptor is None or file_length(descriptor) < length:
                for file in self._files:
                    os.close(file)
                self._files = []
                return Position(segment.span.start, bytes_before=saved.bytes_before)
        self._segment = segment
        return saved

    @property
    def _parts(self) -> PartsLog:
        if self._log is None:
            raise ValueError(f"shard {self._number} has no parts")
        return self._log

    def _place(self, segment: Segment) -> int:
        """Which part of the shard this is."""
        return (segment.span.start - self._span.start) // self._segment_at(self._span.start).span.count


def _joined(batches: Sequence[Batch]) -> Batch:
    """One batch of those that follow each other, in one piece."""
    first, last = batches[0], batches[-1]
    if first is last:
        return first
    masks = {name: np.concatenate([batch.missing[name] for batch in batches]) for name in first.missing}
    span = Span(first.span.start, last.span.end - first.span.start)
    return Batch(span, pl.concat([batch.records for batch in batches], rechunk=True), masks)

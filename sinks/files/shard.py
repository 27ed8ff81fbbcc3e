"""The writer of one shard: frames at absolute offsets of hidden files, and a checkpoint file per epoch.

A shard is a row of segments. In one file for all records a shard is one segment, and the destination joins the shards
at the end; with parts each part is a segment of its own, complete with header and footer, that is shown under its name
once it is committed. Because frames are pure functions of the record numbers and stand at offsets that follow from
them, a writer that was believed dead writes the same bytes to the same places and does no harm.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from engine.batch import Batch
from engine.cuts import Cuts
from engine.span import Span
from sdg_project.failpoints import failpoint
from sinks.destinations.base import Sink
from sinks.encoding.base import Encoder, PlacedFrame
from sinks.errors import Fenced, TerminalSinkError, TransientSinkError
from sinks.files.folder import Folder, translated, write_all

_FRAME = struct.Struct("<QQQ")  # records, length of the payload, length of the index entry


@dataclass(frozen=True, slots=True)
class Position:
    """How far a shard is: the next record, the lengths of the current segment's files, the bytes before it."""

    next_record: int
    offset: int = 0
    index_offset: int = 0
    bytes_before: int = 0


@dataclass(frozen=True, slots=True)
class Segment:
    """A stretch of records that lies in one hidden file; shown as `name` when complete, unless that is None."""

    span: Span
    hidden: str
    header: bool
    name: str | None

    @property
    def index(self) -> str:
        return f"{self.hidden}.index"


class ShardWriter(Sink):
    """Writes one shard into the work folder of its run."""

    def __init__(
        self,
        *,
        number: int,
        span: Span,
        cuts: Cuts,
        encoder: Encoder[Any],
        segment_at: Callable[[int], Segment],
        open_folders: Callable[[], tuple[Folder, Folder]],
    ) -> None:
        """`segment_at` tells the segment that holds a record; `open_folders` opens the work and the target folder."""
        self._number, self._span, self._cuts, self._encoder = number, span, cuts, encoder
        self._segment_at, self._open_folders = segment_at, open_folders
        self._position = Position(span.start)
        self._held: list[Batch] = []
        self._finished: list[tuple[Segment, list[int]]] = []
        self._files: list[int] = []

    def open(self, epoch: int) -> int:
        self._epoch = epoch
        self._work, self._target = self._open_folders()
        self._position = self._recovered(self._fence(epoch))
        self._save()
        self._show_finished()
        self._segment: Segment | None = None
        return self._position.next_record

    def write(self, batch: Batch) -> None:
        while batch.span.count:
            border = min(self._cuts.frame_end(batch.span.start), self._span.end)
            count = min(border, batch.span.end) - batch.span.start
            self._held.append(batch.slice(Span(batch.span.start, count)))
            batch = batch.slice(Span(batch.span.start + count, batch.span.count - count))
            if self._held[-1].span.end == border:
                frame = self._held[0]
                for more in self._held[1:]:
                    frame = frame + more
                self._held.clear()
                self._write_frame(frame)

    def commit(self, next_record: int) -> None:
        if self._held or next_record != self._position.next_record:
            raise ValueError(f"record {next_record} is no border: the sink stands at {self._position.next_record}")
        failpoint("file.commit.data")
        for descriptor in [*self._files, *(file for _, files in self._finished for file in files)]:
            self._sync(descriptor)
        failpoint("file.commit.checkpoint")
        self._save()
        failpoint("file.commit.show")
        for _, files in self._finished:
            for descriptor in files:
                os.close(descriptor)
        self._finished.clear()
        self._show_finished()

    @property
    def bytes_written(self) -> int:
        return self._position.bytes_before + self._position.offset

    def close(self) -> None:
        for descriptor in [*self._files, *(file for _, files in self._finished for file in files)]:
            os.close(descriptor)
        self._files, self._finished, self._held = [], [], []
        self._work.close()
        self._target.close()

    def _write_frame(self, frame: Batch) -> None:
        if self._segment is None:
            self._enter(self._segment_at(frame.span.start))
        segment = self._segment
        assert segment is not None  # noqa: S101  # entered above
        encoded = self._encoder.frame(frame)
        position = self._position
        failpoint("file.write.frame")
        with translated(segment.hidden):
            write_all(self._files[0], encoded.payload, position.offset)
            entry = b""
            if self._encoder.indexed:
                entry = _FRAME.pack(frame.span.count, len(encoded.payload), len(encoded.index)) + encoded.index
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

    def _enter(self, segment: Segment) -> None:
        """Open the files of a segment; at its beginning the header is written."""
        flags = os.O_RDWR | os.O_CREAT
        self._files = [self._work.open(segment.hidden, flags)]
        if self._encoder.indexed:
            self._files.append(self._work.open(segment.index, flags))
        self._segment = segment
        if self._position.next_record == segment.span.start:
            header = self._encoder.header() if segment.header else b""
            with translated(segment.hidden):
                for descriptor in self._files:
                    os.ftruncate(descriptor, 0)
                write_all(self._files[0], header, 0)
            self._position = Position(segment.span.start, len(header), 0, self._position.bytes_before)

    def _finish(self, segment: Segment) -> None:
        """A part is full: give it its footer; it is shown after the next commit."""
        frames = list(read_frames(self._work, [segment], self._encoder))
        footer = self._encoder.footer(frames)
        position = self._position
        with translated(segment.hidden):
            write_all(self._files[0], footer, position.offset)
            os.ftruncate(self._files[0], position.offset + len(footer))
        self._finished.append((segment, self._files))
        self._files, self._segment = [], None
        self._position = Position(position.next_record, 0, 0, position.bytes_before + position.offset + len(footer))

    def _sync(self, descriptor: int) -> None:
        """A failed fsync is not tried again: the pages may be gone, so the frames since the checkpoint are made anew."""
        try:
            failpoint("file.fsync")
            os.fsync(descriptor)
        except OSError as error:
            with translated(self._work.shown):
                raise TransientSinkError(
                    "DEST_UNAVAILABLE", f"{self._work.shown}: data could not be made durable: {error.strerror}"
                ) from error

    def _fence(self, epoch: int) -> Position | None:
        """The position of the latest epoch; refuses when that is later than ours."""
        latest, name = -1, None
        for found in self._work.names():
            match = re.fullmatch(rf"shard-{self._number}\.(\d+)\.checkpoint", found)
            if match and int(match[1]) > latest:
                latest, name = int(match[1]), found
        if latest > epoch:
            raise Fenced(f"shard {self._number} belongs to epoch {latest}, not {epoch}")
        content = self._work.read(name) if name else None
        return Position(**json.loads(content)) if content else None

    def _recovered(self, saved: Position | None) -> Position:
        """The saved position, or the beginning of its segment when the segment's file is gone or too short."""
        if saved is None:
            return Position(self._span.start)
        if saved.offset == 0:
            return saved
        segment = self._segment_at(saved.next_record - 1)
        lengths = [self._work.status(name) for name in (segment.hidden, segment.index)]
        wanted = [saved.offset, saved.index_offset]
        if all(need == 0 or (found and found.st_size >= need) for found, need in zip(lengths, wanted, strict=True)):
            return saved
        return Position(segment.span.start, 0, 0, saved.bytes_before)

    def _save(self) -> None:
        position = {
            "next_record": self._position.next_record,
            "offset": self._position.offset,
            "index_offset": self._position.index_offset,
            "bytes_before": self._position.bytes_before,
        }
        self._work.replace_file(f"shard-{self._number}.{self._epoch}.checkpoint", json.dumps(position).encode())

    def _show_finished(self) -> None:
        """Give committed parts their names; after a crash, those that had not got theirs."""
        if self._segment_at(self._span.start).name is None:
            return
        hidden = set(self._work.names())
        number = self._span.start
        while number < self._position.next_record:
            segment = self._segment_at(number)
            if segment.span.end > self._position.next_record:
                break
            if segment.hidden in hidden and segment.name is not None:
                self._work.rename(segment.hidden, segment.name, to=self._target)
                failpoint("file.shown")
                self._work.remove(segment.index)
            number = segment.span.end


def final_position(work: Folder, number: int) -> Position:
    """Where a shard has ended, by its latest checkpoint."""
    positions = {}
    for name in work.names():
        match = re.fullmatch(rf"shard-{number}\.(\d+)\.checkpoint", name)
        if match:
            positions[int(match[1])] = work.read(name)
    content = positions[max(positions)] if positions else None
    if content is None:
        raise TerminalSinkError("DEST_REGRESSED", f"{work.shown} has lost the checkpoint of shard {number}")
    return Position(**json.loads(content))


def read_frames(work: Folder, segments: list[Segment], encoder: Encoder[Any]) -> Iterator[PlacedFrame]:
    """The frames of segments that lie one behind another, with their places in the joined file."""
    if not encoder.indexed:
        return
    place = len(encoder.header())
    for segment in segments:
        descriptor = work.open(segment.index, os.O_RDONLY)
        with contextlib.closing(os.fdopen(descriptor, "rb")) as file:
            number = segment.span.start
            while number < segment.span.end:
                records, length, index_length = _FRAME.unpack(file.read(_FRAME.size))
                yield PlacedFrame(offset=place, length=length, records=records, index=file.read(index_length))
                place, number = place + length, number + records

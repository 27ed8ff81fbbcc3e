"""The writer of one shard: frames at absolute offsets of hidden files, and a checkpoint file per epoch.

A shard is a row of segments. In one file for all records a shard is one segment, and the destination joins the shards
at the end; with parts each part is a segment of its own, complete with header and footer, that is shown under its name
once it is committed. Because frames are pure functions of the record numbers and stand at offsets that follow from
them, a writer that was believed dead writes the same bytes to the same places and does no harm, as long as nobody
shortens a file before its end is known, gives a name to a file that it has not itself brought to its end, or makes a
file anew whose beginning it does not write. A shard that ends between two frame borders has a short frame there, which
is no beginning of a whole one: that lies in a file of its own, its tail. One that only rests there gives it up when it
goes on.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from engine.batch import Batch, joined
from engine.cuts import Cuts
from engine.span import Span
from sdg_project.failpoints import failpoint
from sinks.destinations.base import Sink
from sinks.encoding.base import Encoder
from sinks.enums import Checksum
from sinks.errors import Fenced, TerminalSinkError, TransientSinkError
from sinks.files.checkpoint import Position, Tail, latest_position, save_position
from sinks.files.folder import Folder, write_all
from sinks.files.index import index_entry, placed_frames
from sinks.files.manifest import digest_bytes, file_digest, file_length
from sinks.files.parts import PartEntry, PartsLog, log_name
from sinks.files.segment import Segment, index_name, tail_name
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
        open_folders: Callable[[int], tuple[Folder, Folder] | int],
    ) -> None:
        """`segment_at` tells the segment that holds a record.

        `open_folders` opens the work and the target folder for a shard's number, or says where the shard has ended when
        the run is complete already.
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
        self._is_complete = False

    def open(self, epoch: int) -> int:
        folders = self._open_folders(self._number)
        self._is_complete = isinstance(folders, int)
        if isinstance(folders, int):
            self._position = Position(folders)
            return folders
        self._folders = folders
        latest, saved = latest_position(self._work, shard=self._number)
        if latest > epoch:
            raise Fenced(f"shard {self._number} belongs to epoch {latest}, not {epoch}")
        self._epoch = epoch
        if saved is None or not self._span.start <= saved.reached <= self._span.end:
            saved = Position(self._span.start)
        self._position = self._with_its_tail(self._reopened(self._with_its_parts(saved)))
        failpoint("file.open.checkpoint")
        self._save()
        return self._position.reached

    def write(self, batch: Batch) -> None:
        if batch.span.end > self._span.end:
            raise ValueError(f"shard {self._number} ends at record {self._span.end}, before {batch.span.end}")
        if batch.span.start != self._expected:
            raise ValueError(f"record {batch.span.start} does not follow: record {self._expected} is next")
        if self._position.tail is not None and batch.span.count:
            raise ValueError(f"shard {self._number} has ended at record {self._position.reached}")
        while batch.span.count:
            border = min(self._cuts.frame_end(batch.span.start), self._span.end)
            count = min(border, batch.span.end) - batch.span.start
            self._held.append(batch.slice(Span(batch.span.start, count)))
            batch = batch.slice(Span(batch.span.start + count, batch.span.count - count))
            if self._held[-1].span.end == border:
                frame = joined(self._held)
                self._held.clear()
                self._write_frame(frame)

    def commit(self, next_record: int) -> None:
        if self._held or next_record != self._position.reached:
            raise ValueError(f"record {next_record} is no border: the sink stands at {self._position.reached}")
        if self._is_complete:
            return
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

    def end(self, next_record: int) -> None:
        if next_record != self._expected:
            raise ValueError(f"the shard cannot end at record {next_record}: record {self._expected} is next")
        if self._held:
            self._write_tail(joined(self._held))
            self._held.clear()
        self.commit(next_record)

    def go_on_from(self, next_record: int) -> int:
        if self._position.tail is None:
            return next_record
        self._position = replace(self._position, tail=None)
        return self._position.next_record

    @property
    def bytes_written(self) -> int:
        return self._position.bytes_written

    def close(self) -> None:
        for descriptor in [*self._files, *([self._log.descriptor] if self._log else [])]:
            os.close(descriptor)
        for folder in self._folders or ():
            folder.close()
        self._files, self._finished, self._held = [], [], []
        self._log, self._folders, self._segment = None, None, None

    @property
    def _expected(self) -> int:
        """The record that is written next."""
        return self._held[-1].span.end if self._held else self._position.reached

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
        segment = self._segment or self._begin(self._segment_at(frame.span.start).owned(self._epoch))
        encoded = self._encoder.frame(frame)
        position = self._position
        with translated(f"{self._work.shown}/{segment.hidden}"):
            failpoint("file.write.frame")
            write_all(self._files[0], encoded.payload, position.offset)
            failpoint("file.write.index")
            entry = index_entry(encoded, frame) if self._encoder.indexed else b""
            if entry:
                write_all(self._files[1], entry, position.index_offset)
            failpoint("file.write.done")
        self._position = replace(
            position,
            next_record=frame.span.end,
            records=position.records + frame.records.height,
            offset=position.offset + len(encoded.payload),
            index_offset=position.index_offset + len(entry),
        )
        if segment.name is not None and frame.span.end == segment.span.end:
            self._finish(segment)

    def _write_tail(self, frame: Batch) -> None:
        """Write a short frame, the last one, durably."""
        encoded, name = self._encoder.frame(frame), tail_name(self._number, frame.span.end)
        entry = index_entry(encoded, frame) if self._encoder.indexed else b""
        contents = {name: encoded.payload, **({index_name(name): entry} if entry else {})}
        for file, content in contents.items():
            descriptor = self._work.open(file, create=True)
            try:
                with translated(f"{self._work.shown}/{file}"):
                    failpoint("file.tail.begun")
                    write_all(descriptor, content, 0)
                failpoint("file.tail.written")
                self._sync(descriptor)
            finally:
                os.close(descriptor)
        tail = Tail(frame.span.end, frame.records.height, len(encoded.payload), len(entry))
        self._position = replace(self._position, tail=tail)

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
        self._position = Position(segment.span.start, offset=len(header), bytes_before=self._position.bytes_before)
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
            entry = PartEntry(position.records, length, file_digest(data, length, self._checksum))
            self._parts.write(self._place(segment), entry)
        for descriptor in self._files:
            os.close(descriptor)
        self._finished.append(segment)
        self._files, self._segment = [], None
        self._position = Position(position.next_record, bytes_before=position.bytes_before + length)

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
        log = self._work.open(log_name(self._number), create=True)
        self._log = PartsLog(log, digest_bytes=digest_bytes(self._checksum))
        waiting: list[Segment] = []
        segment, written = first, 0
        while segment.span.end <= saved.next_record:
            entry = self._parts.read(self._place(segment))
            if entry is None or not self._is_whole(segment, entry, waiting):
                saved = Position(segment.span.start, bytes_before=written)
                break
            written += entry.length
            if segment.span.end >= self._span.end:
                break
            segment = self._segment_at(segment.span.end)
        self._show(waiting)
        return saved

    def _is_whole(self, segment: Segment, entry: PartEntry, waiting: list[Segment]) -> bool:
        """Whether a part has all its bytes, under its name or still hidden; those that are hidden go to `waiting`."""
        if self._target.size(segment.name or "") == entry.length:
            return True
        for found in segment.found(self._work):
            hidden = self._work.open_if_there(found.hidden)
            if hidden is None:
                continue
            try:
                if file_length(hidden) != entry.length:
                    continue
                self._sync(hidden)
            finally:
                os.close(hidden)
            waiting.append(found)
            return True
        return False

    def _reopened(self, saved: Position) -> Position:
        """The position with its files open, or the beginning of its segment if these are gone or too short.

        They are opened before their lengths are looked at: a predecessor may move them away until they are ours.
        """
        if saved.offset == 0:
            return saved
        segment = self._segment_at(saved.next_record - 1)
        for found in segment.found(self._work):
            mine = segment.owned(self._epoch)
            if self._holds(found, saved) and self._take_over(found, mine):
                self._segment = mine
                return saved
            for file in self._files:
                os.close(file)
            self._files = []
        return Position(segment.span.start, bytes_before=saved.bytes_before)

    def _holds(self, segment: Segment, position: Position) -> bool:
        """Whether the files of a segment are as long as they should be; leaves them open."""
        lengths = {segment.hidden: position.offset}
        if self._encoder.indexed:
            lengths[segment.index] = position.index_offset
        for name, length in lengths.items():
            descriptor = self._work.open_if_there(name)
            if descriptor is None:
                return False
            self._files.append(descriptor)
            if file_length(descriptor) < length:
                return False
        return True

    def _take_over(self, found: Segment, mine: Segment) -> bool:
        """Make a predecessor's files ours; False when it has just given them away itself."""
        names = [(found.hidden, mine.hidden), *([(found.index, mine.index)] if self._encoder.indexed else [])]
        for name, ours in names if found != mine else ():
            try:
                self._work.move(name, ours)
            except TerminalSinkError:
                if self._work.status(name) is None:
                    return False
                raise
            failpoint("file.open.taken")
        return True

    def _with_its_tail(self, saved: Position) -> Position:
        """The position, or the last frame border if what is behind it is gone."""
        if saved.tail is None:
            return saved
        name = tail_name(self._number, saved.tail.end)
        wanted = {name: saved.tail.bytes} | (
            {index_name(name): saved.tail.index_bytes} if self._encoder.indexed else {}
        )
        if all((self._work.size(file) or 0) >= length for file, length in wanted.items()):
            return saved
        return replace(saved, tail=None)

    @property
    def _parts(self) -> PartsLog:
        if self._log is None:
            raise ValueError(f"shard {self._number} has no parts")
        return self._log

    def _place(self, segment: Segment) -> int:
        """Which part of the shard this is."""
        roll = self._cuts.roll or 1
        return segment.span.start // roll - self._span.start // roll

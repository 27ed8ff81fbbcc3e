"""Joining: all shards behind each other in the file of the first one, under the footer."""

from __future__ import annotations

import errno
import os
from collections.abc import Sequence
from typing import Any

from sdg_project.failpoints import failpoint
from sinks.encoding.base import Encoder, PlacedFrame
from sinks.errors import TerminalSinkError
from sinks.files.checkpoint import latest_position
from sinks.files.folder import Folder, write_all
from sinks.files.index import placed_frames
from sinks.files.segment import Segment
from sinks.files.system_errors import translated

_COPY_BYTES = 2**24
_NO_COPY_IN_KERNEL = {errno.EXDEV, errno.EINVAL, errno.ENOSYS, errno.EOPNOTSUPP}


def join_shards(work: Folder, segments: Sequence[Segment], encoder: Encoder[Any]) -> None:
    """Make the first segment's hidden file the whole file, durably; may be repeated after a crash.

    Raises TerminalSinkError when a segment has not been written to its end, or has lost some of it.
    """
    lengths = [_length(work, shard, segment) for shard, segment in enumerate(segments)]
    first = segments[0]
    # Never made anew if it should be there: it would get a hole where its records were.
    descriptor = work.open(first.hidden, create=first.span.count == 0)
    try:
        place = lengths[0]
        with translated(f"{work.shown}/{first.hidden}"):
            if first.span.count == 0:
                place = len(encoder.header())
                write_all(descriptor, encoder.header(), 0)
            for segment, length in zip(segments[1:], lengths[1:], strict=True):
                _copy(work, segment.hidden, descriptor, length, place)
                failpoint("file.join.shard")
                place += length
            footer = encoder.footer(_frames(work, segments, encoder))
            failpoint("file.join.footer")
            write_all(descriptor, footer, place)
            failpoint("file.join.cut")
            os.ftruncate(descriptor, place + len(footer))
            failpoint("file.join.sync")
            os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _length(work: Folder, shard: int, segment: Segment) -> int:
    """How many bytes of a segment's hidden file are its records."""
    _, position = latest_position(work, shard=shard)
    reached = position.next_record if position else segment.span.start
    if reached < segment.span.end:
        message = f"{work.shown} holds shard {shard} up to record {reached} only, not to {segment.span.end}"
        raise TerminalSinkError("DEST_REGRESSED", message)
    length = position.offset if position else 0
    if (work.size(segment.hidden) or 0) < length:
        raise TerminalSinkError("DEST_REGRESSED", f"{work.shown}/{segment.hidden} is shorter than it was, or gone")
    return length


def _frames(work: Folder, segments: Sequence[Segment], encoder: Encoder[Any]) -> list[PlacedFrame]:
    """All frames with their places in the whole file, if the footer needs them."""
    frames: list[PlacedFrame] = []
    for segment in segments if encoder.indexed else ():
        if segment.span.count == 0:
            continue
        place = frames[-1].offset + frames[-1].length if frames else len(encoder.header())
        descriptor = work.open(segment.index)
        try:
            frames += placed_frames(descriptor, segment.span, place=place)
        finally:
            os.close(descriptor)
    return frames


def _copy(work: Folder, name: str, target: int, length: int, place: int) -> None:
    """Bring a shard to its place in the whole file, inside the kernel, at absolute offsets."""
    source = work.open(name)
    try:
        done = 0
        while done < length:
            count = _copy_some(source, target, min(_COPY_BYTES, length - done), done, place + done)
            if count == 0:
                raise TerminalSinkError("DEST_REGRESSED", f"{work.shown}/{name} is shorter than it was")
            done += count
            failpoint("file.join.copy")
    finally:
        os.close(source)


def _copy_some(source: int, target: int, count: int, start: int, place: int) -> int:
    """One step of a copy: in the kernel, or through memory where the file system cannot."""
    try:
        return os.copy_file_range(source, target, count, start, place)
    except OSError as error:
        if error.errno not in _NO_COPY_IN_KERNEL:
            raise
    block = os.pread(source, count, start)
    write_all(target, block, place)
    return len(block)

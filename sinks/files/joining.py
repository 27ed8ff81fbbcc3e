"""Joining: pieces behind each other in one file, between header and footer."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable, Sequence
from typing import Any

from sdg_project.failpoints import failpoint
from sinks.encoding.base import Encoder, PlacedFrame
from sinks.errors import TerminalSinkError
from sinks.files.folder import Folder, write_all
from sinks.files.index import placed_frames
from sinks.files.pieces import Piece
from sinks.files.system_errors import translated

_COPY_BYTES = 2**24
_NO_COPY_IN_KERNEL = {errno.EXDEV, errno.EINVAL, errno.ENOSYS, errno.EOPNOTSUPP}


def join_pieces(
    work: Folder, pieces: Sequence[Piece], encoder: Encoder[Any], *, into: str, on_progress: Callable[[], None]
) -> None:
    """Make a hidden file of pieces that follow each other, durably; may be repeated after a crash.

    `into` may be the first piece's own file, if nobody will write anything there but what is in the piece. Raises
    TerminalSinkError when a piece has lost some of its bytes.
    """
    for piece in pieces:
        if (work.size(piece.hidden) or 0) < piece.bytes:
            raise TerminalSinkError("DEST_REGRESSED", f"{work.shown}/{piece.hidden} is shorter than it was, or gone")
    has_header = bool(pieces) and pieces[0].bytes > 0  # who has written anything has begun with it
    is_there = has_header and pieces[0].hidden == into
    # Never made anew if it should be there: it would get a hole where its records were.
    descriptor = work.open(into, create=not is_there)
    try:
        with translated(f"{work.shown}/{into}"):
            place = pieces[0].bytes if is_there else 0
            if not has_header:
                place = len(encoder.header())
                write_all(descriptor, encoder.header(), 0)
            for piece in pieces[1:] if is_there else pieces:
                if piece.bytes:
                    _copy(work, piece, descriptor, place, on_progress)
                    failpoint("file.join.piece")
                place += piece.bytes
            footer = encoder.footer(_frames(work, pieces, encoder))
            failpoint("file.join.footer")
            write_all(descriptor, footer, place)
            failpoint("file.join.cut")
            os.ftruncate(descriptor, place + len(footer))
            failpoint("file.join.sync")
            os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _frames(work: Folder, pieces: Sequence[Piece], encoder: Encoder[Any]) -> list[PlacedFrame]:
    """All frames with their places in the whole file, if the footer needs them."""
    frames: list[PlacedFrame] = []
    for piece in pieces if encoder.indexed else ():
        if piece.span.count == 0:
            continue
        place = frames[-1].offset + frames[-1].length if frames else len(encoder.header())
        descriptor = work.open(piece.index)
        try:
            frames += placed_frames(descriptor, piece.span, place=place)
        finally:
            os.close(descriptor)
    return frames


def _copy(work: Folder, piece: Piece, target: int, place: int, on_progress: Callable[[], None]) -> None:
    """Bring a piece to its place in the whole file, inside the kernel, at absolute offsets."""
    source = work.open(piece.hidden)
    try:
        done = 0
        while done < piece.bytes:
            count = _copy_some(source, target, min(_COPY_BYTES, piece.bytes - done), done, place + done)
            if count == 0:
                raise TerminalSinkError("DEST_REGRESSED", f"{work.shown}/{piece.hidden} is shorter than it was")
            done += count
            failpoint("file.join.copy")
            on_progress()
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

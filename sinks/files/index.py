"""The index beside a hidden file: where its frames lie, and what the footer has to know of each."""

from __future__ import annotations

import os
import struct
from collections.abc import Iterator

from engine.batch import Batch
from engine.span import Span
from sinks.encoding.base import EncodedFrame, PlacedFrame
from sinks.errors import TerminalSinkError

_FRAME = struct.Struct("<QQQQ")  # record numbers, records, length of the payload, length of the index entry


def index_entry(encoded: EncodedFrame, frame: Batch) -> bytes:
    """What is appended to the index for a frame."""
    lengths = (len(encoded.payload), len(encoded.index))
    return _FRAME.pack(frame.span.count, frame.records.height, *lengths) + encoded.index


def placed_frames(descriptor: int, span: Span, *, place: int) -> Iterator[PlacedFrame]:
    """The frames of a span from an open index; the first one's payload lies at `place` of the final file."""
    offset, number = 0, span.start
    while number < span.end:
        head = os.pread(descriptor, _FRAME.size, offset)
        count, records, length, index_length = _FRAME.unpack(head) if len(head) == _FRAME.size else (0, 0, 0, 0)
        index = os.pread(descriptor, index_length, offset + _FRAME.size)
        if not count or len(index) != index_length:
            raise TerminalSinkError("DEST_REGRESSED", f"the hidden index of record {number} is shorter than it was")
        yield PlacedFrame(offset=place, length=length, records=records, index=index)
        offset, place, number = offset + _FRAME.size + index_length, place + length, number + count

"""Pieces: what shards have committed of a file, each in a hidden file of its own until they are joined."""

from __future__ import annotations

from dataclasses import dataclass

from engine.span import Span
from sinks.errors import TerminalSinkError
from sinks.files.checkpoint import Position, latest_position
from sinks.files.folder import Folder
from sinks.files.segment import Segment, index_name, tail_name


@dataclass(frozen=True, slots=True)
class Piece:
    """The frames of a span: the first `bytes` of a hidden file."""

    hidden: str
    span: Span
    records: int
    bytes: int

    @property
    def index(self) -> str:
        return index_name(self.hidden)


def final_position(work: Folder, *, shard: int, span: Span) -> tuple[int, Position]:
    """The epoch and the position of a shard whose records are exactly those of a span.

    Raises TerminalSinkError when they are not.
    """
    epoch, position = latest_position(work, shard=shard)
    reached = position.reached if position else span.start
    if reached != span.end:
        message = f"{work.shown} holds shard {shard} up to record {reached}"
        message += f" only, not to {span.end}" if reached < span.end else f", and not only to {span.end}"
        raise TerminalSinkError("DEST_REGRESSED", message)
    return epoch, position or Position(span.start)


def committed_pieces(segment: Segment, position: Position, *, shard: int) -> list[Piece]:
    """What a shard has at a position that lies in a segment, or at its end: whole frames, and perhaps a short one."""
    start, border = segment.span.start, position.next_record
    pieces = [Piece(segment.hidden, Span(start, border - start), position.records, position.offset)]
    if (tail := position.tail) is not None:
        span = Span(border, tail.end - border)
        pieces.append(Piece(tail_name(shard, tail.end), span, tail.records, tail.bytes))
    return pieces

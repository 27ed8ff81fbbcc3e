"""Destinations that are wrong on purpose: what is meant to find such faults must find these."""

from __future__ import annotations

import os
from dataclasses import replace
from typing import Any

from engine.batch import Batch
from sinks.destinations.file import FileDestination
from sinks.files.checkpoint import save_position
from sinks.files.shard import ShardWriter


class EarlyCheckpoints(ShardWriter):
    """Says how far it is before it is there."""

    def _write_frame(self, frame: Batch) -> None:
        if self._segment is not None:
            length = self._position.offset + len(self._encoder.frame(frame).payload)
            early = replace(self._position, next_record=frame.span.end, offset=length)
            os.ftruncate(self._files[0], max(length, os.fstat(self._files[0]).st_size))
            save_position(self._work, shard=self._number, epoch=self._epoch, position=early)
        super()._write_frame(frame)


class Appending(ShardWriter):
    """Writes at the end of the file, wherever that is."""

    def _write_frame(self, frame: Batch) -> None:
        segment = self._segment or self._begin(self._segment_at(frame.span.start))
        payload = self._encoder.frame(frame).payload
        os.lseek(self._files[0], 0, os.SEEK_END)
        os.write(self._files[0], payload)
        end = os.fstat(self._files[0]).st_size
        self._position = replace(self._position, next_record=frame.span.end, offset=end)
        if segment.name is not None and frame.span.end == segment.span.end:
            self._finish(segment)


class Unsynced(ShardWriter):
    """Does not make data durable before it says that it has them."""

    def _sync(self, descriptor: int) -> None:
        pass


def _destination(writer: type[ShardWriter]) -> type[FileDestination]:
    class Broken(FileDestination):
        def sink(self, shard: int) -> ShardWriter:
            sink = super().sink(shard)
            sink.__class__ = writer
            return sink

    return Broken


BROKEN: dict[str, Any] = {kind.__name__: _destination(kind) for kind in (EarlyCheckpoints, Appending, Unsynced)}

"""A sink for streams: nobody can tell how far their readers are, so nothing can be taken up again."""

from __future__ import annotations

from typing import Any, BinaryIO

from engine.batch import Batch
from sinks.destinations.base import Sink
from sinks.encoding.base import Encoder


class StreamSink(Sink):
    """Writes records to a stream as they come, and flushes it at commits."""

    commits_anywhere = True

    def __init__(self, stream: BinaryIO, encoder: Encoder[Any]) -> None:
        self._stream, self._encoder = stream, encoder
        self._written = 0

    def open(self, epoch: int) -> int:
        self._put(self._encoder.header())
        return 0

    def write(self, batch: Batch) -> None:
        self._put(self._encoder.frame(batch).payload)

    def commit(self, next_record: int) -> None:
        self._stream.flush()

    def end(self, next_record: int) -> None:
        self._stream.flush()

    def go_on_from(self, next_record: int) -> int:
        return next_record

    @property
    def bytes_written(self) -> int:
        return self._written

    def close(self) -> None:
        self._stream.flush()

    def _put(self, payload: bytes) -> None:
        self._stream.write(payload)
        self._written += len(payload)

"""What every output format has in common: header, frames and footer, and the registry of formats."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Generic, TypeVar

from pydantic import BaseModel, ConfigDict
from pydantic.alias_generators import to_camel

from engine.batch import Batch
from engine.schema import RecordSchema
from sdg_project.registry import Kind, Registry
from sinks.encoding.compression import Compression


class EncoderOptions(BaseModel):
    """The options of a format; a format without any uses this class."""

    model_config = ConfigDict(frozen=True, extra="forbid", alias_generator=to_camel, populate_by_name=True)


O = TypeVar("O", bound=EncoderOptions)  # noqa: E741  # the options of one format


@dataclass(frozen=True, slots=True)
class EncodedFrame:
    """A frame as it is appended to the file, and what an indexed format has to remember of it until the footer."""

    payload: bytes
    index: bytes = b""


@dataclass(frozen=True, slots=True)
class PlacedFrame:
    """A frame that lies in a file: the offset and length of its payload there, its records, its index."""

    offset: int
    length: int
    records: int
    index: bytes = b""


@dataclass(frozen=True, slots=True)
class Unsupported:
    """Something of a column that a format cannot hold; `code` is an issue code, the path is the caller's."""

    column: str
    code: str
    message: str
    hint: str


class Encoder(Kind, ABC, Generic[O]):
    """Makes the bytes of a file from batches: a header, frames in record order, a footer.

    All three are pure functions of schema, options, compression and batch, so that frames encoded by several workers
    make one file when they are put one behind the other. An encoder keeps what does not change from frame to frame
    (escaped dictionaries, schemas) and is not to be shared by threads.
    """

    Options: ClassVar[type[EncoderOptions]] = EncoderOptions
    suffix: ClassVar[str]
    """What the name of an uncompressed file ends in."""
    indexed: ClassVar[bool] = False
    """Whether the footer needs every frame's place and index."""

    def __init__(self, schema: RecordSchema, options: O, compression: Compression = Compression.NONE) -> None:
        self.schema, self.options, self.compression = schema, options, compression

    @classmethod
    def check(cls, schema: RecordSchema) -> Sequence[Unsupported]:
        """All that the format cannot hold of such records."""
        return [
            Unsupported(
                column.name,
                "PROPERTY_NOT_ALLOWED",
                f"{cls.kind} has no way to leave a field out, so missingRate cannot be above 0",
                "use nullRate, or format JSONL",
            )
            for column in schema.columns
            if column.may_be_missing
        ]

    @property
    def file_suffix(self) -> str:
        """What the name of the file ends in, compression included."""
        return self.suffix

    def header(self) -> bytes:
        """The bytes at the beginning of a file."""
        return b""

    def frame(self, batch: Batch) -> EncodedFrame:
        """The bytes of a batch, compressed; a batch without records has none.

        Parameters
        ----------
        batch : Batch
            At most 65,536 records, whose columns have the schema's names and types.
        """
        return self._frame(batch) if batch.records.height else EncodedFrame(b"")

    def footer(self, frames: Iterable[PlacedFrame]) -> bytes:
        """The bytes at the end of a file with these frames."""
        return b""

    @abstractmethod
    def _frame(self, batch: Batch) -> EncodedFrame:
        """The frame of a batch of at least one record."""


class TextEncoder(Encoder[O]):
    """A format of lines: every frame is a gzip or zstd member of its own, as is the header."""

    @property
    def file_suffix(self) -> str:
        return self.suffix + self.compression.suffix

    def header(self) -> bytes:
        # Also where there is no text: a compressed file of no bytes at all is one that gzip and zstd refuse.
        return self.compression.member(self._head())

    def _frame(self, batch: Batch) -> EncodedFrame:
        return EncodedFrame(self.compression.member(self._lines(batch)))

    def _head(self) -> bytes:
        """The lines before the first record."""
        return b""

    @abstractmethod
    def _lines(self, batch: Batch) -> bytes:
        """The lines of the records."""


encoders: Registry[Encoder[Any]] = Registry("format", "sinks.encoding")
"""Every format by its name."""

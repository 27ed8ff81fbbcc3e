"""What every output format has in common: header, frames and footer, and the registry of formats."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Generic, TypeVar

from pydantic import BaseModel, ConfigDict
from pydantic.alias_generators import to_camel

from engine.batch import Batch
from engine.issues import Issue, Severity
from engine.schema import Column, OutputType, RecordSchema
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
    """Something of a column that a format cannot hold, or only in another form (a warning).

    `at` is where below the column's own place that is declared; `code` is an issue code.
    """

    column: Column
    at: str
    code: str
    message: str
    hint: str
    severity: Severity = Severity.ERROR

    def as_issue(self) -> Issue:
        """The issue, at its place in the definition."""
        path = f"{self.column.pointer}{self.at}"
        return Issue(self.code, path, self.message, self.hint, self.column.name, self.severity)


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
        """All that the format cannot hold of such records, or not as it is."""
        return [*cls._missing(schema), *cls._json_texts(schema)]

    @classmethod
    def _missing(cls, schema: RecordSchema) -> list[Unsupported]:
        message = f"{cls.kind} has no way to leave a field out, so missingRate cannot be above 0"
        hint = "use nullRate, or format JSONL"
        return [
            Unsupported(column, "/missingRate", "PROPERTY_NOT_ALLOWED", message, hint)
            for column in (*schema.columns, *schema.untyped)
            if column.may_be_missing
        ]

    @classmethod
    def _json_texts(cls, schema: RecordSchema) -> list[Unsupported]:
        message = f"{cls.kind} has no cell for lists, objects or values of several types: it holds their JSON texts"
        hint = "give members as fields of their own, such as address.city, or use format JSONL"
        return [
            Unsupported(column, "", "TYPE_MISMATCH", message, hint, Severity.WARNING)
            for column in schema.columns
            if column.type is OutputType.JSON
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

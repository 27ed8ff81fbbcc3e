"""AVRO: an object container file (Avro 1.12); every frame is some whole blocks.

https://avro.apache.org/docs/1.12.0/specification/#object-container-files
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence

import numpy as np
import polars as pl
from numpy.typing import NDArray

from engine.batch import Batch
from engine.lists import elements_of, lengths_of, lists_of
from engine.schema import ArrayNode, Column, ObjectNode, OutputType, RecordSchema
from sinks.encoding.avro_schema import avro_schema, name_problems
from sinks.encoding.base import EncodedFrame, Encoder, EncoderOptions, Unsupported, encoders
from sinks.encoding.compression import Compression
from sinks.encoding.rows import BytesPiece, binary_of_matrix, bytes_rows, flat_bytes
from sinks.encoding.texts import Dictionaries
from sinks.encoding.varint import zigzag, zigzags

MAGIC = b"Obj\x01"
BLOCK_RECORDS = 4096
"""Readers hold a whole block in memory: at this size it is some hundred kB, and compresses well."""

_CODECS = {Compression.NONE: "null", Compression.GZIP: "deflate", Compression.ZSTD: "zstandard"}
_NULL, _VALUE = zigzag(0), zigzag(1)
"""Branches of the union ["null", type]."""


@encoders.register("AVRO")
class Avro(Encoder[EncoderOptions]):
    """Avro: logical types for decimals, instants, dates, times (to the microsecond) and UUIDs; JSON is a string.

    GZIP is the codec ``deflate``, which every reader knows. ZSTD is ``zstandard``, which fewer do: Java's and fastavro
    (with backports.zstd) read it, polars does not.
    """

    suffix = ".avro"

    def __init__(
        self, schema: RecordSchema, options: EncoderOptions, compression: Compression = Compression.NONE
    ) -> None:
        super().__init__(schema, options, compression)
        self._tree = schema.tree()
        description = json.dumps(avro_schema(schema), ensure_ascii=False, separators=(",", ":")).encode()
        self._metadata = {b"avro.codec": _CODECS[compression].encode(), b"avro.schema": description}
        self._sync = hashlib.blake2b(b"\0".join(self._metadata.values()), digest_size=16).digest()
        self._dictionaries = Dictionaries()

    @classmethod
    def check(cls, schema: RecordSchema) -> Sequence[Unsupported]:
        """As every format, and names that have to be changed."""
        return [*super().check(schema), *name_problems(schema, kind="AVRO", kept_as="doc")]

    def header(self) -> bytes:
        entries = b"".join(_counted(key) + _counted(value) for key, value in self._metadata.items())
        return MAGIC + zigzag(len(self._metadata)) + entries + zigzag(0) + self._sync

    def data(self, batch: Batch) -> pl.Series:
        """The records without a file around them: the bytes of one a row, uncompressed."""
        return bytes_rows(self._members(self._tree, batch.records), batch.records.height)

    def _frame(self, batch: Batch) -> EncodedFrame:
        rows = self.data(batch)
        ends = np.cumsum(rows.bin.size().to_numpy(), dtype=np.int64)
        content = flat_bytes(rows)
        blocks: list[bytes] = []
        for first in range(0, len(ends), BLOCK_RECORDS):
            last = min(first + BLOCK_RECORDS, len(ends))
            block = self.compression.block(content[ends[first - 1] if first else 0 : ends[last - 1]].tobytes())
            blocks += [zigzag(last - first), _counted(block), self._sync]
        return EncodedFrame(b"".join(blocks))

    def _members(self, node: ObjectNode, records: pl.DataFrame) -> list[BytesPiece]:
        """The members of an object in its order: those of an object in it stand in its place, with nothing around."""
        pieces: list[BytesPiece] = []
        for member in node.members.values():
            if isinstance(member, ObjectNode):
                pieces += self._members(member, records)
            elif isinstance(member, ArrayNode):
                pieces += self._array(member, records)
            else:
                pieces += self._pieces(member, records[member.name])
        return pieces

    def _array(self, node: ArrayNode, records: pl.DataFrame) -> list[BytesPiece]:
        """The elements as one block with their number before it, and the block of none that ends the array."""
        lists = {column.name: records[column.name] for column in node.columns()}
        lengths = lengths_of(next(iter(lists.values())))
        elements = pl.DataFrame({name: elements_of(column) for name, column in lists.items()})
        if not elements.height:
            return [zigzag(0)]
        if isinstance(node.element, Column):
            pieces = self._pieces(node.element, elements[node.element.name])
        else:
            pieces = self._members(node.element, elements)
        rows = bytes_rows(pieces, elements.height)
        ends = np.append(0, np.cumsum(rows.bin.size().to_numpy(), dtype=np.int64)).take(np.cumsum(lengths))
        blocks = lists_of(pl.Series(flat_bytes(rows)), np.diff(ends, prepend=0)).cast(pl.Binary)
        counts = pl.select(pl.when(pl.Series(lengths > 0)).then(zigzags(lengths)).otherwise(pl.lit(b""))).to_series()
        return [counts, blocks, zigzag(0)]

    def _pieces(self, column: Column, values: pl.Series) -> list[BytesPiece]:
        """The values with the branch of the union before them, if the column has one."""
        if not values.null_count():
            return [_VALUE, *self._present(column, values)] if column.nullable else self._present(column, values)
        if not column.nullable:
            raise ValueError(f"{column.name} holds {values.null_count()} nulls and is not nullable")
        if values.null_count() == len(values):
            return [_NULL]
        present = values.drop_nulls()
        written = bytes_rows([_VALUE, *self._present(column, present)], len(present))
        is_present = values.is_not_null().to_numpy()
        places = np.where(is_present, np.cumsum(is_present) - 1, len(present))
        return [pl.concat([written, pl.Series([_NULL])]).gather(places)]

    def _present(self, column: Column, values: pl.Series) -> list[BytesPiece]:
        """Values none of which is null."""
        match column.type:
            case OutputType.STRING | OutputType.UUID | OutputType.JSON:
                return self._texts(column, values)
            case OutputType.DECIMAL:
                return [zigzag(8), binary_of_matrix(_bytes_of(_scaled(values), ">i8"))]
            case OutputType.DOUBLE:
                return [binary_of_matrix(_bytes_of(values.to_numpy(), "<f8"))]
            case OutputType.BOOLEAN:
                return [binary_of_matrix(_bytes_of(values.to_numpy(), "u1"))]
            case OutputType.TIMESTAMP:
                numbers = values.dt.timestamp("ms")
            case OutputType.TIME:
                numbers = values.to_physical() // 1000
            case OutputType.DATE | OutputType.INTEGER | OutputType.LONG:
                numbers = values.to_physical()
        return [zigzags(numbers.cast(pl.Int64).to_numpy())]

    def _texts(self, column: Column, values: pl.Series) -> list[BytesPiece]:
        dtype = values.dtype
        if not isinstance(dtype, pl.Enum):
            return _counted_texts(values)
        words = self._dictionaries.words(
            column.name, dtype, lambda texts: bytes_rows(_counted_texts(texts), len(texts))
        )
        return [words[0] if len(words) == 1 else words.gather(values.cat.physical())]


def _counted(content: bytes) -> bytes:
    """Bytes or a string as Avro has them: the length, then the bytes."""
    return zigzag(len(content)) + content


def _counted_texts(texts: pl.Series) -> list[BytesPiece]:
    lengths = texts.str.len_bytes().cast(pl.Int64).to_numpy()
    shortest, longest = int(lengths.min()), int(lengths.max())
    return [zigzag(longest) if shortest == longest else zigzags(lengths), texts.cast(pl.Binary)]


def _bytes_of(numbers: NDArray[np.generic], dtype: str) -> NDArray[np.uint8]:
    """The bytes of numbers in the given form: shape ``(n,)`` to ``(n, width)``."""
    return numbers.astype(dtype)[:, None].view(np.uint8)


def _scaled(decimals: pl.Series) -> NDArray[np.int64]:
    """Decimals without their point: 18.70 is 1870."""
    return decimals.to_physical().cast(pl.Int64).to_numpy()

"""PARQUET: every frame is a row group made by polars; the footer puts the row groups' metadata together.

https://github.com/apache/parquet-format/blob/master/src/main/thrift/parquet.thrift has the numbers of the fields.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from io import BytesIO
from typing import Literal

import polars as pl

from engine.batch import Batch
from engine.lists import elements_of, lengths_of, lists_of
from engine.schema import ArrayNode, Column, ObjectNode, RecordSchema
from sinks.encoding.base import EncodedFrame, Encoder, EncoderOptions, PlacedFrame, encoders
from sinks.encoding.compression import GZIP_LEVEL, ZSTD_LEVEL, Compression
from sinks.encoding.thrift import Field, Items, Struct, Wire, Written, read_struct, write_struct

MAGIC = b"PAR1"
CREATED_BY = b"sdg version 1 (build 0)"
"""Who made a file; the form is the one that readers parse, and it never changes, so that bytes do not."""

_CODECS: dict[Compression, tuple[Literal["uncompressed", "gzip", "zstd"], int | None]] = {
    Compression.NONE: ("uncompressed", None),
    Compression.GZIP: ("gzip", GZIP_LEVEL),
    Compression.ZSTD: ("zstd", ZSTD_LEVEL),
}

# FileMetaData
_RECORDS, _ROW_GROUPS, _KEY_VALUES, _CREATED_BY = 3, 4, 5, 6
# RowGroup
_CHUNKS, _GROUP_OFFSET, _ORDINAL = 1, 5, 7
# ColumnChunk
_CHUNK_OFFSET, _CHUNK_METADATA, _PAGE_INDEXES = 2, 3, (4, 5, 6, 7)
# ColumnMetaData
_COMPRESSED_SIZE, _PAGES, _BLOOM_FILTER = 7, (9, 10, 11), (14, 15)  # data, index and dictionary pages


@encoders.register("PARQUET")
class Parquet(Encoder[EncoderOptions]):
    """Parquet: decimals, instants, dates and times as their logical types, UUID and JSON as text, objects as groups.

    The compression is that of the pages. Dictionary columns are text to readers.
    """

    suffix = ".parquet"
    indexed = True

    def __init__(
        self, schema: RecordSchema, options: EncoderOptions, compression: Compression = Compression.NONE
    ) -> None:
        super().__init__(schema, options, compression)
        self._tree = schema.tree()

    def header(self) -> bytes:
        return MAGIC

    def footer(self, frames: Iterable[PlacedFrame]) -> bytes:
        records = 0
        groups: list[Written] = []
        for frame in frames:
            if frame.records:
                records += frame.records
                groups.append(Written(_moved(frame.index, frame.offset)))
        metadata = _file_metadata(self._file(pl.DataFrame(schema={c.name: c.frame_dtype for c in self.schema.columns})))
        metadata.pop(_KEY_VALUES, None)  # polars' Arrow schema, which names the words of dictionaries
        metadata[_RECORDS] = Field(Wire.I64, records)
        metadata[_ROW_GROUPS] = Field(Wire.LIST, Items(Wire.STRUCT, [*groups]))
        metadata[_CREATED_BY] = Field(Wire.BINARY, CREATED_BY)
        encoded = write_struct(metadata)
        return encoded + len(encoded).to_bytes(4, "little") + MAGIC

    def _frame(self, batch: Batch) -> EncodedFrame:
        file = self._file(batch.records)
        [group] = _file_metadata(file)[_ROW_GROUPS].structs
        pages: list[bytes] = []
        length = 0
        for chunk in group[_CHUNKS].structs:
            metadata = chunk[_CHUNK_METADATA].struct
            first = min(metadata[page].number for page in _PAGES if page in metadata)
            size = metadata[_COMPRESSED_SIZE].number
            pages.append(file[first : first + size])
            _shift(metadata, length - first)
            # polars repeats the metadata behind each chunk; here it is in the footer only.
            chunk[_CHUNK_OFFSET] = Field(Wire.I64, 0)
            for field in _PAGE_INDEXES:
                chunk.pop(field, None)
            for field in _BLOOM_FILTER:
                metadata.pop(field, None)
            length += size
        group[_GROUP_OFFSET] = Field(Wire.I64, 0)
        group.pop(_ORDINAL, None)
        return EncodedFrame(b"".join(pages), write_struct(group))

    def _file(self, records: pl.DataFrame) -> bytes:
        """The records as a file of polars."""
        codec, level = _CODECS[self.compression]
        buffer = BytesIO()
        nested = records.select(_members(self._tree, records))
        nested.write_parquet(buffer, compression=codec, compression_level=level, row_group_size=max(1, records.height))
        return buffer.getvalue()


def _moved(index: bytes, offset: int) -> bytes:
    """The metadata of a row group whose payload lies at the offset."""
    group, _ = read_struct(index)
    for chunk in group[_CHUNKS].structs:
        _shift(chunk[_CHUNK_METADATA].struct, offset)
    group[_GROUP_OFFSET] = Field(Wire.I64, offset)
    return write_struct(group)


def _shift(metadata: Struct, distance: int) -> None:
    for page in _PAGES:
        if page in metadata:
            metadata[page] = Field(Wire.I64, metadata[page].number + distance)


def _file_metadata(file: bytes) -> Struct:
    length = int.from_bytes(file[-8:-4], "little")
    return read_struct(file, len(file) - 8 - length)[0]


def _members(node: ObjectNode, records: pl.DataFrame) -> Iterator[pl.Series]:
    """The values of an object, objects among them as structs."""
    for name, member in node.members.items():
        if isinstance(member, ObjectNode):
            yield pl.DataFrame(list(_members(member, records))).to_struct(name)
        elif isinstance(member, ArrayNode):
            yield _array(member, records).alias(name)
        else:
            yield _sparing(records[member.name]).alias(name)


def _array(node: ArrayNode, records: pl.DataFrame) -> pl.Series:
    """The values of an array as lists, of structs if its elements are objects."""
    lists = {column.name: records[column.name] for column in node.columns()}
    lengths = lengths_of(next(iter(lists.values())))
    elements = pl.DataFrame({name: elements_of(column) for name, column in lists.items()})
    if isinstance(node.element, Column):
        return lists_of(_sparing(elements[node.element.name]), lengths)
    return lists_of(pl.DataFrame(list(_members(node.element, elements))).to_struct(node.name), lengths)


def _sparing(values: pl.Series) -> pl.Series:
    """The values as text if they are fewer than their dictionary's words, all of which would go into the row group."""
    dtype = values.dtype
    if isinstance(dtype, pl.Enum) and len(dtype.categories) > len(values):
        return values.cast(pl.String)
    return values

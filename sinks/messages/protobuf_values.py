"""PROTOBUF: a value is one message of Protocol Buffers (proto3), encoded column by column.

https://protobuf.dev/programming-guides/encoding/
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import polars as pl

from engine.batch import Batch
from engine.lists import elements_of, lengths_of, lists_of
from engine.schema import ArrayNode, Column, ObjectNode, OutputType, RecordSchema
from engine.template import Template
from sinks.encoding.avro_schema import name_problems
from sinks.encoding.base import Unsupported
from sinks.encoding.rows import BytesPiece, binary_of_matrix, bytes_rows, flat_bytes
from sinks.encoding.texts import Dictionaries, value_texts
from sinks.encoding.varint import varint, varints
from sinks.messages.base import ValueFormat, missing_problems, value_formats
from sinks.messages.proto_schema import proto_text

_VARINT, _FIXED64, _COUNTED = 0, 1, 2
"""Wire types."""
_WIRE = {
    OutputType.INTEGER: _VARINT,
    OutputType.LONG: _VARINT,
    OutputType.BOOLEAN: _VARINT,
    OutputType.DOUBLE: _FIXED64,
}
_TRUTH = pl.Series([b"\0", b"\1"])


@value_formats.register("PROTOBUF")
class ProtobufValues(ValueFormat):
    """Messages of proto3, whose fields have numbers in the order of the record.

    null is a field that is left out. An instant is a ``google.protobuf.Timestamp``; decimals, dates and times are
    texts, since proto3 has no type of its own for them. Fields that are there are also written where they are zero or
    empty, which readers do not see.
    """

    schema_type = "PROTOBUF"
    behind_id = b"\0"  # the first message of the file

    def __init__(self, schema: RecordSchema, template: Template | None = None) -> None:
        super().__init__(schema, template)
        self._tree = schema.tree()
        self._dictionaries = Dictionaries()

    @classmethod
    def check(cls, schema: RecordSchema) -> Sequence[Unsupported]:
        return [
            *missing_problems(cls.kind, schema),
            *name_problems(schema, kind="PROTOBUF", kept_as="json_name"),
            *_nulls_in_arrays(schema),
        ]

    def values(self, batch: Batch) -> pl.Series:
        return bytes_rows(self._members(self._tree, batch.records), batch.records.height)

    def schema_text(self) -> str:
        return proto_text(self.schema)

    def _members(self, node: ObjectNode, records: pl.DataFrame) -> list[BytesPiece]:
        """The fields of a message, each behind its tag."""
        pieces: list[BytesPiece] = []
        for number, member in enumerate(node.members.values(), start=1):
            if isinstance(member, ObjectNode):
                inside = bytes_rows(self._members(member, records), records.height)
                pieces += [_tag(number, _COUNTED), *_counted(inside)]
            elif isinstance(member, ArrayNode):
                pieces.append(self._array(number, member, records))
            else:
                pieces += self._field(number, member, records[member.name])
        return pieces

    def _array(self, number: int, node: ArrayNode, records: pl.DataFrame) -> pl.Series:
        """The elements of each record, one behind the other: numbers and truth values packed."""
        lists = {column.name: records[column.name] for column in node.columns()}
        lengths = lengths_of(next(iter(lists.values())))
        elements = pl.DataFrame({name: elements_of(column) for name, column in lists.items()})
        if not elements.height:
            return pl.Series([b""]).new_from_index(0, records.height)
        is_packed = isinstance(node.element, Column) and node.element.type in _WIRE
        if isinstance(node.element, Column):
            pieces = self._present(node.element, elements[node.element.name])
            pieces = pieces if is_packed else [_tag(number, _COUNTED), *pieces]
        else:
            inside = bytes_rows(self._members(node.element, elements), elements.height)
            pieces = [_tag(number, _COUNTED), *_counted(inside)]
        rows = bytes_rows(pieces, elements.height)
        ends = np.append(0, np.cumsum(rows.bin.size().to_numpy(), dtype=np.int64)).take(np.cumsum(lengths))
        together = lists_of(pl.Series(flat_bytes(rows)), np.diff(ends, prepend=0)).cast(pl.Binary)
        if not is_packed:
            return together
        packed = bytes_rows([_tag(number, _COUNTED), *_counted(together)], records.height)
        return pl.select(pl.when(pl.Series(lengths > 0)).then(packed).otherwise(pl.lit(b""))).to_series()

    def _field(self, number: int, column: Column, values: pl.Series) -> list[BytesPiece]:
        """The values behind their tags; nothing where a value is null."""
        tag = _tag(number, _WIRE.get(column.type, _COUNTED))
        if not values.null_count():
            return [tag, *self._present(column, values)]
        if not column.nullable:
            raise ValueError(f"{column.name} holds {values.null_count()} nulls and is not nullable")
        if values.null_count() == len(values):
            return [b""]
        present = values.drop_nulls()
        written = bytes_rows([tag, *self._present(column, present)], len(present))
        is_present = values.is_not_null().to_numpy()
        places = np.where(is_present, np.cumsum(is_present) - 1, len(present))
        return [pl.concat([written, pl.Series([b""])]).gather(places)]

    def _present(self, column: Column, values: pl.Series) -> list[BytesPiece]:
        """Values none of which is null, without tags."""
        match column.type:
            case OutputType.INTEGER | OutputType.LONG:
                return [varints(values.cast(pl.Int64).to_numpy().view(np.uint64))]
            case OutputType.BOOLEAN:
                return [_TRUTH.gather(values.cast(pl.UInt32))]
            case OutputType.DOUBLE:
                return [binary_of_matrix(np.ascontiguousarray(values.to_numpy().astype("<f8"))[:, None].view(np.uint8))]
            case OutputType.TIMESTAMP:
                return _counted(_instants(values))
            case OutputType.STRING | OutputType.JSON | OutputType.UUID:
                return self._texts(column, values)
            case OutputType.DECIMAL | OutputType.DATE | OutputType.TIME:
                return _counted(value_texts(values, column.type).cast(pl.Binary))

    def _texts(self, column: Column, values: pl.Series) -> list[BytesPiece]:
        dtype = values.dtype
        if not isinstance(dtype, pl.Enum):
            return _counted(values.cast(pl.Binary))
        words = self._dictionaries.words(
            column.name, dtype, lambda texts: bytes_rows(_counted(texts.cast(pl.Binary)), len(texts))
        )
        return [words[0] if len(words) == 1 else words.gather(values.cat.physical())]


def _nulls_in_arrays(schema: RecordSchema) -> Iterator[Unsupported]:
    for column in schema.columns:
        if column.is_element and column.nullable and column.name.endswith("[]"):
            message = "PROTOBUF has no null among the values of an array, so nullRate cannot be above 0"
            hint = "use valueFormat JSON, or let the elements be objects"
            yield Unsupported(column, "/nullRate", "PROPERTY_NOT_ALLOWED", message, hint)


def _instants(values: pl.Series) -> pl.Series:
    """Timestamps: seconds since 1970 rounded down, and the nanoseconds behind them."""
    seconds, milliseconds = np.divmod(values.dt.timestamp("ms").to_numpy(), 1000)
    nanoseconds = varints((milliseconds * 1_000_000).astype(np.uint64))
    pieces: list[BytesPiece] = [_tag(1, _VARINT), varints(seconds.view(np.uint64)), _tag(2, _VARINT), nanoseconds]
    return bytes_rows(pieces, len(values))


def _counted(content: pl.Series) -> list[BytesPiece]:
    """Bytes, texts and messages behind their lengths."""
    lengths = content.bin.size().to_numpy()
    shortest, longest = int(lengths.min()), int(lengths.max())
    return [varint(longest) if shortest == longest else varints(lengths.astype(np.uint64)), content]


def _tag(number: int, wire_type: int) -> bytes:
    return varint(number << 3 | wire_type)

"""AVRO: every value back through fastavro and polars; blocks, codecs, names."""

from __future__ import annotations

import json
from decimal import Decimal
from io import BytesIO
from typing import Any
from uuid import UUID

import fastavro
import polars as pl
import pytest
from hypothesis import given, settings

from engine.batch import Batch
from engine.issues import Severity
from engine.schema import Column, OutputType, RecordSchema
from engine.span import Span
from sinks.encoding.avro import BLOCK_RECORDS
from sinks.encoding.avro_schema import avro_schema, valid_names
from sinks.encoding.compression import Compression
from sinks.encoding.varint import zigzag
from tests.sinks.encoding.records import EVERY_TYPE, batch_of, cut, encoder, file_of, nested, one_column, records

T = OutputType


def read(file: bytes) -> list[Any]:
    return list(fastavro.reader(BytesIO(file)))


@settings(max_examples=60, deadline=None)
@given(records)
def test_fastavro_reads_back_what_was_written(rows: list[Any]) -> None:
    file = file_of(encoder("AVRO"), *cut(batch_of(rows), 1, 5))

    assert [{**record, "id": str(record["id"])} for record in read(file)] == [nested(row) for row in rows]


@settings(max_examples=25, deadline=None)
@given(records)
def test_polars_reads_back_what_was_written(rows: list[Any]) -> None:
    file = file_of(encoder("AVRO", compression=Compression.GZIP), *cut(batch_of(rows), 2))

    assert pl.read_avro(BytesIO(file)).to_dicts() == [nested(row) for row in rows]


@pytest.mark.parametrize(
    ("compression", "codec"),
    [(Compression.NONE, "null"), (Compression.GZIP, "deflate"), (Compression.ZSTD, "zstandard")],
)
def test_every_compression_is_read_back(compression: Compression, codec: str) -> None:
    rows = [(f"text {number}", *(None,) * 9, str(UUID(int=number)), None) for number in range(10)]
    file = file_of(encoder("AVRO", compression=compression), *cut(batch_of(rows), 3))

    assert fastavro.reader(BytesIO(file)).metadata["avro.codec"] == codec
    assert [{**record, "id": str(record["id"])} for record in read(file)] == [nested(row) for row in rows]


def test_a_frame_is_cut_into_blocks_that_readers_can_hold() -> None:
    count = 2 * BLOCK_RECORDS + 1
    schema, batch = one_column(Column("n", T.LONG), range(count))

    file = file_of(encoder("AVRO", schema), batch)

    blocks = list(fastavro.block_reader(BytesIO(file)))
    assert [block.num_records for block in blocks] == [BLOCK_RECORDS, BLOCK_RECORDS, 1]
    assert [record["n"] for record in read(file)] == list(range(count))


def test_the_bytes_of_a_small_file() -> None:
    schema = RecordSchema(
        "r",
        (
            Column("n", T.LONG),
            Column("o.word", T.STRING, nullable=True),
            Column("flag", T.BOOLEAN),
            Column("o.amount", T.DECIMAL, 2),
        ),
    )
    batch = Batch(
        Span(0, 2),
        pl.DataFrame(
            [
                pl.Series("n", [-65, 2]),
                pl.Series("o.word", ["ab", None], dtype=pl.Enum(["ab"])),
                pl.Series("flag", [True, False]),
                pl.Series("o.amount", [Decimal("18.70"), Decimal("-0.05")], dtype=pl.Decimal(18, 2)),
            ]
        ),
    )

    header, frame = encoder("AVRO", schema).header(), encoder("AVRO", schema).frame(batch).payload

    description = (
        '{"type":"record","name":"r","fields":[{"name":"n","type":"long"},{"name":"o","type":{"type":"record",'
        '"name":"o","namespace":"r","fields":[{"name":"word","type":["null","string"],"default":null},'
        '{"name":"amount","type":{"type":"bytes","logicalType":"decimal","precision":18,"scale":2}}]}},'
        '{"name":"flag","type":"boolean"}]}'
    )
    sync = bytes.fromhex("1069d13ffccd50432dcbffcc87b72baa")
    assert header == (
        b"Obj\x01\x04\x14avro.codec\x08null\x16avro.schema"
        + zigzag(len(description))
        + description.encode()
        + b"\x00"
        + sync
    )
    first, second = (
        bytes.fromhex("8101 02 04 6162 10 000000000000074e 01"),
        bytes.fromhex("04 00 10 fffffffffffffffb 00"),
    )
    assert frame == b"\x04" + zigzag(len(first + second)) + first + second + sync


def test_a_file_without_records_is_read_as_such() -> None:
    assert read(file_of(encoder("AVRO"))) == []


@pytest.mark.parametrize("length", [63, 64, 65, 8191, 8192, 1_000_000])
def test_texts_of_any_length_come_back(length: int) -> None:
    texts = ["", "é" * (length // 2), "x" * length, None]
    schema, batch = one_column(Column("text", T.STRING, nullable=True), texts)

    assert [record["text"] for record in read(file_of(encoder("AVRO", schema), batch))] == texts


@pytest.mark.parametrize("type_", [T.STRING, T.LONG, T.DECIMAL, T.BOOLEAN, T.TIMESTAMP])
def test_a_frame_of_nulls_is_written(type_: OutputType) -> None:
    schema, batch = one_column(Column("a", type_, nullable=True), [None, None])

    assert read(file_of(encoder("AVRO", schema), batch)) == [{"a": None}, {"a": None}]


def test_a_null_where_the_schema_has_none_is_an_error() -> None:
    schema, batch = one_column(Column("a", T.LONG), [1, None])

    with pytest.raises(ValueError, match="a holds 1 nulls and is not nullable"):
        encoder("AVRO", schema).frame(batch)


def test_names_are_made_valid_and_keep_their_original() -> None:
    names = ["total €", "total_€", "total__", "2nd", "_2nd", "größe", "ok"]
    schema = RecordSchema("my-orders 2026", tuple(Column(name, T.INTEGER) for name in names))
    batch = Batch(
        Span(0, 1), pl.DataFrame({name: pl.Series([place], dtype=pl.Int32) for place, name in enumerate(names)})
    )

    file = file_of(encoder("AVRO", schema), batch)

    assert [list(record.values()) for record in read(file)] == [list(range(len(names)))]
    description = json.loads(fastavro.reader(BytesIO(file)).metadata["avro.schema"])
    assert (description["name"], description["doc"]) == ("my_orders_2026", "my-orders 2026")
    assert [field.get("doc", field["name"]) for field in description["fields"]] == names
    assert [field["name"] for field in description["fields"]] == [
        "total___2", "total___3", "total__", "_2nd_2", "_2nd", "gr__e", "ok",
    ]  # fmt: skip


def test_valid_names_are_kept_whatever_stands_before_them() -> None:
    assert valid_names(["a b", "a_b", "a-b"]) == ["a_b_2", "a_b", "a_b_3"]


def test_objects_of_one_name_in_two_places_are_two_records() -> None:
    schema = RecordSchema("r", (Column("a.x.n", T.INTEGER), Column("b.x.n", T.LONG), Column("r.n", T.LONG)))
    values = pl.DataFrame({"a.x.n": pl.Series([1], dtype=pl.Int32), "b.x.n": [2], "r.n": [3]})

    file = file_of(encoder("AVRO", schema), Batch(Span(0, 1), values))

    fastavro.parse_schema(avro_schema(schema))
    assert read(file) == [{"a": {"x": {"n": 1}}, "b": {"x": {"n": 2}}, "r": {"n": 3}}]


def test_missing_fields_are_refused() -> None:
    schema = RecordSchema("r", (Column("a", T.LONG, may_be_missing=True), Column("b", T.LONG)))

    assert [(one.column.name, one.at) for one in encoder("AVRO").check(schema)] == [("a", "/missingRate")]


def test_lists_and_objects_are_told_to_become_text() -> None:
    [told] = encoder("AVRO").check(EVERY_TYPE)

    assert (told.column.name, told.at, told.code, told.severity) == ("document", "", "TYPE_MISMATCH", Severity.WARNING)

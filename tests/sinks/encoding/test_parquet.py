"""PARQUET: row groups of several frames as one file for polars, pyarrow and DuckDB."""

from __future__ import annotations

import hashlib
from decimal import Decimal
from io import BytesIO
from pathlib import Path
from typing import Any

import duckdb
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings

from engine.batch import Batch
from engine.issues import Severity
from engine.schema import Column, OutputType, RecordSchema
from engine.span import Span
from sinks.encoding.compression import Compression
from sinks.encoding.parquet import CREATED_BY
from tests.sinks.encoding.records import EVERY_TYPE, batch_of, cut, encoder, file_of, nested, one_column, records

T = OutputType
ROW = ("text", "NEW", 1, 2, Decimal("0.5000"), 0.5, True, None, None, None, "0" * 36, '{"a":1}')


@settings(max_examples=25, deadline=None)
@given(records)
def test_polars_and_pyarrow_read_back_what_was_written(rows: list[Any]) -> None:
    file = file_of(encoder("PARQUET"), *cut(batch_of(rows), 1, 5))

    expected = [nested(row) for row in rows]
    assert pl.read_parquet(BytesIO(file)).to_dicts() == expected
    assert pq.read_table(pa.BufferReader(file)).to_pylist() == expected


@settings(max_examples=25, deadline=None)
@given(records)
def test_duckdb_reads_back_what_was_written(tmp_path_factory: pytest.TempPathFactory, rows: list[Any]) -> None:
    path = tmp_path_factory.mktemp("duckdb") / "file.parquet"
    path.write_bytes(file_of(encoder("PARQUET", compression=Compression.ZSTD), *cut(batch_of(rows), 2)))

    read = duckdb.sql(f"SELECT * FROM '{path}'").fetchall()

    assert read == [tuple(nested(row).values()) for row in rows]


@pytest.mark.parametrize("compression", list(Compression))
def test_frames_are_row_groups_of_one_file(compression: Compression, tmp_path: Path) -> None:
    path = tmp_path / "file.parquet"
    path.write_bytes(file_of(encoder("PARQUET", compression=compression), *cut(batch_of([ROW] * 7), 2, 3)))

    metadata = pq.ParquetFile(path).metadata

    assert [metadata.row_group(group).num_rows for group in range(metadata.num_row_groups)] == [2, 1, 4]
    assert metadata.num_rows == 7
    assert metadata.created_by == CREATED_BY.decode()
    codec = {"NONE": "UNCOMPRESSED"}.get(compression, compression.value)
    assert {metadata.row_group(group).column(0).compression for group in range(3)} == {codec}
    assert pl.read_parquet(path).to_dicts() == [nested(ROW)] * 7
    assert duckdb.sql(f"SELECT count(*), sum(long) FROM '{path}' WHERE word = 'NEW'").fetchall() == [(7, 14)]
    assert duckdb.sql(f"SELECT count(*) FROM '{path}' WHERE word = 'x' OR long > 2").fetchall() == [(0,)]


def test_a_file_without_records_has_its_columns() -> None:
    file = file_of(encoder("PARQUET"))

    full = file_of(encoder("PARQUET"), batch_of([ROW]))
    assert pl.read_parquet(BytesIO(file)).height == 0
    assert pl.read_parquet_schema(BytesIO(file)) == pl.read_parquet_schema(BytesIO(full))
    assert pq.read_schema(pa.BufferReader(file)) == pq.read_schema(pa.BufferReader(full))


def test_types_are_those_of_the_schema_whatever_the_frame_holds() -> None:
    schema = pl.read_parquet_schema(BytesIO(file_of(encoder("PARQUET"), batch_of([ROW]))))

    assert schema == {
        "text": pl.String(),
        "word": pl.String(),
        "inner": pl.Struct({"number": pl.Int32, "amount": pl.Decimal(18, 4), "deep": pl.Struct({"at": T_UTC})}),
        "long": pl.Int64(),
        "double": pl.Float64(),
        "flag": pl.Boolean(),
        "day": pl.Date(),
        "time": pl.Time(),
        "id": pl.String(),
        "document": pl.String(),
    }


T_UTC = pl.Datetime("ms", "UTC")


def test_dictionaries_of_several_frames_are_plain_text_to_readers() -> None:
    schema = RecordSchema("r", (Column("word", T.STRING, nullable=True),))
    words = [["a", "b", None, "a"], ["b", "c", "c", "b"]]
    batches = [
        Batch(Span(0, 4), pl.DataFrame({"word": pl.Series(words[0], dtype=pl.Enum(["a", "b"]))})),
        Batch(Span(4, 4), pl.DataFrame({"word": pl.Series(words[1], dtype=pl.Enum(["c", "b"]))})),
        Batch(Span(8, 1), pl.DataFrame({"word": ["z"]})),
    ]

    file = file_of(encoder("PARQUET", schema), *batches)

    assert pl.read_parquet(BytesIO(file))["word"].to_list() == [*words[0], *words[1], "z"]
    assert pq.read_table(pa.BufferReader(file))["word"].to_pylist() == [*words[0], *words[1], "z"]
    assert pq.ParquetFile(pa.BufferReader(file)).metadata.row_group(0).column(0).has_dictionary_page


def test_a_row_group_does_not_carry_a_dictionary_larger_than_itself() -> None:
    words = pl.Enum([f"word {number}" for number in range(10_000)])
    schema = RecordSchema("r", (Column("word", T.STRING),))
    batch = Batch(Span(0, 10), pl.DataFrame({"word": pl.Series([f"word {n}" for n in range(10)], dtype=words)}))

    assert len(file_of(encoder("PARQUET", schema), batch)) < 2_000


def test_a_text_of_a_megabyte_comes_back() -> None:
    long = 'é"\n' * 250_000
    schema, batch = one_column(Column("text", T.STRING), ["", long, "x"])

    file = file_of(encoder("PARQUET", schema), batch)

    assert pl.read_parquet(BytesIO(file))["text"].to_list() == ["", long, "x"]
    assert pq.read_table(pa.BufferReader(file))["text"].to_pylist() == ["", long, "x"]


def test_a_frame_says_nothing_of_where_it_was_made() -> None:
    frame = encoder("PARQUET").frame(batch_of([ROW] * 3))

    assert b"Polars" not in frame.payload + frame.index
    assert b"Polars" not in encoder("PARQUET").footer([])


def test_many_row_groups_and_many_columns() -> None:
    schema = RecordSchema("r", tuple(Column(f"c{number}", T.INTEGER) for number in range(40)))
    values = pl.DataFrame({f"c{number}": pl.Series(range(100), dtype=pl.Int32) for number in range(40)})

    file = file_of(encoder("PARQUET", schema), *cut(Batch(Span(0, 100), values), *range(1, 100)))

    assert pl.read_parquet(BytesIO(file)).equals(values)
    assert pq.ParquetFile(pa.BufferReader(file)).metadata.num_row_groups == 100


def test_the_bytes_of_a_small_file() -> None:
    # Changes when polars writes pages in another way: then files of before and after differ, so say so in the commit.
    schema = RecordSchema("r", (Column("id", T.LONG), Column("a.word", T.STRING), Column("a.amount", T.DECIMAL, 2)))
    batch = Batch(
        Span(0, 2),
        pl.DataFrame(
            [
                pl.Series("id", [1, 2]),
                pl.Series("a.word", ["x", "y"], dtype=pl.Enum(["x", "y"])),
                pl.Series("a.amount", [Decimal("18.70"), Decimal("-0.05")], dtype=pl.Decimal(18, 2)),
            ]
        ),
    )

    file = file_of(encoder("PARQUET", schema), *cut(batch, 1))

    assert (len(file), hashlib.sha256(file).hexdigest()[:16]) == (792, "1e932c21b3a9e4c4")


def test_missing_fields_are_refused() -> None:
    schema = RecordSchema("r", (Column("a", T.LONG, may_be_missing=True), Column("b", T.LONG)))

    assert [(one.column.name, one.at) for one in encoder("PARQUET").check(schema)] == [("a", "/missingRate")]


def test_lists_and_objects_are_told_to_become_text() -> None:
    [told] = encoder("PARQUET").check(EVERY_TYPE)

    assert (told.column.name, told.at, told.code, told.severity) == ("document", "", "TYPE_MISMATCH", Severity.WARNING)

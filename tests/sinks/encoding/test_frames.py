"""Every format: frames of several cuts and workers are one file, and the same batch is the same bytes."""

from __future__ import annotations

import gzip
from io import BytesIO
from typing import Any

import numpy as np
import polars as pl
import pytest
import zstandard

from engine.batch import Batch
from engine.schema import Column, OutputType, RecordSchema
from engine.span import Span
from sinks.encoding.base import PlacedFrame, encoders
from sinks.encoding.compression import Compression
from tests.sinks.encoding.records import EVERY_TYPE, batch_of, cut, encoder, file_of

FORMATS = list(encoders)
TEXT_FORMATS = ["CSV", "JSONL"]
ROWS: list[tuple[Any, ...]] = [
    (f'text "{number}"\n', "NEW", number, -number, None, number / 7, number % 2 == 0, None, None, None, "a" * 36, "{}")
    for number in range(200)
]


def opened(file: bytes, compression: Compression) -> bytes:
    match compression:
        case Compression.GZIP:
            return gzip.decompress(file)
        case Compression.ZSTD:
            reader = zstandard.ZstdDecompressor().stream_reader(file, read_across_frames=True)
            return bytes(reader.read())
        case Compression.NONE:
            return file


def test_the_formats_are_registered() -> None:
    assert FORMATS == ["AVRO", "CSV", "JSONL", "PARQUET"]
    assert [encoders[name].indexed for name in FORMATS] == [False, False, False, True]


@pytest.mark.parametrize("compression", list(Compression))
@pytest.mark.parametrize("name", FORMATS)
def test_frames_of_several_workers_are_the_bytes_of_one(name: str, compression: Compression) -> None:
    batches = cut(batch_of(ROWS), 64, 128, 192)

    whole = file_of(encoder(name, compression=compression), *batches)
    workers = [encoder(name, compression=compression) for _ in range(3)]
    frames = {place: workers[place % 3].frame(batches[place]) for place in (3, 1, 0, 2)}
    header = workers[1].header()
    joined, placed = header, []
    for place, batch in enumerate(batches):
        frame = frames[place]
        placed.append(PlacedFrame(len(joined), len(frame.payload), batch.span.count, frame.index))
        joined += frame.payload

    assert joined + workers[2].footer(placed) == whole


@pytest.mark.parametrize("compression", list(Compression))
@pytest.mark.parametrize("name", TEXT_FORMATS)
def test_lines_do_not_depend_on_the_cut(name: str, compression: Compression) -> None:
    batch = batch_of(ROWS)

    whole = file_of(encoder(name), batch)
    parts = file_of(encoder(name, compression=compression), *cut(batch, 1, 7, 150))

    assert opened(parts, compression) == whole


@pytest.mark.parametrize("compression", list(Compression))
@pytest.mark.parametrize("name", TEXT_FORMATS)
def test_polars_reads_members_one_behind_the_other(name: str, compression: Compression) -> None:
    file = file_of(encoder(name, compression=compression), *cut(batch_of(ROWS), 50, 100))

    read = pl.read_csv(file, schema_overrides={"double": pl.Float64}) if name == "CSV" else pl.read_ndjson(file)

    assert read["long"].to_list() == [-number for number in range(200)]


@pytest.mark.parametrize("compression", [Compression.GZIP, Compression.ZSTD])
@pytest.mark.parametrize("name", TEXT_FORMATS)
def test_a_compressed_file_without_records_is_a_compressed_file(name: str, compression: Compression) -> None:
    file = file_of(encoder(name, compression=compression))

    assert file != b""
    assert opened(file, compression) == file_of(encoder(name))


def test_a_gzip_member_holds_no_time() -> None:
    assert Compression.GZIP.member(b"x")[4:8] == bytes(4)


@pytest.mark.parametrize("name", FORMATS)
def test_a_batch_without_records_has_no_bytes(name: str) -> None:
    empty = batch_of(ROWS).slice(Span(0, 0))

    frame = encoder(name, compression=Compression.GZIP).frame(empty)

    assert (frame.payload, frame.index) == (b"", b"")
    assert file_of(encoder(name), empty) == file_of(encoder(name))


@pytest.mark.parametrize("name", FORMATS)
def test_a_batch_of_constants_and_a_batch_of_nulls_are_written(name: str) -> None:
    schema = RecordSchema("r", (Column("a", OutputType.STRING, nullable=True),))
    constant = pl.Series("a", ["EUR"] * 3, dtype=pl.Enum(["EUR"]))
    nulls = pl.Series("a", [None] * 3, dtype=pl.Enum(["EUR"]))
    texts = pl.Series("a", ["EUR"] * 3)
    no_texts = pl.Series("a", [None] * 3, dtype=pl.String)

    def frame(values: pl.Series) -> bytes:
        return encoder(name, schema).frame(Batch(Span(0, 3), pl.DataFrame([values]))).payload

    if name != "PARQUET":  # which has dictionary pages
        assert frame(constant) == frame(texts)
        assert frame(nulls) == frame(no_texts)
    assert frame(constant) != frame(nulls)


@pytest.mark.parametrize("name", FORMATS)
def test_an_encoder_keeps_nothing_of_the_frames_before(name: str) -> None:
    used, fresh = encoder(name), encoder(name)
    first, second = cut(batch_of(ROWS), 100)
    used.frame(first)

    assert used.frame(second) == fresh.frame(second)


@pytest.mark.parametrize("name", FORMATS)
def test_a_batch_of_a_slice_is_written_like_one_of_its_own(name: str) -> None:
    sliced = batch_of(ROWS).slice(Span(90, 20))

    assert encoder(name).frame(sliced).payload == encoder(name).frame(batch_of(ROWS[90:110])).payload


@pytest.mark.parametrize("name", FORMATS)
def test_five_hundred_columns_are_written(name: str) -> None:
    schema = RecordSchema("r", tuple(Column(f"c{number}", OutputType.INTEGER) for number in range(500)))
    values = pl.DataFrame(np.arange(1500, dtype=np.int32).reshape(3, 500), schema=[c.name for c in schema.columns])

    file = file_of(encoder(name, schema), Batch(Span(0, 3), values))

    if name == "CSV":
        assert pl.read_csv(file, schema_overrides=values.schema).equals(values)
    if name == "JSONL":
        assert pl.read_ndjson(file).to_dicts() == values.to_dicts()
    if name == "AVRO":
        assert pl.read_avro(BytesIO(file)).equals(values)
    if name == "PARQUET":
        assert pl.read_parquet(file).equals(values)


@pytest.mark.parametrize(
    ("name", "compression", "suffix"),
    [
        ("JSONL", Compression.NONE, ".jsonl"),
        ("JSONL", Compression.GZIP, ".jsonl.gz"),
        ("CSV", Compression.ZSTD, ".csv.zst"),
        ("PARQUET", Compression.ZSTD, ".parquet"),
        ("AVRO", Compression.GZIP, ".avro"),
    ],
)
def test_the_suffix_tells_format_and_outer_compression(name: str, compression: Compression, suffix: str) -> None:
    assert encoder(name, EVERY_TYPE, compression).file_suffix == suffix


@pytest.mark.parametrize("name", FORMATS)
def test_a_frame_holds_what_is_left_when_records_are_rejected(name: str) -> None:
    left = batch_of(ROWS[:50])
    gaps = Batch(Span(10, 53), left.records, left.missing, rejected=(10, 30, 62))

    assert encoder(name).frame(gaps) == encoder(name).frame(left)


@pytest.mark.parametrize("compression", list(Compression))
@pytest.mark.parametrize("name", FORMATS)
def test_a_frame_of_rejected_records_adds_nothing_to_the_file(name: str, compression: Compression) -> None:
    batch = batch_of(ROWS[:50])
    nothing = Batch(Span(50, 2), batch.records.clear(), rejected=(50, 51))

    frame = encoder(name, compression=compression).frame(nothing)

    assert frame.payload == b""
    file = file_of(encoder(name, compression=compression), batch, nothing)
    assert file == file_of(encoder(name, compression=compression), batch)

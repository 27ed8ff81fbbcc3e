"""Snapshots: the same content has the same hash, and a table is mapped from its file, not copied."""

from __future__ import annotations

import gc
import os
import re
import subprocess
import sys
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pools.arrow_map import map_table
from pools.snapshot import content_hash, open_snapshot, snapshot_of, table_bytes, write_snapshot
from sdg_project.errors import Invalid

EVERY_TYPE = pl.DataFrame(
    {
        "text": ["x", None, "much longer than twelve bytes, ä 🎉", ""],
        "long": [1, None, -(2**63), 2**63 - 1],
        "double": [1.5, None, -0.25, 5e-324],
        "yes": [True, None, False, True],
        "day": [date(2026, 1, 31), None, date(1, 1, 1), date(9999, 12, 31)],
        "instant": pl.Series(
            [datetime(2026, 1, 2, 3, 4, 5, 678_000, tzinfo=UTC), None, None, datetime(1, 1, 1, tzinfo=UTC)],
            dtype=pl.Datetime("ms", "UTC"),
        ),
        "price": pl.Series([Decimal("1.50"), None, Decimal("-999.99"), Decimal("0")], dtype=pl.Decimal(18, 2)),
        "nothing": pl.Series([None] * 4, dtype=pl.String),
        "short": ["a", "b", "c", "d"],
    }
)


@pytest.fixture
def written(tmp_path: Path) -> Path:
    path = tmp_path / "1.arrow"
    write_snapshot(EVERY_TYPE, path)
    return path


def test_a_table_comes_back_as_it_was_written(written: Path) -> None:
    snapshot = open_snapshot(written, pool="p", version=1, content_hash=content_hash(EVERY_TYPE), weight_column="long")

    assert snapshot.records.schema == EVERY_TYPE.schema
    assert snapshot.records.equals(EVERY_TYPE, null_equal=True)
    assert content_hash(snapshot.records) == snapshot.content_hash
    assert snapshot.weight_column == "long"


def test_only_the_finished_file_lies_in_the_folder(written: Path) -> None:
    assert os.listdir(written.parent) == ["1.arrow"]


@settings(max_examples=50, deadline=None)
@given(st.lists(st.one_of(st.none(), st.text(st.characters(exclude_categories=["Cs"]), max_size=40)), max_size=50))
def test_every_text_comes_back(tmp_path_factory: pytest.TempPathFactory, texts: list[str | None]) -> None:
    path = tmp_path_factory.mktemp("texts") / "1.arrow"

    write_snapshot(pl.DataFrame({"text": texts}, schema={"text": pl.String}), path)

    assert map_table(path)["text"].to_list() == texts


def test_tables_of_several_record_batches_are_mapped_too(tmp_path: Path) -> None:
    EVERY_TYPE.write_ipc(tmp_path / "x.arrow", record_batch_size=1)

    assert map_table(tmp_path / "x.arrow").equals(EVERY_TYPE, null_equal=True)


def test_a_table_lives_as_long_as_any_part_of_it_though_its_file_is_removed(written: Path) -> None:
    column = map_table(written)["text"]
    written.unlink()
    gc.collect()

    assert column.to_list() == EVERY_TYPE["text"].to_list()
    assert str(written) in Path("/proc/self/maps").read_text()

    del column
    gc.collect()

    assert str(written) not in Path("/proc/self/maps").read_text()


def test_an_exception_on_its_way_through_whoever_holds_a_table_is_not_lost(written: Path) -> None:
    def both(*arguments: object) -> None:
        raise AssertionError(arguments)

    with pytest.raises(ZeroDivisionError):
        both(map_table(written), 1 / 0)  # type: ignore[func-returns-value]
    with pytest.raises(ZeroDivisionError):
        both([map_table(written).lazy(), map_table(written)["text"]], 1 / 0)  # type: ignore[func-returns-value]


@pytest.mark.parametrize("kept", [0, 5, 100, 1_000])
def test_a_file_that_was_cut_off_is_refused(written: Path, kept: int) -> None:
    written.write_bytes(written.read_bytes()[:kept])

    with pytest.raises(ValueError, match=r"Arrow file|cannot mmap an empty file|damaged"):
        map_table(written)


_MEASURE = """
import re, sys
from pathlib import Path
import polars as pl
from pools.arrow_map import map_table

def anonymous():
    return int(re.search(r"Anonymous:\\s+(\\d+)", Path("/proc/self/smaps_rollup").read_text())[1]) * 1024

pl.DataFrame({"warm": ["up"]}).select(pl.col("warm").str.len_bytes().sum())
before = anonymous()
table = map_table(Path(sys.argv[1]))
total = table["number"].sum() + table["text"].str.len_bytes().sum()
print(anonymous() - before, total)
"""


def test_opening_and_reading_a_large_table_takes_no_memory_of_the_process(tmp_path: Path) -> None:
    path = tmp_path / "1.arrow"
    count = 500_000
    table = pl.DataFrame({"number": pl.arange(count, eager=True)}).with_columns(
        text=pl.format("a text that is not held in its view, {}", "number")
    )
    write_snapshot(table, path)

    output = subprocess.check_output([sys.executable, "-c", _MEASURE, str(path)], cwd=Path(__file__).parents[2])

    taken, total = map(int, output.split())
    assert total == table["number"].sum() + table["text"].str.len_bytes().sum()
    assert path.stat().st_size > 30_000_000
    # The lengths of the texts take 2 MB while they are summed up; the rest of the limit is the allocator's.
    assert taken < 8_000_000


def test_the_hash_does_not_depend_on_chunks() -> None:
    cut = pl.concat([EVERY_TYPE[:1], EVERY_TYPE[1:2], EVERY_TYPE[2:]], rechunk=False)

    assert content_hash(cut) == content_hash(EVERY_TYPE)


def test_the_hash_is_pinned() -> None:
    assert content_hash(EVERY_TYPE) == "85c5af92655f107dc58897411319603e"


@pytest.mark.parametrize(
    "other",
    [
        EVERY_TYPE.rename({"text": "texts"}),
        EVERY_TYPE[::-1],
        EVERY_TYPE.select(reversed(EVERY_TYPE.columns)),
        EVERY_TYPE.with_columns(pl.col("text").fill_null("")),
        EVERY_TYPE.with_columns(pl.col("long").fill_null(0)),
        EVERY_TYPE.with_columns(pl.col("price").cast(pl.Decimal(18, 3))),
        EVERY_TYPE.with_columns(pl.col("day").to_physical().cast(pl.Int64)),
        EVERY_TYPE[:3],
    ],
)
def test_other_content_has_another_hash(other: pl.DataFrame) -> None:
    assert content_hash(other) != content_hash(EVERY_TYPE)


def test_texts_are_not_confused_when_their_borders_move() -> None:
    left, right = pl.DataFrame({"a": ["xy", "z"]}), pl.DataFrame({"a": ["x", "yz"]})

    assert content_hash(left) != content_hash(right)


def test_minus_zero_is_zero() -> None:
    assert content_hash(pl.DataFrame({"x": [-0.0]})) == content_hash(pl.DataFrame({"x": [0.0]}))


def test_the_same_values_have_one_hash_whatever_the_format(load_file: Any, tmp_path: Path) -> None:
    csv = load_file(
        "zip,n,x,yes,day,at,text\n"
        "00501,1,1.5,true,2026-01-31,2026-01-02T03:04:05.678Z,ä\n"
        '10001,,2.0,false,2026-02-01,2026-01-02T03:04:05.000Z,""\n'
    )
    lines = load_file(
        '{"zip":"00501","n":1,"x":1.5,"yes":true,"day":"2026-01-31","at":"2026-01-02T05:04:05.678+02:00","text":"ä"}\n'
        '{"zip":"10001","n":null,"x":2.0,"yes":false,"day":"2026-02-01","at":"2026-01-02T03:04:05Z","text":""}\n',
        name="things.ndjson",
    )
    csv.records.with_columns(pl.col("at").cast(pl.Datetime("us")), pl.col("n").cast(pl.UInt8)).write_parquet(
        tmp_path / "p.parquet"
    )
    parquet = load_file((tmp_path / "p.parquet").read_bytes(), name="things.parquet")

    assert lines.records.schema == csv.records.schema
    assert len({content_hash(loaded.records) for loaded in (csv, lines, parquet)}) == 1
    assert csv.columns[0]["type"] == "STRING"


def test_a_snapshot_in_memory_has_the_hash_of_the_written_one(written: Path) -> None:
    assert snapshot_of(EVERY_TYPE, pool="p", version=1).content_hash == content_hash(map_table(written))


def test_the_size_in_memory_is_about_that_of_the_file(tmp_path: Path) -> None:
    table = pl.DataFrame({"a": range(10_000), "b": ["short", "and one that is longer"] * 5_000})
    write_snapshot(table, tmp_path / "1.arrow")

    assert table_bytes(table) == pytest.approx((tmp_path / "1.arrow").stat().st_size, rel=0.05)


# Parquet files of others.


def test_types_of_parquet_files_become_those_of_pools(load_file: Any, tmp_path: Path) -> None:
    pl.DataFrame(
        {
            "small": pl.Series([1, None], dtype=pl.Int16),
            "huge": pl.Series([2**64 - 1, 1], dtype=pl.UInt64),
            "float": pl.Series([0.5, None], dtype=pl.Float32),
            "word": pl.Series(["a", "b"], dtype=pl.Categorical),
            "price": pl.Series([Decimal("1.5"), None], dtype=pl.Decimal(30, 2)),
            "local": pl.Series(["2026-07-01T12:00:00", None]).str.to_datetime(time_zone="Europe/Berlin"),
            "fine": pl.Series(["2026-07-01T12:00:00.001999", None]).str.to_datetime(),
        }
    ).write_parquet(tmp_path / "p.parquet")

    loaded = load_file((tmp_path / "p.parquet").read_bytes(), name="things.parquet")

    assert loaded.records.row(0) == (
        1,
        str(2**64 - 1),
        0.5,
        "a",
        Decimal("1.50"),
        datetime(2026, 7, 1, 10, tzinfo=UTC),
        datetime(2026, 7, 1, 12, 0, 0, 1_000, tzinfo=UTC),
    )
    assert [column.get("note") for column in loaded.columns][-2:] == [None, "cut to milliseconds"]


def test_what_a_pool_cannot_hold_is_refused_column_by_column(load_file: Any, tmp_path: Path) -> None:
    pl.DataFrame({"list": [[1]], "object": [{"a": 1}], "bytes": [b"x"], "nan": [float("nan")]}).write_parquet(
        tmp_path / "p.parquet"
    )

    with pytest.raises(Invalid) as error:
        load_file((tmp_path / "p.parquet").read_bytes(), name="things.parquet")

    assert [re.findall(r'column "(\w+)"', issue.message)[0] for issue in error.value.issues] == [
        "list",
        "object",
        "bytes",
        "nan",
    ]


def test_a_small_parquet_file_that_unfolds_into_a_large_table_is_stopped(load_file: Any, tmp_path: Path) -> None:
    pl.DataFrame({"a": ["x" * 10_000] * 20_000}).write_parquet(tmp_path / "p.parquet")
    content = (tmp_path / "p.parquet").read_bytes()
    assert len(content) < 1_000_000

    with pytest.raises(Invalid, match="and the pool may hold 1,000,000"):
        load_file(content, name="things.parquet", limits={"maxBytes": 1_000_000})


def test_a_renamed_file_is_no_parquet(load_file: Any) -> None:
    with pytest.raises(Invalid, match="this is no Parquet file"):
        load_file("a,b\n1,2\n", name="things.parquet")

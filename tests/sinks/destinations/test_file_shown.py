"""The FILE destination: what a run shows that has ended before its time."""

from __future__ import annotations

import itertools
import json
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from engine.span import Span
from sinks.encoding.base import encoders
from sinks.encoding.compression import Compression
from tests.sinks.destinations.ends import FRAME, ROLL, expected, expected_parts, made, open_run, spans_of
from tests.sinks.destinations.scenarios import untrue
from tests.support.file_runs import FileRun, carry, plan_of_run, shown, tree

FORMATS = list(itertools.product(sorted(encoders), Compression))
ENDS = [(0,), (1,), (32,), (49,), (50,), (51,), (82,), (100,), (230,)]
"""Of an open run: nowhere, inside frames and parts, and at the borders of either."""
SEVERAL = [(0, 150), (0, 299), (10, 150), (64, 200), (150, 250), (149, 300), (150, 300), (100, 163)]
"""Of a run of two shards, from 0 and from 150 or, in one file, from 160."""


def manifest_of(root: Path) -> dict[str, Any]:
    [(path, content)] = [(path, text) for path, text in tree(root).items() if path.endswith("manifest.json")]
    assert list(untrue(tree(root), path)) == []
    document: dict[str, Any] = json.loads(content)
    return document


@pytest.mark.parametrize("end", [end for [end] in ENDS])
@pytest.mark.parametrize(("form", "compression"), FORMATS)
def test_an_open_run_shows_what_it_has_committed(form: str, compression: Compression, end: int, root: Path) -> None:
    run = open_run(root, {"format": form, "compression": str(compression)}, end=end, batch=7)

    [written] = carry(run)

    assert Path(written.path).read_bytes() == expected(run, [Span(0, end)])
    assert written.records == end
    [file] = manifest_of(root)["files"]
    assert file["ranges"] == ([[0, end]] if end else [])
    assert not [path for path in tree(root) if path.startswith(".")]


@pytest.mark.parametrize("end", [end for [end] in ENDS])
@pytest.mark.parametrize(("form", "compression"), FORMATS)
def test_an_open_run_in_parts_names_the_last_by_what_it_holds(
    form: str, compression: Compression, end: int, root: Path
) -> None:
    config = {"format": form, "compression": str(compression), "rollRecords": ROLL}
    run = open_run(root, config, end=end, batch=7)

    written = carry(run)

    files = shown(tree(root))
    files.pop("out/manifest.json")
    assert files == expected_parts(run, [Span(0, end)])
    assert sum(file.records for file in written) == end
    assert [file["ranges"] for file in manifest_of(root)["files"] if file["records"]] == [
        [[start, min(start + ROLL, end)]] for start in range(0, end, ROLL)
    ]


@pytest.mark.parametrize("ends", SEVERAL)
@pytest.mark.parametrize("form", sorted(encoders))
def test_shards_that_end_early_are_joined_in_record_order(form: str, ends: tuple[int, int], root: Path) -> None:
    one = FileRun(str(root / "one"), path="out", config={"format": form}, frame=FRAME, shards=2)
    in_parts = one.but(root=str(root / "parts"), config={"format": form, "rollRecords": ROLL})
    first, second = ends
    for run in (one.but(ends=(min(first, 160), max(second, 160))), in_parts.but(ends=ends)):
        carry(run)

        spans = spans_of(run)
        files = shown(tree(run.root))
        if run.config.get("rollRecords"):
            files.pop("out/manifest.json")
            assert files == expected_parts(run, spans)
        else:
            assert files["out"] == expected(run, spans)
        document = manifest_of(Path(run.root))
        assert document["records"] == sum(span.count for span in spans)
        ranges = [range(*pair) for file in document["files"] for pair in file["ranges"]]
        assert [number for each in ranges for number in each] == [
            number for span in spans for number in range(span.start, span.end)
        ]


def test_what_a_stopped_run_shows_can_be_read(root: Path) -> None:
    run = FileRun(str(root), path="out.parquet", frame=FRAME, shards=2, ends=(70, 201))

    carry(run)

    records = pl.read_parquet(root / "out.parquet")
    plan = plan_of_run(run)
    spans = spans_of(run)
    wanted = pl.concat([plan.batch(span).records for span in spans])
    assert records.equals(wanted.select(pl.col(pl.Enum).cast(pl.String), pl.exclude(pl.Enum)).select(records.columns))


@pytest.mark.parametrize("form", sorted(encoders))
@pytest.mark.parametrize("roll", [None, ROLL])
def test_rejected_records_are_in_no_file_and_counted_nowhere(roll: int | None, form: str, root: Path) -> None:
    config = {"format": form} | ({"rollRecords": roll} if roll else {})
    run = FileRun(str(root), path="out", config=config, frame=FRAME, shards=2, ends=(110, 290), rejects=True)

    written = carry(run)

    spans, files = spans_of(run), shown(tree(root))
    assert files["out"] == expected(run, spans) if roll is None else True
    assert expected_parts(run, spans).items() <= files.items() if roll else True
    records = sum(made(plan_of_run(run), span).records.height for span in spans)
    assert sum(file.records for file in written) == manifest_of(root)["records"] == records
    assert records < sum(span.count for span in spans) - 32


def test_a_run_that_begins_anywhere_has_parts_of_its_own_numbers(root: Path) -> None:
    config = {"format": "CSV", "rollRecords": ROLL}
    run = FileRun(str(root), path="out", config=config, frame=FRAME, first=130, shards=2)
    for ends, last in ((None, 300), ((140, 260), 260)):
        place = run.but(root=str(root / str(last)), ends=ends)
        carry(place)

        files = shown(tree(place.root))
        files.pop("out/manifest.json")
        assert files == expected_parts(place, spans_of(place))
        assert f"out/p-0000000000130-{ends[0] if ends else 150:013}.csv" in files

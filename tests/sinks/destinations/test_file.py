"""FILE: the same bytes whatever the batches, the shards and their order; manifests that say what is there."""

from __future__ import annotations

import gzip
import hashlib
import itertools
import json
import random
import resource
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
import zstandard

from engine.span import MAX_RECORDS, Span
from sinks.destinations.base import destinations
from sinks.encoding.base import encoders
from sinks.encoding.compression import Compression
from sinks.errors import TerminalSinkError
from sinks.files.config import format_of
from tests.sinks.destinations.scenarios import untrue
from tests.support.file_runs import STARTED_AT, FileRun, carry, destination_of, plan_of_run, shown, tree, write_shard

RECORDS, FRAME = 300, 16
KINDS = list(itertools.product(sorted(encoders), Compression, (None, 50)))
"""Formats, compressions, and records of a part; parts are no multiple of frames."""


def run_of(root: Path, kind: tuple[str, Compression, int | None], **changes: Any) -> FileRun:
    form, compression, roll = kind
    config = {"format": form, "compression": str(compression)} | ({"rollRecords": roll} if roll else {})
    return FileRun(str(root), path="out", config=config, records=RECORDS, frame=FRAME).but(**changes)


def digests(root: Path) -> dict[str, str]:
    return {path: hashlib.sha256(content).hexdigest() for path, content in tree(root).items()}


@cache
def usual(kind: tuple[str, Compression, int | None]) -> dict[str, str]:
    """The SHA-256 of all files of a run with one shard and whole frames."""
    with TemporaryDirectory() as root:
        carry(run_of(Path(root), kind, shards=1))
        return digests(Path(root))


@pytest.mark.parametrize("kind", KINDS, ids=str)
@pytest.mark.parametrize("batch", [1, 7, 1000, 65_536, None])
def test_batch_sizes_do_not_show_in_the_bytes(
    batch: int | None, kind: tuple[str, Compression, int | None], root: Path
) -> None:
    carry(run_of(root, kind, batch=batch, shards=2))

    assert digests(root) == usual(kind)


@pytest.mark.parametrize("kind", KINDS, ids=str)
@pytest.mark.parametrize("shards", [1, 2, 6])
def test_shards_in_any_order_do_not_show_in_the_bytes(
    shards: int, kind: tuple[str, Compression, int | None], root: Path
) -> None:
    run = run_of(root, kind, shards=shards, batch=40)
    plan = plan_of_run(run)
    destination = destination_of(run, plan)
    destination.prepare()
    for number in random.Random(shards).sample(range(shards), shards):
        write_shard(run, plan, destination, number)

    destination.finalize()
    destination.close()

    assert digests(root) == usual(kind)


def test_a_full_size_frame_and_a_bit_is_the_same_from_one_record_and_from_many_at_a_time(root: Path) -> None:
    runs = [
        FileRun(str(root / str(batch)), records=70_000, frame=65_536, shards=2, batch=batch) for batch in (None, 999)
    ]
    files = [carry(run) for run in runs]

    assert files[0][0].checksum == files[1][0].checksum
    assert files[0][0].records == 70_000


def test_a_run_without_records_is_a_file_without_records(root: Path) -> None:
    for form in encoders:
        run = FileRun(str(root), path=f"out.{form}", config={"format": form}, records=1)
        plan = plan_of_run(run)
        destination = destination_of(run, plan)
        delivery = destination.delivery
        empty = type(destination)(
            destination.config,
            type(delivery)(
                **{name: getattr(delivery, name) for name in delivery.__slots__} | {"shards": (Span(0, 0),)}
            ),
        )
        empty.prepare()
        write_shard(run, plan, empty, 0)

        [written] = empty.finalize()

        encoder = empty.encoder  # type: ignore[attr-defined]
        assert Path(written.path).read_bytes() == encoder.header() + encoder.footer([])
        empty.close()


@pytest.mark.parametrize(("suffix", "opened"), [("gz", gzip.decompress), ("zst", zstandard.decompress)])
def test_compressed_files_hold_the_lines_of_the_plain_one(suffix: str, opened: Any, root: Path) -> None:
    [plain] = carry(FileRun(str(root / "plain")))
    [packed] = carry(FileRun(str(root / "packed"), path=f"out.jsonl.{suffix}"))

    content = Path(packed.path).read_bytes()
    if suffix == "zst":
        reader = zstandard.ZstdDecompressor().stream_reader(content, read_across_frames=True)
        assert reader.read() == Path(plain.path).read_bytes()
    else:
        assert opened(content) == Path(plain.path).read_bytes()


# Manifests.


@pytest.mark.parametrize("checksum", ["XXH128", "SHA256", "NONE"])
@pytest.mark.parametrize("roll", [None, 70])
def test_the_manifest_says_what_is_there(roll: int | None, checksum: str, root: Path) -> None:
    config = {"format": "CSV", "checksum": checksum} | ({"rollRecords": roll} if roll else {})
    run = FileRun(str(root), path="out.csv", config=config)
    written = carry(run)

    files = shown(tree(root))
    name = "out.csv/manifest.json" if roll else "out.csv.manifest.json"
    document = json.loads(files[name])

    assert list(untrue(files, name)) == []
    assert all((file["checksum"] or "none").startswith(checksum.lower()) for file in document["files"])
    assert document["records"] == run.records == sum(file["records"] for file in document["files"])
    assert (document["runId"], document["owner"]) == (run.run_id, run.owner)
    assert (document["specHash"], document["format"]) == (plan_of_run(run).spec_hash, "CSV")
    assert len(files) == len(document["files"]) + 1
    assert [(file["records"], file["bytes"], file["checksum"]) for file in document["files"]] == [
        (file.records, file.bytes, file.checksum) for file in written
    ]


# Paths, formats and parts.


@pytest.mark.parametrize(
    ("path", "form", "compression"),
    [
        ("a.jsonl", "JSONL", "NONE"),
        ("a.ndjson", "JSONL", "NONE"),
        ("a.CSV", "CSV", "NONE"),
        ("a/b.parquet", "PARQUET", "NONE"),
        ("a.avro", "AVRO", "NONE"),
        ("a.jsonl.gz", "JSONL", "GZIP"),
        ("a.csv.zst", "CSV", "ZSTD"),
        ("a.gz", None, "GZIP"),
        ("a.txt", None, "NONE"),
        ("a", None, "NONE"),
    ],
)
def test_suffixes_tell_format_and_compression(path: str, form: str | None, compression: str) -> None:
    assert format_of(path) == (form, Compression(compression))


def test_holes_in_a_path_are_filled(root: Path) -> None:
    path = "${generatorName}/${startedAt}-${runId}.jsonl"

    [written] = carry(FileRun(str(root), path=path))

    assert written.path == f"{root}/people-run/{STARTED_AT:%Y%m%dT%H%M%SZ}-11111111-aaaa.jsonl"


def test_bytes_and_seconds_of_a_part_become_records() -> None:
    kind = destinations["FILE"]

    def roll(step_ms: int = 250, **config: Any) -> int | None:
        return kind.roll_of(kind.Config.model_validate({"path": "x", **config}), bytes_per_record=40.0, step_ms=step_ms)

    assert roll() is None
    assert roll(rollRecords=7) == 7
    assert roll(rollBytes=1000) == 25
    assert roll(rollBytes=1) == 1
    assert roll(rollSeconds=3) == 12
    assert roll(rollSeconds=3, step_ms=10_000) == 1
    assert roll(rollSeconds=3, step_ms=0) == MAX_RECORDS


@pytest.mark.parametrize("config", [{"rollBytes": 2000}, {"rollSeconds": 40}])
def test_a_run_in_parts_of_bytes_or_seconds_is_in_parts(config: dict[str, int], root: Path) -> None:
    written = carry(FileRun(str(root), path="out", config={"format": "JSONL", **config}))

    assert [file.records for file in written] == [40] * 7 + [20]
    assert written[0].path.endswith("out/p-0000000000000-0000000000040.jsonl")


def test_more_parts_than_a_process_may_have_open_files(root: Path) -> None:
    run = FileRun(str(root), path="out", config={"format": "JSONL", "rollRecords": 1}, records=400, shards=1)
    usual_limits = resource.getrlimit(resource.RLIMIT_NOFILE)
    in_use = len(list(Path("/proc/self/fd").iterdir()))
    resource.setrlimit(resource.RLIMIT_NOFILE, (in_use + 100, usual_limits[1]))
    try:
        plan = plan_of_run(run)
        destination = destination_of(run, plan)
        destination.prepare()
        sink = destination.sink(0)
        sink.open(1)
        sink.write(plan.batch(Span(0, 400)))  # without any commit
        sink.commit(400)
        sink.close()
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, usual_limits)

    assert len(destination.finalize()) == 400
    destination.close()


# What a sink refuses.


def test_a_run_is_not_shown_before_all_shards_are_written(root: Path) -> None:
    run = FileRun(str(root))
    carry(run.but(finalize=False))
    (root / ".out.jsonl.sdg-11111111-aaaa" / "shard-1.1.checkpoint").unlink()

    with pytest.raises(TerminalSinkError, match=r"shard 1 up to record 64 only, not to 192") as raised:
        carry(run.but(only=[]))

    assert raised.value.code == "DEST_REGRESSED"
    assert shown(tree(root)) == {}


def test_a_sink_refuses_gaps_and_commits_inside_frames(root: Path) -> None:
    run = FileRun(str(root), shards=1)
    plan, destination = plan_of_run(run), destination_of(run)
    destination.prepare()
    sink = destination.sink(0)
    sink.open(1)

    with pytest.raises(ValueError, match="record 0 is next"):
        sink.write(plan.batch(Span(64, 10)))
    sink.write(plan.batch(Span(0, 10)))
    with pytest.raises(ValueError, match="no border"):
        sink.commit(10)
    with pytest.raises(ValueError, match="record 10 is next"):
        sink.write(plan.batch(Span(11, 10)))

    sink.close()
    destination.close()

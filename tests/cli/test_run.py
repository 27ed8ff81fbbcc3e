"""`sdg run` as a user types it."""

from __future__ import annotations

import gzip
import json
import signal
import time
from pathlib import Path

import polars as pl
import pytest
import xxhash

from tests.support.sdg import Sdg

REPORT_KEYS = {
    "runId",
    "status",
    "recordsWritten",
    "recordsFailed",
    "bytesWritten",
    "activeSeconds",
    "averageRate",
    "effectiveSeed",
    "specHash",
    "deliveryGuarantee",
    "outputs",
    "endReason",
}


def test_writes_exactly_the_records_that_were_asked_for(sdg: Sdg) -> None:
    answer = sdg("run", sdg.definition(), "--count", "1e4", "--to", "orders.jsonl", "--seed", "7", "--json")

    lines = (sdg.folder / "orders.jsonl").read_text().splitlines()
    report = answer.json
    assert answer.code == 0, answer.err
    assert len(lines) == 10_000
    assert set(report) == REPORT_KEYS
    assert report["status"] == "COMPLETED"
    assert report["recordsWritten"] == 10_000
    assert report["effectiveSeed"] == 7
    assert report["deliveryGuarantee"] == "EXACTLY_ONCE"
    assert report["endReason"] == "RECORD_COUNT"
    assert report["outputs"] == [
        {
            "path": "orders.jsonl",
            "records": 10_000,
            "bytes": (sdg.folder / "orders.jsonl").stat().st_size,
            "checksum": f"xxh128:{xxhash.xxh3_128((sdg.folder / 'orders.jsonl').read_bytes()).hexdigest()}",
        }
    ]


def test_the_same_seed_gives_the_same_bytes_and_another_one_others(sdg: Sdg) -> None:
    path = sdg.definition()

    for name, seed in (("a.jsonl", "1"), ("b.jsonl", "1"), ("c.jsonl", "2")):
        assert sdg("run", path, "--to", name, "--seed", seed, "--quiet").code == 0

    a, b, c = ((sdg.folder / name).read_bytes() for name in ("a.jsonl", "b.jsonl", "c.jsonl"))
    assert a == b
    assert a != c


@pytest.mark.parametrize("name", ["o.ndjson", "o.csv", "o.parquet", "o.avro", "o.jsonl.gz", "o.csv.zst"])
def test_the_suffix_tells_format_and_compression(sdg: Sdg, name: str) -> None:
    answer = sdg("run", sdg.definition(), "--count", "70_000", "--to", name, "--json")

    assert answer.code == 0, answer.err
    assert answer.json["recordsWritten"] == 70_000
    assert answer.json["outputs"][0]["path"] == name


@pytest.mark.parametrize("name", ["o.jsonl", "o.csv.gz", "o.parquet", "o.avro"])
def test_workers_batches_zone_and_hash_seed_change_no_byte(sdg: Sdg, name: str) -> None:
    path = sdg.definition()
    surroundings = [
        ("1", "null", "UTC", "0"),
        ("2", "999", "Asia/Katmandu", "1"),
        ("7", "100000", "America/New_York", "2"),
    ]

    sums = set()
    for workers, batch, zone, hash_seed in surroundings:
        run = ["run", path, "--count", "500_000", "--to", name, "--workers", workers, "--json"]
        answer = sdg(*run, "--set", f"batchSize={batch}", "--checksum", "SHA256", TZ=zone, PYTHONHASHSEED=hash_seed)
        assert answer.code == 0, answer.err
        sums.add(answer.json["outputs"][0]["checksum"])

    assert len(sums) == 1
    assert sums.pop().startswith("sha256:")


def test_gzip_is_read_by_others(sdg: Sdg) -> None:
    sdg("run", sdg.definition(), "--to", "o.jsonl.gz", "--quiet")

    with gzip.open(sdg.folder / "o.jsonl.gz") as file:
        records = [json.loads(line) for line in file]

    assert len(records) == 10_000


def test_dash_writes_records_to_standard_output_and_the_report_to_standard_error(sdg: Sdg) -> None:
    answer = sdg("run", sdg.definition(), "--to", "-", "--json")

    records = [json.loads(line) for line in answer.out.splitlines()]
    assert answer.code == 0
    assert len(records) == 10_000
    assert json.loads(answer.err.splitlines()[-1])["recordsWritten"] == 10_000


def test_dash_reads_the_definition_from_standard_input(sdg: Sdg) -> None:
    text = sdg.definition().read_text()

    answer = sdg("run", "-", "--to", "o.jsonl", "--json", stdin=text)

    assert answer.code == 0, answer.err
    assert answer.json["recordsWritten"] == 10_000


def test_a_destination_in_the_definition_lies_below_the_output_root(sdg: Sdg) -> None:
    path = sdg.definition(destination={"type": "FILE", "config": {"path": "shop/orders.csv", "delimiter": ";"}})

    answer = sdg("run", path, "--json")

    file = sdg.folder / "home" / "out" / "shop" / "orders.csv"
    assert answer.code == 0, answer.err
    assert pl.read_csv(file, separator=";").height == 10_000


def test_set_overrides_values_by_their_paths(sdg: Sdg) -> None:
    path = sdg.definition()

    answer = sdg(
        "run", path, "--to", "o.jsonl", "--json", "--set", "recordCount=5", "--set", "fieldMappings.6.params.max=9"
    )

    assert answer.code == 0, answer.err
    assert answer.json["recordsWritten"] == 5


def test_a_foreign_file_is_refused_and_an_own_one_replaced(sdg: Sdg) -> None:
    target = sdg.folder / "orders.jsonl"
    target.write_text("precious\n")
    path = sdg.definition()

    refused = sdg("run", path, "--to", "orders.jsonl")
    kept = target.read_text()
    forced = sdg("run", path, "--to", "orders.jsonl", "--overwrite", "--quiet")
    again = sdg("run", path, "--to", "orders.jsonl", "--quiet")

    assert refused.code == 2
    assert "--overwrite" in refused.err
    assert kept == "precious\n"
    assert (forced.code, again.code) == (0, 0)
    assert len(target.read_text().splitlines()) == 10_000


def test_a_wrong_definition_is_told_with_places_and_code_2(sdg: Sdg) -> None:
    path = sdg.folder / "wrong.yaml"
    path.write_text(
        "name: x\nrecordCount: 10\nfieldMappings:\n  - {fieldName: a, type: NUMERIC_RANGE, params: {min: 9, max: 1}}\n"
    )

    answer = sdg("run", path, "--to", "o.jsonl")

    assert answer.code == 2
    assert "wrong.yaml:4:" in answer.err
    assert "RANGE_INVERTED" in answer.err
    assert "Traceback" not in answer.err
    assert not (sdg.folder / "o.jsonl").exists()


def test_a_place_that_cannot_be_written_is_code_3(sdg: Sdg) -> None:
    answer = sdg("run", sdg.definition(), "--to", "/proc/nowhere/o.jsonl")

    assert answer.code == 3
    assert "Traceback" not in answer.err


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupt_says_what_resumes_and_resuming_gives_the_undisturbed_bytes(sdg: Sdg, number: int) -> None:
    path = sdg.definition()
    undisturbed = sdg("run", path, "--count", "4e6", "--to", "a.jsonl", "--json").json

    process = sdg.start("run", path, "--count", "4e6", "--to", "b.jsonl")
    _wait_for(sdg, "b.jsonl")
    process.send_signal(number)
    _, err = process.communicate(timeout=60)
    resume = next(line for line in err.splitlines() if "sdg run --resume" in line)
    reference = resume.split("--resume ")[1].strip()
    resumed = sdg("run", "--resume", reference, "--json")

    assert process.returncode == 130, err
    assert resumed.code == 0, resumed.err
    assert resumed.json["outputs"][0]["checksum"] == undisturbed["outputs"][0]["checksum"]


def _wait_for(sdg: Sdg, name: str) -> None:
    """Until the run has begun to write its hidden file."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        hidden: list[Path] = list(sdg.folder.glob(f".{name}.sdg-*/shard-0.data"))
        if any(path.stat().st_size > 1_000_000 for path in hidden):
            return
        time.sleep(0.01)
    raise AssertionError("the run did not begin")


def test_the_digest_depends_on_neither_format_nor_workers(sdg: Sdg) -> None:
    path = sdg.definition()

    digests = {
        sdg("run", path, "--to", name, "--digest", "--json", "--workers", workers).json["digest"]
        for name, workers in (("a.jsonl", "1"), ("a.csv", "2"), ("a.parquet", "1"))
    }
    other = sdg("run", path, "--to", "b.jsonl", "--digest", "--json", "--seed", "1").json["digest"]

    assert len(digests) == 1
    assert other not in digests


def test_without_a_seed_one_is_drawn_and_told(sdg: Sdg) -> None:
    path = sdg.definition(seed=None)

    first = sdg("run", path, "--to", "a.jsonl", "--json").json["effectiveSeed"]
    second = sdg("run", path, "--to", "b.jsonl", "--json").json["effectiveSeed"]
    again = sdg("run", path, "--to", "c.jsonl", "--seed", str(first), "--quiet")

    assert first != second
    assert again.code == 0
    assert (sdg.folder / "a.jsonl").read_bytes() == (sdg.folder / "c.jsonl").read_bytes()


def test_a_reader_that_has_seen_enough_ends_the_command_quietly(sdg: Sdg) -> None:
    process = sdg.start("run", sdg.definition(), "--count", "1e6", "--to", "-")

    assert process.stdout is not None
    assert process.stdout.readline().startswith("{")
    process.stdout.close()
    process.wait(timeout=60)

    assert process.stderr is not None
    assert (process.returncode, process.stderr.read()) == (0, "")

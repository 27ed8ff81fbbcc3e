"""`sdg run --to`, `--format` and `--checksum` over a definition's own destination, and where their errors point."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.support.sdg import Sdg

DIALECT = {"delimiter": ";", "lineEnd": "CRLF", "nullText": "NULL"}


def csv_definition(sdg: Sdg, **config: Any) -> Path:
    return sdg.definition(recordCount=1_000, destination={"type": "FILE", "config": config})


def own_bytes(sdg: Sdg, path: Path, name: str) -> bytes:
    """What the definition writes to its own destination."""
    assert sdg("run", path, "--quiet").code == 0
    return (sdg.folder / "home" / "out" / name).read_bytes()


@pytest.mark.parametrize("arguments", [["--to", "-"], ["--to", "-", "--format", "csv"]])
@pytest.mark.parametrize("config", [{"path": "o.csv"}, {"path": "o", "format": "CSV", "rollRecords": 2_000}])
def test_standard_output_takes_the_dialect_of_the_definition(
    sdg: Sdg, arguments: list[str], config: dict[str, Any]
) -> None:
    path = csv_definition(sdg, **config, **DIALECT)

    answer = sdg("run", path, *arguments, "--count", "3")
    lines = answer.out.splitlines()

    assert answer.code == 0, answer.err
    assert lines[0].startswith("orderId;orderNo;")
    assert len(lines) == 4


def test_standard_output_gets_the_bytes_that_the_file_would_get(sdg: Sdg) -> None:
    path = csv_definition(sdg, path="o.csv", **DIALECT)
    process = sdg.start("run", path, "--to", "-", "--quiet")
    assert process.stdout is not None
    told = process.stdout.buffer.read()  # type: ignore[attr-defined]  # the bytes below the text
    process.communicate()

    assert told == own_bytes(sdg, path, "o.csv")
    assert b";NULL;" in told
    assert told.endswith(b"\r\n")


def test_another_format_on_standard_output_leaves_the_dialect_behind(sdg: Sdg) -> None:
    path = csv_definition(sdg, path="o.csv.gz", rollRecords=10, **DIALECT)

    answer = sdg("run", path, "--to", "-", "--format", "JSONL", "--count", "3")

    assert answer.code == 0, answer.err
    assert [json.loads(line)["currency"] for line in answer.out.splitlines()] == ["EUR"] * 3


def test_a_format_that_needs_a_file_is_refused_on_standard_output(sdg: Sdg) -> None:
    asked = sdg("run", sdg.definition(), "--to", "-", "--format", "parquet")
    own = sdg("run", csv_definition(sdg, path="o.parquet"), "--to", "-")

    for answer in (asked, own):
        assert answer.code == 2
        assert "PARQUET needs a file" in answer.err
        assert "--format accepts AVRO, CSV, JSONL here" in answer.err
    assert asked.err.startswith("--format PARQUET: ")


def test_a_wrong_dialect_is_told_at_its_place_also_on_standard_output(sdg: Sdg) -> None:
    path = csv_definition(sdg, path="o.csv", delimiter="xx", nulText="")

    answer = sdg("run", path, "--to", "-")

    assert answer.code == 2
    assert answer.err.count("orders.yaml:1:") == 2
    assert 'did you mean "nullText"?' in answer.err


@pytest.mark.parametrize(
    ("arguments", "flags"),
    [
        (["--to", "-", "--overwrite", "--checksum", "none"], ["--overwrite", "--checksum"]),
        (["--to", "-", "--workers", "2"], ["--workers"]),
        (["--format", "csv"], ["--format"]),
        (["--to", "o.csv", "--workers", "0"], ["--workers"]),
        (["--to", ""], ["--to"]),
    ],
)
def test_flags_that_mean_nothing_are_refused_all_at_once(sdg: Sdg, arguments: list[str], flags: list[str]) -> None:
    answer = sdg("run", sdg.definition(), *arguments)

    assert answer.code == 2
    assert answer.out == ""
    told = [line for line in answer.err.splitlines() if line.startswith(("PROPERTY_NOT_ALLOWED: ", "INVALID_VALUE: "))]
    assert len(told) == len(flags)
    assert all(any(f": {flag} " in line for line in told) for flag in flags)


def test_a_path_of_the_same_format_keeps_the_dialect(sdg: Sdg) -> None:
    path = csv_definition(sdg, path="o.csv", **DIALECT)

    for name in ("a.csv", "b.csv.gz", "without-a-suffix"):
        answer = sdg("run", path, "--to", name, "--quiet")
        assert answer.code == 0, answer.err

    own = own_bytes(sdg, path, "o.csv")
    assert (sdg.folder / "a.csv").read_bytes() == (sdg.folder / "without-a-suffix").read_bytes() == own
    assert (sdg.folder / "b.csv.gz").read_bytes()[:2] == b"\x1f\x8b"


def test_a_path_of_another_format_keeps_what_is_about_the_place_and_the_run(sdg: Sdg) -> None:
    config = {"path": "o", "format": "CSV", "rollRecords": 400, "beforeRun": "FAIL", "checksum": "SHA256", **DIALECT}
    path = csv_definition(sdg, **config)

    first = sdg("run", path, "--to", "parts", "--format", "jsonl", "--json")
    again = sdg("run", path, "--to", "parts", "--format", "jsonl", "--json")

    assert first.code == 0, first.err
    assert [output["records"] for output in first.json["outputs"]] == [400, 400, 200]
    assert all(output["checksum"].startswith("sha256:") for output in first.json["outputs"])
    assert all(output["path"].endswith(".jsonl") for output in first.json["outputs"])
    assert again.code == 2
    assert "beforeRun" in again.err


def test_a_suffix_of_another_format_takes_the_dialect_away(sdg: Sdg) -> None:
    answer = sdg("run", csv_definition(sdg, path="o.csv", **DIALECT), "--to", "o.jsonl", "--json")

    assert answer.code == 0, answer.err
    assert answer.err == ""
    assert answer.json["outputs"][0]["path"] == "o.jsonl"


@pytest.mark.parametrize(
    ("arguments", "place"),
    [
        (["--to", "x.txt"], "--to x.txt: MISSING_PARAM"),
        (["--to", "sub/.."], "--to sub/..: INVALID_VALUE"),
        (["--to", "x.csv", "--count", "0"], "--count 0: INVALID_VALUE"),
        (["--to", "x.csv", "--seed", "-1"], "--seed -1: INVALID_VALUE"),
        (["--to", "x.csv", "--set", "recordCount=0"], "--set recordCount=0: INVALID_VALUE"),
        (["--to", "/proc/x.csv"], "--to /proc/x.csv: DEST_"),
    ],
)
def test_an_error_of_a_flag_names_the_flag(sdg: Sdg, arguments: list[str], place: str) -> None:
    answer = sdg("run", sdg.definition(), *arguments)

    assert answer.code == (3 if "DEST" in place else 2)
    assert answer.err.startswith(place)
    assert "orders.yaml" not in answer.err


def test_what_the_file_says_beside_a_flag_is_told_at_its_place(sdg: Sdg) -> None:
    path = csv_definition(sdg, path="o.csv", rollRecords=0)

    answer = sdg("run", path, "--to", "x.jsonl")

    assert answer.code == 2
    assert "orders.yaml:1:" in answer.err
    assert "--to" not in answer.err


def test_a_definition_that_goes_nowhere_is_told_so_together_with_its_other_errors(sdg: Sdg) -> None:
    answer = sdg("run", sdg.definition(nmae="x"))

    assert answer.code == 2
    assert "say where with --to PATH" in answer.err
    assert "nmae" in answer.err


@pytest.mark.parametrize(
    ("arguments", "place"),
    [
        (["--to", "o.csv", "--format", "jsonl"], "--format JSONL: warning: SUFFIX_MISMATCH"),
        (["--set", "destination.config.path=o.jsonl.gz"], "orders.yaml:1:"),
    ],
)
def test_a_suffix_that_says_something_else_is_a_warning(sdg: Sdg, arguments: list[str], place: str) -> None:
    path = csv_definition(sdg, path="o.jsonl", format="JSONL", compression="NONE")

    answer = sdg("run", path, *arguments)

    assert answer.code == 0, answer.err
    assert place in answer.err.splitlines()[0]
    assert answer.err.count("SUFFIX_MISMATCH") == 1


@pytest.mark.parametrize(
    ("records", "code", "told"),
    [
        (1_000, 0, None),
        (1_001, 0, "warning: MANY_PARTS: the run would be cut into 1,001 files; more than 1,000 are slow"),
        (10_001, 2, "MANY_PARTS: the run would be cut into 10,001 files, at most 10,000 are accepted"),
    ],
)
def test_very_many_parts_are_a_warning_and_too_many_an_error(
    sdg: Sdg, records: int, code: int, told: str | None
) -> None:
    field = {"fieldName": "n", "type": "SEQUENCE"}
    config = {"path": "parts", "format": "CSV", "rollRecords": 2}
    path = sdg.definition(fieldMappings=[field], destination={"type": "FILE", "config": config})

    count = ["--set", f"recordCount={2 * records - 1}"]
    validated = sdg("validate", path, *count)
    ran = sdg("run", path, *count)

    for answer in (validated, ran):
        assert answer.code == code, answer.err
        assert ("MANY_PARTS" in answer.err) == (told is not None)
        assert told is None or told in answer.err
    assert (sdg.folder / "home" / "out" / "parts").exists() == (code == 0)


def test_what_is_set_of_a_destination_that_is_not_there_goes_with_the_flag(sdg: Sdg) -> None:
    path = sdg.definition(destination=None, recordCount=600)

    parts = sdg("run", path, "--to", "parts.jsonl", "--set", "destination.config.rollRecords=300", "--json")
    wrong = sdg("run", path, "--to", "x.jsonl", "--set", "destination.config.foo=1")

    assert len(parts.json["outputs"]) == 2
    assert wrong.code == 2
    assert "foo" in wrong.err


def test_a_run_that_counts_what_is_written_needs_a_file(sdg: Sdg) -> None:
    mappings = [{"fieldName": "q", "type": "COMPUTED", "params": {"expression": "10 // (RECORDINDEX() % 100)"}}]
    path = sdg.definition(
        fieldMappings=mappings,
        recordCount=500,
        countBasis="WRITTEN",
        onError="CONTINUE",
        errorHandling={"maxErrors": 50},
    )

    refused = sdg("run", path, "--to", "-", "--json")
    answer = sdg("run", path, "--to", "o.jsonl", "--json")

    assert refused.code == 2
    assert "write a file, or remove countBasis" in refused.err
    report = json.loads(answer.out)
    assert (report["recordsWritten"], report["recordsFailed"]) == (500, 6)
    assert len((sdg.folder / "o.jsonl").read_bytes().splitlines()) == 500

"""`sdg preview` as a user types it."""

from __future__ import annotations

import json
import os

import pytest

from tests.support.sdg import Sdg


def test_shows_the_records_that_a_run_writes(sdg: Sdg) -> None:
    path = sdg.definition()
    sdg("run", path, "--to", "o.jsonl", "--quiet")

    answer = sdg("preview", path, "--rows", "5", "--start", "100", "--json")

    assert answer.code == 0, answer.err
    assert answer.out.splitlines() == (sdg.folder / "o.jsonl").read_text().splitlines()[100:105]


def test_any_record_up_to_ten_to_the_twelfth_is_one_call_away(sdg: Sdg) -> None:
    answer = sdg("preview", sdg.definition(), "--start", "999999999990", "--rows", "10", "--json")

    records = [json.loads(line) for line in answer.out.splitlines()]
    assert answer.code == 0, answer.err
    assert len(records) == 10
    assert records[-1]["orderNo"] == f"INV-{10**12 - 1 + 1000}"


def test_the_table_shows_every_field(sdg: Sdg) -> None:
    answer = sdg("preview", sdg.definition(), "--rows", "2")

    assert answer.code == 0, answer.err
    for name in ("orderId", "orderNo", "orderedAt", "status", "currency", "EUR", "INV-00001000"):
        assert name in answer.out


def test_without_a_seed_it_says_that_seed_0_is_used(sdg: Sdg) -> None:
    path = sdg.definition(seed=None)

    plain = sdg("preview", path, "--json")
    zero = sdg("preview", path, "--json", "--seed", "0")

    assert plain.out == zero.out
    assert "seed 0" in plain.err
    assert "seed" not in zero.err


def test_has_no_side_effects(new_sdg: Sdg) -> None:
    path = new_sdg.definition()
    before = sorted(os.listdir(new_sdg.folder))

    new_sdg("preview", path)

    home = new_sdg.folder / "home"
    assert [name for name in sorted(os.listdir(new_sdg.folder)) if name != "home"] == before
    assert not (home / "sdg.sqlite3").exists()
    assert not (home / "out").exists()


@pytest.mark.parametrize(
    "arguments", [["--rows", "0"], ["--rows", "10001"], ["--start", "1e12"], ["--start", "-1"], ["--rows", "1.5"]]
)
def test_what_it_cannot_show_is_refused_with_what_would_be_accepted(sdg: Sdg, arguments: list[str]) -> None:
    answer = sdg("preview", sdg.definition(), *arguments)

    assert answer.code == 2
    assert "Traceback" not in answer.err
    assert arguments[0] in answer.err


def test_reads_yaml_with_a_leading_zero_only_when_quoted(sdg: Sdg) -> None:
    path = sdg.folder / "zero.yaml"
    text = "name: z\nfieldMappings:\n  - {fieldName: a, type: CONSTANT, params: {value: %s}}\n"

    path.write_text(text % "007")
    refused = sdg("preview", path, "--json")
    path.write_text(text % '"007"')
    taken = sdg("preview", path, "--json", "--rows", "1")

    assert refused.code == 2
    assert "quote it" in refused.err
    assert json.loads(taken.out) == {"a": "007"}

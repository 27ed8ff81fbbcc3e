"""What `sdg` says of fields in which two runs differ, or in which even one run cannot be repeated."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.sdg import Sdg

NOW = {"fieldName": "madeAt", "type": "TIMESTAMP_GENERATED", "params": {"mode": "NOW"}}
CLOCK = {"fieldName": "at", "type": "TIMESTAMP_GENERATED", "params": {"mode": "CLOCK"}}
NUMBER = {"fieldName": "n", "type": "SEQUENCE"}


def test_the_time_of_making_lowers_the_guarantee(sdg: Sdg) -> None:
    now = sdg("run", sdg.definition(fieldMappings=[NUMBER, NOW], recordCount=10), "--to", "a.jsonl", "--json")
    clock = sdg("run", sdg.definition(fieldMappings=[NUMBER, CLOCK], recordCount=10), "--to", "b.jsonl", "--json")

    assert (now.code, clock.code) == (0, 0)
    assert now.json["deliveryGuarantee"] == "AT_LEAST_ONCE"
    assert clock.json["deliveryGuarantee"] == "EXACTLY_ONCE"


@pytest.mark.parametrize("to", ["o.jsonl", "-"])
def test_records_that_nobody_can_make_again_have_no_digest(sdg: Sdg, to: str) -> None:
    path = sdg.definition(fieldMappings=[NUMBER, NOW], recordCount=10)

    answer = sdg("run", path, "--to", to, "--digest")

    assert answer.code == 2
    assert "NON_DETERMINISTIC: --digest: madeAt is made anew each time" in answer.err
    assert "orders.yaml:1:" in answer.err
    assert answer.out == ""
    assert not (sdg.folder / "o.jsonl").exists()


def test_nor_have_they_one_when_the_run_is_resumed(sdg: Sdg) -> None:
    path = sdg.definition(fieldMappings=[NUMBER, NOW], recordCount=10)
    sdg("run", path, "--to", "o.jsonl", SDG_FAILPOINTS="run.finalize=kill")

    refused = sdg("run", "--resume", "last", "--digest")
    resumed = sdg("run", "--resume", "last", "--quiet")

    assert refused.code == 2
    assert "madeAt is made anew each time" in refused.err
    assert resumed.code == 0, resumed.err


@pytest.mark.parametrize(
    ("field", "arguments", "warned"),
    [
        (NOW, [], "mode NOW writes the time at which a record is made"),
        (CLOCK, [], "the clock counts from the start of the run"),
        (CLOCK, ["--started-at", "2026-01-01"], None),
        (CLOCK, ["--set", "clock.start=2026-01-01"], None),
        ({"fieldName": "u", "type": "UUID_GENERATED", "params": {"deterministic": False}}, [], None),
        ({"fieldName": "u", "type": "UUID_GENERATED"}, [], None),
        ({"fieldName": "c", "type": "CONSTANT", "params": {"value": "${runId}", "interpolate": True}}, [], "${runId}"),
    ],
)
def test_a_run_warns_of_what_will_differ_unless_that_was_asked_for(
    sdg: Sdg, field: dict[str, Any], arguments: list[str], warned: str | None
) -> None:
    path = sdg.definition(fieldMappings=[NUMBER, field], recordCount=10)

    answer = sdg("run", path, "--to", "o.jsonl", *arguments)

    lines = [line for line in answer.err.splitlines() if "NON_DETERMINISTIC" in line]
    assert answer.code == 0, answer.err
    assert len(lines) == (0 if warned is None else 1)
    assert warned is None or (warned in lines[0] and f"will differ in {field['fieldName']}: " in lines[0])


def test_validate_warns_once_for_each_field_and_takes_acknowledgements(sdg: Sdg) -> None:
    wanted = {"fieldName": "u", "type": "UUID_GENERATED", "params": {"deterministic": False}}
    path = sdg.definition(fieldMappings=[NOW, NUMBER, CLOCK, wanted])

    answer = sdg("validate", path, "--json")
    warnings = answer.json["warnings"]
    accepted = sdg("validate", path, "--strict", *(f"--acknowledge={warning['id']}" for warning in warnings))

    assert [(one["code"], one["path"], one["field"]) for one in warnings] == [
        ("NON_DETERMINISTIC", "/fieldMappings/0", "madeAt"),
        ("NON_DETERMINISTIC", "/fieldMappings/2", "at"),
    ]
    assert answer.json["valid"]
    assert not answer.json["determinism"]["deterministic"]
    assert len(answer.json["determinism"]["reasons"]) == 3
    assert sdg("validate", path, "--strict").code == 2
    assert accepted.code == 0

"""CONSTANT: every JSON value, its text with holes, and every error."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import polars as pl
import pytest

from engine.errors import RecordInvalid
from engine.schema import OutputType
from engine.span import Span
from generators.definition import read_definition
from sdg_project.json_guard import parse_json
from tests.generators.fields.examined import NAME, examined, found, issues, made, mapping, planned
from tests.generators.fields.examples import plan_of, values_of

KIND = "CONSTANT"
AT = "/fieldMappings/0/params"


@pytest.mark.parametrize(
    ("value", "type_", "written"),
    [
        ("EUR", OutputType.STRING, "EUR"),
        ("", OutputType.STRING, ""),
        ("007", OutputType.STRING, "007"),
        (None, OutputType.STRING, None),
        (5, OutputType.INTEGER, 5),
        (2**63 - 1, OutputType.LONG, 2**63 - 1),
        (-(2**63), OutputType.LONG, -(2**63)),
        (0.1, OutputType.DECIMAL, Decimal("0.1")),
        (1e300, OutputType.DOUBLE, 1e300),
        (False, OutputType.BOOLEAN, False),
        ([], OutputType.JSON, "[]"),
        ({"ä": [1, 0.1, None, True], "b": {}}, OutputType.JSON, '{"ä":[1,0.1,null,true],"b":{}}'),
    ],
)
def test_the_value_stands_in_every_record(value: Any, type_: OutputType, written: Any) -> None:
    plan = planned(mapping(KIND, {"value": value}))

    assert plan.schema.columns[0].type == type_
    assert plan.batch(Span(7, 3)).records[NAME].to_list() == [written] * 3
    assert plan.schema.columns[0].nullable == (value is None)


def test_a_text_is_a_dictionary_of_one_word() -> None:
    assert made(mapping(KIND, {"value": "EUR"})).dtype == pl.Enum(["EUR"])


def test_the_value_of_a_document_is_kept() -> None:
    text = '{"name": "a", "fieldMappings": [{"fieldName": "it", "type": "CONSTANT", "params": {"value": 1e-7}}]}'

    [value] = made(read(text), span=Span(0, 1)).to_list()

    assert value == Decimal("0.0000001")


@pytest.mark.parametrize(
    ("value", "says"),
    [
        (Decimal("0.12345678901234567890"), "has more than 18 digits; write it as text, in quotes"),
        (Decimal("123456789012.3456789"), "has more than 18 digits; write it as text, in quotes"),
    ],
)
def test_a_number_of_too_many_digits_is_refused_and_not_rounded(value: Decimal, says: str) -> None:
    [issue] = issues(mapping(KIND, {"value": value}))

    assert (issue.code, issue.path) == ("INVALID_VALUE", f"{AT}/value")
    assert says in issue.message


def test_numbers_inside_of_a_value_keep_their_digits() -> None:
    value = {"a": [Decimal("0.12345678901234567890")]}

    assert made(mapping(KIND, {"value": value}), span=Span(0, 1)).to_list() == ['{"a":[0.12345678901234567890]}']


def read(text: str) -> dict[str, Any]:
    document = parse_json(text)
    assert not read_definition(document).issues
    mapped: dict[str, Any] = document["fieldMappings"][0]
    return mapped


# Holes.


def test_a_text_can_hold_the_facts_of_the_run() -> None:
    text = "${generatorName}/${runId} at ${startedAt}, $$5 {x}"

    [value] = values_of(plan_of(KIND, {"value": text, "interpolate": True}, run_id="run-1"), 0, 1).to_list()

    assert value == "orders/run-1 at 2026-03-29T12:00:00.000Z, $5 {x}"


def test_without_interpolate_a_text_stays_as_it_is() -> None:
    assert made(mapping(KIND, {"value": "${runId} $$"}), span=Span(0, 1)).to_list() == ["${runId} $$"]


def test_only_facts_that_are_used_tell_runs_apart() -> None:
    def hash_of(text: str, **changes: Any) -> str:
        return plan_of(KIND, {"value": text, "interpolate": True}, streamName="fixed", **changes).spec_hash

    assert hash_of("${runId}", run_id="a") != hash_of("${runId}", run_id="b")
    assert hash_of("x", run_id="a") == hash_of("x", run_id="b")
    assert hash_of("${generatorName}", name="a") != hash_of("${generatorName}", name="b")
    assert hash_of("x", name="a") == hash_of("x", name="b")


@pytest.mark.parametrize(
    ("text", "given", "reasons"),
    [
        ("${generatorName}", True, []),
        ("${runId}", True, ["it: ${runId} is another one in every run"]),
        ("${startedAt}", False, ["it: ${startedAt} is the instant at which the run starts"]),
        ("${startedAt}", True, []),
    ],
)
def test_what_differs_from_run_to_run_is_told(text: str, given: bool, reasons: list[str]) -> None:
    assert planned(mapping(KIND, {"value": text, "interpolate": True}), given=given).reasons == reasons


def test_the_length_allows_for_the_id_of_a_run() -> None:
    schema = {"fields": [{"name": NAME, "type": "STRING", "maxLength": 37}]}

    assert found(mapping(KIND, {"value": "r${runId}", "interpolate": True}), schema=schema) == {
        ("NON_DETERMINISTIC", "/fieldMappings/0")
    }
    assert ("VALUE_TOO_LONG", "/fieldMappings/0") in found(
        mapping(KIND, {"value": "ru${runId}", "interpolate": True}), schema=schema
    )


# What is wrong.


@pytest.mark.parametrize(
    ("params", "expected"),
    [
        ({}, ("MISSING_PARAM", f"{AT}/value")),
        ({"value": 1, "valeu": 2}, ("UNKNOWN_PROPERTY", f"{AT}/valeu")),
        ({"value": 2**63}, ("INVALID_VALUE", f"{AT}/value")),
        ({"value": "a\0"}, ("INVALID_VALUE", f"{AT}/value")),
        ({"value": ["\ud800"]}, ("INVALID_VALUE", f"{AT}/value")),
        ({"value": "ä" * 32_768}, ("VALUE_TOO_LONG", f"{AT}/value")),
        ({"value": [["a" * 65_531]]}, ("VALUE_TOO_LONG", f"{AT}/value")),
        ({"value": 5, "interpolate": True}, ("PROPERTY_NOT_ALLOWED", f"{AT}/interpolate")),
        ({"value": "a", "interpolate": "yes"}, ("TYPE_MISMATCH", f"{AT}/interpolate")),
        ({"value": "${runId", "interpolate": True}, ("INVALID_SYNTAX", f"{AT}/value")),
        ({"value": "${}", "interpolate": True}, ("INVALID_SYNTAX", f"{AT}/value")),
        ({"value": "${HOME}", "interpolate": True}, ("INVALID_VALUE", f"{AT}/value")),
    ],
)
def test_every_wrong_parameter_is_told_at_its_place(params: dict[str, Any], expected: tuple[str, str]) -> None:
    assert found(mapping(KIND, params)) == {expected}


def test_64_kib_are_accepted() -> None:
    assert not found(mapping(KIND, {"value": "a" * 65_534}))


def test_a_hole_that_is_not_known_is_told_with_those_that_are() -> None:
    [close] = issues(mapping(KIND, {"value": "${runid}", "interpolate": True}))
    [other] = issues(mapping(KIND, {"value": "${SECRET}", "interpolate": True}))

    assert close.hint == 'did you mean "runId"?'
    assert other.hint == "accepted are ${runId}, ${generatorName}, ${startedAt}"


def test_a_constant_is_unique_in_one_record_only() -> None:
    mapped = mapping(KIND, {"value": 1}, unique=True)

    assert examined(mapped, count=1).plan is not None
    assert found(mapped, count=2) == {("UNIQUE_IMPOSSIBLE", "/fieldMappings/0/unique")}
    with pytest.raises(RecordInvalid) as raised:
        planned(mapped, count=None).batch(Span(0, 10))
    assert (raised.value.code, raised.value.record_number) == ("UNIQUE_EXHAUSTED", 1)


def test_a_constant_can_be_there_for_some_records() -> None:
    values = made(mapping(KIND, {"value": "x"}, nullRate=0.5), span=Span(0, 1_000))

    assert 400 < values.null_count() < 600  # fixed seed


def test_the_document_of_a_constant_can_be_read_back() -> None:
    value = {"a": ["\n", "é", 1.5, 10**15, None, {"b": False}]}

    [text] = made(mapping(KIND, {"value": value}), span=Span(0, 1)).to_list()

    assert json.loads(text) == value

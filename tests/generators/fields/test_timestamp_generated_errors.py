"""TIMESTAMP_GENERATED: everything that is wrong with its parameters."""

from __future__ import annotations

from typing import Any

import pytest

from engine.errors import RecordInvalid
from engine.span import Span
from tests.generators.fields.dated import KIND, OTHER, PARAMS, YEAR, field
from tests.generators.fields.examined import NAME, examined, found, issues, mapping, planned

OFFSET = {"mode": "OFFSET", "baseField": "other", "minOffsetMs": 0, "maxOffsetMs": 10}
WEEK = [1] * 7


@pytest.mark.parametrize(
    ("params", "code", "at"),
    [
        ({"mode": "THEN"}, "INVALID_VALUE", "/mode"),
        ({"from": "2026-01-01"}, "PROPERTY_NOT_ALLOWED", "/from"),
        ({"mode": "NOW", "to": "2026-01-01"}, "PROPERTY_NOT_ALLOWED", "/to"),
        ({"start": "2026-01-01"}, "PROPERTY_NOT_ALLOWED", "/start"),
        ({"stepMs": 5}, "PROPERTY_NOT_ALLOWED", "/stepMs"),
        ({**YEAR, "jitterMs": 5}, "PROPERTY_NOT_ALLOWED", "/jitterMs"),
        ({"mode": "SEQUENTIAL", "baseField": "other"}, "PROPERTY_NOT_ALLOWED", "/baseField"),
        ({**YEAR, "minOffsetMs": 1}, "PROPERTY_NOT_ALLOWED", "/minOffsetMs"),
        ({**YEAR, "maxOffsetMs": 1}, "PROPERTY_NOT_ALLOWED", "/maxOffsetMs"),
        ({**OFFSET, "seasonality": {"dayOfWeek": WEEK}}, "PROPERTY_NOT_ALLOWED", "/seasonality"),
        ({"mode": "SEQUENTIAL", "distribution": {"type": "UNIFORM"}}, "PROPERTY_NOT_ALLOWED", "/distribution"),
        ({"pattern": "%Y"}, "PROPERTY_NOT_ALLOWED", "/pattern"),
        ({"timezone": "Europe/Berlin"}, "PROPERTY_NOT_ALLOWED", "/timezone"),
        ({"timezone": "Europe/Berlin", "granularity": "SECOND"}, "PROPERTY_NOT_ALLOWED", "/timezone"),
        ({**YEAR, "timezone": "Europe/Berlin"}, "PROPERTY_NOT_ALLOWED", "/timezone"),
        ({"format": "PATTERN"}, "MISSING_PARAM", "/pattern"),
        ({"mode": "RANGE", "to": "now"}, "MISSING_PARAM", "/from"),
        ({"mode": "RANGE", "from": "now"}, "MISSING_PARAM", "/to"),
        ({"mode": "OFFSET", "minOffsetMs": 0, "maxOffsetMs": 10}, "MISSING_PARAM", "/baseField"),
        ({"mode": "OFFSET", "baseField": "other", "maxOffsetMs": 10}, "MISSING_PARAM", "/minOffsetMs"),
        ({"mode": "OFFSET", "baseField": "other", "minOffsetMs": 10}, "MISSING_PARAM", "/maxOffsetMs"),
        ({**YEAR, "from": "yesterday"}, "TYPE_MISMATCH", "/from"),
        ({**YEAR, "to": "2026-12-31T23:59:60Z"}, "TYPE_MISMATCH", "/to"),
        ({**YEAR, "to": "now+999999999w"}, "TYPE_MISMATCH", "/to"),
        ({"mode": "SEQUENTIAL", "start": "0000-01-01"}, "TYPE_MISMATCH", "/start"),
        ({**YEAR, "from": 2026}, "TYPE_MISMATCH", "/from"),
        ({**YEAR, "from": "2026-01-01"}, "INVALID_VALUE", "/to"),
        ({**YEAR, "from": YEAR["to"]}, "RANGE_INVERTED", "/from"),
        ({**YEAR, "from": "0001-01-01T00:00:00+01:00"}, "INVALID_VALUE", "/from"),
        ({**YEAR, "to": "9999-12-31T23:59:59-01:00"}, "INVALID_VALUE", "/to"),
        ({**YEAR, "to": "2263-01-01T00:00:00Z", "format": "EPOCH_NANOS"}, "INVALID_VALUE", "/to"),
        (
            {"mode": "RANGE", "from": "2026-01-01T00:10", "to": "2026-01-01T00:50", "granularity": "HOUR"},
            "INVALID_VALUE",
            "/granularity",
        ),
        (
            {
                "mode": "RANGE",
                "from": "9999-12-31",
                "to": "9999-12-31T23:59",
                "format": "DATE",
                "timezone": "America/New_York",
            },
            "INVALID_VALUE",
            "/to",
        ),
        ({**YEAR, "distribution": {"type": "PARETO", "alpha": 1}}, "INVALID_VALUE", "/distribution/type"),
        ({**YEAR, "distribution": {"type": "TRIANGULAR", "mode": -1}}, "INVALID_VALUE", "/distribution/mode"),
        (
            {**YEAR, "distribution": {"type": "NORMAL", "mean": -1e12, "stdDev": 1}},
            "DISTRIBUTION_OUTSIDE_RANGE",
            "/distribution",
        ),
        ({**YEAR, "distribution": {"type": "EXPONENTIAL"}}, "MISSING_PARAM", "/distribution/mean"),
        ({**YEAR, "seasonality": {}}, "MISSING_PARAM", "/seasonality"),
        ({**YEAR, "seasonality": {"hourOfDay": [0] * 24}}, "INVALID_WEIGHTS", "/seasonality/hourOfDay"),
        ({**YEAR, "seasonality": {"hourOfDay": [1] * 23}}, "INVALID_VALUE", "/seasonality/hourOfDay"),
        ({**YEAR, "seasonality": {"dayOfWeek": [1] * 6 + [-1]}}, "INVALID_VALUE", "/seasonality/dayOfWeek/6"),
        ({**YEAR, "seasonality": {"hours": WEEK}}, "UNKNOWN_PROPERTY", "/seasonality/hours"),
        (
            {"mode": "RANGE", "from": "1700-01-01", "to": "2000-01-01", "seasonality": {"dayOfWeek": WEEK}},
            "INVALID_VALUE",
            "/seasonality",
        ),
        ({"mode": "SEQUENTIAL", "stepMs": 0}, "INVALID_STEP", "/stepMs"),
        ({"mode": "SEQUENTIAL", "jitterMs": -1}, "INVALID_VALUE", "/jitterMs"),
        ({**OFFSET, "minOffsetMs": 11}, "RANGE_INVERTED", "/minOffsetMs"),
        ({**OFFSET, "distribution": {"type": "TRIANGULAR", "mode": 11}}, "INVALID_VALUE", "/distribution/mode"),
        ({**OFFSET, "baseField": "nobody"}, "UNKNOWN_FIELD", "/baseField"),
        ({**OFFSET, "baseField": "id"}, "TYPE_MISMATCH", "/baseField"),
        ({**OFFSET, "baseField": "text"}, "TYPE_MISMATCH", "/baseField"),
        ({"format": "PATTERN", "pattern": "%Y-%Q"}, "INVALID_VALUE", "/pattern"),
        ({"format": "PATTERN", "pattern": ""}, "INVALID_VALUE", "/pattern"),
        ({"format": "PATTERN", "pattern": "\x00"}, "INVALID_VALUE", "/pattern"),
        ({"format": "RFC"}, "INVALID_VALUE", "/format"),
        ({"timezone": "Europe/Berln"}, "INVALID_VALUE", "/timezone"),
        ({"timezone": "../Europe/Berlin"}, "INVALID_VALUE", "/timezone"),
        ({"granularity": "WEEK"}, "INVALID_VALUE", "/granularity"),
        ({"mode": "SEQUENTIAL", "start": "9999-12-31T23:59:00Z"}, "SEQUENCE_OVERFLOW", "/stepMs"),
        ({"mode": "SEQUENTIAL", "start": "0001-01-01T00:00:00Z", "jitterMs": 1}, "SEQUENCE_OVERFLOW", "/start"),
        (
            {"mode": "SEQUENTIAL", "start": "2262-04-11T23:47:00Z", "format": "EPOCH_NANOS"},
            "SEQUENCE_OVERFLOW",
            "/stepMs",
        ),
        ({**OFFSET, "maxOffsetMs": 300_000_000_000_000}, "SEQUENCE_OVERFLOW", "/baseField"),
    ],
)
def test_every_wrong_parameter_is_told_at_its_place(params: dict[str, Any], code: str, at: str) -> None:
    others = (mapping("UUID_GENERATED", {}, name="id"), mapping(KIND, {}, name="text", outputType="STRING"))

    errors = {(issue.code, issue.path) for issue in examined(field(params), OTHER, *others).errors}

    assert errors == {(code, f"{PARAMS}{at}")}


@pytest.mark.parametrize(
    ("params", "at"),
    [({"distribution": {"type": "NORMAL"}}, "/distribution"), ({"seasonality": {"dayOfWeek": WEEK}}, "/seasonality")],
)
def test_distinct_instants_are_drawn_uniformly(params: dict[str, Any], at: str) -> None:
    assert found(field({**YEAR, **params}, unique=True)) == {("UNIQUE_DISTRIBUTION_CONFLICT", f"{PARAMS}{at}")}


def test_a_position_is_told_with_an_unknown_directive_and_a_name_with_an_unknown_zone() -> None:
    [directive] = issues(field({"format": "PATTERN", "pattern": "%Y-%Q"}))
    [zone] = issues(field({"timezone": "Europe/Berln"}))

    assert '"%Q" at character 4 is not supported' in directive.message
    assert zone.hint == 'did you mean "Europe/Berlin"?'


@pytest.mark.parametrize(
    ("params", "more", "first"),
    [
        ({"mode": "SEQUENTIAL", "start": "9999-12-31T23:59:50Z"}, {}, 10),
        ({"mode": "SEQUENTIAL", "start": "9999-12-31T23:59:50Z", "jitterMs": 500}, {}, 10),
        ({"mode": "SEQUENTIAL", "start": "9999-12-31T23:59:50Z", "jitterMs": 1_000}, {}, 9),
        ({"mode": "SEQUENTIAL", "start": "0001-01-01T00:00:10Z", "stepMs": -5_000}, {}, 3),
        ({"mode": "SEQUENTIAL", "stepMs": 300_000_000_000_000}, {}, 1),
        ({}, {"clock": {"start": "9999-12-31T23:59:50Z", "stepMs": 2_000}}, 5),
        ({}, {"clock": {"start": "2026-01-01", "stepMs": 10**12}}, 252),
        ({"format": "DATE", "timezone": "Asia/Katmandu"}, {"clock": {"start": "9999-12-31T18:14:50Z"}}, 10),
        ({**OFFSET, "baseField": "end"}, {}, 10),
    ],
)
def test_the_first_record_that_cannot_be_dated_is_told_and_refused(
    params: dict[str, Any], more: dict[str, Any], first: int
) -> None:
    end = mapping(KIND, {"mode": "SEQUENTIAL", "start": "9999-12-31T23:59:49.990Z"}, name="end", omit=True)
    others = [end] if params.get("baseField") == "end" else []

    errors = [issue for issue in examined(field(params), *others, **more).errors if issue.field == NAME]
    plan = planned(field(params), *others, count=None, **more)

    assert [issue.code for issue in errors] == ["SEQUENCE_OVERFLOW"]
    assert f"record {first} " in errors[0].message
    assert not examined(field(params), *others, count=first, **more).errors
    assert plan.batch(Span(0, first)).records.height == first
    with pytest.raises(RecordInvalid) as error:
        plan.batch(Span(0, first + 5))
    assert error.value.code == "SEQUENCE_OVERFLOW"
    if not others:
        assert (error.value.field, error.value.record_number) == (NAME, first)


def test_an_offset_that_leads_too_far_is_refused_when_it_is_made() -> None:
    base = mapping(KIND, {"mode": "SEQUENTIAL", "start": "9999-12-31T23:59:49Z"}, name="end")
    plan = planned(field({**OFFSET, "baseField": "end", "minOffsetMs": 5_000, "maxOffsetMs": 5_000}), base, count=None)

    with pytest.raises(RecordInvalid) as error:
        plan.batch(Span(0, 10))
    assert (error.value.code, error.value.field, error.value.record_number) == ("SEQUENCE_OVERFLOW", NAME, 6)


def test_fields_that_are_offsets_of_each_other_are_a_cycle_and_no_endless_loop() -> None:
    other = mapping(KIND, {**OFFSET, "baseField": NAME}, name="other")
    third = mapping(KIND, {**OFFSET, "baseField": "other"}, name="third")

    assert found(field(OFFSET), other, third) == {("DEPENDENCY_CYCLE", "/fieldMappings/0")}
    assert found(field({**OFFSET, "baseField": NAME})) == {("DEPENDENCY_CYCLE", "/fieldMappings/0")}


def test_a_season_adds_nothing_to_what_is_wrong_with_a_distribution() -> None:
    params = {**YEAR, "distribution": {"type": "NORMAL", "mean": -1e12, "stdDev": 1}}

    assert found(field({**params, "seasonality": {"dayOfWeek": WEEK}})) == {
        ("DISTRIBUTION_OUTSIDE_RANGE", f"{PARAMS}/distribution")
    }


def test_all_problems_of_a_field_are_told_at_once() -> None:
    params = {**YEAR, "stepMs": 1, "pattern": "%Y", "from": "x"}

    assert found(field(params)) == {
        ("PROPERTY_NOT_ALLOWED", f"{PARAMS}/stepMs"),
        ("PROPERTY_NOT_ALLOWED", f"{PARAMS}/pattern"),
        ("TYPE_MISMATCH", f"{PARAMS}/from"),
    }

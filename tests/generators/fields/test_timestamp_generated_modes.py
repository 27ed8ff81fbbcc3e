"""TIMESTAMP_GENERATED: the modes beside RANGE, and distinct instants."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pytest

from engine.errors import RecordInvalid
from engine.issues import Severity
from engine.span import Span
from generators.fields.timestamp_generated import TimestampGenerated
from tests.engine.chance import ALPHA, chi_square
from tests.generators.fields.dated import KIND, OTHER, PARAMS, field
from tests.generators.fields.examined import NAME, STARTED_AT, found, issues, made, mapping, planned

# The other modes.


def test_now_asks_the_clock_of_the_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(TimestampGenerated, "read_clock", staticmethod(lambda: 1_800_000_000_123_999_999))
    plan = planned(field({"mode": "NOW"}))

    values = plan.batch(Span(5, 3)).records[NAME]

    assert values.to_list() == [datetime(2027, 1, 15, 8, 0, 0, 123_000, tzinfo=UTC)] * 3
    assert plan.reasons == ["it: mode NOW writes the time at which a record is made"]


def test_now_is_between_before_and_after() -> None:
    before = time.time_ns()

    value = made(field({"mode": "NOW", "format": "EPOCH_MILLIS"}), span=Span(0, 1))[0]

    assert before // 10**6 <= value <= time.time_ns() // 10**6


def test_the_clock_is_the_plan_of_the_records() -> None:
    counted = made(field({}), count=1_000)
    dated = made(field({}), clock={"start": "2026-01-01", "stepMs": 60_000}, span=Span(10**6, 2))

    assert counted.to_list() == [STARTED_AT - timedelta(seconds=999 - number) for number in range(1_000)]
    assert dated.to_list() == [
        datetime(2026, 1, 1, tzinfo=UTC) + timedelta(minutes=10**6 + number) for number in (0, 1)
    ]


def test_a_sequence_has_equal_steps() -> None:
    params = {"mode": "SEQUENTIAL", "start": "1970-01-01T00:00:05Z", "stepMs": -1_500, "format": "EPOCH_MILLIS"}

    assert made(field(params), span=Span(0, 5)).to_list() == [5_000, 3_500, 2_000, 500, -1_000]


def test_a_jitter_is_the_same_in_both_directions() -> None:
    params = {"mode": "SEQUENTIAL", "start": "1970-01-01", "stepMs": 100, "jitterMs": 3, "format": "EPOCH_MILLIS"}

    values = made(field(params), span=Span(0, 30_000)).to_numpy() - np.arange(30_000) * 100

    assert chi_square(np.bincount(values + 3, minlength=7), np.full(7, 1 / 7)) > ALPHA


def test_a_jitter_of_more_than_half_a_step_is_a_warning() -> None:
    assert found(field({"mode": "SEQUENTIAL", "stepMs": -10, "jitterMs": 5})) == set()
    [issue] = issues(field({"mode": "SEQUENTIAL", "stepMs": -10, "jitterMs": 6}))
    assert (issue.code, issue.path, issue.severity) == ("ORDER_NOT_GUARANTEED", f"{PARAMS}/jitterMs", Severity.WARNING)


def test_offsets_hold_both_bounds() -> None:
    params = {"mode": "OFFSET", "baseField": "other", "minOffsetMs": -2, "maxOffsetMs": 2}
    records = planned(field(params), OTHER).batch(Span(0, 20_000)).records

    offsets = (records[NAME] - records["other"]).dt.total_milliseconds().to_numpy()

    assert chi_square(np.bincount(offsets + 2, minlength=5), np.full(5, 1 / 5)) > ALPHA


def test_an_offset_from_null_is_null() -> None:
    params = {"mode": "OFFSET", "baseField": "other", "minOffsetMs": 0, "maxOffsetMs": 0}
    plan = planned(field(params), {**OTHER, "nullRate": 0.5})

    records = plan.batch(Span(0, 1_000)).records

    assert records[NAME].equals(records["other"])
    assert 300 < records[NAME].null_count() < 700
    assert plan.schema.columns[0].nullable
    assert not planned(field(params), OTHER).schema.columns[0].nullable


def test_offsets_can_be_stacked() -> None:
    first = mapping(KIND, {"mode": "OFFSET", "baseField": "other", "minOffsetMs": 5, "maxOffsetMs": 5}, name="first")
    params = {"mode": "OFFSET", "baseField": "first", "minOffsetMs": -7, "maxOffsetMs": -7}

    records = planned(field(params), first, OTHER).batch(Span(0, 10)).records

    assert (records[NAME] - records["other"]).dt.total_milliseconds().to_list() == [-2] * 10


# Distinct values.


@pytest.mark.parametrize(
    ("params", "capacity"),
    [
        ({"from": "2026-03-01", "to": "2026-04-01", "timezone": "Europe/Berlin", "granularity": "HOUR"}, 31 * 24 - 1),
        ({"from": "2026-10-01", "to": "2026-11-01", "timezone": "Europe/Berlin", "granularity": "HOUR"}, 31 * 24 + 1),
        ({"from": "2026-01-01", "to": "2027-01-01", "timezone": "Europe/Berlin", "granularity": "DAY"}, 365),
        ({"from": "2026-01-01T01:00", "to": "2027-01-01", "timezone": "Europe/Berlin", "granularity": "DAY"}, 364),
        ({"from": "2026-01-01T01:00", "to": "2027-01-01", "timezone": "Europe/Berlin", "format": "DATE"}, 365),
        ({"from": "2011-12-01", "to": "2012-01-01", "timezone": "Pacific/Apia", "format": "DATE"}, 30),
        ({"from": "2026-01-01T00:00:00.5Z", "to": "2026-01-01T00:01:00.5Z", "format": "EPOCH_SECONDS"}, 61),
        ({"from": "2026-01-01T00:00:00.5Z", "to": "2026-01-01T00:01:00.5Z", "granularity": "SECOND"}, 60),
        ({"from": "2026-01-01", "to": "2026-01-01T00:00:00.777"}, 777),
    ],
)
def test_all_granules_of_a_range_come_once_with_unique(params: dict[str, Any], capacity: int) -> None:
    wanted = field({"mode": "RANGE", **params}, unique=True)

    values = made(wanted, count=capacity, span=Span(0, capacity))

    assert values.n_unique() == capacity
    assert not values.is_sorted()
    assert found(wanted, count=capacity + 1) == {("UNIQUE_IMPOSSIBLE", "/fieldMappings/0/unique")}
    with pytest.raises(RecordInvalid) as error:
        planned(wanted, count=None).batch(Span(capacity - 1, 2))
    assert (error.value.code, error.value.record_number) == ("UNIQUE_EXHAUSTED", capacity)


@pytest.mark.parametrize(
    ("params", "possible"),
    [
        ({}, True),
        ({"granularity": "SECOND"}, True),
        ({"granularity": "MINUTE"}, False),
        ({"format": "DATE"}, False),
        ({"format": "EPOCH_SECONDS"}, True),
        ({"format": "PATTERN", "pattern": "%H"}, False),
        ({"mode": "SEQUENTIAL", "stepMs": -86_400_000, "granularity": "DAY"}, True),
        ({"mode": "SEQUENTIAL", "stepMs": 86_400_000, "granularity": "DAY", "timezone": "Europe/Berlin"}, False),
        ({"mode": "SEQUENTIAL", "stepMs": 89_999_999, "granularity": "DAY", "timezone": "Europe/Berlin"}, False),
        ({"mode": "SEQUENTIAL", "stepMs": 90_000_000, "granularity": "DAY", "timezone": "Europe/Berlin"}, True),
        ({"mode": "SEQUENTIAL", "jitterMs": 499}, True),
        ({"mode": "SEQUENTIAL", "jitterMs": 500}, False),
        ({"mode": "NOW"}, False),
        ({"mode": "OFFSET", "baseField": "other", "minOffsetMs": 0, "maxOffsetMs": 0}, False),
    ],
)
def test_evenly_spaced_instants_are_distinct_when_a_step_is_a_granule(params: dict[str, Any], possible: bool) -> None:
    expected = set() if possible else {("UNIQUE_IMPOSSIBLE", "/fieldMappings/0/unique")}
    differs = {("NON_DETERMINISTIC", "/fieldMappings/0")} if params.get("mode") == "NOW" else set()

    assert found(field(params, unique=True), OTHER) == expected | differs
    if possible:
        assert made(field(params, unique=True)).n_unique() == 1_000

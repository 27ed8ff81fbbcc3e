"""Modes, end conditions and clocks: what goes together, when records take place, and how many there are."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from engine.issues import Issue, Severity
from engine.span import Span
from generators.definition import read_definition
from generators.enums import EndReason
from generators.plan import Plan
from generators.services.drafts import run_length
from tests.generators.fields.examined import STARTED_AT, examined, mapping

CLOCK = mapping("TIMESTAMP_GENERATED", {})
RATE = {"recordsPerSecond": 200}
LIVE: dict[str, Any] = {"generationMode": "REALTIME", "rate": RATE}
DURATION: dict[str, Any] = {"endCondition": "DURATION", "durationSeconds": 900}
MANUAL: dict[str, Any] = {"endCondition": "MANUAL"}
SIMULATED = {"type": "SIMULATED", "start": "2026-01-01T00:00:00Z"}


def problems(*, required: bool = True, **document: Any) -> set[tuple[str, str]]:
    document = {"name": "orders", "fieldMappings": [CLOCK], **document}
    return {(issue.code, issue.path) for issue in read_definition(document, count_required=required).issues}


def plan(*mappings: Any, count: int | None = None, **document: Any) -> Plan:
    found = examined(*(mappings or [CLOCK]), count=count, **document)
    assert found.plan is not None, found.errors
    return found.plan


def instants(of: Plan, span: Span) -> list[datetime]:
    return of.batch(span).records["it"].dt.replace_time_zone("UTC").to_list()  # type: ignore[no-any-return]


@pytest.mark.parametrize(
    "document",
    [
        {"recordCount": 5, "countBasis": "GENERATED"},
        {"recordCount": 5, "countBasis": "WRITTEN", "onError": "CONTINUE", "errorHandling": {"maxErrors": 9}},
        {"recordCount": 5, "maxRecordsPerSecond": 2.5, "shards": 1},
        {"recordCount": 5, "safety": {"maxRecords": 3, "maxRuntimeSeconds": 1}},
        DURATION,
        {**MANUAL, "safety": {"maxRecords": 3}},
        {**LIVE, "recordCount": 5},
        {**LIVE, **DURATION, "includePaused": True, "maxLatencyMs": 20},
        {**LIVE, **MANUAL, "safety": {"maxRuntimeSeconds": 3}},
        {**LIVE, **DURATION, "clock": {**SIMULATED, "speed": 10, "thenLive": True}},
        {"recordCount": 5, "clock": {**SIMULATED, "stepMs": 5}},
    ],
)
def test_these_go_together(document: dict[str, Any]) -> None:
    assert problems(**document) == set()


@pytest.mark.parametrize(
    ("document", "code", "path"),
    [
        ({}, "MISSING_PARAM", "/recordCount"),
        ({"endCondition": "DURATION"}, "MISSING_PARAM", "/durationSeconds"),
        ({**DURATION, "recordCount": 5}, "END_CONDITION_INCOMPATIBLE", "/recordCount"),
        ({**DURATION, "countBasis": "GENERATED"}, "END_CONDITION_INCOMPATIBLE", "/countBasis"),
        ({"recordCount": 5, "durationSeconds": 5}, "END_CONDITION_INCOMPATIBLE", "/durationSeconds"),
        ({"recordCount": 5, "includePaused": True}, "END_CONDITION_INCOMPATIBLE", "/includePaused"),
        (MANUAL, "END_CONDITION_INCOMPATIBLE", "/endCondition"),
        ({**MANUAL, "safety": {"maxRuntimeSeconds": 3}}, "END_CONDITION_INCOMPATIBLE", "/endCondition"),
        ({**LIVE, **MANUAL}, "NO_SAFETY_LIMIT", "/endCondition"),
        (
            {**LIVE, **MANUAL, "safety": {"maxRecords": 1}, "recordCount": 5},
            "END_CONDITION_INCOMPATIBLE",
            "/recordCount",
        ),
        ({"generationMode": "REALTIME", "recordCount": 5}, "MISSING_PARAM", "/rate"),
        ({"recordCount": 5, "rate": RATE}, "PROPERTY_NOT_ALLOWED", "/rate"),
        ({"recordCount": 5, "maxLatencyMs": 100}, "PROPERTY_NOT_ALLOWED", "/maxLatencyMs"),
        ({**LIVE, "recordCount": 5, "maxLatencyMs": 19}, "INVALID_VALUE", "/maxLatencyMs"),
        ({**LIVE, "recordCount": 5, "maxRecordsPerSecond": 100}, "PROPERTY_NOT_ALLOWED", "/maxRecordsPerSecond"),
        ({"recordCount": 5, "maxRecordsPerSecond": 0}, "INVALID_VALUE", "/maxRecordsPerSecond"),
        ({**LIVE, "recordCount": 5, "shards": 2}, "PROPERTY_NOT_ALLOWED", "/shards"),
        ({**DURATION, "shards": 2}, "PROPERTY_NOT_ALLOWED", "/shards"),
        ({"recordCount": 5, "maxRecordsPerSecond": 1, "shards": 2}, "PROPERTY_NOT_ALLOWED", "/shards"),
        ({"recordCount": 5, "safety": {"maxRuntimeSeconds": 1}, "shards": 2}, "PROPERTY_NOT_ALLOWED", "/shards"),
        ({**LIVE, "recordCount": 5, "clock": {"stepMs": 5}}, "PROPERTY_NOT_ALLOWED", "/clock/stepMs"),
        ({**LIVE, "recordCount": 5, "clock": {"start": "now"}}, "PROPERTY_NOT_ALLOWED", "/clock/start"),
        ({**LIVE, "recordCount": 5, "clock": {"speed": 5}}, "PROPERTY_NOT_ALLOWED", "/clock/speed"),
        ({"recordCount": 5, "clock": {"speed": 5}}, "PROPERTY_NOT_ALLOWED", "/clock/speed"),
        ({**LIVE, "recordCount": 5, "clock": {"type": "SIMULATED"}}, "MISSING_PARAM", "/clock/start"),
        ({**LIVE, "recordCount": 5, "clock": {**SIMULATED, "thenLive": True}}, "INVALID_VALUE", "/clock/speed"),
        ({**LIVE, "recordCount": 5, "rate": {"recordsPerSecond": 0}}, "INVALID_VALUE", "/rate/recordsPerSecond"),
        ({"recordCount": 5, "safety": {"maxRecords": 0}}, "INVALID_VALUE", "/safety/maxRecords"),
        ({"endCondition": "DURATION", "durationSeconds": 315_360_001}, "INVALID_VALUE", "/durationSeconds"),
        ({"recordCount": 5, "countBasis": "WRITTEN"}, "PROPERTY_NOT_ALLOWED", "/countBasis"),
        (
            {"recordCount": 5, "countBasis": "WRITTEN", "onError": "CONTINUE"},
            "MISSING_PARAM",
            "/errorHandling/maxErrors",
        ),
        (
            {
                "recordCount": 5,
                "countBasis": "WRITTEN",
                "onError": "CONTINUE",
                "errorHandling": {"maxErrors": 9},
                "shards": 2,
            },
            "PROPERTY_NOT_ALLOWED",
            "/shards",
        ),
    ],
)
def test_these_do_not(document: dict[str, Any], code: str, path: str) -> None:
    assert problems(**document) == {(code, path)}


def test_to_look_at_records_no_end_is_needed() -> None:
    assert problems(required=False) == problems(required=False, endCondition="DURATION") == set()


def test_a_rate_that_is_wrong_hides_nothing_else() -> None:
    document = {**LIVE, "recordCount": 5, "rate": {"recordsPerSecond": 1, "arrival": "JITTER"}}

    found = examined(mapping("SEQUENCE", {"step": 0}), **document)

    assert {issue.path for issue in found.errors} == {"/rate/jitterRatio", "/fieldMappings/0/params/step"}


# How many.


@pytest.mark.parametrize(
    ("document", "count", "length"),
    [
        ({**LIVE, **DURATION}, None, (180_000, EndReason.DURATION)),
        ({**LIVE}, 5000, (5000, EndReason.RECORD_COUNT)),
        ({**LIVE, **DURATION, "safety": {"maxRecords": 1000}}, None, (1000, EndReason.SAFETY_LIMIT)),
        ({**LIVE, **DURATION, "safety": {"maxRuntimeSeconds": 10}}, None, (2000, EndReason.SAFETY_LIMIT)),
        ({**LIVE, "safety": {"maxRecords": 5000}}, 5000, (5000, EndReason.RECORD_COUNT)),
        ({**LIVE, **MANUAL}, None, (None, "")),
        ({**DURATION}, None, (None, "")),
        ({**DURATION, "maxRecordsPerSecond": 0.5}, None, (450, EndReason.DURATION)),
        ({**MANUAL, "safety": {"maxRecords": 7}}, None, (7, EndReason.SAFETY_LIMIT)),
        ({**LIVE, **DURATION, "clock": {**SIMULATED, "speed": 10}}, None, (1_800_000, EndReason.DURATION)),
    ],
)
def test_as_many_records_are_made_as_are_planned(
    document: dict[str, Any], count: int | None, length: tuple[int | None, str]
) -> None:
    made = plan(count=count, **document)

    assert run_length(made) == length
    assert made.facts.record_count == length[0]


def test_a_field_that_ends_a_run_ends_one_that_nothing_else_ends() -> None:
    numbers = mapping("SEQUENCE", {"end": 12, "onEnd": "STOP"})
    found = examined(numbers, count=None, **LIVE, **MANUAL)

    if found.plan is None:
        pytest.fail(str(found.errors))
    assert run_length(found.plan) == (12, EndReason.SEQUENCE_END)


def test_more_records_than_there_are_numbers_are_refused() -> None:
    [issue] = examined(
        CLOCK, count=None, **LIVE | {"rate": {"recordsPerSecond": 10**7}}, **DURATION | {"durationSeconds": 10**6}
    ).errors

    assert (issue.code, issue.path) == ("INVALID_VALUE", "/durationSeconds")


# When.


def test_a_live_record_takes_place_when_it_is_planned() -> None:
    made = plan(**LIVE, **MANUAL)

    assert instants(made, Span(0, 3)) == [STARTED_AT + timedelta(milliseconds=5 * number) for number in range(3)]
    assert instants(made, Span(10**9, 1)) == [STARTED_AT + timedelta(seconds=5_000_000)]


def test_a_live_record_takes_place_where_a_simulated_clock_begins() -> None:
    made = plan(**LIVE, **MANUAL, clock={**SIMULATED, "speed": 1000})

    assert instants(made, Span(200, 1)) == [datetime(2026, 1, 1, 0, 0, 1, tzinfo=UTC)]


def test_speed_changes_when_a_record_is_due_and_not_when_it_takes_place() -> None:
    slow, fast = (plan(**LIVE, **MANUAL, clock={**SIMULATED, "speed": speed}) for speed in (1, 100))

    assert slow.spec_hash == fast.spec_hash
    assert instants(slow, Span(0, 500)) == instants(fast, Span(0, 500))
    due = [one.pace.schedule.due_one(2000) for one in (slow, fast) if one.pace.schedule is not None]
    assert due == [10_000_000, 100_000]


def test_a_clock_that_meets_the_present_goes_on_with_it() -> None:
    made = plan(**LIVE, **MANUAL, clock={"type": "SIMULATED", "start": "now-99s", "speed": 100, "thenLive": True})
    schedule = made.pace.schedule
    assert schedule is not None

    # 100 s of the clock are gone through in 1 s: then it shows what the wall does.
    for number in (0, 10_000, 19_999, 20_000, 20_001, 30_000):
        [instant], due = instants(made, Span(number, 1)), timedelta(microseconds=schedule.due_one(number))
        live = STARTED_AT + due - instant
        assert (live >= timedelta(milliseconds=1)) == (number < 20_000), number
    assert schedule.due_one(20_000) == 1_000_000


def test_a_clock_cannot_meet_a_present_that_is_behind_it() -> None:
    clock = {"type": "SIMULATED", "start": "now+1d", "speed": 2, "thenLive": True}

    assert {(one.code, one.path) for one in examined(CLOCK, **LIVE, clock=clock).errors} == {
        ("INVALID_VALUE", "/clock/start")
    }


def test_the_rate_is_part_of_what_the_records_depend_on_where_they_look_at_the_clock() -> None:
    other = LIVE | {"rate": RATE | {"arrival": "POISSON"}}

    assert plan(**LIVE, **MANUAL).spec_hash != plan(**other, **MANUAL).spec_hash
    numbers = mapping("SEQUENCE", {})
    assert plan(numbers, **LIVE, **MANUAL).spec_hash == plan(numbers, **other, **MANUAL).spec_hash


@pytest.mark.parametrize("arrival", ["EVEN", "POISSON"])
def test_a_plan_from_its_own_tables_makes_the_same_instants(arrival: str) -> None:
    calendar = {"type": "CALENDAR", "timezone": "Europe/Berlin", "dayOfWeek": [1, 2, 3, 4, 5, 6, 7]}
    document = LIVE | MANUAL | {"rate": {"recordsPerSecond": 5, "pattern": calendar, "arrival": arrival}}
    first = plan(**document)

    again = plan(**document, tables=first.tables)

    assert "/zone_offsets" in first.tables
    assert first.tables_hash == again.tables_hash
    assert instants(first, Span(10**6, 300)) == instants(again, Span(10**6, 300))


def issue_of(*mappings: Any, **document: Any) -> list[Issue]:
    found = examined(*mappings, **document).issues
    return [issue for issue in found if issue.code != "NO_SAFETY_LIMIT"]


def test_instants_that_will_not_be_writable_are_known_before() -> None:
    late = LIVE | {"rate": {"recordsPerSecond": 0.000001}}

    [issue] = issue_of(CLOCK, count=10**6, **late)
    assert (issue.code, issue.path) == ("SEQUENCE_OVERFLOW", "/fieldMappings/0/params/mode")
    assert issue_of(CLOCK, count=10**5, **late) == []
    assert issue_of(CLOCK, count=None, **late, **MANUAL) == []


def test_uuids_of_version_7_follow_the_plan() -> None:
    made = plan(mapping("UUID_GENERATED", {"version": 7}), **LIVE, **MANUAL)

    stamps = [int(text.replace("-", "")[:12], 16) for text in made.batch(Span(0, 3)).records["it"]]

    assert [stamp - stamps[0] for stamp in stamps] == [0, 5, 10]


def test_distinct_instants_are_not_promised_for_a_rate() -> None:
    [issue] = issue_of(mapping("TIMESTAMP_GENERATED", {}, unique=True), count=5, **LIVE)

    assert (issue.code, issue.severity) == ("UNIQUE_IMPOSSIBLE", Severity.ERROR)

"""TIMESTAMP_GENERATED: against datetime and zoneinfo as slow definitions, by chi-square, and every error.

Seventeen chi-squares at `ALPHA`, all with fixed seeds: a change of all seeds fails by chance once in 60,000 times.
"""

from __future__ import annotations

import json
import time
from collections import Counter
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.schema import OutputType
from engine.span import Span
from engine.zones import MAX_MS, MIN_MS
from tests.engine.chance import ALPHA, chi_square
from tests.generators.fields import golden_instants
from tests.generators.fields.dated import DAY, EPOCH, HOUR, KIND, MS, OTHER, PARAMS, YEAR, field, local
from tests.generators.fields.examined import NAME, examined, found, made, mapping, planned

ZONES = ("UTC", "Europe/Berlin", "America/New_York", "Asia/Katmandu", "Australia/Lord_Howe", "America/Sao_Paulo")
GRANULES = {"MILLI": 1, "SECOND": 1_000, "MINUTE": 60_000, "HOUR": 3_600_000, "DAY": 86_400_000}


def written(moment: datetime) -> str:
    return moment.isoformat(timespec="milliseconds")


def test_a_seed_makes_the_instants_it_always_made() -> None:
    stored = json.loads((golden_instants.FOLDER / "timestamp_generated.json").read_text("utf-8"))

    assert golden_instants.timestamps() == stored


@pytest.mark.parametrize("params", golden_instants.TIMESTAMPS)
def test_cutting_a_run_changes_nothing(params: dict[str, Any]) -> None:
    plan = planned(field(params), OTHER)
    whole = plan.batch(Span(0, 1_000)).records[NAME]

    parts = [
        plan.batch(Span(start, end - start)).records[NAME] for start, end in ((0, 1), (1, 8), (8, 400), (400, 1_000))
    ]

    assert pl.concat(parts).equals(whole)
    assert plan.batch(Span(5, 0)).records[NAME].to_list() == []


@pytest.mark.parametrize("params", golden_instants.TIMESTAMPS)
def test_another_compilation_with_the_tables_of_the_first_makes_the_same(params: dict[str, Any]) -> None:
    plan = planned(field(params), OTHER)

    again = planned(field(params), OTHER, tables=plan.tables)

    assert again.batch(Span(0, 100)).records.equals(plan.batch(Span(0, 100)).records)
    assert (again.tables_hash, again.spec_hash) == (plan.tables_hash, plan.spec_hash)


def test_the_time_zone_of_a_run_is_the_one_in_its_tables() -> None:
    params = {"timezone": "Europe/Berlin", "format": "PATTERN", "pattern": "%H"}
    tables = dict(planned(field(params)).tables)

    tables["it/zone_offsets"] = tables["it/zone_offsets"] + 5 * 3_600_000

    assert made(field(params), span=Span(999, 1))[0] == "14"  # 12 UTC, summer time from this morning on
    assert made(field(params), span=Span(999, 1), tables=tables)[0] == "19"


@pytest.mark.parametrize("zone", ["Asia/Tokyo", "America/New_York"])
def test_the_zone_of_the_machine_changes_nothing(zone: str, monkeypatch: pytest.MonkeyPatch) -> None:
    stored = golden_instants.timestamps()

    monkeypatch.setenv("TZ", zone)
    time.tzset()
    try:
        here = golden_instants.timestamps()
    finally:
        monkeypatch.undo()
        time.tzset()

    assert here == stored


# RANGE.


@given(
    start=st.integers(MIN_MS + 2 * 86_400_000, MAX_MS - 400 * 86_400_000),
    length=st.integers(1, 300 * 86_400_000),
    granularity=st.sampled_from(sorted(GRANULES)),
    zone=st.sampled_from(ZONES),
)
@settings(max_examples=60, deadline=None)
def test_values_of_a_range_are_granules_that_begin_in_it(start: int, length: int, granularity: str, zone: str) -> None:
    bounds = {"from": written(EPOCH + start * MS), "to": written(EPOCH + (start + length) * MS)}
    params = {"mode": "RANGE", **bounds, "granularity": granularity}
    if GRANULES[granularity] > 1_000:
        params["timezone"] = zone

    examination = examined(field(params))

    if examination.plan is None:
        assert {(issue.code, issue.path) for issue in examination.errors} == {
            ("INVALID_VALUE", f"{PARAMS}/granularity")
        }
        assert length < 2 * GRANULES[granularity]
        return
    for moment in local(examination.plan.batch(Span(0, 50)).records[NAME], params.get("timezone", "UTC")):
        assert start <= (moment - EPOCH) // MS < start + length
        assert begins(moment, granularity)


def begins(moment: datetime, granularity: str) -> bool:
    """Whether a local unit begins at a moment: a millisecond before, the clocks showed an earlier one."""
    zone = moment.tzinfo
    assert isinstance(zone, ZoneInfo)
    before = zone.fromutc((moment.astimezone(UTC) - MS).replace(tzinfo=zone))
    if granularity == "DAY":
        return before.date() < moment.date()
    if granularity in {"HOUR", "MINUTE"} and moment.utcoffset() == before.utcoffset():
        unit = HOUR if granularity == "HOUR" else HOUR / 60
        return (moment.replace(tzinfo=UTC) - EPOCH) % unit == timedelta(0)
    return granularity not in {"MILLI", "SECOND"} or moment.microsecond % GRANULES[granularity] == 0


@pytest.mark.parametrize("granularity", ["MINUTE", "HOUR", "DAY"])
@pytest.mark.parametrize("zone", ["Europe/Berlin", "America/New_York", "Asia/Katmandu", "America/Sao_Paulo"])
def test_an_instant_is_cut_to_the_beginning_of_its_local_unit(granularity: str, zone: str) -> None:
    bounds = {"mode": "RANGE", "from": "2017-01-01T00:00:00Z", "to": "2019-01-01T00:00:00Z"}
    whole = mapping(KIND, bounds, name="whole")
    same = {"mode": "OFFSET", "baseField": "whole", "minOffsetMs": 0, "maxOffsetMs": 0}
    cut = field({**same, "granularity": granularity, "timezone": zone})

    records = planned(cut, whole).batch(Span(0, 5_000)).records

    for before, after in zip(local(records[NAME], zone), local(records["whole"], zone), strict=True):
        assert before.astimezone(UTC) <= after.astimezone(UTC)
        assert before.date() == after.date()
        if granularity == "DAY":
            assert begins(before, "DAY")
        else:
            minute = after.minute if granularity == "MINUTE" else 0
            expected = after.replace(tzinfo=None, minute=minute, second=0, microsecond=0)
            assert (before.replace(tzinfo=None, fold=after.fold), before.fold) == (expected, after.fold)


@pytest.mark.parametrize(
    ("zone", "instant", "granularity", "cut"),
    [
        ("Europe/Berlin", "2026-10-25T00:30Z", "HOUR", "2026-10-25T00:00Z"),  # the first 02:30
        ("Europe/Berlin", "2026-10-25T01:30Z", "HOUR", "2026-10-25T01:00Z"),  # the second 02:30
        ("Europe/Berlin", "2026-10-25T22:59Z", "DAY", "2026-10-24T22:00Z"),  # the 25th hour of the day
        ("Europe/Berlin", "2026-03-29T21:59Z", "DAY", "2026-03-28T23:00Z"),  # the 23rd and last
        ("America/Sao_Paulo", "2018-11-04T12:00Z", "DAY", "2018-11-04T03:00Z"),  # the day begins at 01:00
        ("Australia/Lord_Howe", "2026-04-04T15:10Z", "HOUR", "2026-04-04T14:00Z"),  # the second 01:40
        ("Asia/Katmandu", "2026-01-01T00:14Z", "HOUR", "2025-12-31T23:15Z"),
        ("UTC", "1969-12-31T23:59:59.999Z", "DAY", "1969-12-31T00:00Z"),
    ],
)
def test_known_cuts(zone: str, instant: str, granularity: str, cut: str) -> None:
    params = {"mode": "SEQUENTIAL", "start": instant, "granularity": granularity, "timezone": zone}

    [value] = made(field(params), count=1, span=Span(0, 1))

    assert value == datetime.fromisoformat(cut)


@pytest.mark.parametrize(
    ("zone", "bound", "instant"),
    [
        ("Europe/Berlin", "2026-03-29T02:30", "2026-03-29T01:30Z"),  # left out: moves forward
        ("Europe/Berlin", "2026-10-25T02:30", "2026-10-25T00:30Z"),  # twice: the first
        ("America/New_York", "2026-03-08T02:30", "2026-03-08T07:30Z"),
        ("America/New_York", "2026-11-01T01:30", "2026-11-01T05:30Z"),
        ("Asia/Katmandu", "2026-01-01", "2025-12-31T18:15Z"),
        ("UTC", "2026-01-01", "2026-01-01T00:00Z"),
        ("UTC", "2026-01-01T00:00:00.0019+05:45", "2025-12-31T18:15:00.001Z"),
        ("UTC", "now-1w", "2026-03-22T12:00Z"),
        ("UTC", "now", "2026-03-29T12:00Z"),
    ],
)
def test_bounds_are_instants_local_or_relative(zone: str, bound: str, instant: str) -> None:
    plan = planned(field({"mode": "SEQUENTIAL", "start": bound, "timezone": zone}), count=1)

    assert plan.batch(Span(0, 1)).records[NAME][0] == datetime.fromisoformat(instant)


def test_a_range_holds_its_first_instant_and_not_its_end() -> None:
    params = {"mode": "RANGE", "from": "2026-01-01T00:00:00.001Z", "to": "2026-01-01T00:00:00.004Z"}

    counts = Counter(value.microsecond // 1_000 for value in made(field(params), span=Span(0, 30_000)))

    assert sorted(counts) == [1, 2, 3]
    assert chi_square([counts[1], counts[2], counts[3]], [1 / 3] * 3) > ALPHA


def test_the_days_of_a_range_are_alike() -> None:
    days = [value.timetuple().tm_yday - 1 for value in made(field(YEAR), span=Span(0, 50_000))]

    assert chi_square(np.bincount(days, minlength=365), np.full(365, 1 / 365)) > ALPHA


def test_an_exponential_range_is_dense_at_its_end() -> None:
    mean = 10 * DAY
    values = made(field({**YEAR, "distribution": {"type": "EXPONENTIAL", "mean": mean / MS}}), span=Span(0, 50_000))

    end = datetime.fromisoformat(YEAR["to"])
    means = [min((end - value) // mean, 8) for value in values]

    shares = [np.exp(-k) - np.exp(-k - 1) for k in range(8)] + [np.exp(-8)]  # what lies before from is 1e-16
    assert chi_square(np.bincount(means, minlength=9), shares) > ALPHA


@pytest.mark.parametrize("distribution", [{"type": "NORMAL", "mean": 0}, {"type": "TRIANGULAR", "mode": 0}])
def test_means_and_modes_count_from_the_beginning_of_the_range(distribution: dict[str, Any]) -> None:
    start = datetime.fromisoformat(YEAR["from"])
    values = made(field({**YEAR, "distribution": distribution}), span=Span(0, 20_000))

    months = np.bincount([(value - start) // (365 * DAY / 12) for value in values], minlength=12)

    assert months[0] == months.max()
    assert months[:6].sum() > 0.7 * 20_000
    if distribution["type"] == "TRIANGULAR":
        assert chi_square(months, [(2 * (12 - k) - 1) / 144 for k in range(12)]) > ALPHA


# Formats.


def test_formats_write_the_same_instants() -> None:
    plain = made(field(YEAR), span=Span(0, 500))
    milliseconds = [(value - EPOCH) // MS for value in plain]

    def in_format(format_: str, **more: Any) -> list[Any]:
        return made(field({**YEAR, "format": format_, **more}), span=Span(0, 500)).to_list()

    assert in_format("ISO_8601") == plain.to_list()
    assert in_format("EPOCH_SECONDS") == [value // 1_000 for value in milliseconds]
    assert in_format("EPOCH_MILLIS") == milliseconds
    assert in_format("EPOCH_MICROS") == [value * 1_000 for value in milliseconds]
    assert in_format("EPOCH_NANOS") == [value * 1_000_000 for value in milliseconds]
    for zone in ZONES:
        shown = local(plain, zone)
        assert in_format("DATE", timezone=zone) == [value.date() for value in shown]
        expected = [value.strftime("%Y-%m-%d %H:%M:%S.%f%z") for value in shown]
        assert in_format("PATTERN", pattern="%Y-%m-%d %H:%M:%S.%f%z", timezone=zone) == expected


@pytest.mark.parametrize(
    "instant", ["0001-01-01", "1677-09-22", "1969-12-31T23:59:59.999", "2038-01-19T03:14:07", "9999-12-31T23:59:59.999"]
)
def test_old_and_far_years_are_written_exactly(instant: str) -> None:
    moment = datetime.fromisoformat(instant).replace(tzinfo=UTC)
    milliseconds = (moment - EPOCH) // MS

    def value(format_: str, **more: Any) -> Any:
        return made(field({"format": format_, **more}), clock={"start": instant}, count=1, span=Span(0, 1))[0]

    assert value("ISO_8601") == moment
    assert value("EPOCH_SECONDS") == milliseconds // 1_000
    assert value("EPOCH_MICROS") == milliseconds * 1_000
    assert value("DATE") == moment.date()
    assert value("PATTERN", pattern="%Y-%m-%dT%H:%M:%S.%3f%j") == (
        moment.isoformat(timespec="milliseconds")[:-6] + f"{moment.timetuple().tm_yday:03}"
    )


@pytest.mark.parametrize(
    ("wanted", "type_", "value"),
    [
        ("DATE", OutputType.DATE, date(2026, 3, 30)),
        ("LONG", OutputType.LONG, 1_774_828_800_000),
        ("TIMESTAMP", OutputType.TIMESTAMP, datetime(2026, 3, 30, tzinfo=UTC)),
        ("STRING", OutputType.STRING, "2026-03-30T00:00:00.000Z"),
    ],
)
def test_without_a_format_the_schema_decides(wanted: str, type_: OutputType, value: Any) -> None:
    clock = {"start": "2026-03-30"}
    for more in ({"schema": {"fields": [{"name": NAME, "type": wanted}]}}, {}):
        plan = planned(field({}, **({} if more else {"outputType": wanted})), clock=clock, count=1, **more)

        assert plan.schema.columns[0].type is type_
        assert plan.batch(Span(0, 1)).records[NAME][0] == value


def test_a_date_by_schema_is_that_of_the_time_zone() -> None:
    plan = planned(
        field({"timezone": "Asia/Katmandu"}, outputType="DATE"), clock={"start": "2026-03-29T18:15Z"}, count=1
    )

    assert plan.batch(Span(0, 1)).records[NAME][0] == date(2026, 3, 30)


def test_whole_seconds_of_this_century_fit_an_integer() -> None:
    params = {**YEAR, "format": "EPOCH_SECONDS"}

    assert not examined(field(params, outputType="INTEGER")).errors
    assert found(field({**params, "to": "2039-01-01T00:00:00Z"}, outputType="INTEGER")) == {
        ("TYPE_MISMATCH", "/fieldMappings/0/outputType")
    }


# What two runs share.


@pytest.mark.parametrize(
    ("params", "more", "reason"),
    [
        ({}, {}, "the clock counts from the start of the run; clock.start or --started-at fixes it"),
        ({}, {"clock": {"start": "2026-01-01"}}, None),
        (
            {**YEAR, "from": "now-30d"},
            {},
            "its instants count from the start of the run; absolute ones or --started-at fix them",
        ),
        (YEAR, {}, None),
        (
            {"mode": "SEQUENTIAL"},
            {},
            "its instants count from the start of the run; absolute ones or --started-at fix them",
        ),
        ({"mode": "SEQUENTIAL", "start": "2026-01-01"}, {}, None),
    ],
)
def test_what_makes_two_runs_differ_is_told(params: dict[str, Any], more: dict[str, Any], reason: str | None) -> None:
    if "from" in params and params["from"].startswith("now"):
        params = {**params, "to": "now"}

    assert planned(field(params), given=False, **more).reasons == ([f"{NAME}: {reason}"] if reason else [])
    assert planned(field(params), given=True, **more).reasons == []

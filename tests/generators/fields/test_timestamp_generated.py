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

from engine.continuous import Exponential
from engine.declared import OutOfBounds
from engine.errors import RecordInvalid
from engine.issues import Severity
from engine.schema import OutputType
from engine.span import Span
from engine.zones import MAX_MS, MIN_MS, Zone
from generators.fields.timestamp_generated import TimestampGenerated
from generators.times.time_range import TimeRange
from tests.engine.chance import ALPHA, chi_square
from tests.engine.test_zones import of_package
from tests.generators.fields import golden_instants
from tests.generators.fields.examined import NAME, STARTED_AT, examined, found, issues, made, mapping, planned

KIND = "TIMESTAMP_GENERATED"
PARAMS = "/fieldMappings/0/params"
EPOCH, MS = datetime(1970, 1, 1, tzinfo=UTC), timedelta(milliseconds=1)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
ZONES = ("UTC", "Europe/Berlin", "America/New_York", "Asia/Katmandu", "Australia/Lord_Howe", "America/Sao_Paulo")
GRANULES = {"MILLI": 1, "SECOND": 1_000, "MINUTE": 60_000, "HOUR": 3_600_000, "DAY": 86_400_000}
YEAR = {"mode": "RANGE", "from": "2026-01-01T00:00:00Z", "to": "2027-01-01T00:00:00Z"}
OTHER = mapping(KIND, {"mode": "SEQUENTIAL", "start": "2020-01-01T00:00:00Z"}, name="other")


def field(params: dict[str, Any], **more: Any) -> dict[str, Any]:
    return mapping(KIND, params, **more)


def written(moment: datetime) -> str:
    return moment.isoformat(timespec="milliseconds")


def local(values: pl.Series, zone: str) -> list[datetime]:
    known = of_package(zone)
    return [known.fromutc(value.replace(tzinfo=known)) for value in values]


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


# Seasonality.

HOURS = [0, 1, 2, 0, 4, 5, 6, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 8, 7, 6, 5, 4, 3, 2]
DAYS = [1, 1, 2, 1, 0.5, 0, 3]
MONTHS = [1, 2, 3, 4, 5, 6, 6, 5, 4, 1, 2, 1]


def hours_by_local_time(zone: str, start: datetime, end: datetime, multipliers: Any) -> dict[datetime, float]:
    """The weight of each hour in UTC, by going through all local hours and asking where each of them lies."""
    known, weights = of_package(zone), Counter[datetime]()
    cell = start
    while cell < end:
        moment = cell.replace(tzinfo=known).astimezone(UTC)
        shown = moment.astimezone(known)
        weight = multipliers(cell)
        if shown.replace(tzinfo=None, fold=0) == cell or multipliers(shown.replace(tzinfo=None)) > 0:
            weights[moment] += weight
        cell += HOUR
    return dict(weights)


@pytest.mark.parametrize(
    ("zone", "start", "end"),
    [
        ("Europe/Berlin", "2026-03-20", "2026-04-05"),
        ("Europe/Berlin", "2026-10-20", "2026-11-03"),
        ("America/New_York", "2026-03-01", "2026-03-12"),
        ("Asia/Katmandu", "2026-01-01", "2026-01-12"),
    ],
)
@pytest.mark.parametrize("hours", [HOURS, [1] * 24])
def test_seasons_are_those_of_local_time(zone: str, start: str, end: str, hours: list[float]) -> None:
    def multipliers(cell: datetime) -> float:
        return hours[cell.hour] * DAYS[cell.weekday()] * MONTHS[cell.month - 1]

    seasons = {"hourOfDay": hours, "dayOfWeek": DAYS, "monthOfYear": MONTHS}
    params = {"mode": "RANGE", "from": start, "to": end, "timezone": zone, "seasonality": seasons}
    values = made(field(params), span=Span(0, 60_000))

    expected = hours_by_local_time(zone, datetime.fromisoformat(start), datetime.fromisoformat(end), multipliers)
    first = min(expected)
    places = [(value - first) // HOUR for value in values]
    shares = [expected.get(first + HOUR * place, 0.0) for place in range((max(expected) - first) // HOUR + 1)]

    assert chi_square(np.bincount(places, minlength=len(shares)), np.array(shares) / sum(shares)) > ALPHA
    shown = local(values, zone)
    assert all(hours[moment.hour] and DAYS[moment.weekday()] for moment in shown)


def test_within_an_hour_all_minutes_are_alike() -> None:
    seasons = {"seasonality": {"hourOfDay": [0] * 8 + [1] * 4 + [0] * 12}}
    minutes = [value.minute for value in made(field({**YEAR, **seasons}), span=Span(0, 30_000))]

    assert chi_square(np.bincount(minutes, minlength=60), np.full(60, 1 / 60)) > ALPHA


def test_a_range_that_begins_and_ends_within_hours_gives_these_their_part() -> None:
    params = {
        "mode": "RANGE",
        "from": "2026-01-01T00:45Z",
        "to": "2026-01-01T02:15Z",
        "seasonality": {"hourOfDay": HOURS},
    }
    quarters = [value.hour * 4 + value.minute // 15 for value in made(field(params), span=Span(0, 20_000))]

    assert chi_square(np.bincount(quarters, minlength=9), np.array([0] * 4 + [1] * 4 + [2]) / 6) > ALPHA


def test_a_distribution_gives_each_hour_of_a_season_its_share() -> None:
    bounds = {"mode": "RANGE", "from": "2026-01-01T00:00Z", "to": "2026-01-02T00:00Z"}
    distribution = {"type": "EXPONENTIAL", "mean": 10 * HOUR / MS}
    values = made(
        field({**bounds, "seasonality": {"hourOfDay": HOURS}, "distribution": distribution}), span=Span(0, 50_000)
    )

    shares = np.array([HOURS[hour] * np.exp(-(23 - hour) / 10) for hour in range(24)])
    assert chi_square(np.bincount([value.hour for value in values], minlength=24), shares / shares.sum()) > ALPHA


def test_seasons_of_cells_by_distribution_have_the_mass_of_the_distribution() -> None:
    start, end = 1_000_000_000_123, 1_000_100_000_000
    params = planned(field({**YEAR, "seasonality": {"hourOfDay": [1] * 24}})).definition.mappings[0].params
    distribution = Exponential(type="EXPONENTIAL", mean=10**7)
    drawn = TimeRange(start, end, distribution, params.seasonality, Zone.named("Europe/Berlin"))

    cells = drawn.cells

    assert int(cells.sizes.sum()) == end - start
    assert cells.weights.sum() == pytest.approx(1.0, abs=1e-12)
    last = float(distribution.cumulative(drawn.lattice, int(cells.sizes[-1]) - 1, OutOfBounds.TRUNCATE))
    assert cells.weights[-1] == pytest.approx(last, rel=1e-12)


@pytest.mark.parametrize(
    ("season", "bounds"),
    [
        ({"hourOfDay": [0] * 3 + [1] * 21}, ("2026-01-01T00:10:00", "2026-01-01T02:59:59")),
        ({"dayOfWeek": [1, 1, 1, 1, 1, 0, 0]}, ("2026-01-03", "2026-01-05")),
        ({"monthOfYear": [0, *[1] * 11]}, ("2026-01-03", "2026-01-05")),
        ({"hourOfDay": [1] + [0] * 23, "dayOfWeek": [1, 1, 1, 1, 1, 1, 0]}, ("2026-01-04", "2026-01-05")),
    ],
)
def test_seasons_that_leave_nothing_are_an_error(season: dict[str, Any], bounds: tuple[str, str]) -> None:
    params = {"mode": "RANGE", "from": bounds[0], "to": bounds[1], "timezone": "Europe/Berlin", "seasonality": season}

    assert found(field(params)) == {("NO_TIME_MASS", f"{PARAMS}/seasonality")}


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


# Every error.

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

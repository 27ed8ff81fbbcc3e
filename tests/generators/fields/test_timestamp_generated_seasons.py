"""TIMESTAMP_GENERATED: the seasons of a range."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pytest

from engine.continuous import Exponential
from engine.declared import OutOfBounds
from engine.span import Span
from engine.zones import Zone
from generators.times.time_range import TimeRange
from tests.engine.chance import ALPHA, chi_square
from tests.engine.test_zones import of_package
from tests.generators.fields.dated import HOUR, MS, PARAMS, YEAR, field, local
from tests.generators.fields.examined import found, made, planned

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

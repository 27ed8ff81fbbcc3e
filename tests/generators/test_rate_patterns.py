"""Rate patterns: their integrals are those of the textbook, and every problem of theirs is named."""

from __future__ import annotations

import math
from datetime import datetime, timedelta
from fractions import Fraction
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from pydantic import ValidationError

from engine.lap_pieces import UNITS
from engine.rates import MICROS, RateCurve
from engine.span import Span
from engine.stream import Source
from engine.timetable import Timetable
from generators.facts import epoch_ms
from generators.rates.shape import RateShape
from sdg_project.shapes import issues_of

START = datetime(
    2026, 3, 28, 23, 30, tzinfo=ZoneInfo("UTC")
)  # half an hour into a Sunday on which Berlin's clocks skip one
DAY = [Fraction(hour + 1, 10) for hour in range(24)]
WEEK = [1, 2, 3, 4, 5, 6, 7]


def shape(pattern: dict[str, Any], **more: Any) -> RateShape:
    return RateShape.model_validate({"pattern": pattern, **more})


def curve(pattern: dict[str, Any], **more: Any) -> RateCurve:
    return table(pattern, **more).curve


def table(pattern: dict[str, Any], **more: Any) -> Timetable:
    rate = shape(pattern, **more)
    assert list(rate.issues()) == []
    return rate.timetable(Source(1, "orders", ""), start_ms=epoch_ms(START), tables=rate.tables())


def counts(of: RateCurve, *seconds: float) -> list[Fraction]:
    return [Fraction(of.units_at(int(second * MICROS)), UNITS) for second in seconds]


def calendar(**more: Any) -> dict[str, Any]:
    hours = [float(share) for share in DAY]
    return {"type": "CALENDAR", "timezone": "Europe/Berlin", "hourOfDay": hours, "dayOfWeek": WEEK, **more}


def test_constant() -> None:
    assert counts(curve({"type": "CONSTANT"}, recordsPerSecond=0.1), 0, 10, 3600) == [0, 1, 360]


def test_ramp() -> None:
    ramp = curve({"type": "RAMP", "startRate": 0, "endRate": 100, "overSeconds": 20})

    # Rounded up to a unit, by float64 on the slope.
    assert counts(ramp, 0, 20, 30) == [0, 1000, 2000]
    assert 0 <= counts(ramp, 10)[0] - 250 <= Fraction(1, UNITS)


def test_a_single_spike() -> None:
    spike = {"type": "SPIKE", "baseRate": 5, "spikeRate": 100, "startSeconds": 10, "durationSeconds": 2}

    assert counts(curve(spike), 10, 11, 12, 20) == [50, 150, 250, 290]


@pytest.mark.parametrize("base", [0, 5])
@pytest.mark.parametrize("start", [0, 10, 70])
@pytest.mark.parametrize("every", [2, 30])
def test_spikes_again_and_again(base: int, start: int, every: int) -> None:
    spike = {"type": "SPIKE", "baseRate": base, "spikeRate": 100, "startSeconds": start, "durationSeconds": 2}
    found = counts(curve({**spike, "everySeconds": every}), *range(200))

    wanted = [0]
    for second in range(199):
        in_spike = second >= start and (second - start) % every < 2
        wanted.append(wanted[-1] + (100 if in_spike else base))
    assert found == wanted


@pytest.mark.parametrize("loop", [False, True])
def test_steps(loop: bool) -> None:
    steps = [{"rate": 10, "durationSeconds": 3}, {"rate": 0, "durationSeconds": 2}, {"rate": 4, "durationSeconds": 5}]

    found = counts(curve({"type": "STEPPED", "steps": steps, "loop": loop}), 3, 5, 10, 13, 20)

    assert found == [30, 30, 50, 80 if loop else 62, 100 if loop else 90]


@pytest.mark.parametrize("phase", [0.0, 0.25, 0.6])
def test_a_wave_is_a_sine(phase: float) -> None:
    wave = curve({"type": "WAVE", "baseRate": 100, "amplitude": 90, "periodSeconds": 60, "phase": phase})

    for second in (0.1, 7, 15, 33.3, 59, 61, 3600):
        turn = 2 * math.pi / 60
        sine = 90 / turn * (math.cos(2 * math.pi * phase) - math.cos(turn * second + 2 * math.pi * phase))
        assert float(counts(wave, second)[0]) == pytest.approx(100 * second + sine, abs=0.02)


def test_waves_do_not_drift() -> None:
    wave = curve({"type": "WAVE", "baseRate": 0.1, "amplitude": 0.1, "periodSeconds": 86_400})

    assert counts(wave, 86_400 * 3650) == [Fraction(8640 * 3650)]


def by_the_hour(smooth: bool, hours: int) -> list[float]:
    """The rate at each of many instants by the clock on a wall in Berlin, summed."""
    total, sums = 0.0, []
    for minute in range(hours * 60):
        local = (START + timedelta(minutes=minute, seconds=30)).astimezone(ZoneInfo("Europe/Berlin"))
        place = local.weekday() * 24 + local.hour + (local.minute + 0.5) / 60

        def rate(hour: int) -> float:
            return float(DAY[hour % 24]) * WEEK[hour // 24 % 7] * 2

        if smooth:
            before = math.floor(place - 0.5)
            part = place - 0.5 - before
            total += 60 * (rate(before) * (1 - part) + rate(before + 1) * part)
        else:
            total += 60 * rate(int(place))
        sums.append(total)
    return sums


@pytest.mark.parametrize("smooth", [False, True])
def test_a_calendar_follows_the_clocks_on_the_walls(smooth: bool) -> None:
    found = curve(calendar(smooth=smooth), recordsPerSecond=2)
    hours = 24 * 7 * 32  # past the end of summer time

    wanted = by_the_hour(smooth, hours)

    for minutes in (1, 30, 89, 90, 91, 150, 1440, 10_080, 60 * hours):
        assert float(counts(found, minutes * 60)[0]) == pytest.approx(wanted[minutes - 1], rel=1e-9)


def test_an_hour_without_weight_has_no_records() -> None:
    planned = table({"type": "CALENDAR", "hourOfDay": [1] * 22 + [0, 1]}, recordsPerSecond=1)

    times = START + np.array(planned.times(Span(0, 10**6)) // MICROS).astype("timedelta64[s]").astype(object)

    assert {time.hour for time in times.tolist()} == set(range(24)) - {22}


def test_a_calendar_ends_nowhere() -> None:
    planned = table(calendar(), recordsPerSecond=0.001)

    times = planned.times(Span(10**9, 1000))

    assert (np.diff(times) > 0).all()
    assert planned.count_before(int(times[500])) == 10**9 + 500


@pytest.mark.parametrize(
    ("given", "code", "path"),
    [
        ({"pattern": {"type": "CONSTANT"}}, "MISSING_PARAM", "/recordsPerSecond"),
        ({"recordsPerSecond": 0}, "INVALID_VALUE", "/recordsPerSecond"),
        ({"recordsPerSecond": 1, "arrival": "JITTER"}, "MISSING_PARAM", "/jitterRatio"),
        ({"recordsPerSecond": 1, "arrival": "JITTER", "jitterRatio": 0}, "INVALID_VALUE", "/jitterRatio"),
        ({"recordsPerSecond": 1, "jitterRatio": 0.5}, "PROPERTY_NOT_ALLOWED", "/jitterRatio"),
        ({"recordsPerSecond": 1, "catchUp": "SPREAD"}, "MISSING_PARAM", "/catchUpSeconds"),
        ({"recordsPerSecond": 1, "catchUpSeconds": 5}, "PROPERTY_NOT_ALLOWED", "/catchUpSeconds"),
        (
            {
                "recordsPerSecond": 1,
                "pattern": {"type": "RAMP", "startRate": 1, "endRate": 2, "overSeconds": 3},
            },
            "PROPERTY_NOT_ALLOWED",
            "/recordsPerSecond",
        ),
        (
            {"pattern": {"type": "RAMP", "startRate": 1, "endRate": 0, "overSeconds": 3}},
            "INVALID_VALUE",
            "/pattern/endRate",
        ),
        (
            {"pattern": {"type": "WAVE", "baseRate": 1, "amplitude": 1.5, "periodSeconds": 3}},
            "NEGATIVE_RATE",
            "/pattern/amplitude",
        ),
        (
            {"pattern": {"type": "WAVE", "baseRate": 10**7, "amplitude": 1, "periodSeconds": 3}},
            "INVALID_VALUE",
            "/pattern/amplitude",
        ),
        (
            {
                "pattern": {
                    "type": "STEPPED",
                    "steps": [{"rate": 1, "durationSeconds": 1}, {"rate": 0, "durationSeconds": 1}],
                }
            },
            "INVALID_VALUE",
            "/pattern/steps/1/rate",
        ),
        (
            {"pattern": {"type": "STEPPED", "loop": True, "steps": [{"rate": 0, "durationSeconds": 1}]}},
            "INVALID_VALUE",
            "/pattern/steps",
        ),
        (
            {"pattern": {"type": "SPIKE", "baseRate": 0, "spikeRate": 9, "startSeconds": 1, "durationSeconds": 2}},
            "INVALID_VALUE",
            "/pattern/baseRate",
        ),
        ({"recordsPerSecond": 1, "pattern": {"type": "CALENDAR"}}, "MISSING_PARAM", "/pattern"),
        (
            {"recordsPerSecond": 1, "pattern": {"type": "CALENDAR", "dayOfWeek": [0] * 7}},
            "INVALID_WEIGHTS",
            "/pattern/dayOfWeek",
        ),
        ({"recordsPerSecond": 10**7, "pattern": {"type": "CALENDAR", "dayOfWeek": WEEK}}, "INVALID_VALUE", "/pattern"),
    ],
)
def test_what_does_not_fit_is_named(given: dict[str, Any], code: str, path: str) -> None:
    assert [(issue.code, issue.path) for issue in RateShape.model_validate(given).issues()] == [(code, path)]


@pytest.mark.parametrize(
    ("given", "path"),
    [
        ({"recordsPerSecond": 10**7 + 1}, "/recordsPerSecond"),
        ({"recordsPerSecond": -1}, "/recordsPerSecond"),
        ({"recordsPerSecond": 0.0000001}, "/recordsPerSecond"),
        ({"recordsPerSecond": 1, "burst": 0}, "/burst"),
        ({"catchUpSeconds": 0.0001}, "/catchUpSeconds"),
        ({"pattern": {"type": "CALENDAR", "timezone": "Europe/Berlln"}}, "/pattern/timezone"),
        ({"pattern": {"type": "RAMP", "startRate": 1, "endRate": 2, "overSeconds": 0}}, "/pattern/overSeconds"),
        (
            {"pattern": {"type": "RAMP", "startRate": 1, "endRate": 2, "overSeconds": 400_000_000}},
            "/pattern/overSeconds",
        ),
        ({"pattern": {"type": "SAW"}}, "/pattern/type"),
    ],
)
def test_what_is_out_of_bounds_is_named(given: dict[str, Any], path: str) -> None:
    with pytest.raises(ValidationError) as caught:
        RateShape.model_validate(given)

    assert [issue.path for issue in issues_of(caught.value, model=RateShape)] == [path]

"""Timetables and schedules: counts are the inverse of times, for every arrival, speed and curve."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.arrivals import BLOCK, Arrival, Even, Jitter, Poisson
from engine.lap_pieces import UNITS
from engine.rates import FAR, MICROS
from engine.schedule import Schedule
from engine.span import Span
from engine.stream import Source
from engine.timetable import Timetable
from tests.engine.chance import ALPHA, chi_square, normal_p
from tests.engine.rate_curves import CURVES

STREAM = Source(1, "orders", "").stream("time")
ARRIVALS: dict[str, Arrival] = {
    "EVEN": Even(),
    "POISSON": Poisson(STREAM),
    "JITTER": Jitter(STREAM, 0.3),
    "JITTER of a whole distance": Jitter(STREAM, 1.0),
}


def places(arrival: Arrival, span: Span) -> list[Fraction]:
    return [Fraction(place, UNITS) for place in arrival.places(span).tolist()]


@pytest.mark.parametrize("arrival", ARRIVALS)
@pytest.mark.parametrize("curve", CURVES)
@pytest.mark.parametrize("first", [0, 990, 10**9])
def test_as_many_records_are_before_a_time_as_have_earlier_times(arrival: str, curve: str, first: int) -> None:
    table = Timetable(CURVES[curve], ARRIVALS[arrival])
    times = table.times(Span(first, 40))

    for number, time in zip(range(first, first + 40), times.tolist(), strict=True):
        if time < FAR:
            assert table.count_before(time) <= number < table.count_before(time + 1)


@pytest.mark.parametrize("arrival", ARRIVALS)
def test_a_record_s_place_does_not_depend_on_what_else_is_asked(arrival: str) -> None:
    together = places(ARRIVALS[arrival], Span(1500, 3000))

    assert [places(ARRIVALS[arrival], Span(1500 + at, 1))[0] for at in range(0, 3000, 41)] == together[::41]


@pytest.mark.parametrize("arrival", ARRIVALS)
@given(first=st.integers(0, 10**12))
def test_places_ascend_and_stay_within_reach(arrival: str, first: int) -> None:
    found = places(ARRIVALS[arrival], Span(first, 50))

    assert found == sorted(found)
    reach = BLOCK if arrival == "POISSON" else 1
    assert all(abs(place - number) <= reach for number, place in enumerate(found, first))


@pytest.mark.parametrize("arrival", ARRIVALS)
@given(units=st.integers(0, 10**12 * UNITS))
def test_as_many_records_are_below_a_place_as_have_smaller_ones(arrival: str, units: int) -> None:
    count = ARRIVALS[arrival].count_below(units)

    assert ARRIVALS[arrival].places(Span(count, 1))[0] >= units
    assert count == 0 or ARRIVALS[arrival].places(Span(count - 1, 1))[0] < units


def test_jitter_is_uniform_over_its_part_of_the_distance() -> None:
    late = [float(place % 1) for place in places(ARRIVALS["JITTER"], Span(0, 20_000))]

    observed = np.histogram(late, bins=30, range=(0, 0.3))[0]

    assert max(late) < 0.3
    assert chi_square(observed, np.ones(30)) > ALPHA


def test_poisson_has_exponential_distances_and_a_whole_block_of_arrivals_in_each_block() -> None:
    found = np.array([float(place) for place in places(ARRIVALS["POISSON"], Span(0, 200 * BLOCK))])

    distances = np.diff(found)
    edges = np.append(-np.log1p(-np.arange(20) / 20), np.inf)
    # Distances across a border of blocks are those of two ends: one in 1,000 of them.
    assert (found // BLOCK).tolist() == np.repeat(np.arange(200), BLOCK).tolist()
    assert chi_square(np.histogram(distances, bins=edges)[0], np.ones(20)) > ALPHA
    assert normal_p((distances.mean() - 1.0) * np.sqrt(len(distances))) > ALPHA


SPEEDS = [(Fraction(1), None), (Fraction(5, 2), None), (Fraction(1, 3), None), (Fraction(1000), 70 * MICROS)]


@pytest.mark.parametrize(("speed", "seam"), SPEEDS)
@pytest.mark.parametrize("curve", CURVES)
def test_a_schedule_s_counts_are_the_inverse_of_its_times(speed: Fraction, seam: int | None, curve: str) -> None:
    schedule = Schedule(Timetable(CURVES[curve], Even()), speed, seam)

    for number in (0, 1, 499, 500, 501, 34_999, 35_000, 10**7):
        due = schedule.due_one(number)
        if due < FAR // 1000:
            assert schedule.count_before(due) <= number < schedule.count_before(due + 1)


def test_a_hastened_clock_goes_on_with_the_present_without_a_gap_or_a_double() -> None:
    schedule = Schedule(Timetable(CURVES["1000/s"], Even()), Fraction(10), 4 * MICROS)

    due = schedule.due(Span(0, 6000))

    assert due[[0, 10, 3990, 4000, 4001, 5000]].tolist() == [0, 1000, 399_000, 400_000, 401_000, 1_400_000]
    assert set(np.diff(due[:4001]).tolist()) == {100}
    assert set(np.diff(due[4000:]).tolist()) == {1000}


@pytest.mark.parametrize("speed", [Fraction(999_999_999, 1000), Fraction(1, 1000), Fraction(999, 1000)])
def test_speed_overflows_nowhere(speed: Fraction) -> None:
    schedule = Schedule(Timetable(CURVES["one in ten seconds"], Even()), speed)

    due = schedule.due(Span(10**11 - 1, 3)).tolist()

    assert due == [min(10 * MICROS * number, int(FAR * speed)) / speed // 1 for number in range(10**11 - 1, 10**11 + 2)]

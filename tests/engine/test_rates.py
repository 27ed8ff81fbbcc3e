"""Rate curves: counts are the integral, times are the inverse of counts to the microsecond, and nothing adds up."""

from __future__ import annotations

from collections.abc import Iterable
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.lap_pieces import MOST, UNITS, Piece
from engine.rates import FAR, MICROS, Lap, RateCurve
from tests.engine.rate_curves import CURVES, WRITTEN, held, repeated, slope

LAST = 10**12
rates = st.integers(0, 10**13) | st.integers(0, 10**7)
pieces = st.builds(Piece, st.integers(1, 10**7).map(lambda ms: ms * 1_000) | st.integers(1, 50), rates, rates)
level = pieces.map(lambda one: Piece(one.duration_us, one.start_rate, one.start_rate))


def fits(lap: list[Piece]) -> bool:
    shares = sum((piece.shares for piece in lap), start=Fraction(0))
    return shares > 0 and (shares / 500_000).denominator <= 500


def longest_slope(lap: Iterable[Piece]) -> Fraction:
    """How many records the longest slope has."""
    return max((Fraction(one.shares) / 2 / MICROS / MICROS for one in lap if one.is_bent), default=Fraction(0))


laps = st.lists(pieces, min_size=1, max_size=6).filter(fits)


def times(curve: RateCurve, numbers: list[int]) -> list[int]:
    return [int(time) for time in curve.times(np.array(numbers, np.int64) * UNITS)]


def assert_is_inverse(curve: RateCurve, units: int) -> None:
    [time] = curve.times(np.array([units])).tolist()
    if time < FAR:
        assert curve.units_at(time) <= units < curve.units_at(time + 1)
    else:
        assert curve.units_at(FAR) <= units


@pytest.mark.parametrize("name", CURVES)
@pytest.mark.parametrize("number", [0, 1, 2, 499, 500, 501, 999, 10**6 + 1, 10**9, LAST - 1])
@pytest.mark.parametrize("more", [0, 1, UNITS - 1])
def test_times_are_the_inverse_of_counts(name: str, number: int, more: int) -> None:
    assert_is_inverse(CURVES[name], number * UNITS + more)


@settings(deadline=None)  # the machine may be busy with other things
@given(laps, st.integers(0, LAST * UNITS) | st.integers(0, 10**9), st.integers(0, 10**12))
def test_so_it_is_for_any_lap(lap: list[Piece], units: int, at_us: int) -> None:
    assert_is_inverse(repeated(*lap, at_us=at_us).curve, units)


@settings(deadline=None)  # the machine may be busy with other things
@given(laps, st.integers(0, 10**12), st.integers(0, 10**12))
def test_no_count_ever_falls(lap: list[Piece], first: int, at_us: int) -> None:
    curve = repeated(*lap, at_us=at_us).curve

    counts = [curve.units_at(first + more) for more in range(100)]

    assert counts == sorted(counts)


@settings(deadline=None)  # the machine may be busy with other things
@given(laps, st.integers(0, 10**12), st.integers(0, 10**15))
def test_counts_are_the_integral_of_the_rate(lap: list[Piece], at_us: int, time_us: int) -> None:
    written = repeated(*lap, at_us=at_us)
    slack = longest_slope(lap) * UNITS / 2**50

    exact = written.expected(time_us) * UNITS

    # A unit for rounding up at the end of the piece before and one inside, and what float64 cannot tell on a slope.
    assert -slack - 1 <= written.curve.units_at(time_us) - exact <= 2 + slack


@settings(deadline=None)  # the machine may be busy with other things
@given(st.lists(level, min_size=1).filter(fits))
def test_where_rates_are_level_counts_are_exact(lap: list[Piece]) -> None:
    written = repeated(*lap)

    for time_us in (0, 1, 77, 10**6, 10**9 + 7, 10**15 + 3):
        assert written.curve.units_at(time_us) == -(-written.expected(time_us) * UNITS // 1)


@pytest.mark.parametrize("name", WRITTEN)
def test_the_time_of_a_record_is_when_the_integral_comes_to_it(name: str) -> None:
    written = WRITTEN[name]
    slack = Fraction(2, UNITS) + longest_slope(one for _, lap, _ in written.parts for one in lap) / 2**50
    for number in (0, 1, 333, 500, 5005, 10**6 + 1, 10**9, LAST - 1):
        [time] = times(written.curve, [number])
        if time < FAR:
            assert written.expected(time) <= number + slack
            assert number < written.expected(time + 1) + slack


@pytest.mark.parametrize("name", CURVES)
@pytest.mark.parametrize("first", [0, 10**6 - 77, LAST - 600])
def test_a_record_is_planned_alone_as_among_others_and_never_before_an_earlier_one(name: str, first: int) -> None:
    curve = CURVES[name]
    together = times(curve, list(range(first, first + 500)))

    assert together == sorted(together)
    assert [times(curve, [first + at])[0] for at in range(0, 500, 7)] == together[::7]


@pytest.mark.parametrize(("rate", "period"), [(1000, 1), (50_000, 1), (3, 1), (1, 10), (10**7, 1), (997, 1), (7, 5)])
@pytest.mark.parametrize("first", [0, 10**9 + 7, LAST - 1000])
def test_a_constant_rate_is_integer_arithmetic(rate: int, period: int, first: int) -> None:
    curve = repeated(held(period, rate / period)).curve

    found = times(curve, list(range(first, first + 1000)))

    assert found == [min(number * period * MICROS // rate, FAR) for number in range(first, first + 1000)]


def test_a_ramp_s_integral_is_the_textbook_s() -> None:
    curve = CURVES["a ramp, then steady"]

    assert [curve.units_at(seconds * MICROS) // UNITS for seconds in (0, 30, 60, 61)] == [0, 3862, 15150, 15650]
    assert times(curve, [0, 15150, 15650]) == [0, 60_000_000, 61_000_000]


@pytest.mark.parametrize("laps_gone", [1, 1000, 10**8, 7 * 10**9])
def test_laps_do_not_drift(laps_gone: int) -> None:
    lap = [held(0.001, 100.000001), held(1, 0), slope(0.333, 0, 50)]

    written = repeated(*lap)

    time = laps_gone * 1_334_000
    assert written.curve.units_at(time) == -(-written.expected(time) * UNITS // 1)


def test_while_nothing_is_planned_the_next_record_waits_for_the_end_of_it() -> None:
    assert times(CURVES["pauses"], [499, 500, 501]) == [9_980_000, 20_000_000, 20_020_000]
    assert times(CURVES["a pause at first"], [0, 1]) == [10_000_000, 10_020_000]


def test_times_beyond_all_time_are_far() -> None:
    curve = repeated(held(10**6, 0.000001)).curve

    assert times(curve, [4_600_000, 4_700_000, LAST]) == [4_600_000 * 10**12, FAR, FAR]


def test_the_greatest_place_has_a_time() -> None:
    assert CURVES["10 million a second"].times(np.array([MOST])).tolist() == [MOST // (40 * MICROS)]


def test_the_long_run_s_rate_is_that_of_the_last_lap() -> None:
    assert CURVES["up from 0 and down to 0"].mean_rate == 50
    assert CURVES["a ramp, then steady"].mean_rate == 500


@settings(deadline=None)  # the machine may be busy with other things
@given(laps, st.integers(0, 10**12))
def test_a_lap_from_another_time_on_is_the_same_lap(lap: list[Piece], at_us: int) -> None:
    rotated = Lap(lap).rotated(at_us)

    assert rotated.mean_rate == Lap(lap).mean_rate


def test_a_rate_that_stays_0_is_refused() -> None:
    with pytest.raises(ValueError, match="for ever"):
        repeated(held(1, 0)).curve  # noqa: B018

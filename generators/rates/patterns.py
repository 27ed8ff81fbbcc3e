"""Rate patterns: how the rate of a run changes over time. `Pattern` is any of them, told apart by its type."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from decimal import Decimal
from fractions import Fraction
from typing import Annotated, Any, ClassVar, Literal, TypeAlias

from numpy.typing import NDArray
from pydantic import Field

from engine.choice import Tables
from engine.issues import Issue
from engine.lap_pieces import Piece
from engine.rates import MICROS, Lap, RateCurve, Stretch
from engine.zones import MAX_MS, Zone
from generators.rates.quantities import MAX_RATE, Length, Multiplier, Rate, Seconds, micros, millionths
from generators.rates.sines import SINE_ONE, sines
from generators.times.zone_name import ZoneName
from sdg_project.shapes import Params, Share

_LINES = 1_000
_LEAST_RATE = Fraction(1, 10**6)
_HOUR_MS, _DAY_MS, _WEEK_MS = 3_600_000, 86_400_000, 604_800_000
_HUNDRED_YEARS_MS = 36_525 * _DAY_MS
_MONDAY_MS = 3 * _DAY_MS
"""1970-01-01 was a Thursday: so much of a week had gone."""


class PatternBase(Params, ABC):
    """What every pattern can say."""

    scaled: ClassVar[bool] = False
    """Whether the pattern is one of multipliers, of ``recordsPerSecond``."""
    type: str

    def issues(self, rate: Fraction) -> Iterator[Issue]:
        """What is wrong with the pattern for a base rate; paths begin at the pattern."""
        yield from ()

    def tables(self) -> dict[str, NDArray[Any]]:
        """Arrays that may differ between machines: made once per run."""
        return {}

    @abstractmethod
    def curve(self, rate: Fraction, *, start_ms: int, tables: Tables) -> RateCurve:
        """The rate from an instant on, in milliseconds since 1970, for parameters without issues."""


class Constant(PatternBase):
    """The same rate all the time."""

    scaled = True
    type: Literal["CONSTANT"]

    def curve(self, rate: Fraction, *, start_ms: int, tables: Tables) -> RateCurve:
        return RateCurve([Stretch(0, steady(millionths(rate)))])


class Ramp(PatternBase):
    """From one rate to another in a straight line; then the second one."""

    type: Literal["RAMP"]
    start_rate: Rate = Field(description="Records a second at the beginning.", examples=[10])
    end_rate: Rate = Field(description="Records a second at the end of the ramp, and ever after.", examples=[1000])
    over_seconds: Length = Field(description="How long the ramp is.", examples=[600])

    def issues(self, rate: Fraction) -> Iterator[Issue]:
        if not self.end_rate:
            yield _never("/endRate", "behind the ramp")

    def curve(self, rate: Fraction, *, start_ms: int, tables: Tables) -> RateCurve:
        first, last, length = millionths(self.start_rate), millionths(self.end_rate), micros(self.over_seconds)
        return RateCurve([Stretch(0, Lap([Piece(length, first, last)])), Stretch(length, steady(last))])


class Spike(PatternBase):
    """A base rate, and another one for a while; once, or again and again."""

    type: Literal["SPIKE"]
    base_rate: Rate = Field(description="Records a second outside the spike.", examples=[50])
    spike_rate: Rate = Field(description="Records a second in the spike.", examples=[2000])
    start_seconds: Seconds = Field(description="When the first spike begins.", examples=[60])
    duration_seconds: Length = Field(description="How long a spike is.", examples=[10])
    every_seconds: Length | None = Field(
        default=None,
        description="From the beginning of one spike to the next; without it there is one.",
        examples=[300],
    )

    def issues(self, rate: Fraction) -> Iterator[Issue]:
        if self.every_seconds is None:
            if not self.base_rate:
                yield _never("/baseRate", "behind the spike")
        elif self.every_seconds < self.duration_seconds:
            message = f"everySeconds ({self.every_seconds}) must not be below durationSeconds ({self.duration_seconds})"
            yield Issue("RANGE_INVERTED", "/everySeconds", message)
        elif not self.spike_rate and (not self.base_rate or self.every_seconds == self.duration_seconds):
            yield _never("/spikeRate", "in the spikes or between them")

    def curve(self, rate: Fraction, *, start_ms: int, tables: Tables) -> RateCurve:
        base, peak = millionths(self.base_rate), millionths(self.spike_rate)
        start, length = micros(self.start_seconds), micros(self.duration_seconds)
        spike = Piece(length, peak, peak)
        stretches = [Stretch(0, Lap([*_held(start, base), spike]))]
        if self.every_seconds is None:
            return RateCurve([*stretches, Stretch(start + length, steady(base))])
        between = _held(micros(self.every_seconds) - length, base)
        return RateCurve([*stretches, Stretch(start + length, Lap([*between, spike]))])


class Step(Params):
    """A rate for a while."""

    rate: Rate = Field(description="Records a second.", examples=[100])
    duration_seconds: Length = Field(description="For how long.", examples=[60])


class Stepped(PatternBase):
    """One rate after the other; then the last one, or all of them again."""

    type: Literal["STEPPED"]
    steps: list[Step] = Field(min_length=1, max_length=1_000, description="Rates, each with its length.")
    loop: bool = Field(default=False, description="Begin anew behind the last step; else its rate stays.")

    def issues(self, rate: Fraction) -> Iterator[Issue]:
        if not any(step.rate for step in self.steps):
            yield _never("/steps", "in any step")
        elif not self.loop and not self.steps[-1].rate:
            yield _never(f"/steps/{len(self.steps) - 1}/rate", "behind the last step")

    def curve(self, rate: Fraction, *, start_ms: int, tables: Tables) -> RateCurve:
        lengths = [micros(step.duration_seconds) for step in self.steps]
        rates = [millionths(step.rate) for step in self.steps]
        lap = Lap([Piece(length, rate, rate) for length, rate in zip(lengths, rates, strict=True)])
        if self.loop:
            return RateCurve([Stretch(0, lap)])
        return RateCurve([Stretch(0, lap), Stretch(lap.period_us, steady(rates[-1]))])


class Wave(PatternBase):
    """A sine around a base rate, as 1,000 straight lines a period, off by at most amplitude / 200,000 and 0.000001."""

    type: Literal["WAVE"]
    base_rate: Rate = Field(description="Records a second on average.", examples=[100])
    amplitude: Rate = Field(description="How far the rate goes above and below; at most the base rate.", examples=[80])
    period_seconds: Length = Field(description="From one crest to the next.", examples=[3600])
    phase: Share = Field(default=0.0, description="Which part of a period has gone by at the beginning.")

    def issues(self, rate: Fraction) -> Iterator[Issue]:
        if not self.base_rate:
            yield _never("/baseRate", "at all")
        elif self.amplitude > self.base_rate:
            message = f"amplitude ({self.amplitude}) must not be above baseRate ({self.base_rate})"
            yield Issue("NEGATIVE_RATE", "/amplitude", message)
        elif self.base_rate + self.amplitude > MAX_RATE:
            yield _too_fast("/amplitude", Fraction(self.base_rate + self.amplitude))

    def curve(self, rate: Fraction, *, start_ms: int, tables: Tables) -> RateCurve:
        base, amplitude, period = millionths(self.base_rate), millionths(self.amplitude), micros(self.period_seconds)
        rates = [base + round(Fraction(amplitude * sine, SINE_ONE)) for sine in sines(_LINES)]
        followers = [*rates[1:], rates[0]]
        lap = Lap([Piece(period // _LINES, *ends) for ends in zip(rates, followers, strict=True)])
        return RateCurve([Stretch(0, lap.rotated(int(Fraction(str(self.phase)) * period)))])


class Calendar(PatternBase):
    """Multipliers of local hours and days, which apply together.

    The rate is always that of the local time: an hour that the clocks leave out is left out, one that comes twice comes
    twice. After a hundred years the clocks do not change any more.
    """

    scaled = True
    type: Literal["CALENDAR"]
    timezone: ZoneName = Field(default="UTC", description="Where hours and days are.", examples=["Europe/Berlin"])
    hour_of_day: list[Multiplier] | None = Field(
        default=None, min_length=24, max_length=24, description="One for each hour, from midnight on."
    )
    day_of_week: list[Multiplier] | None = Field(
        default=None, min_length=7, max_length=7, description="One for each day, Monday first."
    )
    smooth: bool = Field(default=False, description="Go in straight lines from the middle of one hour to the next.")

    def issues(self, rate: Fraction) -> Iterator[Issue]:
        given = {"hourOfDay": self.hour_of_day, "dayOfWeek": self.day_of_week}
        if not any(given.values()):
            yield Issue("MISSING_PARAM", "", f"CALENDAR needs one of {', '.join(given)}")
        for name, multipliers in given.items():
            if multipliers is not None and not any(multipliers):
                yield Issue("INVALID_WEIGHTS", f"/{name}", f'the multipliers of "{name}" are all 0')
        products = self._products(rate)
        if (peak := max(products)) > MAX_RATE:
            yield _too_fast("", peak)
        if any(0 < product < _LEAST_RATE for product in products):
            message = "recordsPerSecond times its multipliers must be 0 or at least 0.000001 in each hour"
            yield Issue("INVALID_VALUE", "", message)

    def tables(self) -> dict[str, NDArray[Any]]:
        return dict(Zone.named(self.timezone).tables())

    def curve(self, rate: Fraction, *, start_ms: int, tables: Tables) -> RateCurve:
        rates = [millionths(product) for product in self._products(rate)]
        ends = [*rates[1:], rates[0]] if self.smooth else rates
        week = Lap([Piece(_HOUR_MS * 1_000, *pair) for pair in zip(rates, ends, strict=True)])
        # So much of a lap had gone at the beginning of 1970.
        first = _MONDAY_MS - (_HOUR_MS // 2 if self.smooth else 0)
        end_ms = max(min(start_ms + _HUNDRED_YEARS_MS, MAX_MS + 1), start_ms + 1)
        laps: dict[int, Lap] = {}
        stretches = []
        for period in Zone.from_tables(tables).periods(start_ms, end_ms):
            gone = (period.start + period.offset + first) % _WEEK_MS * 1_000
            lap = laps.get(gone) or laps.setdefault(gone, week.rotated(gone))
            stretches.append(Stretch((period.start - start_ms) * 1_000, lap))
        return RateCurve(stretches)

    def _products(self, rate: Fraction) -> list[Fraction]:
        """The rate in each hour of a week."""
        days = [Fraction(share) for share in self.day_of_week or [1] * 7]
        hours = [Fraction(share) for share in self.hour_of_day or [1] * 24]
        return [rate * day * hour for day in days for hour in hours]


Pattern: TypeAlias = Annotated[Constant | Ramp | Spike | Stepped | Wave | Calendar, Field(discriminator="type")]
"""Any pattern, told apart by its type."""


def steady(rate: int) -> Lap:
    """A constant rate above 0, in millionths of a record a second."""
    return Lap([Piece(MICROS, rate, rate)])


def _held(length_us: int, rate: int) -> list[Piece]:
    """A rate for a while that may be 0."""
    return [Piece(length_us, rate, rate)] if length_us else []


def _never(at: str, where: str) -> Issue:
    return Issue("INVALID_VALUE", at, f"must be above 0: {where}, no record would ever come")


def _too_fast(at: str, rate: Fraction | Decimal) -> Issue:
    message = f"the rate goes up to {float(rate):,.6g} records a second, and at most {MAX_RATE:,} are accepted"
    return Issue("INVALID_VALUE", at, message)

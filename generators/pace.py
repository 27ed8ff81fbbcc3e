"""The pace of a run: its clock, when its records are due, and what ends it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC
from fractions import Fraction

from engine.arrivals import Even
from engine.choice import Tables
from engine.issues import Issue
from engine.rates import RateCurve, Stretch
from engine.schedule import Schedule
from engine.span import MAX_RECORDS
from engine.stream import Source
from engine.timetable import Timetable
from generators.definition import Definition, DefinitionShape
from generators.enums import EndCondition, EndReason, GenerationMode
from generators.facts import RunFacts, epoch_ms, parse_instant
from generators.rates.patterns import steady
from generators.rates.quantities import micros, millionths
from generators.rates.shape import CatchUp, RateShape
from generators.times.clocks import Clock, LinearClock, PlannedClock

PREFIX = "/"
"""What the names of a pace's tables begin with: no field has an empty name."""


@dataclass(frozen=True, slots=True)
class TimeLimit:
    """After how much time a run ends wherever it is, and why."""

    time_us: int
    reason: EndReason


@dataclass(frozen=True, slots=True)
class Pace:
    """When records take place, when they are due, and how many there will be; None means at once, and without end."""

    clock: Clock
    schedule: Schedule | None
    record_count: int | None
    end_reason: EndReason | None
    tables: Tables


def pace_of(definition: Definition, facts: RunFacts, tables: Tables | None = None) -> tuple[Pace, list[Issue]]:
    """The pace of a run, and what is wrong with it; `tables` are those of an earlier call, else they are made now."""
    shape = definition.shape
    rate = shape.rate if shape.generation_mode is GenerationMode.REALTIME else None
    if rate is not None and any(rate.issues()):
        rate = None  # there are issues of it already
    made = {f"{PREFIX}{name}": table for name, table in rate.tables().items()} if rate else {}
    if tables is not None:
        made = {name: tables[name] for name in made}
    issues: list[Issue] = []
    try:
        start_ms = _start_ms(shape, facts)
    except ValueError as error:
        start_ms, rate = 0, None
        issues.append(Issue("TYPE_MISMATCH", "/clock/start", str(error)))
    clock: Clock = LinearClock(start_ms, shape.clock.step_ms, fixed=_is_fixed(shape, facts))
    schedule = None
    if rate is not None:
        source = Source(facts.seed, definition.stream_name, "")
        own = {name.removeprefix(PREFIX): table for name, table in made.items()}
        timetable = rate.timetable(source, start_ms=start_ms, tables=own)
        clock = PlannedClock(start_ms, timetable, _identity(rate), fixed=_is_fixed(shape, facts))
        schedule = Schedule(timetable, Fraction(shape.clock.speed), _seam_us(shape, facts, start_ms))
        issues += _live_issues(shape, facts, start_ms)
    elif shape.max_records_per_second:
        curve = RateCurve([Stretch(0, steady(millionths(shape.max_records_per_second)))])
        schedule = Schedule(Timetable(curve, Even()))
    count, reason = min(_ends(shape, facts, schedule), key=lambda end: end[0], default=(None, None))
    if count is not None and count > MAX_RECORDS:
        message = (
            f"in {shape.duration_seconds} s there would be {count:,} records, and at most {MAX_RECORDS:,} are made"
        )
        issues.append(Issue("INVALID_VALUE", "/durationSeconds", message))
    return Pace(clock, schedule, count, reason, made), issues


def time_limit(shape: DefinitionShape) -> TimeLimit | None:
    """The time after which a run ends; None when there is none."""
    limits = []
    if shape.end_condition is EndCondition.DURATION and shape.duration_seconds is not None:
        limits.append(TimeLimit(micros(shape.duration_seconds), EndReason.DURATION))
    if shape.safety.max_runtime_seconds is not None:
        limits.append(TimeLimit(micros(shape.safety.max_runtime_seconds), EndReason.SAFETY_LIMIT))
    return min(limits, key=lambda limit: limit.time_us, default=None)


def _ends(shape: DefinitionShape, facts: RunFacts, schedule: Schedule | None) -> Iterator[tuple[int, EndReason]]:
    """Numbers of records that end a run; a time limit is one where it is known how many records are due by then."""
    if facts.record_count is not None:
        yield facts.record_count, EndReason.RECORD_COUNT
    limit = time_limit(shape)
    if limit is not None and schedule is not None and not _pauses_are_owed(shape):
        yield schedule.count_before(limit.time_us), limit.reason
    if shape.safety.max_records is not None:
        yield shape.safety.max_records, EndReason.SAFETY_LIMIT


def _pauses_are_owed(shape: DefinitionShape) -> bool:
    """Whether more records may become due in some running time than are planned in it: those of pauses, too."""
    return shape.rate is not None and shape.rate.catch_up is not CatchUp.SKIP and not shape.include_paused


def _start_ms(shape: DefinitionShape, facts: RunFacts) -> int:
    """The instant of the first record: as given, else so that the last one of a batch is at the start of the run."""
    if shape.clock.start is not None:
        return epoch_ms(parse_instant(shape.clock.start, started_at=facts.started_at))
    started = epoch_ms(facts.started_at.astimezone(UTC))
    if shape.generation_mode is GenerationMode.REALTIME or not facts.record_count:
        return started
    return started - (facts.record_count - 1) * shape.clock.step_ms


def _is_fixed(shape: DefinitionShape, facts: RunFacts) -> bool:
    start = shape.clock.start
    return facts.started_at_given or (start is not None and not start.startswith("now"))


def _seam_us(shape: DefinitionShape, facts: RunFacts, start_ms: int) -> int | None:
    """When, by its own time, a clock that goes faster meets the present."""
    speed = Fraction(shape.clock.speed)
    if not shape.clock.then_live or speed <= 1:
        return None
    behind_us = max(epoch_ms(facts.started_at) - start_ms, 0) * 1_000
    return int(behind_us * speed / (speed - 1))


def _live_issues(shape: DefinitionShape, facts: RunFacts, start_ms: int) -> Iterator[Issue]:
    if shape.clock.then_live and start_ms > epoch_ms(facts.started_at):
        message = f"{shape.clock.start} is behind the start of the run, so the clock never meets the present"
        yield Issue("INVALID_VALUE", "/clock/start", message, "begin in the past, or remove thenLive")


def _identity(rate: RateShape) -> dict[str, object]:
    """What the planned times depend on, as JSON."""
    document: dict[str, object] = rate.model_dump(
        mode="json", by_alias=True, include={"records_per_second", "arrival", "jitter_ratio", "pattern"}
    )
    return document

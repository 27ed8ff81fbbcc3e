"""TIMESTAMP_GENERATED: instants that are planned, evenly spaced, drawn from a range, or relative to another field."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from decimal import Decimal
from functools import cached_property
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from engine.choice import Tables
from engine.draws import bounded
from engine.errors import RecordInvalid
from engine.issues import Issue, Severity
from engine.ranges import Lattice
from engine.samplers import Sampler, build_tables, sampler
from engine.schema import OutputType
from engine.span import Span
from engine.time_pattern import TimePattern
from engine.zones import UTC, Zone
from generators.fields.base import Columns, FieldType, Output, field_types, record_numbers
from generators.references import envelope_of, may_be_null, type_of
from generators.times.envelope import Envelope
from generators.times.granularity import Granularity, Granules
from generators.times.instants import InstantForm, InstantFormat, instants_of_column, with_nulls_of
from generators.times.time_range import DistinctInstants, TimeRange
from generators.times.timestamp_params import APPLY, INSTANTS, RANGE_DISTRIBUTIONS, REQUIRED, TimeMode
from generators.times.timestamp_params import TimestampGeneratedParams as Parameters
from generators.times.written_instants import WrittenInstant, WrittenInstants
from sdg_project.partial_shapes import as_far_as_sound

Int64s = NDArray[np.int64]


@field_types.register("TIMESTAMP_GENERATED")
class TimestampGenerated(FieldType[Parameters]):
    """Makes milliseconds since 1970 (UTC), cuts them to their granules, and gives them their form.

    - A bound without a zone is a local time in `timezone`; one that the clocks leave out moves forward, of one that
      comes twice the first is meant. A relative bound (``now-30d``) counts from the start of the run.
    - RANGE makes only granules that begin in ``[from, to)``, so that no value is before `from`.
    - MINUTE, HOUR and DAY are local. An hour that comes twice is two granules, a day is one.
    - unique draws granules by a permutation, so that each comes at most once.
    """

    Params = Parameters

    @staticmethod
    def read_clock() -> int:
        """Nanoseconds since 1970: what mode NOW asks, once per batch, and nothing else does."""
        return time.time_ns()

    # What is wrong.

    def check(self) -> Iterator[Issue]:
        yield from as_far_as_sound(
            self._mode_issues(), self._format_issues(), self._written_issues(), self._issues_of_mode()
        )

    def _mode_issues(self) -> Iterator[Issue]:
        mode = self.params.mode
        others = dict.fromkeys(name for names in APPLY.values() for name in names if name not in APPLY[mode])
        yield from self.not_applicable(*others, when=f"to mode {mode}")
        yield from self.required(*REQUIRED.get(mode, ()), when=f"in mode {mode}")

    def _format_issues(self) -> Iterator[Issue]:
        format_ = self._format
        if format_ is InstantFormat.PATTERN:
            yield from self.required("pattern", when="with format PATTERN")
        else:
            yield from self.not_applicable("pattern", when=f"to format {format_}")
        if self.params.timezone != "UTC" and not self._is_local:
            message = f'"timezone" does not apply: {format_} is the same in every zone'
            hint = "remove it, or choose format PATTERN or DATE"
            yield self.issue("PROPERTY_NOT_ALLOWED", message, at="/timezone", hint=hint)

    def _issues_of_mode(self) -> Iterator[Issue]:
        mode = self.params.mode
        if mode is TimeMode.SEQUENTIAL:
            yield from as_far_as_sound(self._step_issues())
        if mode is TimeMode.OFFSET:
            yield from as_far_as_sound(self._offset_issues())
        yield from self._range_issues() if mode is TimeMode.RANGE else self._overflow_issues()

    def _written_issues(self) -> Iterator[Issue]:
        for name, problem in self._written.problems.items():
            yield self.issue("TYPE_MISMATCH", problem, at=f"/{name.rstrip('_')}")

    def _range_issues(self) -> Iterator[Issue]:
        yield from as_far_as_sound(self._distribution_issues())
        if self.scope.unique:
            yield from as_far_as_sound(self._unique_issues())
        yield from as_far_as_sound(self._bound_issues())

    def _distribution_issues(self) -> Iterator[Issue]:
        params = self.params
        if params.distribution.type not in RANGE_DISTRIBUTIONS:
            message = f"{params.distribution.type} does not apply to mode RANGE"
            hint = f"accepted are {', '.join(RANGE_DISTRIBUTIONS)}"
            yield self.issue("INVALID_VALUE", message, at="/distribution/type", hint=hint)

    def _bound_issues(self) -> Iterator[Issue]:
        params = self.params
        bounds = self._bounds
        if bounds is None:
            return
        if len({bound.is_naive for bound in bounds if not bound.is_relative}) > 1:
            message = f"only one of from ({params.from_}) and to ({params.to}) has a time zone"
            hint = "write Z, or an offset such as +01:00, behind both or none"
            yield self.issue("INVALID_VALUE", message, at="/to", hint=hint)
            return
        start, end = (bound.in_zone(self._zone) for bound in bounds)
        if start >= end:
            message = f"from ({params.from_}) must be before to ({params.to})"
            yield self.issue("RANGE_INVERTED", message, at="/from", hint="to itself is no possible value")
            return
        low, high = self._form.limits
        if start < low or end - 1 > high:
            message = f"instants lie outside what can be written: {self._form.limits_text}"
            yield self.issue("INVALID_VALUE", message, at="/from" if start < low else "/to")
        elif self._range is None:
            message = f"no {params.granularity} begins between {params.from_} and {params.to}"
            yield self.issue("INVALID_VALUE", message, at="/granularity", hint="use a finer one, or widen the range")
        elif params.distribution.type in RANGE_DISTRIBUTIONS:
            for issue in self._range.issues():
                yield self._own(issue)

    def _unique_issues(self) -> Iterator[Issue]:
        conflicts = {
            "distribution": self.params.distribution.type != "UNIFORM",
            "seasonality": self.params.seasonality is not None,
        }
        for name in (name for name, is_given in conflicts.items() if is_given):
            message = f"distinct values can only be drawn uniformly, not by a {name}"
            yield self.issue("UNIQUE_DISTRIBUTION_CONFLICT", message, at=f"/{name}", hint="remove it, or unique")

    def _step_issues(self) -> Iterator[Issue]:
        step, jitter = self.params.step_ms, self.params.jitter_ms
        if step == 0:
            yield self.issue("INVALID_STEP", "stepMs must not be 0", at="/stepMs")
        elif 2 * jitter > abs(step):
            message = f"a jitter of {jitter} ms is more than half of the step ({step} ms), so neighbours may swap"
            yield self.issue("ORDER_NOT_GUARANTEED", message, at="/jitterMs", severity=Severity.WARNING)

    def _offset_issues(self) -> Iterator[Issue]:
        base, least, most = self.params.base_field, self.params.min_offset_ms, self.params.max_offset_ms
        if base is not None and (base_type := type_of(base, self.scope)) not in {None, OutputType.TIMESTAMP}:
            message = f'"{base}" is {base_type}, and only a TIMESTAMP can be the base of an offset'
            yield self.issue("TYPE_MISMATCH", message, at="/baseField")
        if least is None or most is None:
            return
        if least > most:
            message = f"minOffsetMs ({least}) must not be above maxOffsetMs ({most})"
            yield self.issue("RANGE_INVERTED", message, at="/minOffsetMs", hint="swap the two")
            return
        for issue in self.params.distribution.issues(self._offsets):
            yield self._own(issue, "/distribution")

    def _overflow_issues(self) -> Iterator[Issue]:
        """Records that cannot be made, as far as the number of records is known."""
        envelope, count = self._drawn_envelope(self._zone), self.scope.facts.record_count
        first = envelope.first_outside(*self._form.limits) if envelope else None
        if first is None or first >= (count or 1):
            return
        places = {TimeMode.CLOCK: "/mode", TimeMode.OFFSET: "/baseField"}
        at = places.get(self.params.mode, "/stepMs" if first else "/start")
        hint = "records take place when the generator's clock says" if self.params.mode is TimeMode.CLOCK else None
        yield self.issue("SEQUENCE_OVERFLOW", self._overflow_text(first), at=at, hint=hint)

    # What is known.

    def output(self) -> Output:
        envelope, base = self.envelope(), self.params.base_field
        bounds = envelope.bounds(self.scope.facts.record_count) if envelope else None
        low, high = (self._form.number(bound) for bound in bounds) if bounds else (None, None)
        return Output(
            self._form.type,
            max_length=self._form.max_length,
            minimum=low,
            maximum=high,
            nullable=base is not None and may_be_null(base, self.scope),
        )

    def envelope(self) -> Envelope | None:
        """Between which instants the values lie; None when that is not known."""
        envelope = self._drawn_envelope(self._zone)
        if envelope is None or self.params.granularity is Granularity.MILLI:
            return envelope
        granules = self._granules_in(self._zone)
        if envelope.step < 0:
            return envelope.moved(-granules.unit.ms - granules.zone.longest_repeat, 0)
        least = envelope.start - envelope.below
        return envelope.moved(granules.floor_one(least) - least, 0)

    def depends_on(self) -> Mapping[str, str]:
        return {} if self.params.base_field is None else {"/baseField": self.params.base_field}

    def capacity(self) -> int | None:
        unit = self._distinct_unit
        if unit is None:
            return None
        if self.params.mode is TimeMode.RANGE:
            granules = None if self._range is None else self._range.granules(unit)
            return None if granules is None else granules.count
        envelope = None if self.params.mode is TimeMode.OFFSET else self._drawn_envelope(self._zone)
        if envelope is None:
            return None
        apart = abs(envelope.step) - envelope.below - envelope.above
        longest = unit.ms + (self._zone.longest_repeat if unit.is_local else 0)
        return envelope.first_outside(*self._form.limits) if apart >= longest else None

    def uses(self) -> frozenset[str]:
        if self.params.mode is TimeMode.CLOCK:
            return frozenset({"clock"})
        return frozenset({"startedAt"}) if self._written.are_relative else frozenset()

    def reasons(self) -> Iterator[str]:
        if self.params.mode is TimeMode.NOW:
            yield "mode NOW writes the time at which a record is made"
        if self.params.mode is TimeMode.CLOCK and not self.scope.clock.fixed:
            yield "the clock counts from the start of the run; clock.start or --started-at fixes it"
        if self._written.are_relative and not self.scope.facts.started_at_given:
            yield "its instants count from the start of the run; absolute ones or --started-at fix them"

    @classmethod
    def is_remade_alike(cls, params: Mapping[str, Any]) -> bool:
        return params.get("mode") != TimeMode.NOW

    # What is made.

    def tables(self) -> dict[str, NDArray[Any]]:
        made: dict[str, NDArray[Any]] = {}
        if self.params.timezone != "UTC":
            made |= self._zone.tables()
        if self.params.mode is TimeMode.RANGE and self._range is not None and not self.scope.unique:
            made |= self._range.tables()
        if self.params.mode is TimeMode.OFFSET:
            made |= build_tables(self.params.distribution, self._offsets)
        return made

    def bind(self, tables: Tables) -> None:
        """From here on, the rules of the time zone are those in the tables, whatever this machine has."""
        zone = Zone.from_tables(tables) if "zone_changes" in tables else UTC
        self._bound_form = self._form_in(zone)
        self._sampler: Sampler[np.int64] | None = None
        self._distinct: DistinctInstants | None = None
        match self.params.mode:
            case TimeMode.RANGE if (drawn := self._range_in(zone)) is not None:
                self._start = drawn.start
                if self.scope.unique and self._distinct_unit is not None:
                    self._distinct = drawn.distinct(self._distinct_unit, self.stream())
                else:
                    self._sampler = drawn.sampler(tables)
            case TimeMode.OFFSET:
                self._sampler = sampler(self.params.distribution, self._offsets, tables)
            case TimeMode.SEQUENTIAL if (first := self._written.get("start")) is not None:
                self._start = first.in_zone(zone)
        envelope = self._drawn_envelope(zone)
        self._end = envelope.first_outside(*self._bound_form.limits) if envelope else None

    def values(self, span: Span, columns: Columns) -> pl.Series:
        match self.params.mode:
            case TimeMode.NOW:
                instants = np.full(span.count, self.read_clock() // 1_000_000)
            case TimeMode.CLOCK:
                self._refuse_overflow(span)
                instants = self.scope.clock.instants(span)
            case TimeMode.SEQUENTIAL:
                self._refuse_overflow(span)
                instants = self._sequence(span)
            case TimeMode.RANGE:
                instants = (
                    self._drawn(span) + self._start if self._distinct is None else self._chosen(span, self._distinct)
                )
            case TimeMode.OFFSET:
                return self._relative(span, columns)
        return self._bound_form.values(instants)

    def _sequence(self, span: Span) -> Int64s:
        instants = record_numbers(span) * self.params.step_ms + self._start
        if self.params.jitter_ms:
            instants += bounded(self.stream().words(span), 2 * self.params.jitter_ms + 1).view(np.int64)
            instants -= self.params.jitter_ms
        return instants

    def _drawn(self, span: Span) -> Int64s:
        if self._sampler is None:
            raise ValueError(f"{self.scope.field} has not been bound, or has errors")
        return self._sampler.draw([self.stream(lane=lane).words(span) for lane in range(self._sampler.lanes)])

    def _chosen(self, span: Span, distinct: DistinctInstants) -> Int64s:
        if span.end > distinct.count:
            message = f"all {distinct.count} distinct values have been used"
            number = max(span.start, distinct.count)
            raise RecordInvalid("UNIQUE_EXHAUSTED", message, field=self.scope.field, record_number=number)
        return distinct.take(span.numbers())

    def _relative(self, span: Span, columns: Columns) -> pl.Series:
        base = columns[str(self.params.base_field)]
        instants = instants_of_column(base) + self._drawn(span)
        instants += self.params.min_offset_ms or 0
        low, high = self._bound_form.limits
        outside = (instants < low) | (instants > high)
        if outside.any():
            outside &= base.is_not_null().to_numpy()
            for at in np.flatnonzero(outside)[:1].tolist():
                self._refuse(span.start + at)
            instants = np.clip(instants, low, high)  # those of null bases
        return with_nulls_of(base, self._bound_form.values(instants))

    def _refuse_overflow(self, span: Span) -> None:
        if self._end is not None and span.end > self._end:
            self._refuse(max(span.start, self._end))

    def _refuse(self, number: int) -> None:
        message = self._overflow_text(number)
        raise RecordInvalid("SEQUENCE_OVERFLOW", message, field=self.scope.field, record_number=number)

    # What the parameters mean.

    @property
    def _format(self) -> InstantFormat:
        """The format given, or the one that fits what the values are cast to."""
        by_type = {OutputType.DATE: InstantFormat.DATE, OutputType.LONG: InstantFormat.EPOCH_MILLIS}
        wanted = self.scope.output_type
        return self.params.format or (by_type.get(wanted) if wanted else None) or InstantFormat.ISO_8601

    @cached_property
    def _zone(self) -> Zone:
        """The time zone by the rules of this machine."""
        return Zone.named(self.params.timezone)

    @cached_property
    def _form(self) -> InstantForm:
        return self._form_in(self._zone)

    @cached_property
    def _range(self) -> TimeRange | None:
        return self._range_in(self._zone)

    def _granules_in(self, zone: Zone) -> Granules:
        return Granules(self.params.granularity, zone)

    def _form_in(self, zone: Zone) -> InstantForm:
        pattern = TimePattern(self.params.pattern) if self.params.pattern is not None else None
        return InstantForm(self._format, self._granules_in(zone), pattern)

    def _range_in(self, zone: Zone) -> TimeRange | None:
        """The range of mode RANGE, from the first granule in it; None while its bounds are in error."""
        if self._bounds is None:
            return None
        start, end = (bound.in_zone(zone) for bound in self._bounds)
        start = self._granules_in(zone).ceiling(start)
        if start >= end:
            return None
        return TimeRange(start, end, self.params.distribution, self.params.seasonality, zone)

    @property
    def _offsets(self) -> Lattice:
        least, most = self.params.min_offset_ms or 0, self.params.max_offset_ms or 0
        return Lattice(Decimal(least), Decimal(1), most - least + 1)

    @property
    def _distinct_unit(self) -> Granularity | None:
        """Instants in different units have different values; None when no unit makes sure of that."""
        shown = self._form.unit
        return None if shown is None else max(shown, self.params.granularity, key=lambda unit: unit.ms)

    def _drawn_envelope(self, zone: Zone) -> Envelope | None:
        """Between which instants those lie that are cut to granules then."""
        params = self.params
        match params.mode:
            case TimeMode.CLOCK:
                return self.scope.clock.envelope
            case TimeMode.SEQUENTIAL if (first := self._written.get("start")) is not None:
                return Envelope(first.in_zone(zone), params.step_ms, params.jitter_ms, params.jitter_ms)
            case TimeMode.RANGE if (drawn := self._range_in(zone)) is not None:
                return Envelope(drawn.start, above=drawn.end - 1 - drawn.start)
            case TimeMode.OFFSET if params.base_field is not None:
                of_base = envelope_of(params.base_field, self.scope)
                return of_base.moved(params.min_offset_ms or 0, params.max_offset_ms or 0) if of_base else None
        return None

    @cached_property
    def _written(self) -> WrittenInstants:
        """The instants given that apply to the mode, by the names of their parameters."""
        given = {name: getattr(self.params, name) for name in INSTANTS if name in APPLY[self.params.mode]}
        if self.params.mode is TimeMode.SEQUENTIAL:
            given = {"start": self.params.start or "now"}
        return WrittenInstants(given, started_at=self.scope.facts.started_at)

    @property
    def _bounds(self) -> tuple[WrittenInstant, WrittenInstant] | None:
        """The bounds of mode RANGE."""
        return self._written.pair("from_", "to")

    @property
    def _is_local(self) -> bool:
        """Whether the time zone changes anything, as far as that can be said."""
        return (
            self._form.is_local
            or self.params.granularity.is_local
            or self.params.seasonality is not None
            or bool(self._written.problems)
            or any(written.is_naive for written in self._written)
        )

    def _own(self, issue: Issue, at: str = "") -> Issue:
        """An issue whose path begins at a place below the parameters, as one of this field."""
        return self.issue(issue.code, issue.message, at=at + issue.path, hint=issue.hint, severity=issue.severity)

    def _overflow_text(self, number: int) -> str:
        return f"record {number} lies outside what can be written: {self._form.limits_text}"

"""SEQUENCE: numbers that count, by the number of the record."""

from __future__ import annotations

from collections.abc import Iterator
from enum import StrEnum

import numpy as np
import polars as pl
from numpy.typing import NDArray
from pydantic import Field

from engine.choice import Tables
from engine.errors import RecordInvalid
from engine.issues import Issue, Severity
from engine.schema import OutputType
from engine.shuffled_cycles import ShuffledCycles
from engine.span import MAX_RECORDS, Span
from generators.fields.base import Columns, FieldType, Output, field_types
from generators.values.sequence_template import SequenceTemplate
from sdg_project.partial_shapes import as_far_as_sound
from sdg_project.shapes import Int64, Params

_INT32, _INT64 = (-(2**31), 2**31 - 1), (-(2**63), 2**63 - 1)
_MOST_SHUFFLED = 2**62
_MOST_LISTED = 1_000


class OnEnd(StrEnum):
    """What follows the last number."""

    ERROR = "ERROR"
    WRAP = "WRAP"
    STOP = "STOP"
    CLAMP = "CLAMP"


class Order(StrEnum):
    ASCENDING = "ASCENDING"
    SHUFFLED = "SHUFFLED"


class SequenceScope(StrEnum):
    RUN = "RUN"
    GENERATOR = "GENERATOR"


class SequenceParams(Params):
    start: Int64 = Field(default=1, description="First number.", examples=[1000])
    step: Int64 = Field(default=1, description="From one number to the next; below 0 it counts down.", examples=[10])
    end: Int64 | None = Field(default=None, description="Last number, inclusive.", examples=[9999])
    on_end: OnEnd = Field(
        default=OnEnd.ERROR,
        description="Behind the last number: ERROR; WRAP to the first; STOP the run; CLAMP, which repeats the last.",
    )
    order: Order = Field(
        default=Order.ASCENDING, description="SHUFFLED: every number once per cycle, in an order of its own; needs end."
    )
    repeat_each: int = Field(default=1, ge=1, le=MAX_RECORDS, description="So many records in a row have one number.")
    template: str | None = Field(
        default=None,
        max_length=1_000,
        description="Text around {seq}, padded by {seq:8d} or {seq:08d}; {{ and }} are braces.",
        examples=["INV-{seq:08d}"],
    )
    scope: SequenceScope = Field(
        default=SequenceScope.RUN,
        description="RUN begins anew; GENERATOR goes on where the generator's last run ended.",
    )


@field_types.register("SEQUENCE")
class Sequence(FieldType[SequenceParams]):
    """``start + step * floor(record number / repeatEach)``, so that nothing is counted and workers need not agree."""

    Params = SequenceParams

    @property
    def _cycle(self) -> int | None:
        """How many numbers there are from start to end; None without an end."""
        params = self.params
        return None if params.end is None else (params.end - params.start) // params.step + 1

    @property
    def _places(self) -> int:
        """How many numbers there are until the end, or until the last one that fits 64 bits."""
        params = self.params
        return self._cycle or (_INT64[params.step > 0] - params.start) // params.step + 1

    @property
    def _earlier(self) -> int:
        """How many record numbers earlier runs have used."""
        return self.scope.facts.earlier_records if self.params.scope is SequenceScope.GENERATOR else 0

    def _number(self, place: int) -> int:
        return self.params.start + self.params.step * place

    # What is wrong with it.

    def check(self) -> Iterator[Issue]:
        params = self.params
        if params.step == 0:
            yield self.issue("INVALID_STEP", "step must not be 0", at="/step", hint="CONSTANT repeats one value")
            return
        template_issues = list(as_far_as_sound(self._template_issues()))
        yield from template_issues
        if params.end is not None and (params.end - params.start) * params.step < 0:
            direction = "below" if params.step > 0 else "above"
            message = (
                f"end ({params.end}) is {direction} start ({params.start}): a step of {params.step} leads away from it"
            )
            yield self.issue("RANGE_INVERTED", message, at="/end", hint="turn the sign of step")
            return
        yield from as_far_as_sound(
            self._end_issues(),
            self._shuffle_issues(),
            self._unique_issues(),
            self._last_issues(),
            self._overflow_issues(),
        )
        if not template_issues:
            yield from self._padding_issues()

    def _end_issues(self) -> Iterator[Issue]:
        if self.params.on_end is not OnEnd.ERROR:
            yield from self.required("end", when=f"with onEnd {self.params.on_end}")

    def _unique_issues(self) -> Iterator[Issue]:
        if self.scope.unique and self.params.repeat_each > 1:
            message = f"unique gives each number to one record, repeatEach to {self.params.repeat_each}"
            yield self.issue("UNIQUE_IMPOSSIBLE", message, at="/repeatEach")

    def _last_issues(self) -> Iterator[Issue]:
        end = self.params.end
        if end is not None and self._number(self._places - 1) != end:
            message = f"end ({end}) is not reached: the last number is {self._number(self._places - 1)}"
            yield self.issue("INVALID_STEP", message, at="/end", severity=Severity.INFO)

    def _template_issues(self) -> Iterator[Issue]:
        if self.params.template is not None:
            try:
                SequenceTemplate.parse(self.params.template)
            except ValueError as error:
                yield self.issue("INVALID_SYNTAX", str(error), at="/template")

    def _shuffle_issues(self) -> Iterator[Issue]:
        if self.params.order is not Order.SHUFFLED:
            return
        yield from self.required("end", when="with order SHUFFLED")
        if self._cycle is not None and self._cycle > _MOST_SHUFFLED:
            message = f"{self._cycle} numbers are too many to shuffle, at most 2**62 are possible"
            yield self.issue("INVALID_VALUE", message, at="/end")
        if self.params.on_end is OnEnd.CLAMP:
            message = "CLAMP repeats the last number, but a shuffled sequence ends anywhere"
            yield self.issue("INVALID_VALUE", message, at="/onEnd", hint="accepted are ERROR, WRAP and STOP")

    def _overflow_issues(self) -> Iterator[Issue]:
        count = self.scope.facts.record_count
        if count is None or self.params.on_end is not OnEnd.ERROR:
            return
        place = (self._earlier + count - 1) // self.params.repeat_each
        if place >= self._places:
            records = max(self._places * self.params.repeat_each - self._earlier, 0)
            what = (
                "the end"
                if self.params.end is not None
                else f"{_INT64[self.params.step > 0]:,}, the last number of 64 bits,"
            )
            message = f"{count} records are planned, but the sequence comes to {what} after {records}"
            at, hint = (
                ("/start", None) if self.params.end is None else ("/end", "raise end, or set onEnd to WRAP or STOP")
            )
            yield self.issue("SEQUENCE_OVERFLOW", message, at=at, hint=hint)

    def _padding_issues(self) -> Iterator[Issue]:
        if self.params.template is None or (bounds := self._bounds()) is None:
            return
        template = SequenceTemplate.parse(self.params.template)
        longest = max(bounds, key=lambda number: len(str(number)))
        if template.width and len(str(longest)) > template.width:
            message = f"{longest} has {len(str(longest))} digits, more than the {template.width} of the template"
            hint = f"write {{seq:{'0' if template.zeros else ''}{len(str(longest))}d}}"
            yield self.issue("PADDING_OVERFLOW", message, at="/template", hint=hint, severity=Severity.WARNING)

    # What it makes.

    def _bounds(self) -> tuple[int, int] | None:
        """The least and the greatest number of a run; None without an end and a planned count."""
        count = self.scope.facts.record_count
        if self.params.end is None and count is None:
            return None
        first, last = 0, self._places - 1
        if self.params.order is Order.ASCENDING and self.params.on_end is not OnEnd.WRAP and count is not None:
            first = min(self._earlier // self.params.repeat_each, last)
            last = min((self._earlier + count - 1) // self.params.repeat_each, last)
        numbers = sorted((self._number(first), self._number(last)))
        return numbers[0], numbers[1]

    def output(self) -> Output:
        params = self.params
        whole = sorted((params.start, self._number(self._places - 1)))
        low, high = self._bounds() or whole
        if params.template is not None:
            template = SequenceTemplate.parse(params.template)
            return Output(OutputType.STRING, max_length=max(template.length(low), template.length(high)))
        small = params.end is not None and whole[0] >= _INT32[0] and whole[1] <= _INT32[1]
        listed = self._places if params.end is not None and self._places <= _MOST_LISTED else 0
        return Output(
            OutputType.INTEGER if small else OutputType.LONG,
            minimum=low,
            maximum=high,
            values=tuple(self._number(place) for place in range(listed)) or None,
        )

    def capacity(self) -> int | None:
        """How many records in a row have distinct numbers, counted from the first of this run."""
        params = self.params
        if params.on_end is not OnEnd.WRAP:
            return max(self._places - self._earlier, 0)
        used = self._earlier % self._places if params.order is Order.SHUFFLED else 0  # the next cycle is shuffled anew
        return self._places - used

    def record_limit(self) -> tuple[int, str] | None:
        if self.params.on_end is not OnEnd.STOP:
            return None
        return max(self._places * self.params.repeat_each - self._earlier, 0), "SEQUENCE_END"

    def uses(self) -> frozenset[str]:
        return frozenset({"earlierRecords"} if self.params.scope is SequenceScope.GENERATOR else ())

    def reasons(self) -> Iterator[str]:
        if self.params.scope is SequenceScope.GENERATOR:
            yield "it goes on where the generator's last run ended"

    def bind(self, tables: Tables) -> None:
        if self.params.order is Order.SHUFFLED:
            self._shuffled = ShuffledCycles(self.scope.source, self._places)
        self._template = None if self.params.template is None else SequenceTemplate.parse(self.params.template)
        self._dtype = pl.Int32 if self.output().type is OutputType.INTEGER else pl.Int64

    def values(self, span: Span, columns: Columns) -> pl.Series:
        places = self._places_of(span)
        # uint64 wraps around, which is two's complement arithmetic: exact for every int64.
        numbers = places * np.uint64(self.params.step % 2**64) + np.uint64(self.params.start % 2**64)
        if self._template is not None:
            return self._template.texts(numbers.view(np.int64))
        return pl.Series(numbers.view(np.int64)).cast(self._dtype)

    def _places_of(self, span: Span) -> NDArray[np.uint64]:
        """The place in the sequence of each record's number."""
        if self.scope.unique:
            self._refuse("UNIQUE_EXHAUSTED", self.capacity() or 0, span)
        elif self.params.on_end in {OnEnd.ERROR, OnEnd.STOP}:
            self._refuse("SEQUENCE_OVERFLOW", self._places * self.params.repeat_each - self._earlier, span)
        places = span.numbers() + np.uint64(self._earlier)
        if self.params.repeat_each > 1:
            places //= np.uint64(self.params.repeat_each)
        if self.params.on_end is OnEnd.CLAMP:
            np.minimum(places, np.uint64(self._places - 1), out=places)
            return places
        if self.params.order is Order.SHUFFLED:
            return self._shuffled(places)
        if self.params.on_end is OnEnd.WRAP and self._places < 2**64:
            places %= np.uint64(self._places)
        return places

    def _refuse(self, code: str, records: int, span: Span) -> None:
        """Raise RecordInvalid if the span goes beyond so many records."""
        if span.count and span.end > records:
            last = self._number(self._places - 1)
            number = max(span.start, records)
            raise RecordInvalid(code, f"the last number is {last}", field=self.scope.field, record_number=number)

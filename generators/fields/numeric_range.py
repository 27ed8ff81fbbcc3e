"""NUMERIC_RANGE: numbers between two bounds, by a distribution."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal
from enum import StrEnum
from fractions import Fraction
from functools import cached_property
from typing import Any

import polars as pl
from numpy.typing import NDArray
from pydantic import Field

from engine.choice import Tables
from engine.continuous import Beta, Triangular
from engine.declared import OutOfBounds
from engine.discrete import Zipf
from engine.distinct import DistinctOffsets
from engine.distributions import Distribution, Uniform
from engine.errors import RecordInvalid
from engine.histogram import Histogram
from engine.issues import Issue, Severity
from engine.ranges import Continuum, Lattice, exact
from engine.samplers import build_tables, sampler
from engine.schema import MAX_DECIMAL_DIGITS, OutputType
from engine.span import Span
from generators.fields.base import Columns, FieldType, Output, field_types
from generators.values.listed_values import digits_behind_point
from generators.values.numbers import INT32, INT64, Exact, Grid, NumberForm, NumericType
from generators.values.replacements import ListedNumbers, Replacement, UniformRange
from sdg_project.partial_shapes import as_far_as_sound, sound
from sdg_project.shapes import Number, Params, Share
from sinks.encoding.texts import value_texts

_INSIDE = (Uniform, Triangular, Beta, Zipf, Histogram)
"""Distributions that have nothing outside the range."""
_LONGEST_DOUBLE = len("-2.2250738585072014e-308")
_MOST_LISTED = 1_000


class RenderAs(StrEnum):
    NUMBER = "NUMBER"
    STRING = "STRING"


class SpecialValue(Params):
    """A number that a share of the records have."""

    value: Number = Field(description="The number; it may lie outside the range.", examples=[-1])
    rate: Share = Field(description="Share of the records that have it.", examples=[0.05])


class Outliers(Params):
    """Another range, from which a share of the records take their number."""

    rate: Share = Field(description="Share of the records, among those without a special value.", examples=[0.01])
    min: Number = Field(description="Smallest outlier, inclusive.", examples=[10_000])
    max: Number = Field(description="Largest outlier, inclusive.", examples=[99_999])


class NumericRangeParams(Params):
    min: Number = Field(description="Smallest number, inclusive.", examples=[1])
    max: Number = Field(description="Largest number, inclusive.", examples=[500])
    numeric_type: NumericType | None = Field(
        default=None,
        description="INTEGER has 64 bits, DECIMAL at most 18 exact digits. By default INTEGER if min, max and step are"
        " whole and scale is left out; else DECIMAL if scale or step is given; else DOUBLE.",
    )
    step: Number | None = Field(
        default=None,
        description="Distance between two numbers, counted from min; by default one unit of the last digit.",
        examples=[0.05],
    )
    scale: int | None = Field(
        default=None, ge=0, le=MAX_DECIMAL_DIGITS, description="Digits behind the point.", examples=[2]
    )
    distribution: Distribution = Field(
        default_factory=lambda: Uniform(type="UNIFORM"),
        description="How the numbers are spread.",
        examples=[{"type": "LOGNORMAL", "median": 40, "sigma": 0.8}],
    )
    out_of_bounds: OutOfBounds = Field(
        default=OutOfBounds.TRUNCATE,
        description="The part of a distribution outside the range: TRUNCATE spreads it over the range, CLAMP moves it"
        " to the bounds.",
    )
    special_values: list[SpecialValue] = Field(
        default_factory=list, max_length=1_000, description="Numbers that stand for something, such as 0 or -1."
    )
    outliers: Outliers | None = Field(default=None, description="Numbers far from the others.")
    edge_case_rate: Share = Field(
        default=0.0,
        description="Share of records, among those without a special value, that have min, max, 0, 1, -1 or a limit of"
        " the type.",
    )
    render_as: RenderAs = Field(default=RenderAs.NUMBER, description="STRING writes the digits as text.")


@field_types.register("NUMERIC_RANGE")
class NumericRange(FieldType[NumericRangeParams]):
    """Draws a number from a range; special values, edge cases and outliers, in this order, take the place of some."""

    Params = NumericRangeParams

    @cached_property
    def _form(self) -> NumberForm:
        """How the numbers are held."""
        params = self.params
        if params.numeric_type is not None:
            type_ = params.numeric_type
        elif params.scale is None and all(isinstance(n, int) for n in (params.min, params.max, params.step or 1)):
            type_ = NumericType.INTEGER
        else:
            spaced = params.scale is not None or params.step is not None
            type_ = NumericType.DECIMAL if spaced else NumericType.DOUBLE
        if type_ is NumericType.INTEGER:
            return NumberForm(type_, 0)
        if params.scale is not None or params.step is None:
            return NumberForm(type_, params.scale)
        return NumberForm(type_, max(digits_behind_point(params.step), digits_behind_point(params.min)))

    @cached_property
    def _range(self) -> Grid | Continuum:
        return self._form.range(self.params.min, self.params.max, self.params.step)

    @property
    def _engine_range(self) -> Lattice | Continuum:
        return self._range if isinstance(self._range, Continuum) else self._range.lattice()

    # What is wrong with it.

    def check(self) -> Iterator[Issue]:
        inverted = list(as_far_as_sound(self._order_issues()))
        yield from inverted
        form = sound(self, "_form", None)
        if form is not None and form.type is NumericType.INTEGER:
            yield from self.not_applicable("scale", when="to numericType INTEGER")
        if form is not None and form.type is NumericType.DECIMAL and form.scale is None:
            yield from self.required("scale", when="for numericType DECIMAL without step")
            return
        wrong = list(as_far_as_sound(self._bound_issues(), self._step_issues()))
        yield from wrong
        if not wrong and not inverted:
            yield from as_far_as_sound(self._range_issues(), self._distribution_issues())
        yield from as_far_as_sound(self._inside_issues(), self._special_issues(), self._outlier_issues())
        if self.scope.unique:
            yield from self._unique_issues()

    def _inside_issues(self) -> Iterator[Issue]:
        distribution = self.params.distribution
        if isinstance(distribution, _INSIDE):
            when = f"to {distribution.type}, which has nothing outside the range"
            yield from self.not_applicable("out_of_bounds", when=when)

    def _order_issues(self) -> Iterator[Issue]:
        low, high = self.params.min, self.params.max
        if low > high:
            message = f"min ({low}) must not be greater than max ({high})"
            yield self.issue("RANGE_INVERTED", message, at="/min", hint="swap min and max")

    def _bound_issues(self) -> Iterator[Issue]:
        low, high, form = self.params.min, self.params.max, self._form
        yield from self._refusals(low, "/min")
        cut = high
        if form.type is NumericType.DECIMAL or (form.type is NumericType.DOUBLE and form.scale is not None):
            cut = form.exact(form.scaled(high))  # digits that the scale does not have only make it unreachable
        yield from self._refusals(cut, "/max")
        if low <= high and form.scale is None:
            yield from self._spread_issues(low, high, "/max")

    def _spread_issues(self, low: Exact, high: Exact, at: str) -> Iterator[Issue]:
        try:
            Continuum(float(low), float(high))
        except ValueError:
            message = f"{high} and {low} are too far apart: at most 4.4e307 are possible"
            yield self.issue("INVALID_VALUE", message, at=at)

    def _step_issues(self) -> Iterator[Issue]:
        step = self.params.step
        if step is None:
            return
        if step <= 0:
            yield self.issue("INVALID_STEP", f"step must be above 0, not {step}", at="/step")
        elif refusal := self._form.refusal(step):
            yield self.issue("INVALID_STEP", f"step ({step}) {refusal}", at="/step", hint="step and scale must fit")

    def _refusals(self, number: Exact, at: str) -> Iterator[Issue]:
        if refusal := self._form.refusal(number):
            whole = self._form.type is NumericType.INTEGER and not isinstance(number, int)
            code = "TYPE_MISMATCH" if whole else "INVALID_VALUE"
            yield self.issue(code, f"{at.rpartition('/')[2]} ({number}) {refusal}", at=at)

    def _range_issues(self) -> Iterator[Issue]:
        low, high = self.params.min, self.params.max
        if low == high:
            message = f"min and max are both {low}, so that every number is the same"
            yield self.issue("INVALID_VALUE", message, at="/max", hint="CONSTANT says so", severity=Severity.WARNING)
        elif isinstance(self._range, Grid) and (last := self._form.exact(self._range.last)) != high:
            message = f"max ({high}) is not reached: the last number is {last}"
            yield self.issue("INVALID_STEP", message, at="/max", severity=Severity.INFO)

    def _distribution_issues(self) -> Iterator[Issue]:
        for issue in self.params.distribution.issues(self._engine_range):
            path = f"{self.scope.pointer}/params/distribution{issue.path}"
            yield replace(issue, path=path, field=self.scope.field)

    def _special_issues(self) -> Iterator[Issue]:
        seen: dict[Exact, int] = {}
        for place, special in enumerate(self.params.special_values):
            yield from self._refusals(special.value, f"/specialValues/{place}/value")
            if seen.setdefault(special.value, place) != place:
                message = f"{special.value} is listed twice, first at {seen[special.value]}"
                yield self.issue("DUPLICATE_VALUE", message, at=f"/specialValues/{place}/value")
            if special.rate == 0:
                message = f"{special.value} never occurs as a special value: its rate is 0"
                at = f"/specialValues/{place}/rate"
                yield self.issue("NEVER_EMITTED", message, at=at, severity=Severity.WARNING)
        total = sum((exact(special.rate) for special in self.params.special_values), Decimal(0))
        if total > 1:
            message = f"the rates of the special values are together {total}, more than 1"
            yield self.issue("INVALID_VALUE", message, at="/specialValues")

    def _outlier_issues(self) -> Iterator[Issue]:
        outliers = self.params.outliers
        if outliers is None:
            return
        if outliers.min > outliers.max:
            message = f"min ({outliers.min}) must not be greater than max ({outliers.max})"
            yield self.issue("RANGE_INVERTED", message, at="/outliers/min", hint="swap min and max")
        yield from self._refusals(outliers.min, "/outliers/min")
        yield from self._refusals(outliers.max, "/outliers/max")
        if outliers.min <= outliers.max and self._form.scale is None:
            yield from self._spread_issues(outliers.min, outliers.max, "/outliers/max")

    def _unique_issues(self) -> Iterator[Issue]:
        params = self.params
        if not isinstance(params.distribution, Uniform):
            message = f"distinct numbers can only be drawn uniformly, not by {params.distribution.type}"
            yield self.issue("UNIQUE_DISTRIBUTION_CONFLICT", message, at="/distribution", hint="leave distribution out")
        repeating = {
            "specialValues": params.special_values,
            "outliers": params.outliers,
            "edgeCaseRate": params.edge_case_rate,
        }
        for name, value in repeating.items():
            if value:
                message = f'"{name}" gives one number to several records, which unique forbids'
                yield self.issue("UNIQUE_DISTRIBUTION_CONFLICT", message, at=f"/{name}")

    # What it makes.

    @property
    def _specials(self) -> list[SpecialValue]:
        return [special for special in self.params.special_values if special.rate > 0]

    def _without_edges(self) -> list[Exact]:
        """The bounds of all numbers but the edge cases."""
        outliers, over = self.params.outliers, self._range
        if isinstance(over, Continuum):
            bounds: list[Exact] = [exact(over.minimum), exact(over.maximum)]
        else:
            bounds = [self._form.exact(over.first), self._form.exact(over.last)]
        if outliers is not None:
            bounds += [outliers.min, outliers.max]
        return [*bounds, *(special.value for special in self._specials)]

    def _edges(self) -> list[Exact]:
        """The edge cases, each once."""
        if not self.params.edge_case_rate:
            return []
        inner = self._without_edges()
        near = [number for number in (0, 1, -1) if not self._form.refusal(number)]
        limits: list[Exact]
        match self._form.type:
            case NumericType.INTEGER:
                fits = all(INT32[0] <= number <= INT32[1] for number in inner)
                wanted = self.scope.output_type
                small = wanted is OutputType.INTEGER or (fits and wanted is not OutputType.LONG)
                limits = list(INT32 if small else INT64)
            case NumericType.DECIMAL:
                most = self._form.exact(10**MAX_DECIMAL_DIGITS - 1)
                limits = [-most, most]
            case _:
                limits = [exact(x) for x in (-sys.float_info.max, sys.float_info.max, -5e-324, 5e-324)]
        return list(dict.fromkeys([*inner[:2], *near, *limits]))

    @cached_property
    def _number_type(self) -> OutputType:
        match self._form.type:
            case NumericType.INTEGER:
                numbers = [*self._without_edges(), *self._edges()]
                small = all(INT32[0] <= number <= INT32[1] for number in numbers)
                return OutputType.INTEGER if small else OutputType.LONG
            case NumericType.DECIMAL:
                return OutputType.DECIMAL
            case _:
                return OutputType.DOUBLE

    def output(self) -> Output:
        numbers = [*self._without_edges(), *self._edges()]
        low, high = min(numbers), max(numbers)
        listed = self._listed()
        if self.params.render_as is RenderAs.NUMBER:
            scale = (self._form.scale or 0) if self._number_type is OutputType.DECIMAL else 0
            return Output(self._number_type, scale, minimum=low, maximum=high, values=listed)
        longest = _LONGEST_DOUBLE
        if self._form.type is not NumericType.DOUBLE:
            longest = max(len(self._text(low)), len(self._text(high)))
        texts = None if listed is None else tuple(self._text(number) for number in listed)
        return Output(OutputType.STRING, max_length=longest, values=texts)

    def _text(self, number: Exact) -> str:
        exact_number = self._form.exact(self._form.scaled(number))
        return format(exact_number, "f") if isinstance(exact_number, Decimal) else str(exact_number)

    def _listed(self) -> tuple[Exact, ...] | None:
        """Every number that can occur, if there are few."""
        over, form = self._range, self._form
        if form.type is NumericType.DOUBLE or isinstance(over, Continuum) or self.params.outliers is not None:
            return None
        if over.points > _MOST_LISTED:
            return None
        grid = [form.exact(over.first + place * over.stride) for place in range(over.points)]
        return tuple(dict.fromkeys([*grid, *(special.value for special in self._specials), *self._edges()]))

    def capacity(self) -> int | None:
        return None if self._distinct is None else self._distinct.capacity

    @cached_property
    def _distinct(self) -> DistinctOffsets | None:
        """Draws for unique; None where there is no grid."""
        return DistinctOffsets(self.scope.source, self._range.points) if isinstance(self._range, Grid) else None

    def tables(self) -> dict[str, NDArray[Any]]:
        if self.scope.unique:
            return {}
        return build_tables(self.params.distribution, self._engine_range, self.params.out_of_bounds)

    def bind(self, tables: Tables) -> None:
        self._sampler = sampler(self.params.distribution, self._engine_range, tables)
        self._lanes = [self.stream(lane=lane) for lane in range(self._sampler.lanes)]
        self._replacements: list[Replacement] = []  # each before those that may replace its numbers
        form, outliers, edges = self._form, self.params.outliers, self._edges()
        if outliers is not None:
            over = form.range(outliers.min, outliers.max)
            chosen_by, drawn_by = self.stream("outlier"), self.stream("outlier", lane=1)
            self._replacements.append(UniformRange(chosen_by, outliers.rate, form=form, over=over, drawn_by=drawn_by))
        if edges:
            rates = [Fraction(exact(self.params.edge_case_rate)) / len(edges)] * len(edges)
            self._replacements.append(ListedNumbers(self.stream("edge"), form.array(edges), rates))
        if self._specials:
            numbers = form.array([special.value for special in self._specials])
            shares = [Fraction(exact(special.rate)) for special in self._specials]
            self._replacements.append(ListedNumbers(self.stream("special"), numbers, shares))

    def values(self, span: Span, columns: Columns) -> pl.Series:
        numbers = self._form.drawn(self._range, self._draws(span))
        for replacement in self._replacements:
            replacement.apply(numbers, span)
        column = self._form.column(numbers, self._number_type)
        return column if self.params.render_as is RenderAs.NUMBER else value_texts(column, self._number_type)

    def _draws(self, span: Span) -> NDArray[Any]:
        """What the engine draws for each record from the range."""
        if not self.scope.unique or self._distinct is None:
            return self._sampler.draw([lane.words(span) for lane in self._lanes])
        if span.end > self._distinct.capacity:
            message = f"there are only {self._distinct.capacity} distinct numbers"
            number = max(span.start, self._distinct.capacity)
            raise RecordInvalid("UNIQUE_EXHAUSTED", message, field=self.scope.field, record_number=number)
        return self._distinct(span)

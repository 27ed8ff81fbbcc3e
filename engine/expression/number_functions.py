"""Functions of one number or several."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence

import polars as pl

from engine.expression.arithmetic import DividedBy, refuse_not_finite
from engine.expression.cells import Alarms
from engine.expression.exact import float_quotient, sum_of, whole
from engine.expression.forms import NUMBERS, Form, Kind, at_scale, common, number
from engine.expression.functions import Application, Node, Parameter, Strict, function, promoted
from engine.expression.rounding import A_NUMBER


@function(
    "ABS",
    takes=[A_NUMBER],
    says="The number without its sign.",
    group="numbers",
    examples={"ABS(-2.50)": "2.50"},
)
class Abs(Strict):
    def form(self, arguments: Sequence[Node]) -> Form:
        own = arguments[0].form
        if own.kind is Kind.DOUBLE:
            return own
        least = 0 if own.low <= 0 <= own.high else min(abs(own.low), abs(own.high))
        return number(least, own.size, own.scale, extra=own.extra)

    def column(self, call: Application, alarms: Alarms, *columns: pl.Series) -> pl.Series:
        return columns[0].cast(call.form.dtype).abs()


@function(
    "SIGN",
    takes=[A_NUMBER],
    says="1, 0 or -1: whether the number is above, at or below zero.",
    group="numbers",
    examples={"SIGN(-2.5)": "-1", "SIGN(0)": "0"},
)
class Sign(Strict):
    def form(self, arguments: Sequence[Node]) -> Form:
        return number(-1, 1)

    def column(self, call: Application, alarms: Alarms, *columns: pl.Series) -> pl.Series:
        nought = pl.Series([0], dtype=columns[0].dtype)
        return (columns[0] > nought).cast(pl.Int64) - (columns[0] < nought).cast(pl.Int64)


class _Of(Strict):
    """Something of several numbers, exact if all of them are."""

    def form(self, arguments: Sequence[Node]) -> Form:
        forms = [argument.form for argument in arguments]
        whole_form = common(forms, what=f"the arguments of {self.name}")
        return (
            whole_form
            if whole_form.kind is Kind.DOUBLE
            else self.exact_form([at_scale(f, whole_form.scale) for f in forms])
        )

    @abstractmethod
    def exact_form(self, forms: Sequence[Form]) -> Form:
        """The form of results that are exact."""

    def promoted(self, call: Application, alarms: Alarms, columns: Sequence[pl.Series]) -> list[pl.Series]:
        """The columns in one form."""
        forms = [argument.form for argument in call.arguments]
        to = common(forms, what=f"the arguments of {self.name}")
        return [promoted(column, form, to, alarms) for column, form in zip(columns, forms, strict=True)]


_SEVERAL = [Parameter("number", NUMBERS, repeated=True)]


class _Extreme(_Of):
    folds = True
    is_larger: bool

    def column(self, call: Application, alarms: Alarms, *columns: pl.Series) -> pl.Series:
        first, *others = self.promoted(call, alarms, columns)
        for other in others:
            known = first.is_not_null() & other.is_not_null()
            better = other > first if self.is_larger else other < first
            first = pl.select(pl.when(known & better).then(other).when(known).then(first)).to_series()
        return first.cast(call.form.dtype)


@function(
    "MIN",
    takes=_SEVERAL,
    says="The smallest of several numbers, or of the elements of an array: MIN(items[].price); null of none.",
    group="numbers",
    examples={"MIN(3, 1.5, 2)": "1.5"},
)
class Min(_Extreme):
    is_larger = False

    def exact_form(self, forms: Sequence[Form]) -> Form:
        extra = min(form.extra for form in forms)
        return number(min(f.low for f in forms), min(f.high for f in forms), forms[0].scale, extra=extra)


@function(
    "MAX",
    takes=_SEVERAL,
    says="The largest of several numbers, or of the elements of an array: MAX(items[].price); null of none.",
    group="numbers",
    examples={"MAX(3, 1.5, 2)": "3.0"},
)
class Max(_Extreme):
    is_larger = True

    def exact_form(self, forms: Sequence[Form]) -> Form:
        extra = min(form.extra for form in forms)
        return number(max(f.low for f in forms), max(f.high for f in forms), forms[0].scale, extra=extra)


@function(
    "CLAMP",
    takes=[A_NUMBER, Parameter("low", NUMBERS), Parameter("high", NUMBERS)],
    says="The number, but not below low and not above high. It also tells what a formula may count on.",
    group="numbers",
    examples={"CLAMP(120, 0, 100)": "100", "CLAMP(-5, 0, 100)": "0"},
)
class Clamp(_Of):
    def exact_form(self, forms: Sequence[Form]) -> Form:
        own, low, high = forms
        least, most = max(own.low, low.low), max(own.high, low.high)
        return number(min(least, high.low), min(most, high.high), own.scale, extra=min(f.extra for f in forms))

    def column(self, call: Application, alarms: Alarms, *columns: pl.Series) -> pl.Series:
        own, low, high = self.promoted(call, alarms, columns)
        known = own.is_not_null() & low.is_not_null() & high.is_not_null()
        raised = pl.select(pl.when(low > own).then(low).otherwise(own)).to_series()
        found = pl.select(pl.when(high < raised).then(high).otherwise(raised)).to_series()
        return pl.select(pl.when(known).then(found)).to_series().cast(call.form.dtype)


@function(
    "SUM",
    takes=_SEVERAL,
    says="The sum of several numbers, or over an array: SUM(items[].quantity * items[].unitPrice); 0 of none. Elements"
    " that are null are left out.",
    group="numbers",
    examples={"SUM(1, 2, 0.5)": "3.5"},
)
class Sum(_Of):
    folds = True

    def exact_form(self, forms: Sequence[Form]) -> Form:
        extra = min(form.extra for form in forms)
        return number(sum(f.low for f in forms), sum(f.high for f in forms), forms[0].scale, extra=extra)

    def column(self, call: Application, alarms: Alarms, *columns: pl.Series) -> pl.Series:
        numbers = self.promoted(call, alarms, columns)
        if call.form.kind is Kind.DOUBLE:
            return refuse_not_finite(sum(numbers[1:], numbers[0]), alarms)
        return sum_of(
            numbers, [at_scale(argument.form, call.form.scale) for argument in call.arguments], call.form, alarms
        )


@function(
    "AVERAGE",
    "AVG",
    takes=_SEVERAL,
    says="The mean of several numbers, divided as / does, or of the elements of an array: AVERAGE(items[].price); null"
    " of none. Elements that are null are left out.",
    group="numbers",
    examples={"AVERAGE(1, 2)": "1.5000000000", "AVG(2.50, 3.50)": "3.000000000000"},
)
class Average(_Of):
    folds = True

    def exact_form(self, forms: Sequence[Form]) -> Form:
        return _DIVIDED_BY.exact_form(SUM.exact_form(forms), number(len(forms), len(forms)))

    def column(self, call: Application, alarms: Alarms, *columns: pl.Series) -> pl.Series:
        summed = SUM.form(call.arguments)
        sums = SUM.column(Application(summed, call.position, SUM, call.arguments), alarms, *columns)
        count = len(columns)
        if summed.kind is Kind.DOUBLE:
            return float_quotient(sums, pl.Series([float(count)]))
        counts = whole(count, pl.Int64())
        return _DIVIDED_BY.exact(call.form, alarms, (sums, summed), (counts, number(count, count)))


SUM, _DIVIDED_BY = Sum(), DividedBy()

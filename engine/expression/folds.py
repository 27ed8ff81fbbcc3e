"""Folds: one value for each record, made of what an expression makes of each element of an array."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import reduce
from typing import ClassVar

import polars as pl

from engine.expression.arithmetic import DividedBy, refuse_not_finite
from engine.expression.cells import Alarms, Cells, Work
from engine.expression.exact import float_quotient, sum_of
from engine.expression.faults import Mismatch
from engine.expression.forms import DOUBLE, Array, Form, Kind, number, text
from engine.expression.functions import Constant, Node
from engine.expression.written import texts_of, written_length


class Fold(Node):
    """What a function makes of all elements of an array: those that are null are left out."""

    def __init__(self, name: str, arguments: Sequence[Node], position: int, *, beside_others: bool = False) -> None:
        self.name, self.arguments, self._how = name, tuple(arguments), FOLDINGS[name]
        self.is_beside_others = beside_others
        self._each = arguments[-1]
        if self._each.array is None:
            message = "the elements come last, behind what stands between them"
            raise Mismatch(message, hint="JOIN(', ', items[].sku)", code="EXPRESSION_SYNTAX")
        self.over = self._each.array
        super().__init__(self._how.form(self._each.form, self.over, arguments), position)

    def cells(self, work: Work) -> Cells:
        inner = work.elements(self.over.path)
        given = inner.cells(self._each) if inner.span.count else Cells(pl.Series([], dtype=self._each.form.dtype))
        alarms = Alarms(work, self.position)
        values = self._how.column(self, inner.slots(inner.full(given.values)), self._each.form, alarms)
        return alarms.settled(values, [Cells(values, inner.first_failures(given.failures))])

    def parts(self) -> Iterator[Node]:
        yield self
        for argument in self.arguments:
            yield from argument.parts()


class Folding(ABC):
    """One way to fold; one that `goes_on` can take what it has made together with other values."""

    goes_on: ClassVar[bool] = False

    @abstractmethod
    def form(self, each: Form, over: Array, arguments: Sequence[Node]) -> Form:
        """The form of the results for elements of a form."""

    @abstractmethod
    def column(self, fold: Fold, slots: Sequence[pl.Series], each: Form, alarms: Alarms) -> pl.Series:
        """The results, from the first elements of all records, their second ones and so on."""


def _fewest(each: Form, over: Array) -> int:
    """How many elements there are at least that are not null."""
    return 0 if each.nullable else over.fewest


def _or_none(form: Form, each: Form, over: Array) -> Form:
    """The form of results that are null where there is no element."""
    return replace(form, nullable=_fewest(each, over) == 0)


class _Sum(Folding):
    goes_on = True

    def form(self, each: Form, over: Array, arguments: Sequence[Node]) -> Form:
        if each.kind is Kind.DOUBLE:
            return DOUBLE
        fewest = _fewest(each, over)
        low = each.low * (over.most if each.low < 0 else fewest)
        high = each.high * (over.most if each.high > 0 else fewest)
        return number(low, high, each.scale, extra=each.extra)

    def column(self, fold: Fold, slots: Sequence[pl.Series], each: Form, alarms: Alarms) -> pl.Series:
        if each.kind is Kind.DOUBLE:  # in their order, so that no cut and no machine changes what is rounded
            numbers = [slot.fill_null(0.0) for slot in slots]
            return refuse_not_finite(reduce(pl.Series.__add__, numbers, pl.Series([0.0])), alarms)
        form = self.form(each, fold.over, ())
        return sum_of([slot.fill_null(0) for slot in slots], [each] * len(slots), form, alarms)


class _Count(Folding):
    def form(self, each: Form, over: Array, arguments: Sequence[Node]) -> Form:
        return number(_fewest(each, over), over.most)

    def column(self, fold: Fold, slots: Sequence[pl.Series], each: Form, alarms: Alarms) -> pl.Series:
        return reduce(pl.Series.__add__, [slot.is_not_null().cast(pl.Int64) for slot in slots])


class _Average(Folding):
    def form(self, each: Form, over: Array, arguments: Sequence[Node]) -> Form:
        summed = _SUM.form(each, over, arguments)
        counts = number(1, over.most)
        mean = DOUBLE if summed.kind is Kind.DOUBLE else _DIVIDED_BY.exact_form(summed, counts)
        return _or_none(mean, each, over)

    def column(self, fold: Fold, slots: Sequence[pl.Series], each: Form, alarms: Alarms) -> pl.Series:
        sums, summed = _SUM.column(fold, slots, each, alarms), _SUM.form(each, fold.over, ())
        counts = _COUNT.column(fold, slots, each, alarms)
        counts = pl.select(pl.when(counts > 0).then(counts)).to_series()  # of none there is no mean
        if summed.kind is Kind.DOUBLE:
            return float_quotient(sums, counts.cast(pl.Float64))
        return _DIVIDED_BY.exact(fold.form, alarms, (sums, summed), (counts, number(1, fold.over.most)))


class _Extreme(Folding):
    goes_on = True

    def __init__(self, better: Callable[[pl.Series, pl.Series], pl.Series]) -> None:
        self._better = better

    def form(self, each: Form, over: Array, arguments: Sequence[Node]) -> Form:
        return _or_none(each, each, over)

    def column(self, fold: Fold, slots: Sequence[pl.Series], each: Form, alarms: Alarms) -> pl.Series:
        found = slots[0]
        for slot in slots[1:]:
            takes = found.is_null() | self._better(slot, found).fill_null(value=False)
            found = pl.select(pl.when(takes).then(slot).otherwise(found)).to_series()
        return found


class _Join(Folding):
    def form(self, each: Form, over: Array, arguments: Sequence[Node]) -> Form:
        between = _separator(arguments[0])
        longest = written_length(each)
        try:
            return text(longest * over.most + len(between) * max(0, over.most - 1))
        except Mismatch as mismatch:
            message = f"{over.most} elements of {longest:,} characters: {mismatch}"
            raise Mismatch(message, hint=mismatch.hint, code=mismatch.code) from mismatch

    def column(self, fold: Fold, slots: Sequence[pl.Series], each: Form, alarms: Alarms) -> pl.Series:
        between = _separator(fold.arguments[0])
        texts = [pl.lit(texts_of(slot, each)) for slot in slots]
        return pl.select(pl.concat_str(texts, separator=between, ignore_nulls=True)).to_series()


def _separator(node: Node) -> str:
    """What stands between the elements; raises Mismatch when it is not written out."""
    value = node.value if isinstance(node, Constant) else None
    if not isinstance(value, str):
        message = "what stands between the elements must be written out, in quotes"
        raise Mismatch(message, hint="JOIN(', ', items[].sku)", argument=0)
    return value


_SUM, _COUNT, _DIVIDED_BY = _Sum(), _Count(), DividedBy()
FOLDINGS: dict[str, Folding] = {
    "SUM": _SUM,
    "COUNT": _COUNT,
    "AVERAGE": _Average(),
    "MIN": _Extreme(lambda one, other: one < other),
    "MAX": _Extreme(lambda one, other: one > other),
    "TEXTJOIN": _Join(),
}
"""What functions make of the elements of an array, by their first names."""

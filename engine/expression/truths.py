"""Functions of truth values, null and failures."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import reduce

import numpy as np
import polars as pl
from numpy.typing import NDArray

from engine.expression.cells import Alarms, Cells, Work, first_failures, without
from engine.expression.choices import A_CONDITION, EQUAL, Chooses, Compares
from engine.expression.forms import NULL, TRUTH, TRUTHS, Form, Kind, common, number
from engine.expression.functions import Application, Function, Node, Parameter, Strict, function


class _Truths(Function):
    """A function of truth values."""

    sees_null = False

    def form(self, arguments: Sequence[Node]) -> Form:
        return TRUTH.or_null(*(argument.form for argument in arguments))


class _Decides(_Truths):
    """AND or OR: null if an operand is null; behind the operand that decides, none can fail."""

    decisive: bool

    def cells(self, call: Application, work: Work) -> Cells:
        first, *others = call.arguments
        found = work.cells(first)
        values, failures = found.values, found.failures
        for other in others:
            undecided = work.mask(values != self.decisive)  # and not null
            following = work.cells(other)
            null = values.is_null() | following.values.is_null()
            if following.failures is not None:
                failed = following.failures > 0
                null = work.full(values).is_null() | (work.full(following.values).is_null() & pl.Series(~failed))
                failures = first_failures([failures, np.where(undecided, following.failures, np.uint16(0))])
            both = values.fill_null(value=False), following.values.fill_null(value=False)
            joined = both[0] | both[1] if self.decisive else both[0] & both[1]
            values = pl.select(pl.when(~null).then(joined)).to_series()
            if failures is not None and failures.any():
                values = without(work.full(values), failures > 0)
        return Cells(values, None if failures is None or not failures.any() else failures)


@function(
    "AND",
    takes=[Parameter("condition", TRUTHS, repeated=True)],
    says="Whether all conditions are true; also written a AND b. Behind one that is false, none can fail.",
    group="logic",
    examples={"AND(1 < 2, 2 < 3)": "true", "1 < 2 and 3 < 2": "false", "AND(1 = 2, 1 / 0 > 1)": "false"},
)
class And(_Decides):
    decisive = False


@function(
    "OR",
    takes=[Parameter("condition", TRUTHS, repeated=True)],
    says="Whether a condition is true; also written a OR b. Behind one that is true, none can fail.",
    group="logic",
    examples={"OR(1 > 2, 2 > 1)": "true", "1 > 2 or 3 < 2": "false"},
)
class Or(_Decides):
    decisive = True


@function(
    "NOT",
    takes=[A_CONDITION],
    says="Whether the condition is false; also written NOT a.",
    group="logic",
    examples={"NOT(1 > 2)": "true", "not 1 = 1": "false"},
)
class Not(Strict):
    def form(self, arguments: Sequence[Node]) -> Form:
        return TRUTH

    def column(self, call: Application, alarms: Alarms, *columns: pl.Series) -> pl.Series:
        return ~columns[0]


@function(
    "XOR",
    takes=[Parameter("condition", TRUTHS, repeated=True)],
    says="Whether an odd number of conditions are true.",
    group="logic",
    examples={"XOR(true, false)": "true", "XOR(true, true)": "false"},
)
class Xor(Strict):
    def form(self, arguments: Sequence[Node]) -> Form:
        return TRUTH

    def column(self, call: Application, alarms: Alarms, *columns: pl.Series) -> pl.Series:
        first, *others = columns
        for other in others:
            first = first != other
        return first


@function(
    "COUNT",
    "COUNTA",
    takes=[Parameter("value", repeated=True)],
    says="How many of several values are not null, or how many elements of an array: COUNT(items[].sku).",
    group="logic",
    examples={"COUNT(1, null, 'a')": "2"},
)
class Count(Function):
    folds = True
    sees_null = True

    def form(self, arguments: Sequence[Node]) -> Form:
        return number(sum(not argument.form.nullable for argument in arguments), len(arguments))

    def cells(self, call: Application, work: Work) -> Cells:
        given = [work.cells(argument) for argument in call.arguments]
        values = reduce(pl.Series.__add__, [cells.values.is_not_null().cast(pl.Int64) for cells in given])
        return Alarms(work, call.position).settled(values, given)


@function(
    "ISBLANK",
    "ISNULL",
    takes=[Parameter("value")],
    says="Whether the value is null or missing; the empty text is not.",
    group="logic",
    examples={"ISBLANK(null)": "true", "ISNULL('')": "false"},
)
class IsBlank(Function):
    sees_null = True

    def form(self, arguments: Sequence[Node]) -> Form:
        return TRUTH

    def cells(self, call: Application, work: Work) -> Cells:
        given = work.cells(call.arguments[0])
        values = given.values.is_null()
        return Cells(values) if given.failures is None else Cells(without(values, given.failures > 0), given.failures)


@function(
    "COALESCE",
    "IFNULL",
    takes=[Parameter("value", repeated=True)],
    says="The first value that is not null.",
    group="logic",
    examples={"COALESCE(null, 0, 5)": "0"},
)
class Coalesce(Chooses):
    looks_twice = True

    def choices(self, arguments: Sequence[Node]) -> list[Node]:
        return list(arguments)

    def may_choose_none(self, arguments: Sequence[Node]) -> bool:
        return False

    def form(self, arguments: Sequence[Node]) -> Form:
        forms = [argument.form for argument in arguments]
        known = [replace(form, nullable=False) for form in forms if form.kind is not Kind.NULL]
        if not known:
            return NULL
        found = common(known, what=f"the results of {self.name}")
        return found if not all(form.nullable for form in forms) else found.or_null(NULL)

    def cases(self, call: Application, work: Work) -> Iterator[tuple[Cells | None, Node | None]]:
        for value in call.arguments:
            found = work.cells(value)
            known: NDArray[np.bool_] = work.full(found.values).is_not_null().to_numpy()
            if found.failures is not None:
                known = known | (found.failures > 0)
            yield Cells(pl.Series(known)), value


@function(
    "NULLIF",
    takes=[Parameter("value"), Parameter("other")],
    says="null where the two are equal, else the value.",
    group="logic",
    examples={"NULLIF('n/a', 'n/a')": "null", "NULLIF(5, 0)": "5"},
)
class NullIf(Compares):
    goes_on_at_null = True

    def check(self, arguments: Sequence[Node]) -> None:
        super().check(arguments)
        EQUAL.form(arguments)

    def choices(self, arguments: Sequence[Node]) -> list[Node]:
        return [arguments[0]]

    def may_choose_none(self, arguments: Sequence[Node]) -> bool:
        return True

    def cases(self, call: Application, work: Work) -> Iterator[tuple[Cells | None, Node | None]]:
        yield self.equal(call, call.arguments[0], call.arguments[1], work), None
        yield None, call.arguments[0]


@function(
    "IFERROR",
    takes=[Parameter("value"), Parameter("instead")],
    says="The value, or the other one where the value cannot be worked out.",
    group="logic",
    examples={"IFERROR(1 / 0, -1)": "-1.0000000000", "IFERROR(5, -1)": "5"},
)
class IfError(Chooses):
    looks_twice = True

    def choices(self, arguments: Sequence[Node]) -> list[Node]:
        return list(arguments)

    def may_choose_none(self, arguments: Sequence[Node]) -> bool:
        return False

    def cases(self, call: Application, work: Work) -> Iterator[tuple[Cells | None, Node | None]]:
        value, instead = call.arguments
        failures = work.cells(value).failures
        fine = np.ones(work.span.count, np.bool_) if failures is None else failures == 0
        yield Cells(pl.Series(fine)), value
        yield None, instead


@function(
    "ISERROR",
    takes=[Parameter("value")],
    says="Whether the value cannot be worked out.",
    group="logic",
    examples={"ISERROR(1 / 0)": "true", "ISERROR(1 / 2)": "false"},
)
class IsError(Function):
    sees_null = True

    def form(self, arguments: Sequence[Node]) -> Form:
        return TRUTH

    def cells(self, call: Application, work: Work) -> Cells:
        failures = work.cells(call.arguments[0]).failures
        return Cells(pl.Series([False]) if failures is None else pl.Series(failures > 0))

"""Functions that choose one of several values."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator, Sequence

import numpy as np
import polars as pl
from numpy.typing import NDArray

from engine.expression.cells import Alarms, Cells, Work, first_failures
from engine.expression.comparisons import Equal
from engine.expression.faults import Mismatch
from engine.expression.forms import NULL, TRUTHS, Form, Kind, common
from engine.expression.functions import (
    Application,
    Constant,
    Function,
    Node,
    Options,
    Parameter,
    function,
    promoted,
    with_article,
)

A_CONDITION = Parameter("condition", TRUTHS)


class Chain:
    """Takes the values of records from one column after the other; each record from the first one that wants it."""

    def __init__(self, call: Application, work: Work) -> None:
        self._call, self._work = call, work
        self._open = pl.Series([True]).new_from_index(0, work.span.count)
        self._taken: list[tuple[pl.Series, pl.Series]] = []
        self._failures: NDArray[np.uint16] | None = None

    @property
    def is_done(self) -> bool:
        return not self._open.any()

    def wanted(self, condition: Cells | None, *, goes_on_at_null: bool) -> pl.Series:
        """The records that are still open and meet the condition; where it is null, they are closed or go on."""
        wanted = self._open
        if condition is None:
            self._open = pl.Series([False])
            return wanted
        truths = self._work.full(condition.values)
        if not truths.null_count():
            self._open = self._open & ~truths
            return wanted & truths
        null = truths.is_null()
        self._fail(wanted & null, condition)
        true = truths.fill_null(value=False)
        self._open = self._open & ~true
        if not goes_on_at_null:
            self._open = self._open & ~null
        return wanted & true

    def take(self, wanted: pl.Series, value: Node) -> None:
        """Give these records the values of a part, and its failures."""
        alarms, found = Alarms(self._work, self._call.position), self._work.cells(value)
        cells = alarms.settled(promoted(found.values, value.form, self._call.form, alarms), [found])
        self._taken.append((wanted, cells.values))
        self._fail(wanted, cells)

    def cells(self) -> Cells:
        """What has come together; null for records that nobody wanted."""
        found = pl.lit(None, self._call.form.dtype)
        for wanted, values in reversed(self._taken):
            found = pl.when(wanted).then(values).otherwise(found)
        values = self._work.full(pl.select(found).to_series())
        return Alarms(self._work, self._call.position).settled(values, [Cells(values, self._failures)])

    def _fail(self, wanted: pl.Series, cells: Cells) -> None:
        if cells.failures is not None:
            failures = np.where(wanted.to_numpy(), cells.failures, np.uint16(0))
            self._failures = first_failures([self._failures, failures])


class Chooses(Function):
    """Takes for each record one of several values, or null; only the chosen one can fail it."""

    sees_null = True

    def form(self, arguments: Sequence[Node]) -> Form:
        forms = [value.form for value in self.choices(arguments)]
        if self.may_choose_none(arguments):
            forms.append(NULL)
        return common(forms, what=f"the results of {self.name}")

    def cells(self, call: Application, work: Work) -> Cells:
        chain = Chain(call, work)
        for condition, value in self.cases(call, work):
            wanted = chain.wanted(condition, goes_on_at_null=self.goes_on_at_null)
            if value is not None and wanted.any():
                chain.take(wanted, value)
            if chain.is_done:
                break
        return chain.cells()

    goes_on_at_null = False
    """Whether a condition that is null counts as false."""

    @abstractmethod
    def choices(self, arguments: Sequence[Node]) -> list[Node]:
        """The values that can be chosen."""

    @abstractmethod
    def may_choose_none(self, arguments: Sequence[Node]) -> bool:
        """Whether there is a record for which none of them is chosen."""

    @abstractmethod
    def cases(self, call: Application, work: Work) -> Iterator[tuple[Cells | None, Node | None]]:
        """Conditions with their values, in order: the first that is true counts; None is always true, or null."""


@function(
    "IF",
    takes=[A_CONDITION, Parameter("then"), Parameter("else", optional=True)],
    says="The one value if the condition is true, else the other one (null); also written as then if condition else"
    " other.",
    group="logic",
    examples={'IF(3 > 2, "big", "small")': "big", '"big" if 1 > 2 else "small"': "small", "IF(1 > 2, 5)": "null"},
)
class If(Chooses):
    def blanks(self, arguments: Sequence[Node]) -> Sequence[int]:
        return (0,)

    def choices(self, arguments: Sequence[Node]) -> list[Node]:
        return list(arguments[1:])

    def may_choose_none(self, arguments: Sequence[Node]) -> bool:
        return len(arguments) < 3 or arguments[0].form.nullable

    def cases(self, call: Application, work: Work) -> Iterator[tuple[Cells | None, Node | None]]:
        yield work.cells(call.arguments[0]), call.arguments[1]
        yield None, call.arguments[2] if len(call.arguments) > 2 else None


@function(
    "IFS",
    takes=[A_CONDITION, Parameter("value"), Parameter("more", repeated=True, optional=True)],
    says="The value behind the first condition that is true; null if none is. A last condition true catches the rest.",
    group="logic",
    examples={'IFS(1 > 2, "a", 2 > 1, "b")': "b", 'IFS(false, "a", true, "rest")': "rest", "IFS(false, 1)": "null"},
)
class Ifs(Chooses):
    def blanks(self, arguments: Sequence[Node]) -> Sequence[int]:
        return range(0, len(arguments), 2)

    def check(self, arguments: Sequence[Node]) -> None:
        super().check(arguments)
        if len(arguments) % 2:
            message = "IFS takes a value behind each condition"
            raise Mismatch(message, hint="IFS(condition, value, condition, value)", code="EXPRESSION_SYNTAX")
        for place, argument in enumerate(arguments[::2]):
            if argument.form.kind is not Kind.TRUTH:
                raise Mismatch(
                    f"a condition is a truth value, not {with_article(argument.form.kind)}", argument=2 * place
                )

    def choices(self, arguments: Sequence[Node]) -> list[Node]:
        return list(arguments[1::2])

    def may_choose_none(self, arguments: Sequence[Node]) -> bool:
        conditions = arguments[::2]
        last = conditions[-1]
        caught = isinstance(last, Constant) and last.value is True
        return not caught or any(condition.form.nullable for condition in conditions)

    def cases(self, call: Application, work: Work) -> Iterator[tuple[Cells | None, Node | None]]:
        for condition, value in zip(call.arguments[::2], call.arguments[1::2], strict=True):
            yield work.cells(condition), value


class Compares(Chooses):
    """Chooses by what a value is equal to."""

    looks_twice = True

    def equal(self, call: Application, one: Node, other: Node, work: Work) -> Cells:
        form = EQUAL.form([one, other])
        return EQUAL.cells(Application(form, call.position, EQUAL, (one, other)), work)


EQUAL = Equal()


@function(
    "SWITCH",
    takes=[Parameter("value"), Parameter("case"), Parameter("result"), Parameter("more", repeated=True, optional=True)],
    says="The result behind the first case that the value is equal to; a single last argument catches the rest, else"
    " null.",
    group="logic",
    examples={"SWITCH(2, 1, 'one', 2, 'two')": "two", "SWITCH(9, 1, 'one', 'many')": "many"},
)
class Switch(Compares):
    def blanks(self, arguments: Sequence[Node]) -> Sequence[int]:
        return (0, *range(1, len(arguments) - 1, 2))

    def check(self, arguments: Sequence[Node]) -> None:
        super().check(arguments)
        for place in range(1, len(arguments) - 1, 2):
            try:
                EQUAL.form([arguments[0], arguments[place]])
            except Mismatch as error:
                raise Mismatch(str(error), hint=error.hint, argument=place) from error

    @staticmethod
    def _has_rest(arguments: Sequence[Node]) -> bool:
        return len(arguments) % 2 == 0

    def choices(self, arguments: Sequence[Node]) -> list[Node]:
        return [*arguments[2::2], *([arguments[-1]] if self._has_rest(arguments) else [])]

    def may_choose_none(self, arguments: Sequence[Node]) -> bool:
        cases = arguments[1 : len(arguments) - 1 : 2]
        return not self._has_rest(arguments) or any(one.form.nullable for one in [arguments[0], *cases])

    def cases(self, call: Application, work: Work) -> Iterator[tuple[Cells | None, Node | None]]:
        arguments = call.arguments
        for place in range(1, len(arguments) - 1, 2):
            yield self.equal(call, arguments[0], arguments[place], work), arguments[place + 1]
        if self._has_rest(arguments):
            yield None, arguments[-1]


@function(
    "CASE",
    takes=[Parameter("value"), Parameter("cases"), Parameter("default", optional=True)],
    says="The value that stands behind the case, as {case: value, …}; the default (null) where none fits, or for null.",
    group="logic",
    examples={'CASE("DE", {"DE": "Euro", "CH": "Franken"}, "?")': "Euro", "CASE(3, {1: 'one'}, 'many')": "many"},
)
class Case(Compares):
    goes_on_at_null = True

    def _check_argument(self, place: int, argument: Node) -> None:
        if place != 1:
            super()._check_argument(place, argument)
        elif not isinstance(argument, Options) or not argument.keys:
            raise Mismatch("CASE takes its cases as {case: value, …}", hint=self.signature, argument=1)

    def check(self, arguments: Sequence[Node]) -> None:
        super().check(arguments)
        for key in self._keys(arguments):
            try:
                EQUAL.form([arguments[0], key])
            except Mismatch as error:
                raise Mismatch(str(error), hint=error.hint, argument=1) from error

    @staticmethod
    def _options(arguments: Sequence[Node]) -> Options:
        if not isinstance(arguments[1], Options):
            raise TypeError("the cases are no options")
        return arguments[1]

    def _keys(self, arguments: Sequence[Node]) -> list[Constant]:
        options = self._options(arguments)
        return [Constant.of(key, options.position) for key in options.keys]

    def choices(self, arguments: Sequence[Node]) -> list[Node]:
        return [*self._options(arguments).values, *arguments[2:]]

    def may_choose_none(self, arguments: Sequence[Node]) -> bool:
        return len(arguments) < 3

    def cases(self, call: Application, work: Work) -> Iterator[tuple[Cells | None, Node | None]]:
        arguments = call.arguments
        for key, value in zip(self._keys(arguments), self._options(arguments).values, strict=True):
            yield self.equal(call, arguments[0], key, work), value
        if len(arguments) > 2:
            yield None, arguments[2]


@function(
    "CHOOSE",
    takes=[Parameter("number", frozenset({Kind.NUMBER})), Parameter("value", repeated=True)],
    says="The first, second, … value, by a number that counts from 1; another number fails.",
    group="logic",
    examples={'CHOOSE(2, "a", "b", "c")': "b"},
)
class Choose(Chooses):
    looks_twice = True

    def blanks(self, arguments: Sequence[Node]) -> Sequence[int]:
        return (0,)

    def check(self, arguments: Sequence[Node]) -> None:
        super().check(arguments)
        if not arguments[0].form.is_whole:
            raise Mismatch("CHOOSE counts by a whole number", hint="INT(number) rounds", argument=0)

    def choices(self, arguments: Sequence[Node]) -> list[Node]:
        return list(arguments[1:])

    def may_choose_none(self, arguments: Sequence[Node]) -> bool:
        return arguments[0].form.nullable

    def cells(self, call: Application, work: Work) -> Cells:
        found, alarms = super().cells(call, work), Alarms(work, call.position)
        numbers = work.cells(call.arguments[0]).values
        last = pl.Series([len(call.arguments) - 1], dtype=numbers.dtype)
        first = pl.Series([1], dtype=numbers.dtype)
        alarms.raise_where((numbers < first) | (numbers > last), "there is no value of this number")
        return alarms.settled(found.values, [found])

    def cases(self, call: Application, work: Work) -> Iterator[tuple[Cells | None, Node | None]]:
        chosen = work.cells(call.arguments[0])
        for place, value in enumerate(call.arguments[1:], 1):
            equal = chosen.values == pl.Series([place], dtype=chosen.values.dtype)
            yield Cells(equal, chosen.failures), value

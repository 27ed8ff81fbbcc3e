"""What a function of expressions is: one declaration of names, parameters, a sentence and examples; and its arithmetic.

A function is asked twice: for the form of its results, once, when an expression is compiled; and for their column, for
each batch. Operators are functions, too.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import ClassVar, TypeVar

import polars as pl

from engine.expression.cells import Alarms, Cells, Work
from engine.expression.exact import shifted, to_floats
from engine.expression.faults import Mismatch
from engine.expression.forms import ANY, Array, Form, Kind, literal_form, scaled_literal
from engine.expression.syntax import Value


@dataclass(eq=False)
class Node(ABC):
    """A part of a compiled expression; one with an `array` has a value for each element, not for each record."""

    form: Form
    position: int
    is_shared: bool = field(default=False, init=False)
    array: Array | None = field(default=None, init=False)

    @abstractmethod
    def cells(self, work: Work) -> Cells:
        """Its values for the records of a batch."""

    def parts(self) -> Iterator[Node]:
        """This part and all parts inside it."""
        yield self


@dataclass(eq=False)
class Constant(Node):
    """A value that is written out."""

    value: Value

    @classmethod
    def of(cls, value: Value, position: int) -> Constant:
        return cls(literal_form(value), position, value)

    @cached_property
    def _column(self) -> pl.Series:
        if self.form.is_exact:
            scaled, _ = scaled_literal(self.value)  # type: ignore[arg-type]
            return pl.Series([scaled], dtype=self.form.dtype)
        return pl.Series([self.value], dtype=self.form.dtype)

    def cells(self, work: Work) -> Cells:
        return Cells(self._column)


@dataclass(eq=False)
class Reference(Node):
    """The values of a field."""

    name: str

    def cells(self, work: Work) -> Cells:
        return Cells(work.columns[self.name])


@dataclass(eq=False)
class Options(Node):
    """Values in brackets, each with its key or without keys; they have a column each."""

    keys: tuple[Value, ...]
    values: tuple[Node, ...]

    def cells(self, work: Work) -> Cells:
        raise TypeError("values in brackets are no column")

    def parts(self) -> Iterator[Node]:
        yield self
        for value in self.values:
            yield from value.parts()


@dataclass(eq=False)
class Application(Node):
    """A function with its arguments; `site` numbers the places at which an expression draws."""

    function: Function
    arguments: tuple[Node, ...]
    site: int = 0

    def cells(self, work: Work) -> Cells:
        return self.function.cells(self, work)

    def parts(self) -> Iterator[Node]:
        yield self
        for argument in self.arguments:
            yield from argument.parts()


@dataclass(frozen=True, slots=True)
class Parameter:
    """What a function takes at one place; the last one may be `repeated` any number of times, but not none."""

    name: str
    kinds: frozenset[Kind] = ANY
    optional: bool = False
    literal: bool = False
    repeated: bool = False

    @property
    def shown(self) -> str:
        name = f"{self.name}, …" if self.repeated else self.name
        return f"[{name}]" if self.optional else name


class Function(ABC):
    """One function; see `function` for its declaration."""

    names: ClassVar[tuple[str, ...]]
    parameters: ClassVar[tuple[Parameter, ...]] = ()
    says: ClassVar[str]
    examples: ClassVar[Mapping[str, str]]
    group: ClassVar[str]
    facts: ClassVar[frozenset[str]] = frozenset()
    """The facts of the run that the results depend on."""
    draws: ClassVar[bool] = False
    looks_twice: ClassVar[bool] = False
    """Whether it asks for the cells of an argument more than once, so that they are kept."""
    folds: ClassVar[bool] = False
    """Whether it makes one value of all elements of an array; all others make one value for each element."""
    sees_null: ClassVar[bool] = False
    """Whether null is something that it is made for; all others are null where an argument is."""

    @property
    def name(self) -> str:
        return self.names[0]

    @property
    def signature(self) -> str:
        """How it is called; an operator between its operands."""
        if not self.name[0].isalpha():
            return f" {self.name} ".join(parameter.shown for parameter in self.parameters)
        return f"{self.name}({', '.join(parameter.shown for parameter in self.parameters)})"

    @abstractmethod
    def form(self, arguments: Sequence[Node]) -> Form:
        """The form of the results; raises Mismatch when the arguments do not fit."""

    @abstractmethod
    def cells(self, call: Application, work: Work) -> Cells:
        """The results for a batch."""

    def reason(self, call: Application) -> str | None:
        """Why two runs may differ where the function is used; None when they cannot."""
        return None

    def blanks(self, arguments: Sequence[Node]) -> Sequence[int]:
        """The places of the arguments that are read as in an empty cell where null counts as one."""
        return () if self.sees_null else range(len(arguments))

    def check(self, arguments: Sequence[Node]) -> None:
        """Raise Mismatch unless there are as many arguments as needed, of the right kinds."""
        least = sum(not parameter.optional for parameter in self.parameters)
        endless = bool(self.parameters) and self.parameters[-1].repeated
        if len(arguments) < least or (len(arguments) > len(self.parameters) and not endless):
            most = "or more" if endless else f"to {len(self.parameters)}" if least < len(self.parameters) else ""
            counted = f"{least} {most}".strip() if self.parameters else "no"
            message = f"{self.name} takes {counted} argument{'' if counted == '1' else 's'}, not {len(arguments)}"
            raise Mismatch(message, hint=self.signature, code="EXPRESSION_SYNTAX")
        for place, argument in enumerate(arguments):
            self._check_argument(place, argument)

    def _check_argument(self, place: int, argument: Node) -> None:
        parameter = self.parameters[min(place, len(self.parameters) - 1)]
        if isinstance(argument, Options):
            raise Mismatch(f"{self.name} takes no list", hint=self.signature, argument=place)
        if parameter.literal and not isinstance(argument, Constant):
            message = f"{parameter.name} of {self.name} must be written out, not computed"
            raise Mismatch(message, argument=place)
        if argument.form.kind not in parameter.kinds:
            wanted = " or ".join(sorted(kind for kind in parameter.kinds if kind is not Kind.DOUBLE))
            code = "EXPRESSION_NOT_ALLOWED" if not self.name[0].isalpha() and argument.form.kind is Kind.TEXT else None
            message = f"{self.name} takes a {wanted} as {parameter.name}, not {with_article(argument.form.kind)}"
            if argument.form.kind is Kind.NULL:
                message = f"null is no {parameter.name} of {self.name}"
            hint = self.hint(argument.form.kind)
            raise Mismatch(message, hint=hint, code=code or "TYPE_MISMATCH", argument=place)

    def hint(self, given: Kind) -> str | None:
        """What to do about an argument of a wrong kind."""
        if given is Kind.NULL:
            return "ISBLANK(value) tells whether a value is null"
        return f"{self.signature}; TOSTRING, TODECIMAL, TOINT, TOBOOL and DATEVALUE convert"


class Strict(Function):
    """A function that works on columns: null where an argument is null, failed where one has failed."""

    def cells(self, call: Application, work: Work) -> Cells:
        given = [work.cells(argument) for argument in call.arguments]
        alarms = Alarms(work, call.position)
        values = self.column(call, alarms, *(cells.values for cells in given))
        alarms.forgive_null(given)
        return alarms.settled(values, given)

    @abstractmethod
    def column(self, call: Application, alarms: Alarms, *columns: pl.Series) -> pl.Series:
        """The results, of the form that was promised, from columns of the arguments' forms."""


F = TypeVar("F", bound=type[Function])
FUNCTIONS: dict[str, Function] = {}
"""Every function by each of its names, in upper case."""


def function(
    *names: str, takes: Sequence[Parameter] = (), says: str, group: str, examples: Mapping[str, str]
) -> Callable[[F], F]:
    """Declare a function: what the documentation and the tests say of it is made from this."""

    def declare(kind: F) -> F:
        kind.names, kind.parameters, kind.says = names, tuple(takes), says
        kind.group, kind.examples = group, examples
        one = kind()
        for name in names:
            if name in FUNCTIONS:
                raise ValueError(f"two functions have the name {name}")
            FUNCTIONS[name] = one
        return kind

    return declare


def promoted(values: pl.Series, form: Form, to: Form, alarms: Alarms) -> pl.Series:
    """A column of one form in another one that holds all of its values."""
    match form.kind, to.kind:
        case (Kind.NULL, _):
            return values.cast(to.dtype)
        case (Kind.NUMBER, Kind.NUMBER):
            return shifted(values, to.scale - form.scale, to, alarms)
        case (Kind.NUMBER, Kind.DOUBLE):
            return to_floats(values, form)
        case _:
            return values


def with_article(kind: Kind) -> str:
    """The word of a kind as a sentence has it."""
    return f"{'an' if kind is Kind.INSTANT else 'a'} {kind}"


def literal(node: Node) -> Value:
    """What a literal argument says."""
    if not isinstance(node, Constant):
        raise TypeError("the argument is no literal")
    return node.value


def whole_literal(node: Node, name: str, low: int, high: int, *, argument: int) -> int:
    """A literal whole number between bounds; raises Mismatch."""
    value = literal(node)
    if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
        raise Mismatch(f"{name} must be a whole number from {low} to {high}", argument=argument)
    return value

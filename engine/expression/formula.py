"""Formulas: expressions compiled against the forms of the fields they name, and evaluated for whole batches."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from engine.expression import (
    arithmetic,
    choices,
    comparisons,
    conversions,
    date_moves,
    date_parts,
    hash_functions,
    number_functions,
    powers,
    rounding,
    run_functions,
    text_cuts,
    text_formats,
    text_functions,
    truths,
)
from engine.expression.cells import Alarms, Cells, Surroundings, Work
from engine.expression.faults import ExpressionFault, Mismatch
from engine.expression.folds import FOLDINGS, Fold
from engine.expression.forms import Array, Form, Kind, text
from engine.expression.functions import FUNCTIONS, Application, Constant, Function, Node, Options, Reference
from engine.expression.habits import FUNCTIONS_ELSEWHERE
from engine.expression.lookups import LookupTable, PoolLookup, Tables
from engine.expression.syntax import Call, Literal, Name, Several, calls_in, names_in, parse
from engine.expression.syntax import Node as Syntax
from engine.issues import did_you_mean
from engine.schema import array_of
from engine.span import Span

_LIBRARY = (
    *(arithmetic, powers, comparisons, rounding, number_functions, conversions),
    *(text_functions, text_cuts, text_formats, choices, truths),
    *(date_parts, date_moves, hash_functions, run_functions),
)
"""The modules that declare functions when they are imported."""

_EACH_APART = "IF(items[].a > 1, items[].a, 1) chooses for each element apart"
_BLANKS: dict[Kind, Any] = {Kind.NUMBER: 0, Kind.DOUBLE: 0.0, Kind.TEXT: "", Kind.TRUTH: False}


@dataclass(frozen=True)
class Expression:
    """An expression that has been read: its tree, and the fields that it names."""

    tree: Syntax

    @classmethod
    def parse(cls, text: str) -> Expression:
        """Read an expression; raises ExpressionFault."""
        return cls(parse(text))

    @property
    def names(self) -> dict[str, int]:
        """Each field that is named, and at which place first, counted from 0."""
        found: dict[str, int] = {}
        for name in names_in(self.tree):
            found.setdefault(name.name, name.position)
        return found

    @property
    def pools(self) -> tuple[str, ...]:
        """The pools in which it looks up keys, as far as they are written out."""
        calls = (call for call in calls_in(self.tree) if isinstance(FUNCTIONS.get(call.function.upper()), PoolLookup))
        named = (call.arguments[0] for call in calls if call.arguments)
        words = (one.value for one in named if isinstance(one, Literal))
        return tuple(dict.fromkeys(word for word in words if isinstance(word, str)))

    def compile(
        self,
        forms: Mapping[str, Form],
        *,
        elements: Mapping[str, Array] | None = None,
        tables: Tables | None = None,
        null_is_blank: bool = False,
    ) -> Compilation:
        """Bind the names to forms and the functions to their arguments.

        `elements` are the names that have a value for each element of an array; `tables` are those of POOLLOOKUP. With
        `null_is_blank`, null is read as in an empty cell of a spreadsheet: 0, the empty text, false.
        """
        compiler = _Compiler(forms, elements or {}, tables or _no_table, null_is_blank)
        root = compiler.node(self.tree)
        if root is not None and root.array is not None:
            compiler.faults.append(_not_folded(self.tree, root.array, elements or {}))
            root = None
        if isinstance(root, Options):
            compiler.faults.append(
                ExpressionFault("EXPRESSION_NOT_ALLOWED", "values in brackets are no value", root.position)
            )
            root = None
        return Compilation(root, tuple(compiler.faults))


@dataclass(frozen=True)
class Compilation:
    """A compiled expression, or every fault; neither while a field is not known."""

    root: Node | None
    faults: tuple[ExpressionFault, ...]


@dataclass(frozen=True)
class Evaluation:
    """The values of an expression; those that failed are null, and `failures` numbers the reasons from 1."""

    values: pl.Series
    failures: NDArray[np.uint16] | None
    reasons: Sequence[str]


def evaluate(
    root: Node,
    columns: Mapping[str, pl.Series],
    span: Span,
    surroundings: Surroundings,
    lengths: Mapping[str, NDArray[np.int64]] | None = None,
) -> Evaluation:
    """The values for a span; the columns are those of the fields, in the forms that they were compiled for.

    Of a name that is of an array it holds the elements of all records, of which there are `lengths`, by its path.
    """
    if not span.count:
        return Evaluation(pl.Series([], dtype=root.form.dtype), None, ())
    work = Work(span, columns, surroundings, lengths=lengths or {})
    cells = work.cells(root)
    return Evaluation(work.full(cells.values), cells.failures, work.reasons)


def functions() -> list[Function]:
    """Every function once, in the order of their declaration."""
    return list(dict.fromkeys(FUNCTIONS.values()))


def applications(root: Node) -> Iterator[Application]:
    """Every application of a function in a compiled expression."""
    return (part for part in root.parts() if isinstance(part, Application))


def _no_table(name: str) -> LookupTable:
    raise Mismatch(f'there is no pool "{name}" here', code="POOL_NOT_FOUND", argument=0)


def _not_folded(tree: Syntax, array: Array, elements: Mapping[str, Array]) -> ExpressionFault:
    """That an expression has a value for each element where a record needs one."""
    name = next(name for name in names_in(tree) if elements.get(name.name) is array)
    message = f'{name.name} has a value for each element of "{array.path}", and the record needs one'
    hint = f"SUM({name.name}) makes one of all; COUNT, AVERAGE, MIN, MAX and JOIN do so, too"
    return ExpressionFault("INVALID_VALUE", message, name.position, hint)


class Blank(Node):
    """A value, and where it is null what an empty cell stands for."""

    def __init__(self, value: Node) -> None:
        own = value.form
        form = replace(own, nullable=False)
        if own.kind is Kind.NUMBER:
            form = replace(form, low=min(own.low, 0), high=max(own.high, 0))
        elif own.texts is not None:
            form = text(own.max_length, own.texts | {""})
        super().__init__(form, value.position)
        self._value, self.array = value, value.array

    def cells(self, work: Work) -> Cells:
        cells = work.cells(self._value)
        blank = pl.Series([_BLANKS[self.form.kind]], dtype=self.form.dtype)
        values = pl.select(pl.coalesce(cells.values.cast(self.form.dtype), blank)).to_series()
        return Alarms(work, self.position).settled(values, [cells])

    def parts(self) -> Iterator[Node]:
        yield self
        yield from self._value.parts()


class _Compiler:
    """Compiles one tree; goes on behind a fault, so that all of them are found."""

    def __init__(
        self, forms: Mapping[str, Form], elements: Mapping[str, Array], tables: Tables, null_is_blank: bool
    ) -> None:
        self.faults: list[ExpressionFault] = []
        self._forms, self._elements, self._tables, self._null_is_blank = forms, elements, tables, null_is_blank
        self._made: dict[int, Node | None] = {}
        self._sites = 0

    def node(self, tree: Syntax) -> Node | None:
        """The compiled part; None where something is wrong with it, or not known."""
        if id(tree) not in self._made:
            self._made[id(tree)] = self._new(tree)
        elif (again := self._made[id(tree)]) is not None and not isinstance(again, (Constant, Reference)):
            again.is_shared = True
        return self._made[id(tree)]

    def _new(self, tree: Syntax) -> Node | None:
        match tree:
            case Literal():
                return Constant.of(tree.value, tree.position)
            case Name():
                form = self._forms.get(tree.name)
                if form is None:
                    return None
                reference = Reference(form, tree.position, tree.name)
                reference.array = self._elements.get(tree.name)
                return reference
            case Several():
                values = [self.node(value) for value in tree.values]
                known = tuple(value for value in values if value is not None)
                if len(known) < len(values):
                    return None
                keys = tuple(key.value for key in tree.keys)
                return self._joint(Options(Form(Kind.NULL), tree.position, keys, known), known)
            case Call():
                return self._application(tree)

    def _application(self, tree: Call) -> Node | None:
        arguments = [self.node(argument) for argument in tree.arguments]
        function = FUNCTIONS.get(tree.function.upper())
        if function is None:
            hint = FUNCTIONS_ELSEWHERE.get(tree.function.upper()) or did_you_mean(
                tree.function, [name for name in FUNCTIONS if name[0].isalpha()]
            )
            message = f"there is no function {tree.function[:40]}"
            self.faults.append(
                ExpressionFault("UNKNOWN_FUNCTION", message, tree.position, hint or '"sdg functions" lists them')
            )
            return None
        site = self._sites
        self._sites += function.draws
        known = [argument for argument in arguments if argument is not None]
        if len(known) < len(arguments):
            return None
        try:
            if isinstance(function, PoolLookup):
                return self._joint(function.found(known, self._tables, tree.position), known)
            function.check(known)
            if function.folds:
                folded = self._folded(function, tree, known)
                if folded is None or isinstance(folded, Fold):
                    return folded
                known = folded
            if self._null_is_blank:
                known = self._blanked(function, known)
            form = function.form(known)
        except Mismatch as error:
            place = tree.position if error.argument is None else known[error.argument].position
            self.faults.append(ExpressionFault(error.code, str(error), place, error.hint))
            return None
        if not function.sees_null:
            form = form.or_null(*(argument.form for argument in known))
        if function.looks_twice:
            for argument in known:
                argument.is_shared = True
        return self._joint(Application(form, tree.position, function, tuple(known), site), known)

    def _folded(self, function: Function, tree: Call, arguments: list[Node]) -> list[Node] | Fold | None:
        """The arguments with one value in place of those that have one for each element of an array.

        Raises Mismatch where the function cannot make one of them; None where something in them is wrong.
        """
        alone = len(arguments) == len(function.parameters)
        if not any(argument.array for argument in arguments):
            name = next((name.name for name in names_in(tree.arguments[-1]) if array_of(name.name) is not None), None)
            if alone and name is not None:
                is_own = name not in self._elements
                why = f"inside an element {name} is one value" if is_own else f"{name} has become one value here"
                hint = f"let {function.name} make a field of the record, with omit: true, and name that field here"
                raise Mismatch(
                    f"{why}, so there is nothing for {function.name} to do",
                    hint=hint if is_own else _EACH_APART,
                    code="INVALID_VALUE",
                    argument=len(arguments) - 1,
                )
            return arguments
        for part in (part for argument in arguments if argument.array is not None for part in argument.parts()):
            if isinstance(part, Fold) and part.is_beside_others:
                message = f"{part.name} makes one value of all elements and what stands beside them, not one of each"
                self.faults.append(ExpressionFault("INVALID_VALUE", message, part.position, _EACH_APART))
                return None
        if alone:
            return Fold(function.name, arguments, tree.position)
        if not FOLDINGS[function.name].goes_on:
            message = f"{function.name} takes the elements of one array, and nothing beside them"
            raise Mismatch(message, hint=function.signature, code="INVALID_VALUE")
        return [
            Fold(function.name, [one], tree.position, beside_others=True) if one.array else one for one in arguments
        ]

    def _joint(self, node: Node, parts: Sequence[Node]) -> Node | None:
        """A node with the array of its parts; None where these are of two arrays, whose elements are no pairs."""
        for part in parts:
            if part.array is not None and node.array not in {None, part.array}:
                message = f'elements of "{part.array.path}" and of another array are no pairs'
                hint = "make one value of each array first, by SUM, COUNT, AVERAGE, MIN, MAX or JOIN"
                self.faults.append(ExpressionFault("INVALID_VALUE", message, node.position, hint))
                return None
            node.array = node.array or part.array
        return node

    def _blanked(self, function: Function, arguments: list[Node]) -> list[Node]:
        places = set(function.blanks(arguments))
        return [
            Blank(argument)
            if place in places and argument.form.nullable and argument.form.kind in _BLANKS
            else argument
            for place, argument in enumerate(arguments)
        ]

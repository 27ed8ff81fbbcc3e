"""Lookups: values of the row of a table that has a key, as VLOOKUP finds them."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence

import numpy as np
import polars as pl
from numpy.typing import NDArray

from engine.expression.cells import Alarms, Cells, Work
from engine.expression.faults import Mismatch
from engine.expression.forms import ANY, NULL, TEXTS, Form, Kind
from engine.expression.functions import Application, Constant, Function, Node, Parameter, function
from engine.issues import did_you_mean


class LookupTable(ABC):
    """A table whose rows can be found by a key."""

    name: str
    columns: Sequence[str]
    key_column: str | None
    """The column that keys are looked up in when none is named; None when one has to be."""

    @abstractmethod
    def form(self, column: str) -> Form:
        """What is known of a column."""

    @abstractmethod
    def values(self, column: str) -> pl.Series:
        """A column, in its form."""

    @abstractmethod
    def check_key(self, key: Form, column: str) -> None:
        """Raise Mismatch when nothing of a form can be equal to what stands in a column."""

    @abstractmethod
    def rows(self, keys: pl.Series, form: Form, column: str) -> NDArray[np.int64]:
        """The first row of each key in a column, -1 where there is none: shape of `keys`, which have a form."""


Tables = Callable[[str], LookupTable]
"""The table of a name; raises Mismatch when there is none."""


class Lookup(Node):
    """The values of a column in the rows that keys have in another one."""

    def __init__(self, table: LookupTable, key: Node, columns: tuple[str, str], position: int) -> None:
        self._table, self._key, (self._column, self._key_column) = table, key, columns
        super().__init__(table.form(self._column).or_null(key.form), position)

    def cells(self, work: Work) -> Cells:
        given, alarms = work.cells(self._key), Alarms(work, self.position)
        rows = self._table.rows(given.values, self._key.form, self._key_column)
        is_there = pl.Series(rows >= 0)
        reason = f'pool "{self._table.name}" has no row of this {self._key_column}'
        alarms.raise_where(~is_there & given.values.is_not_null(), reason)
        found = self._table.values(self._column).gather(pl.Series(np.maximum(rows, 0)))
        return alarms.settled(pl.select(pl.when(is_there).then(found)).to_series(), [given])

    def parts(self) -> Iterator[Node]:
        yield self
        yield from self._key.parts()


@function(
    "POOLLOOKUP",
    "LOOKUP",
    "VLOOKUP",
    takes=[
        Parameter("pool", TEXTS, literal=True),
        Parameter("key", ANY - {Kind.NULL, Kind.DOUBLE, Kind.TIME}),
        Parameter("column", TEXTS, literal=True),
        Parameter("keyColumn", TEXTS, literal=True, optional=True),
    ],
    says="What a column of a pool holds in the first row of the key; fails where there is no such row. The key column"
    " is the one by which the pool is INDEXED, unless it is named.",
    group="run",
    examples={
        "POOLLOOKUP('countries', 'PT', 'currency', 'alpha2')": "EUR",
        "IFERROR(POOLLOOKUP('countries', 'XX', 'name', 'alpha2'), '?')": "?",
    },
)
class PoolLookup(Function):
    """Made into a `Lookup` when it is compiled, as only then the tables are known."""

    def form(self, arguments: Sequence[Node]) -> Form:
        return NULL

    def cells(self, call: Application, work: Work) -> Cells:
        raise TypeError("a lookup has no columns of its own")

    def found(self, arguments: Sequence[Node], tables: Tables, position: int) -> Lookup:
        """The lookup of a call; raises Mismatch when there is no such table, or no such column."""
        self.check(arguments)
        table = tables(_word(arguments[0]))
        column = _column(table, _word(arguments[2]), 2)
        key_column = _column(table, _word(arguments[3]), 3) if len(arguments) > 3 else table.key_column
        if key_column is None:
            message = f'pool "{table.name}" is not INDEXED by one column, so the column of the key has to be named'
            raise Mismatch(message, hint=self.signature, code="EXPRESSION_SYNTAX")
        table.check_key(arguments[1].form, key_column)
        return Lookup(table, arguments[1], (column, key_column), position)


def _word(node: Node) -> str:
    if not isinstance(node, Constant):
        raise TypeError("the argument is no literal")
    return str(node.value)


def _column(table: LookupTable, name: str, argument: int) -> str:
    if name not in table.columns:
        hint = did_you_mean(name, table.columns) or f"columns are {', '.join(table.columns)}"
        message = f'pool "{table.name}" has no column "{name}"'
        raise Mismatch(message, hint=hint, code="COLUMN_NOT_FOUND", argument=argument)
    return name

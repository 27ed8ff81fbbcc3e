"""Rows of JSON objects as raw columns: exact numbers, null for what is absent, nothing nested."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable
from decimal import Decimal
from typing import Any

import polars as pl

from engine.issues import Issue
from pools.raw import MAX_ISSUES, RawColumn, Written
from sdg_project.errors import Invalid
from sdg_project.text import quoted, shown

_CHUNK = 20_000
_SURROGATE = re.compile("[\ud800-\udfff]")


class IntegerText(str):
    """An integer as it is written."""

    __slots__ = ()


class NumberText(str):
    """A number with a point or an exponent as it is written."""

    __slots__ = ()


_WRITTEN = {str: Written.TEXT, IntegerText: Written.INTEGER, NumberText: Written.NUMBER, bool: Written.BOOLEAN}


class RowColumns:
    """Collects rows, and the issues of those that are no flat objects. Columns stand in order of first appearance."""

    def __init__(self, place: Callable[[int], str]) -> None:
        """`place` says where a row stands, as the beginning of a message."""
        self.issues: list[Issue] = []
        self.row_count = 0
        self._place = place
        self._pending: list[dict[str, Any]] = []
        self._chunks: dict[str, list[pl.Series]] = {}
        self._kinds: dict[str, set[type]] = {}

    def add(self, row: Any) -> None:
        """Take one more row."""
        if not isinstance(row, dict):
            self.refuse("TYPE_MISMATCH", f"a row must be an object, not {shown(row)}")
            row = {}
        self._pending.append(row)
        self.row_count += 1
        if len(self._pending) == _CHUNK:
            self._flush()

    def refuse(self, code: str, message: str, hint: str | None = None, *, row: int | None = None) -> None:
        """Remember a fault of a row, by default of the next one; raises Invalid when there are many."""
        place = self._place(self.row_count if row is None else row)
        self.issues.append(Issue(code, "/source", f"{place}: {message}", hint))
        if len(self.issues) >= MAX_ISSUES:
            raise Invalid(self.issues)

    def columns(self) -> list[RawColumn]:
        """The columns of all rows; raises Invalid with every issue."""
        self._flush()
        if self.issues:
            raise Invalid(self.issues)
        return [
            RawColumn(name, pl.concat(chunks), _written(self._kinds[name])) for name, chunks in self._chunks.items()
        ]

    def _flush(self) -> None:
        rows, first = self._pending, self.row_count - len(self._pending)
        if not rows:
            return
        for name in dict.fromkeys(name for row in rows for name in row):
            if name not in self._chunks:
                self._chunks[name] = [pl.Series([None], dtype=pl.String).new_from_index(0, first)]
                self._kinds[name] = set()
        for name, chunks in self._chunks.items():
            values = [row.get(name) for row in rows]
            kinds = set(map(type, values))
            if not kinds <= {str, type(None)}:
                values = [self._text(value, name, first + index) for index, value in enumerate(values)]
                kinds = set(map(type, values))
                if bool in kinds:
                    values = [str(value).lower() if isinstance(value, bool) else value for value in values]
            self._kinds[name] |= kinds
            chunks.append(self._series(values, name, first))
        self._pending = []

    def _text(self, value: Any, name: str, row: int) -> Any:
        """A value as text that tells its kind; Booleans and null stay."""
        if value is None or isinstance(value, (str, bool)):
            return value
        if isinstance(value, int):
            return IntegerText(value)
        if isinstance(value, (float, Decimal)) and math.isfinite(value):
            return NumberText(value)
        if isinstance(value, (dict, list)):
            message = f"column {quoted(name)}: {shown(value)} cannot be a value of a pool"
            self.refuse("INVALID_VALUE", message, "give its parts columns of their own", row=row)
        else:
            message = f"column {quoted(name)}: {shown(value)} is not finite"
            self.refuse("NON_FINITE", message, "leave the value out", row=row)
        return None

    def _series(self, values: list[Any], name: str, first: int) -> pl.Series:
        try:
            return pl.Series(values, dtype=pl.String)
        except UnicodeEncodeError:
            for index, value in enumerate(values):
                if (
                    isinstance(value, str)
                    and not value.isascii()
                    and any("\ud800" <= sign <= "\udfff" for sign in value)
                ):
                    message = f"column {quoted(name)}: {quoted(value)} holds half of a surrogate pair"
                    self.refuse("INVALID_VALUE", message, row=first + index)
                    values[index] = None
            return pl.Series(values, dtype=pl.String)


def _written(kinds: Iterable[type]) -> Written:
    words = {_WRITTEN[kind] for kind in kinds if kind is not type(None)}
    if not words:
        return Written.TEXT
    if words == {Written.INTEGER, Written.NUMBER}:
        return Written.NUMBER
    return words.pop() if len(words) == 1 else Written.MIXED

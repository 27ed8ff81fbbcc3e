"""Casts of one field: what is known about its values before and after, and what they lose on the way."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from decimal import Decimal
from functools import cached_property

import polars as pl

from engine.schema import MAX_DECIMAL_DIGITS, Column, OutputType
from generators.casting import CannotCast, cast_output, cast_values
from generators.fields.base import Output
from generators.values.listed_values import column_of_values
from generators.values.read_texts import read_texts, unread
from sdg_project.text import shown

T = OutputType
_AT_ONCE = 1 << 20
"""So many values of a pool are looked at in one step, so that memory has a bound."""
_WIDE = pl.Decimal(38, MAX_DECIMAL_DIGITS)
"""Holds every number that a column can hold, but for doubles."""
_EXACT_INTEGERS = 2**53
_EXACT_DIGITS = 15
"""A double is the nearest one to no two decimals of so many digits."""


def _nothing() -> None:
    """The values that a field without a column holds."""


@dataclass(frozen=True)
class Cast:
    """What is known about a field's values before and after they are cast.

    `read_held` gives the values that come from elsewhere, as those of a pool do; only asked when they matter.
    """

    before: Output
    after: Output
    read_held: Callable[[], pl.Series | None]

    @classmethod
    def of(
        cls,
        output: Output,
        to: OutputType,
        scale: int | None,
        read_held: Callable[[], pl.Series | None] = _nothing,
    ) -> Cast:
        """The cast to a type, and to a scale of a decimal; raises CannotCast."""
        cast = cls(output, cast_output(output, to, scale), read_held)
        cast._check_texts()
        cast._check_digits()
        return cast

    @cached_property
    def _held(self) -> pl.Series | None:
        return self.read_held()

    @cached_property
    def possible(self) -> pl.Series | None:
        """The values before the cast, some perhaps several times; None when nobody knows them all."""
        if self._held is None and self.before.values is not None:
            return column_of_values(self.before.values, self.before)
        return self._held

    @property
    def column(self) -> Column:
        """A column without a name, of the type after the cast."""
        return Column("", self.after.type, self.after.scale)

    def results(self) -> pl.Series | None:
        """The possible values after the cast, without null and each once before it; None when they are not known."""
        if self.possible is None:
            return None
        return cast_values(self.possible.drop_nulls().unique(maintain_order=True), self.before, self.column)

    @property
    def may_lose_digits(self) -> bool:
        """Whether the types and bounds leave room for numbers that are others after the cast."""
        before, after = self.before, self.after
        largest: Decimal | None = None
        if before.minimum is not None and before.maximum is not None:
            largest = max(abs(Decimal(before.minimum)), abs(Decimal(before.maximum)))
        match before.type, after.type:
            case T.LONG, T.DOUBLE:
                return largest is None or largest > _EXACT_INTEGERS
            case T.DECIMAL, T.DOUBLE:
                return largest is None or largest * 10**before.scale >= 10**_EXACT_DIGITS
            case T.DECIMAL, T.DECIMAL:
                return after.scale < before.scale
            case _:
                return before.type is T.DOUBLE and after.type is T.DECIMAL

    def loss(self) -> str | None:
        """Which digits are lost that somebody may miss; None when none are known to be."""
        if not self.may_lose_digits:
            return None
        if self._held is not None and (value := self._first_changed()) is not None:
            return f"{value} and perhaps others are rounded to fit {self._form}"
        if self.possible is None and self.after.type is T.DOUBLE:
            return f"{self.before.type} values with more digits than a DOUBLE holds are rounded"
        return None

    @property
    def _form(self) -> str:
        return f"scale {self.after.scale}" if self.after.type is T.DECIMAL else self.after.type

    def _parts(self) -> Iterator[pl.Series]:
        """The possible values in pieces."""
        if self.possible is not None:
            for start in range(0, len(self.possible), _AT_ONCE):
                yield self.possible.slice(start, _AT_ONCE)

    def _first_changed(self) -> str | None:
        """The first possible value that is another one after the cast, as a sentence names it."""
        for part in self._parts():
            changed = _changed(part, cast_values(part, self.before, self.column)).arg_true()
            if len(changed):
                value = part[int(changed[0])]
                return format(value, "f") if isinstance(value, Decimal) else shown(value)
        return None

    def _check_texts(self) -> None:
        if self.before.type is not T.STRING or self.after.type is T.STRING:
            return
        for part in self._parts():
            texts = part.cast(pl.String)
            bad = (texts.is_not_null() & read_texts(texts, self.column).is_null()).arg_true()
            if len(bad):
                raise CannotCast(unread(texts[int(bad[0])], self.column))

    def _check_digits(self) -> None:
        """Nobody lists a value in order to get another one, nor asks for digits in order to lose them."""
        if not self.may_lose_digits or self._held is not None:
            return
        is_of_scale = self.after.type is T.DECIMAL
        if (value := self._first_changed()) is not None:
            message = f"{value} has more digits than {self._form} has room for"
            raise CannotCast(message, "round it, or widen the type", is_of_scale=is_of_scale)
        if self.possible is None and self.before.type is self.after.type is T.DECIMAL:
            digits, most = self.before.scale, self.after.scale
            message = f"values with {digits} digits behind the point do not fit scale {most}"
            raise CannotCast(message, f"make both scales {most}, or both {digits}", is_of_scale=True)


def _changed(before: pl.Series, after: pl.Series) -> pl.Series:
    """Which numbers are others after a cast to DECIMAL or DOUBLE: what a double's shortest form says is its number."""
    if before.dtype == pl.Float64:
        return (after.cast(pl.String).cast(pl.Float64) != before).fill_null(value=False)
    exact = after.cast(pl.String).cast(_WIDE, strict=False) if after.dtype == pl.Float64 else after.cast(_WIDE)
    return (exact != before.cast(_WIDE)).fill_null(value=False)

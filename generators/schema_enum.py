"""The ``enum`` of a schema's field: the only values that it may have, in a column of the field's type."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import polars as pl
from pydantic import ValidationError

from engine.schema import MAX_DECIMAL_DIGITS, Column, OutputType
from generators.values.listed_values import NUMBERS, digits_behind_point
from generators.values.read_texts import read_texts, unread
from sdg_project.text import shown
from sinks.encoding.texts import value_texts

T = OutputType
_NUMBERS = frozenset({T.INTEGER, T.LONG, T.DECIMAL, T.DOUBLE})
_WHOLE = {T.INTEGER: 2**31, T.LONG: 2**63}
_SHOWN = 3


def enum_column(values: Sequence[Any], column: Column) -> tuple[pl.Series, dict[int, str]]:
    """The values that can be of the column's type, and for the places of the others a sentence each."""
    fitting: list[Any] = []
    wrong: dict[int, str] = {}
    for place, value in enumerate(values):
        try:
            fitting.append(_of_type(value, column))
        except ValidationError:
            wrong[place] = f"{shown(value)} is no number"
        except ValueError as error:
            wrong[place] = str(error)
    return pl.Series(fitting, dtype=column.dtype), wrong


def outside(values: pl.Series, enum: pl.Series, column: Column) -> str | None:
    """The first few of a column's values that are not in the enum, in a sentence; None when all are."""
    values = values.cast(pl.String) if isinstance(values.dtype, pl.Enum) else values
    strange = values.drop_nulls()
    strange = strange.filter(~strange.is_in(enum.implode())).unique(maintain_order=True)
    if not len(strange):
        return None
    first = value_texts(strange.head(_SHOWN), column.type).to_list()
    listed = ", ".join(shown(text)[len("text ") :] if column.type is T.STRING else text for text in first)
    more = len(strange) - len(first)
    if not more:
        return f"{listed} {'is' if len(first) == 1 else 'are'} not in the schema's enum"
    return f"{listed} and {more:,} more values are not in the schema's enum"


def _of_type(value: Any, column: Column) -> Any:
    if isinstance(value, str) and column.type in _NUMBERS:
        value = NUMBERS.validate_python(value)  # as everywhere, a text of digits where no float holds the number
    is_number = isinstance(value, (int, Decimal)) and not isinstance(value, bool)
    match column.type:
        case T.INTEGER | T.LONG if is_number:
            if isinstance(value, int) and -_WHOLE[column.type] <= value < _WHOLE[column.type]:
                return value
        case T.DECIMAL if is_number:
            number = Decimal(value)
            if digits_behind_point(number) <= column.scale and abs(number) < 10 ** (MAX_DECIMAL_DIGITS - column.scale):
                return number.quantize(Decimal(1).scaleb(-column.scale))
        case T.DOUBLE if is_number:
            return float(value)
        case T.BOOLEAN if isinstance(value, bool):
            return value
        case T.INTEGER | T.LONG | T.DECIMAL | T.DOUBLE | T.BOOLEAN:
            pass
        case _ if isinstance(value, str):
            [read] = read_texts(pl.Series([value]), column).to_list()
            if read is None:
                raise ValueError(unread(value, column))
            return read
    what = f"DECIMAL with scale {column.scale}" if column.type is T.DECIMAL else column.type
    raise ValueError(f"{shown(value)} is no value of type {what}")

"""Cases: which list of values belongs to which value of another field."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import Any

import polars as pl

from engine.schema import OutputType

_TEXTS = {OutputType.STRING, OutputType.UUID}
_WHOLE = {OutputType.INTEGER, OutputType.LONG}
CASE_TYPES = frozenset({*_TEXTS, *_WHOLE, OutputType.DECIMAL, OutputType.BOOLEAN, OutputType.DATE})
"""The types whose values can be named by a key of a JSON object."""


def canonical(keys: Sequence[str], type_: OutputType) -> list[str | None]:
    """The one form in which a value of a type is compared; None for what is no value of it."""
    texts = pl.Series(keys, dtype=pl.String)
    if type_ in _WHOLE:
        return texts.cast(pl.Int64, strict=False).cast(pl.String).to_list()
    match type_:
        case OutputType.DECIMAL:
            return texts.cast(pl.Decimal(38, 18), strict=False).cast(pl.String).to_list()
        case OutputType.BOOLEAN:
            return [text.lower() if text.lower() in {"true", "false"} else None for text in keys]
        case OutputType.DATE:
            return texts.str.to_date("%Y-%m-%d", strict=False).cast(pl.String).to_list()
        case OutputType.UUID:
            return texts.str.to_lowercase().to_list()
        case _:
            return list(keys)


def canonical_values(values: Iterable[Any], type_: OutputType) -> list[str | None]:
    """As `canonical`, for values that are not null of whatever type before they become one of `type_`."""
    texts = [str(value).lower() if isinstance(value, bool) else _plain(value) for value in values]
    return canonical(texts, type_)


class CaseTable:
    """Finds the case of each record."""

    def __init__(self, keys: Sequence[str], *, has_default: bool) -> None:
        """Keys in their canonical form; the number of a case is its key's place, that of the default the next one."""
        self._keys, self._default = list(keys), len(keys) if has_default else None

    def __call__(self, condition: pl.Series) -> pl.Series:
        """The number of the case for each value: Int64; the default's, or null, where the value is null."""
        dtype = condition.dtype
        if isinstance(dtype, pl.Enum):
            numbers = self._numbers(dtype.categories).gather(condition.to_physical())
            return numbers if self._default is None else numbers.fill_null(self._default)
        if isinstance(dtype, pl.Decimal):
            condition = condition.cast(pl.Decimal(38, 18))
        return self._numbers(condition.cast(pl.String))

    def _numbers(self, texts: pl.Series) -> pl.Series:
        numbers = list(range(len(self._keys)))
        return texts.replace_strict(self._keys, numbers, default=self._default, return_dtype=pl.Int64)


def _plain(value: Any) -> str:
    return format(value, "f") if isinstance(value, Decimal) else str(value)

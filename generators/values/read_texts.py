"""Texts as values of another type: strict forms, a whole column at once, and nothing is rounded or cut."""

from __future__ import annotations

import polars as pl

from engine.schema import Column, OutputType
from pools.enums import ColumnType
from pools.text_values import is_finer_than_ms, parse
from sdg_project.text import quoted

T = OutputType
_UUID = "^[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}$"
_DATE = r"^\d{4}-\d{2}-\d{2}$"
_TIME = r"^[0-2]\d:[0-5]\d:[0-5]\d(?:\.\d{1,6})?$"
_TIMESTAMP = r"^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(?:\.\d{1,9})?(?:Z|[+-]\d{2}:\d{2})?$"
_JSON_NULL = "^[ \t\n\r]*null[ \t\n\r]*$"
_FORMS = {
    T.INTEGER: "a whole number of 32 bits",
    T.LONG: "a whole number of 64 bits",
    T.DOUBLE: "a finite number such as 1.5 or 1e-7",
    T.BOOLEAN: "true or false",
    T.DATE: "a date such as 2026-01-31",
    T.TIME: "a time of day such as 12:30:00 or 12:30:00.25, at most to the microsecond",
    T.TIMESTAMP: "an instant such as 2026-01-31T12:00:00Z, at most to the millisecond",
    T.UUID: "a UUID of 36 characters",
    T.JSON: 'a JSON document such as {"a": 1}',
}
READABLE = frozenset({*_FORMS, T.DECIMAL})
"""The types that texts can be read as."""


def read_texts(texts: pl.Series, column: Column) -> pl.Series:
    """The values of the column's type that texts stand for; null where a text stands for none, and where there is none.

    Instants without a zone are in UTC. A JSON document stays as it is written.
    """
    match column.type:
        case T.INTEGER | T.LONG:
            return parse(texts, ColumnType.LONG).cast(column.dtype, strict=False)
        case T.DOUBLE:
            return parse(texts, ColumnType.DOUBLE)
        case T.DECIMAL:
            return parse(texts, ColumnType.DECIMAL, column.scale)
        case T.BOOLEAN:
            return parse(texts, ColumnType.BOOLEAN)
        case T.DATE:
            return parse(_where(texts.str.contains(_DATE), texts), ColumnType.DATE)
        case T.TIME:
            return _where(texts.str.contains(_TIME), texts).str.to_time("%H:%M:%S%.f", strict=False)
        case T.TIMESTAMP:
            exact = texts.str.contains(_TIMESTAMP) & ~is_finer_than_ms(texts)
            return parse(_where(exact, texts), ColumnType.TIMESTAMP)
        case T.UUID:
            return _where(texts.str.contains(_UUID), texts.str.to_lowercase())
        case T.JSON:
            # A path through the whole document finds nothing in what is no JSON; nor does it find null.
            found = texts.str.json_path_match("$").is_not_null() | texts.str.contains(_JSON_NULL)
            return _where(found, texts)
        case T.STRING:
            return texts


def unread(text: str, column: Column) -> str:
    """The sentence for a text that stands for no value of the column's type."""
    form = _FORMS.get(column.type, f"a number with at most {column.scale} digits behind the point, 18 in all")
    return f"{quoted(text)} cannot be read as {column.type}, which is {form}"


def _where(mask: pl.Series, values: pl.Series) -> pl.Series:
    return pl.select(pl.when(mask).then(values)).to_series()

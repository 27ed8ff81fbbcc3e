"""The text of COPY: every value of every type comes back from a real server as it was."""

from __future__ import annotations

import datetime
import json
from decimal import Decimal
from typing import Any

import polars as pl
import psycopg
import pytest

from engine.schema import Column, OutputType
from sinks.tables.catalogue import TableColumn
from sinks.tables.copy_text import CopyText
from sinks.tables.fit import Mapped, made_type

TEXTS = ["", "\\N", "\\.", "a\\b", "tab\t", "line\nend", "\r\n", "NULL", "'\"", "{1,2}", "ü€😀", "x" * 100_000, None]
INSTANTS = [
    datetime.datetime(1, 1, 1, tzinfo=datetime.UTC),
    datetime.datetime(1969, 12, 31, 23, 59, 59, 999_000, tzinfo=datetime.UTC),
    datetime.datetime(2038, 1, 19, 3, 14, 8, tzinfo=datetime.UTC),
    datetime.datetime(9999, 12, 31, 23, 59, 59, 999_000, tzinfo=datetime.UTC),
    None,
]
VALUES: dict[OutputType, list[Any]] = {  # E1, E2
    OutputType.STRING: TEXTS,
    OutputType.INTEGER: [-(2**31), 0, 2**31 - 1, None],
    OutputType.LONG: [-(2**63), 0, 2**63 - 1, None],
    OutputType.DOUBLE: [0.1, -0.0, 5e-324, 1.7976931348623157e308, None],
    OutputType.DECIMAL: [Decimal("-9999999999999999.99"), Decimal("0.00"), Decimal("18.70"), None],
    OutputType.BOOLEAN: [True, False, None],
    OutputType.TIMESTAMP: INSTANTS,
    OutputType.DATE: [datetime.date(1, 1, 1), datetime.date(9999, 12, 31), None],
    OutputType.TIME: [datetime.time(0), datetime.time(23, 59, 59, 999_000), None],
    OutputType.UUID: ["6ba7b810-9dad-11d1-80b4-00c04fd430c8", None],
    OutputType.JSON: ['{"a": "b\\\\c\\n", "d": [1, null]}', '"\\t"', None],
}
_SCALES = {OutputType.DECIMAL: 2}


def loaded(url: str, field: Column, values: pl.Series, *, as_type: str) -> list[Any]:
    """The values as a table with a column of that type gives them back."""
    base, is_array = as_type.removesuffix("[]"), as_type.endswith("[]")
    column = TableColumn("v", as_type, base, is_array, False, False, False, False, None, None, None)
    text = CopyText([Mapped(field, column)]).lines(pl.DataFrame({field.name: values}))
    with psycopg.connect(url) as connection:
        connection.execute("SET TIME ZONE 'UTC'")
        connection.execute(f"CREATE TEMPORARY TABLE v (place serial, v {as_type})".encode())
        with connection.cursor().copy("COPY v (v) FROM STDIN") as copy:
            copy.write(text)
        shown = "v::text" if as_type == "timestamp with time zone" else "v"  # Python's instants end with its years
        return [row[0] for row in connection.execute(f"SELECT {shown} FROM v ORDER BY place".encode())]


@pytest.mark.parametrize("kind", list(VALUES))
def test_values_come_back_as_they_were(url: str, kind: OutputType) -> None:
    values, field = VALUES[kind], Column("v", kind, _SCALES.get(kind, 0), nullable=True)

    found = loaded(url, field, pl.Series(values, dtype=field.dtype), as_type=made_type(field))

    match kind:
        case OutputType.JSON:
            assert found == [None if value is None else json.loads(value) for value in values]
        case OutputType.TIMESTAMP:
            assert found == [
                "0001-01-01 00:00:00+00",
                "1969-12-31 23:59:59.999+00",
                "2038-01-19 03:14:08+00",
                "9999-12-31 23:59:59.999+00",
                None,
            ]
        case OutputType.UUID:
            assert [value and str(value) for value in found] == values
        case _:
            assert [repr(value) for value in found] == [repr(value) for value in values]


def test_words_of_a_dictionary_come_back_as_they_were(url: str) -> None:
    words = [text for text in TEXTS if text is not None and len(text) < 100]
    values = pl.Series([*words, None], dtype=pl.Enum(words))

    found = loaded(url, Column("v", OutputType.STRING, nullable=True), values, as_type="text")

    assert found == [*words, None]


LISTS: list[tuple[OutputType, str, list[Any]]] = [
    (OutputType.STRING, "text", [["a,b", '"', "\\", "{}", "NULL", "", "\t\n", None], [], ["x"]]),
    (OutputType.LONG, "bigint", [[1, None, -3], [], [2**63 - 1]]),
    (OutputType.DECIMAL, "numeric", [[Decimal("1.50"), None], [], [Decimal("-0.01")]]),
    (OutputType.BOOLEAN, "boolean", [[True, None, False], []]),
]


@pytest.mark.parametrize(("kind", "element", "lists"), LISTS)
def test_lists_come_back_as_arrays_and_as_json(url: str, kind: OutputType, element: str, lists: list[Any]) -> None:
    field = Column("v[]", kind, 2 if kind is OutputType.DECIMAL else 0)
    values = pl.Series("v", lists, dtype=pl.List(field.dtype))

    arrays = loaded(url, field, values, as_type=f"{element}[]")
    documents = loaded(url, field, values, as_type="jsonb")

    assert arrays == lists
    assert documents == json.loads(json.dumps(lists, default=float))

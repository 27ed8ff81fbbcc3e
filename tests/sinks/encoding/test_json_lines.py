"""JSONL: every value back through Python's json, DuckDB and polars; commas around missing fields; the exact text."""

from __future__ import annotations

import json
import math
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import polars as pl
import pytest
from hypothesis import given, settings

from engine.batch import Batch
from engine.schema import Column, OutputType, RecordSchema
from engine.span import Span
from tests.sinks.encoding.records import (
    EVERY_TYPE,
    batch_of,
    cut,
    encoder,
    file_of,
    iso,
    missing,
    nested,
    one_column,
    records,
)

T = OutputType


def as_json(record: dict[str, Any]) -> Any:
    """A record as it should be read when numbers with a point are left as text."""
    inner = record["inner"]

    def text(value: Any) -> str | None:
        return None if value is None else iso(value)

    return {
        **record,
        "inner": {
            **inner,
            "amount": None if inner["amount"] is None else format(inner["amount"], "f"),
            "deep": {"at": text(inner["deep"]["at"])},
        },
        "day": text(record["day"]),
        "time": text(record["time"]),
        "document": None if record["document"] is None else json.loads(record["document"]),
    }


@settings(max_examples=60, deadline=None)
@given(records)
def test_python_reads_back_what_was_written(rows: list[tuple[Any, ...]]) -> None:
    file = file_of(encoder("JSONL"), batch_of(rows))

    lines = file.split(b"\n")
    assert lines.pop() == b""
    read = [json.loads(line, parse_float=str) for line in lines]
    doubles = [record.pop("double") for record in read]
    expected = [as_json(nested(row)) for row in rows]
    wanted_doubles = [record.pop("double") for record in expected]
    assert read == expected
    for double, wanted in zip(doubles, wanted_doubles, strict=True):
        assert (double is None) == (wanted is None)
        if wanted is not None:
            assert float(double) == wanted
            assert math.copysign(1, float(double)) == math.copysign(1, wanted)


@settings(max_examples=25, deadline=None)
@given(records)
def test_duckdb_reads_numbers_as_strings_back_exactly(
    tmp_path_factory: pytest.TempPathFactory, rows: list[Any]
) -> None:
    path = tmp_path_factory.mktemp("duckdb") / "file.jsonl"
    path.write_bytes(file_of(encoder("JSONL", numbers_as_strings=True), batch_of(rows)))

    read = duckdb.sql(
        'SELECT id, long, "inner".amount, "inner".number, flag, day FROM read_json($path, '
        "format = 'newline_delimited', "
        "columns = {id: 'VARCHAR', long: 'VARCHAR', \"inner\": 'STRUCT(number INTEGER, amount VARCHAR)', "
        "flag: 'BOOLEAN', day: 'DATE'})",
        params={"path": str(path)},
    ).fetchall()

    def text(value: Any) -> str | None:
        return None if value is None else format(value, "f") if isinstance(value, Decimal) else str(value)

    values = [nested(row) for row in rows]
    assert read == [
        (v["id"], text(v["long"]), text(v["inner"]["amount"]), v["inner"]["number"], v["flag"], v["day"])
        for v in values
    ]


@settings(max_examples=25, deadline=None)
@given(records)
def test_polars_reads_back_what_was_written(rows: list[Any]) -> None:
    file = file_of(encoder("JSONL"), batch_of(rows))

    schema = {"text": pl.String, "word": pl.String, "long": pl.Int64, "double": pl.Float64, "flag": pl.Boolean}
    read = pl.read_ndjson(file, schema=schema)

    assert read.rows() == [tuple(nested(row)[name] for name in schema) for row in rows]


def test_the_text_of_records() -> None:
    schema = RecordSchema(
        "orders",
        (
            Column("id", T.LONG),
            Column("price.amount", T.DECIMAL, 2),
            Column("note", T.STRING, nullable=True),
            Column("price.currency", T.STRING),
            Column("paid", T.BOOLEAN),
            Column("at", T.TIMESTAMP),
            Column("raw", T.JSON),
            Column("a\\.b", T.DOUBLE),
        ),
    )
    records = pl.DataFrame(
        {
            "id": [2**63 - 1, -1],
            "price.amount": pl.Series([Decimal("18.70"), Decimal("-0.05")], dtype=pl.Decimal(18, 2)),
            "note": ['\x00"\\\n\x1f/é😀', None],
            "price.currency": pl.Series(["EUR", "EUR"], dtype=pl.Enum(["EUR"])),
            "paid": [True, False],
            "at": pl.Series([1767810904343, -1]).cast(pl.Datetime("ms", "UTC")),
            "raw": ['{"k": [1,\r\n2]}', '"{}"'],
            "a\\.b": [0.1, 1e300],
        }
    )

    plain = file_of(encoder("JSONL", schema), Batch(Span(0, 2), records))
    strings = file_of(encoder("JSONL", schema, numbers_as_strings=True), Batch(Span(0, 2), records))

    assert plain.decode().split("\n") == [
        (
            '{"id":9223372036854775807,"price":{"amount":18.70,"currency":"EUR"},"note":"\\u0000\\"\\\\\\n\\u001f/é😀",'
            '"paid":true,"at":"2026-01-07T18:35:04.343Z","raw":{"k": [1,  2]},"a.b":0.1}'
        ),
        (
            '{"id":-1,"price":{"amount":-0.05,"currency":"EUR"},"note":null,'
            '"paid":false,"at":"1969-12-31T23:59:59.999Z","raw":"{}","a.b":1e+300}'
        ),
        "",
    ]
    assert [json.loads(line)["id"] for line in strings.splitlines()] == ["9223372036854775807", "-1"]
    assert [json.loads(line)["price"]["amount"] for line in strings.splitlines()] == ["18.70", "-0.05"]


@pytest.mark.parametrize("optional", [(0,), (0, 1), (1, 2), (3,), (0, 1, 2), (0, 2, 3), (0, 1, 2, 3, 4)])
def test_a_missing_field_takes_its_comma_with_it(optional: tuple[int, ...]) -> None:
    names = ["first", "inner.a", "inner.b", "inner.deep.c", "last"]
    schema = RecordSchema(
        "r", tuple(Column(name, T.INTEGER, may_be_missing=place in optional) for place, name in enumerate(names))
    )
    patterns = list(range(2 ** len(optional)))  # every combination of present and absent
    masks = {names[place]: missing(len(patterns)) for place in optional}
    for row in patterns:
        for bit, place in enumerate(optional):
            masks[names[place]][row] = bool(row >> bit & 1)
    columns = {name: pl.Series([1] * len(patterns), dtype=pl.Int32) for name in names}

    lines = file_of(encoder("JSONL", schema), Batch(Span(0, len(patterns)), pl.DataFrame(columns), masks)).splitlines()

    for row, line in enumerate(lines):
        there = {name for name in names if name not in masks or not masks[name][row]}
        expected: dict[str, Any] = {}
        for name in names:
            *parents, leaf = name.split(".")
            if name in there:
                node = expected
                for parent in parents:
                    node = node.setdefault(parent, {})
                node[leaf] = 1
        assert json.loads(line) == expected
        assert line.decode() == json.dumps(expected, separators=(",", ":"))


def test_a_missing_field_is_not_null() -> None:
    schema = RecordSchema("r", (Column("a", T.STRING, nullable=True, may_be_missing=True), Column("b", T.INTEGER)))
    values = pl.DataFrame({"a": [None, None, "x"], "b": pl.Series([1, 2, 3], dtype=pl.Int32)})

    file = file_of(encoder("JSONL", schema), Batch(Span(0, 3), values, {"a": missing(3, 0)}))

    assert file == b'{"b":1}\n{"a":null,"b":2}\n{"a":"x","b":3}\n'


def test_names_are_escaped_and_braces_are_text() -> None:
    schema, batch = one_column(Column('{"}\t', T.STRING), ["{}", "{0}", "{{x}}"])

    file = file_of(encoder("JSONL", schema), batch)

    assert [json.loads(line) for line in file.splitlines()] == [{'{"}\t': text} for text in ("{}", "{0}", "{{x}}")]


def test_a_dictionary_that_changes_from_frame_to_frame_is_written_as_it_is() -> None:
    schema = RecordSchema("r", (Column("word", T.STRING, nullable=True),))
    first = Batch(Span(0, 2), pl.DataFrame({"word": pl.Series(["a", "b"], dtype=pl.Enum(["a", "b"]))}))
    second = Batch(Span(2, 2), pl.DataFrame({"word": pl.Series(["b", None], dtype=pl.Enum(["b", "a", "c"]))}))
    third = Batch(Span(4, 2), pl.DataFrame({"word": ["c", "a"]}))

    file = file_of(encoder("JSONL", schema), first, second, third)

    assert [json.loads(line)["word"] for line in file.splitlines()] == ["a", "b", "b", None, "c", "a"]


def test_a_text_of_a_megabyte_comes_back() -> None:
    long = 'é"\n' * 250_000
    schema, batch = one_column(Column("text", T.STRING), ["", long, "x"])

    lines = file_of(encoder("JSONL", schema), batch).splitlines()

    assert [json.loads(line)["text"] for line in lines] == ["", long, "x"]


def test_duckdb_and_polars_take_every_type(tmp_path: Path) -> None:
    row = ("text", "NEW", 1, 2, Decimal("0.5000"), 0.5, True, None, None, None, "0" * 36, '{"a":1}')
    path = tmp_path / "file.jsonl"
    path.write_bytes(file_of(encoder("JSONL"), *cut(batch_of([row] * 5), 2)))

    assert duckdb.sql(f"SELECT sum(\"inner\".amount)::DOUBLE FROM '{path}'").fetchall() == [(2.5,)]
    assert pl.read_ndjson(path).height == 5


def test_nothing_is_refused() -> None:
    assert list(encoder("JSONL").check(RecordSchema("r", (Column("a", T.LONG, may_be_missing=True),)))) == []
    assert list(encoder("JSONL").check(EVERY_TYPE)) == []

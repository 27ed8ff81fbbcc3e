"""FILE: what pools and field types can produce comes back from every format unchanged (E1, E4)."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Callable, Iterator
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any
from uuid import UUID

import fastavro
import polars as pl
import pyarrow.parquet
import pytest

from engine.schema import OutputType
from engine.span import Span
from generators.plan import Plan
from pools.snapshot import snapshot_of
from tests.support.file_runs import FileRun, carry, made_plan

UTC = dt.UTC
DDE = """=cmd|' /C calc'!A0"""
TEXTS = [
    "", None, " ", "a,b;c|d", 'say "hi"', '"', '""', "'", "line\nbreak", "\r\n", "\r", "\n", "\ttab", "\rcarriage",
    "=1+1", "+49 30", "-5", "@SUM(A1)", DDE, "\0", "a\0b", "😀é中𝄞", "\ufeffmark", "007", "null", "NULL", "NaN", "true",
    "\u2028\u2029", "\x1b[31m", "\x7f\x80\x85", "</script>", "{}", "\\", "\\N", "x" * 2**20,
]  # fmt: skip
LONGS = [2**63 - 1, -(2**63), 0, -1, None, 2**53 + 1, -(2**53) - 1]
DECIMALS = [
    Decimal("99999999999999.9999"), Decimal("-99999999999999.9999"), Decimal("0.0000"), Decimal("-0.0001"), None,
    Decimal("18.7000"),
]  # fmt: skip
DOUBLES = [
    5e-324, -5e-324, 2.2250738585072009e-308, 1.7976931348623157e308, 0.1, -0.0, 1e16, 1e-5, 1e22, None, 1 / 3,
]  # fmt: skip
FLAGS = [True, False, None]
DAYS = [dt.date(1, 1, 1), dt.date(9999, 12, 31), dt.date(1969, 12, 31), None]
INSTANTS = [
    dt.datetime(1, 1, 1, tzinfo=UTC), dt.datetime(9999, 12, 31, 23, 59, 59, 999000, tzinfo=UTC),
    dt.datetime(1969, 12, 31, 23, 59, 59, 1000, tzinfo=UTC), dt.datetime(2038, 1, 19, 3, 14, 8, tzinfo=UTC), None,
]  # fmt: skip
COLUMNS: dict[str, tuple[list[Any], Any]] = {
    "text": (TEXTS, pl.String),
    "long": (LONGS, pl.Int64),
    "decimal": (DECIMALS, pl.Decimal(18, 4)),
    "double": (DOUBLES, pl.Float64),
    "flag": (FLAGS, pl.Boolean),
    "day": (DAYS, pl.Date),
    "at": (INSTANTS, pl.Datetime("ms", "UTC")),
}
COUNT = 2 * len(TEXTS)
FORMULAS = set("=+-@\t\r\0")
"""How texts begin that a spreadsheet would take for more than text."""


@cache
def nasty_plan() -> Plan:
    """Every column of a pool row by row, in a flat and in a nested field."""
    values = {name: [v[row % len(v)] for row in range(len(TEXTS))] for name, (v, _) in COLUMNS.items()}
    pool = pl.DataFrame(values, schema={name: dtype for name, (_, dtype) in COLUMNS.items()})
    mappings = [
        {
            "fieldName": name,
            "type": "POOL_REFERENCE",
            "params": {"pool": "nasty", "column": name.removeprefix("in."), "selection": "SEQUENTIAL"},
        }
        for name in [*COLUMNS, *(f"in.{name}" for name in COLUMNS)]
    ]
    document = {"name": "nasty", "recordCount": COUNT, "fieldMappings": mappings}
    return made_plan(document, pools={"nasty": snapshot_of(pool, pool="nasty", version=1)}, seed=1, records=COUNT)


@cache
def mixed_plan() -> Plan:
    """A field of every other type that needs nothing else, with nulls."""
    fields: list[tuple[str, dict[str, Any]]] = [
        ("UUID_GENERATED", {}),
        ("UUID_GENERATED", {"version": 7}),
        ("TIMESTAMP_GENERATED", {"mode": "CLOCK"}),
        ("TIMESTAMP_GENERATED", {"mode": "RANGE", "from": "0001-01-01", "to": "9999-12-31"}),
        ("ENUM_RANDOM", {"values": ["", "=1+1", 'a"b', "x,y", "é\n"]}),
        ("ENUM_RANDOM", {"values": [1, 2, -3]}),
        ("NUMERIC_RANGE", {"min": -(2**63), "max": "9223372036854775807"}),
        ("NUMERIC_RANGE", {"min": -1, "max": 1, "numericType": "DOUBLE"}),
        ("NUMERIC_RANGE", {"min": 0, "max": 1000, "numericType": "DECIMAL", "scale": 2}),
        ("CONSTANT", {"value": DDE}),
        ("CONSTANT", {"value": None}),
        ("CONSTANT", {"value": True}),
        ("CONSTANT", {"value": {"a": [1, None, "ü"]}}),
        ("SEQUENCE", {"start": -10, "step": 7}),
        ("SEQUENCE", {"template": "ORD-{seq:06}"}),
    ]
    mappings = [
        {"fieldName": f"f{number}", "type": kind, "params": params, "nullRate": 0.2 if number % 2 else 0}
        for number, (kind, params) in enumerate(fields)
    ]
    document = {"name": "mixed", "recordCount": COUNT, "fieldMappings": mappings}
    return made_plan(document, pools={}, seed=3, records=COUNT)


def written(plan: Plan, root: Path, form: str, **config: Any) -> Path:
    """The file of a plan, made in small pieces."""
    run = FileRun(str(root), path="out", config={"format": form, **config}, records=COUNT, frame=16, shards=3, batch=5)
    [file] = carry(run, plan)
    return Path(file.path)


def expected(plan: Plan) -> list[dict[str, Any]]:
    """The plan's records as Python values by the names of the fields."""
    return plan.batch(Span(0, COUNT)).records.to_dicts()


def flat(record: dict[str, Any], before: str = "") -> dict[str, Any]:
    """A record with dotted names."""
    found: dict[str, Any] = {}
    for name, value in record.items():
        if isinstance(value, dict):
            found |= flat(value, f"{before}{name}.")
        else:
            found[before + name] = value
    return found


def csv_rows(text: str) -> Iterator[list[str | None]]:
    """RFC 4180, letter by letter; an empty cell without quotes is null."""
    row: list[str | None] = []
    cell, quoted, inside, place = "", False, False, 0
    while place < len(text):
        letter = text[place]
        if inside:
            if letter == '"' and text[place + 1 : place + 2] == '"':
                cell, place = cell + '"', place + 1
            elif letter == '"':
                inside = False
            else:
                cell += letter
        elif letter == '"':
            quoted = inside = True
        elif letter in ",\n":
            row.append(cell if cell or quoted else None)
            cell, quoted = "", False
            if letter == "\n":
                yield row
                row = []
        else:
            cell += letter
        place += 1
    assert (inside, row, cell) == (False, [], "")


def as_text(value: Any) -> str | None:
    """What a value looks like in CSV, and in JSON where it is text."""
    match value:
        case None | str():
            return value
        case bool():
            return "true" if value else "false"
        case dt.datetime():
            return f"{value:%Y-%m-%dT%H:%M:%S}".rjust(19, "0") + f".{value.microsecond // 1000:03}Z"
        case dt.date():
            return value.isoformat()
        case Decimal():
            return format(value, "f")
        case float():
            return value.hex()
        case _:
            return str(value)


def read_csv(path: Path, records: list[dict[str, Any]]) -> list[dict[str, Any]]:
    header, *rows = csv_rows(path.read_bytes().decode())
    read = [dict(zip(map(str, header), row, strict=True)) for row in rows]
    for got, wanted in zip(read, records, strict=True):
        for name, value in wanted.items():
            if isinstance(value, float):
                got[name] = float(str(got[name])).hex()
    return read


def in_csv(record: dict[str, Any]) -> dict[str, Any]:
    return {name: as_text(value) for name, value in record.items()}


def read_json(path: Path, records: list[dict[str, Any]]) -> list[dict[str, Any]]:
    # Not by splitlines(), which splits at more than line feeds.
    lines = path.read_bytes().decode().split("\n")
    assert lines.pop() == ""
    read = [flat(json.loads(line, parse_float=str)) for line in lines]
    for got, wanted in zip(read, records, strict=True):
        for name, value in wanted.items():
            if isinstance(value, float):
                got[name] = float(got[name]).hex()
    return read


def in_json(record: dict[str, Any]) -> dict[str, Any]:
    return {
        name: value
        if isinstance(value, bool | int | list | None)
        else as_text(value)  # decimals keep their zeros: 18.7000
        for name, value in record.items()
    }


def exact(record: dict[str, Any]) -> dict[str, Any]:
    """Doubles as text: -0.0 and 0.0 are not the same."""
    return {name: value.hex() if isinstance(value, float) else value for name, value in record.items()}


def read_parquet(path: Path, _: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [exact(flat(record)) for record in pyarrow.parquet.read_table(path).to_pylist()]


def read_avro(path: Path, _: list[dict[str, Any]]) -> list[dict[str, Any]]:
    with path.open("rb") as file:
        records = [exact(flat(record)) for record in fastavro.reader(file)]
    return [{name: str(v) if isinstance(v, UUID) else v for name, v in record.items()} for record in records]


READERS: dict[str, tuple[Callable[..., list[dict[str, Any]]], Callable[[dict[str, Any]], dict[str, Any]]]] = {
    "CSV": (read_csv, in_csv),
    "JSONL": (read_json, in_json),
    "PARQUET": (read_parquet, exact),
    "AVRO": (read_avro, exact),
}


@pytest.mark.parametrize("form", READERS)
def test_nasty_values_of_pools_come_back_as_they_were(form: str, root: Path) -> None:
    read, formed = READERS[form]
    records = [
        {
            name: COLUMNS[name.removeprefix("in.")][0][row % len(TEXTS) % len(COLUMNS[name.removeprefix("in.")][0])]
            for name in [*COLUMNS, *(f"in.{name}" for name in COLUMNS)]
        }
        for row in range(COUNT)
    ]

    found = read(written(nasty_plan(), root, form), records)

    assert found == [formed(record) for record in records]


@pytest.mark.parametrize("form", READERS)
def test_values_of_every_other_field_type_come_back_as_they_were(form: str, root: Path) -> None:
    read, formed = READERS[form]
    records = expected(mixed_plan())
    if form == "JSONL":  # where a JSON document is no text
        documents = {column.name for column in mixed_plan().schema.columns if column.type is OutputType.JSON}
        assert documents
        records = [
            flat({name: json.loads(value) if name in documents else value for name, value in record.items()})
            for record in records
        ]

    found = read(written(mixed_plan(), root, form), records)

    assert found == [formed(record) for record in records]
    assert any(value is None for record in records for value in record.values())


def test_numbers_are_strings_in_json_when_asked_for(root: Path) -> None:
    path = written(nasty_plan(), root, "JSONL", numbersAsStrings=True)

    records = [json.loads(line) for line in path.read_bytes().split(b"\n")[:-1]]

    assert [record["long"] for record in records[:2]] == [str(2**63 - 1), str(-(2**63))]
    assert [record["in"]["decimal"] for record in records[:2]] == ["99999999999999.9999", "-99999999999999.9999"]
    assert isinstance(records[0]["double"], float)


def test_formulas_are_escaped_when_asked_for_and_numbers_are_not(root: Path) -> None:
    plain = list(csv_rows(written(nasty_plan(), root / "plain", "CSV").read_bytes().decode()))
    escaped = list(csv_rows(written(nasty_plan(), root / "escaped", "CSV", escapeFormulas=True).read_bytes().decode()))

    header, text_columns = plain[0], {"text", "in.text"}
    assert escaped[0] == header
    seen = set()
    for before, after in zip(plain[1:], escaped[1:], strict=True):
        for name, old, new in zip(header, before, after, strict=True):
            formula = name in text_columns and old is not None and old[:1] in FORMULAS - {""}
            assert new == ("'" + str(old) if formula else old)
            if formula:
                seen.add(str(old)[0])
    assert seen == FORMULAS
    longs = {row[header.index("long")] for row in escaped[1:]}
    assert str(-(2**63)) in longs

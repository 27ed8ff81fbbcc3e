"""Values of messages in every format but PROTOBUF, which has a file of its own."""

from __future__ import annotations

import json
from io import BytesIO
from typing import Any

import fastavro
import jsonschema
import polars as pl
import pytest
from hypothesis import given, settings

from engine.batch import Batch
from engine.schema import Column, OutputType, RecordSchema
from engine.span import Span
from engine.template import Template
from sinks.messages.base import framed, value_formats
from sinks.messages.string_values import StringValues
from tests.sinks.encoding.records import EVERY_TYPE, batch_of, cut, encoder, file_of, missing, records

ROWS = (("a", 1), (None, 2))
PAIR = RecordSchema("pair", (Column("text", OutputType.STRING, nullable=True), Column("long", OutputType.LONG)))


@settings(deadline=None, max_examples=30)
@given(records)
def test_json_values_are_the_lines_of_a_file(rows: list[tuple[Any, ...]]) -> None:
    batch = batch_of(rows)

    values = value_formats["JSON"](EVERY_TYPE).values(batch).to_list()

    assert b"".join(value + b"\n" for value in values) == file_of(encoder("JSONL"), batch)


@settings(deadline=None, max_examples=30)
@given(records)
def test_json_values_fit_the_json_schema(rows: list[tuple[Any, ...]]) -> None:
    kind = value_formats["JSON_SCHEMA"](EVERY_TYPE)

    values = kind.values(batch_of(rows)).to_list()

    validator = jsonschema.Draft7Validator(json.loads(kind.schema_text()))
    for value in values:
        validator.validate(json.loads(value))


def test_the_json_schema_refuses_another_member_and_one_that_is_not_there() -> None:
    validator = jsonschema.Draft7Validator(json.loads(value_formats["JSON_SCHEMA"](PAIR).schema_text()))

    assert [len(list(validator.iter_errors({"text": None, "long": 1, **one}))) for one in ({}, {"more": 1})] == [0, 1]
    assert len(list(validator.iter_errors({"text": "a"}))) == 1


def test_a_member_that_can_be_missing_is_not_required() -> None:
    schema = RecordSchema("r", (Column("a", OutputType.LONG, may_be_missing=True), Column("b.c", OutputType.LONG)))
    kind = value_formats["JSON_SCHEMA"](schema)
    batch = Batch(Span(0, 1), pl.DataFrame({"a": [1], "b.c": [2]}), {"a": missing(1, 0)})

    [value] = kind.values(batch).to_list()

    jsonschema.validate(json.loads(value), json.loads(kind.schema_text()))
    assert json.loads(kind.schema_text())["required"] == ["b"]


@settings(deadline=None, max_examples=30)
@given(records)
def test_avro_values_are_the_records_of_a_file(rows: list[tuple[Any, ...]]) -> None:
    batch = batch_of(rows)
    kind = value_formats["AVRO"](EVERY_TYPE)
    schema = fastavro.parse_schema(json.loads(kind.schema_text()))

    found = [fastavro.schemaless_reader(BytesIO(value), schema) for value in kind.values(batch)]

    assert found == list(fastavro.reader(BytesIO(file_of(encoder("AVRO"), batch))))


def test_a_template_of_texts_has_no_value_where_a_hole_is_null() -> None:
    kind = StringValues(PAIR, Template.parse("${text}:${long}"))

    assert kind.values(batch_of(ROWS, PAIR)).to_list() == [b"a:1", None]


def test_without_a_template_the_text_is_the_only_field() -> None:
    schema = RecordSchema("one", PAIR.columns[1:])

    assert StringValues(schema).values(batch_of([(7,), (8,)], schema)).to_list() == [b"7", b"8"]


def test_what_a_registry_knows_stands_behind_its_number() -> None:
    kind = value_formats["PROTOBUF"](PAIR)

    assert framed(258, kind, pl.Series([b"x", None])).to_list() == [b"\0\0\0\1\2\0x", None]


@pytest.mark.parametrize("name", ["JSON", "JSON_SCHEMA", "AVRO", "STRING"])
def test_values_do_not_depend_on_the_batch(name: str) -> None:
    template = Template.parse("${text}${long}") if name == "STRING" else None
    kind = value_formats[name](PAIR, template)
    batch = batch_of([(f"t{number}", number) for number in range(9)], PAIR)

    parts = [kind.values(part) for part in cut(batch, 1, 5)]

    assert pl.concat(parts).to_list() == kind.values(batch).to_list()

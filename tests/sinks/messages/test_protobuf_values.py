"""PROTOBUF values, read back by Google's library with the schema that SDG tells."""

from __future__ import annotations

import datetime as dt
from typing import Any

import polars as pl
from hypothesis import given, settings

from engine.batch import Batch
from engine.schema import Column, OutputType, RecordSchema
from engine.span import Span
from sinks.encoding.texts import value_texts
from sinks.messages.protobuf_values import ProtobufValues
from tests.sinks.encoding.records import EPOCH, EVERY_TYPE, batch_of, cut, records
from tests.support.proto import message_class

T = OutputType
ARRAYS = RecordSchema(
    "order",
    (
        Column("id", T.LONG),
        Column("items[].sku", T.STRING),
        Column("items[].count", T.INTEGER, nullable=True),
        Column("tags[]", T.STRING),
        Column("marks[]", T.INTEGER),
    ),
)
EVERY = message_class(ProtobufValues(EVERY_TYPE).schema_text())


def _texts(column: Column, values: pl.Series) -> list[Any]:
    """What a reader sees of a column."""
    if column.type in {T.DECIMAL, T.DATE, T.TIME}:
        return value_texts(values, column.type).to_list()
    return values.to_list()


def _seen(message: Any, column: Column) -> Any:
    *objects, name = column.path
    for part in objects:
        message = getattr(message, part)
    if not column.nullable:
        return getattr(message, name)
    if not message.HasField(name):
        return None
    value = getattr(message, name)
    if column.type is T.TIMESTAMP:
        return EPOCH + dt.timedelta(seconds=value.seconds, microseconds=value.nanos // 1000)
    return value


@settings(deadline=None)
@given(records)
def test_every_value_of_every_type_is_read_back(rows: list[tuple[Any, ...]]) -> None:
    batch = batch_of(rows)

    values = ProtobufValues(EVERY_TYPE).values(batch).to_list()

    found = [EVERY.FromString(value) for value in values]
    for column in EVERY_TYPE.columns:
        assert [_seen(one, column) for one in found] == _texts(column, batch.records[column.name])


def test_elements_of_arrays_are_read_back() -> None:
    frame = pl.DataFrame(
        {
            "id": [1, -2, 3],
            "items[].sku": [["a", "b"], [], ["c"]],
            "items[].count": [[1, None], [], [0]],
            "tags[]": [["x"], ["y", ""], []],
            "marks[]": [[], [-1, 300], [7]],
        },
        schema_overrides={"items[].count": pl.List(pl.Int32), "marks[]": pl.List(pl.Int32)},
    )
    kind = ProtobufValues(ARRAYS)

    values = kind.values(Batch(Span(0, 3), frame)).to_list()

    found = [message_class(kind.schema_text()).FromString(value) for value in values]
    assert [one.id for one in found] == [1, -2, 3]
    assert [[item.sku for item in one.items] for one in found] == [["a", "b"], [], ["c"]]
    assert [[item.count if item.HasField("count") else None for item in one.items] for one in found] == [
        [1, None],
        [],
        [0],
    ]
    assert [list(one.tags) for one in found] == [["x"], ["y", ""], []]
    assert [list(one.marks) for one in found] == [[], [-1, 300], [7]]


@settings(deadline=None, max_examples=20)
@given(records)
def test_values_do_not_depend_on_the_batch(rows: list[tuple[Any, ...]]) -> None:
    batch = batch_of(rows)
    kind = ProtobufValues(EVERY_TYPE)

    parts = [kind.values(part) for part in cut(batch, 1, 4)]

    assert pl.concat(parts).to_list() == kind.values(batch).to_list()


def test_names_that_proto3_does_not_take_are_kept_as_json_names() -> None:
    schema = RecordSchema("my orders", (Column("größe-1", T.INTEGER), Column("address.city", T.STRING)))

    text = ProtobufValues(schema).schema_text()

    assert message_class(text).DESCRIPTOR.fields[0].json_name == "größe-1"
    assert 'int32 gr__e_1 = 1 [json_name = "größe-1"];' in text


def test_the_message_of_an_object_has_a_name_that_no_field_has() -> None:
    schema = RecordSchema("order", (Column("address.city", T.STRING), Column("Address", T.STRING)))

    assert "Address2 address = 1;" in ProtobufValues(schema).schema_text()


def test_null_in_an_array_of_values_is_refused() -> None:
    schema = RecordSchema("order", (Column("tags[]", T.STRING, nullable=True, pointer="/fieldMappings/0"),))

    assert [(one.as_issue().path, one.code) for one in ProtobufValues.check(schema)] == [
        ("/fieldMappings/0/nullRate", "PROPERTY_NOT_ALLOWED")
    ]


def test_a_field_that_can_be_missing_is_refused() -> None:
    schema = RecordSchema("order", (Column("a", T.STRING, may_be_missing=True, pointer="/fieldMappings/0"),))

    assert [one.as_issue().path for one in ProtobufValues.check(schema)] == ["/fieldMappings/0/missingRate"]

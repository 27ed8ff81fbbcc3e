"""What messages hold, read back from a real topic by Kafka's own means."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import polars as pl
import pytest
from confluent_kafka import Consumer, Message
from confluent_kafka.schema_registry import Schema, SchemaRegistryClient
from confluent_kafka.schema_registry.avro import AvroDeserializer
from confluent_kafka.schema_registry.json_schema import JSONDeserializer
from confluent_kafka.schema_registry.protobuf import ProtobufDeserializer
from confluent_kafka.serialization import MessageField, SerializationContext

from engine.span import Span
from sinks.errors import TerminalSinkError
from sinks.kafka.positions import committed_position, group_of
from sinks.messages.murmur2 import murmur2
from tests.support.kafka import Kafka
from tests.support.kafka_runs import KafkaRun, carry
from tests.support.proto import message_class
from tests.support.schema_registry import SchemaRegistry

NewRun = Callable[..., KafkaRun]


def _records(run: KafkaRun) -> list[dict[str, Any]]:
    return run.plan.batch(Span(0, run.records)).records.to_dicts()


def _with_registry(new_run: NewRun, registry: SchemaRegistry, value_format: str, **config: Any) -> KafkaRun:
    place = {"schemaRegistry": {"url": registry.url}}
    return new_run(connection=place, config={"valueFormat": value_format, **config}, records=50)


def test_values_are_json_unless_asked_otherwise(kafka: Kafka, new_run: NewRun) -> None:
    run = new_run(records=10)

    [written] = carry(run)

    found = [json.loads(message.value()) for message in kafka.messages(run.topic)]
    assert [(one["n"], one["id"]) for one in found] == [(one["n"], one["id"]) for one in _records(run)]
    assert (written.path, written.records) == (run.topic, 10)


def test_keys_choose_partitions_as_java_does_and_keep_their_order(kafka: Kafka, new_run: NewRun) -> None:
    run = new_run(partitions=3, records=200)

    carry(run)

    by_partition: dict[int, list[int]] = {0: [], 1: [], 2: []}
    for message in kafka.messages(run.topic):
        hashed = int(murmur2(pl.Series([message.key()]))[0])
        assert message.partition() == (hashed & 0x7FFFFFFF) % 3
        by_partition[message.partition()].append(json.loads(message.value())["n"])
    assert all(numbers == sorted(numbers) for numbers in by_partition.values())
    assert sum(map(len, by_partition.values())) == 200


@pytest.mark.parametrize(("partition", "field"), [(1, None), ("place", "place")])
def test_a_partition_is_a_number_or_that_of_a_field(
    kafka: Kafka, new_run: NewRun, partition: int | str, field: str | None
) -> None:
    run = new_run(partitions=2, records=40, config={"partition": partition})

    carry(run)

    for message in kafka.messages(run.topic):
        assert message.partition() == (json.loads(message.value())[field] if field else partition)


def test_messages_without_a_key_take_turns_on_the_partitions(kafka: Kafka, new_run: NewRun) -> None:
    run = new_run(partitions=2, records=3000, frame=4096, config={"key": None})

    carry(run)

    found = kafka.messages(run.topic)
    assert {message.key() for message in found} == {None}
    assert [sum(message.partition() == number for message in found) for number in (0, 1)] == [1976, 1024]


def test_headers_timestamps_and_tombstones_come_from_fields(kafka: Kafka, new_run: NewRun) -> None:
    config = {
        "headers": {"source": "sdg", "amount": "${amount} EUR"},
        "recordTimestampField": "createdAt",
        "tombstoneField": "gone",
    }
    run = new_run(records=40, config=config)

    carry(run)

    for message, record in zip(kafka.messages(run.topic), _records(run), strict=True):
        amount = None if record["amount"] is None else f"{record['amount']} EUR".encode()
        assert message.headers() == [("source", b"sdg"), ("amount", amount)]
        assert message.timestamp()[1] == int(record["createdAt"].timestamp() * 1000)
        assert (message.value() is None) == record["gone"]
        assert message.key() == record["id"].encode()


def test_timestamps_reach_topics_without_headers_too(kafka: Kafka, new_run: NewRun) -> None:
    run = new_run(records=20, config={"recordTimestampField": "createdAt"})

    carry(run)

    found = [message.timestamp()[1] for message in kafka.messages(run.topic)]
    assert found == [round(record["createdAt"].timestamp() * 1000) for record in _records(run)]


def test_the_position_knows_where_the_messages_lie(kafka: Kafka, new_run: NewRun) -> None:
    run = new_run(partitions=2, records=200)

    carry(run)

    reader = Consumer({"bootstrap.servers": kafka.address, "group.id": group_of(run.run_id, 0)})
    position = committed_position(reader, run.topic, timeout_s=10)
    reader.close()
    offsets: dict[int, list[int]] = {}
    for message in kafka.messages(run.topic):
        offsets.setdefault(message.partition(), []).append(message.offset())
    assert position is not None
    assert position.ranges == {number: (min(found), max(found)) for number, found in offsets.items()}
    assert (position.next_record, position.records) == (200, 200)


def test_a_text_is_made_by_a_template(kafka: Kafka, new_run: NewRun) -> None:
    run = new_run(records=5, config={"valueFormat": "STRING", "valueTemplate": "${n};${status}"})

    carry(run)

    found = [message.value() for message in kafka.messages(run.topic)]
    assert found == [f"{one['n']};{one['status']}".encode() for one in _records(run)]


@pytest.mark.parametrize("compression", ["NONE", "LZ4", "ZSTD", "GZIP", "SNAPPY"])
def test_every_compression_is_read_back(kafka: Kafka, new_run: NewRun, compression: str) -> None:
    run = new_run(records=20, config={"compression": compression})

    carry(run)

    assert len(kafka.messages(run.topic)) == 20


def _context(message: Message) -> SerializationContext:
    return SerializationContext(str(message.topic()), MessageField.VALUE)


def test_avro_is_read_back_by_confluents_deserialiser(kafka: Kafka, registry: SchemaRegistry, new_run: NewRun) -> None:
    run = _with_registry(new_run, registry, "AVRO")

    carry(run)

    read = AvroDeserializer(SchemaRegistryClient({"url": registry.url}))
    found = [read(message.value(), _context(message)) for message in kafka.messages(run.topic)]
    assert [{**one, "id": str(one["id"])} for one in found] == _records(run)


def test_json_schema_is_read_back_by_confluents_deserialiser(
    kafka: Kafka, registry: SchemaRegistry, new_run: NewRun
) -> None:
    run = _with_registry(new_run, registry, "JSON_SCHEMA")

    carry(run)

    read = JSONDeserializer(None, schema_registry_client=SchemaRegistryClient({"url": registry.url}))
    found = [read(message.value(), _context(message)) for message in kafka.messages(run.topic)]
    assert [(one["n"], one["id"]) for one in found] == [(one["n"], one["id"]) for one in _records(run)]


def test_protobuf_is_read_back_by_confluents_deserialiser(
    kafka: Kafka, registry: SchemaRegistry, new_run: NewRun
) -> None:
    run = _with_registry(new_run, registry, "PROTOBUF")

    carry(run)

    client = SchemaRegistryClient({"url": registry.url})
    text = client.get_latest_version(f"{run.topic}-value").schema.schema_str
    read = ProtobufDeserializer(message_class(text), {"use.deprecated.format": False})
    found = [read(message.value(), _context(message)) for message in kafka.messages(run.topic)]
    assert [(one.n, one.id, one.amount or None) for one in found] == [
        (one["n"], one["id"], None if one["amount"] is None else str(one["amount"])) for one in _records(run)
    ]


@pytest.mark.parametrize(
    ("strategy", "subject"),
    [("TOPIC_NAME", "{topic}-value"), ("RECORD_NAME", "orders"), ("TOPIC_RECORD_NAME", "{topic}-orders")],
)
def test_a_strategy_names_the_subject(registry: SchemaRegistry, new_run: NewRun, strategy: str, subject: str) -> None:
    run = _with_registry(new_run, registry, "AVRO", subjectStrategy=strategy)

    carry(run)

    client = SchemaRegistryClient({"url": registry.url})
    assert client.get_latest_version(subject.format(topic=run.topic)).schema.schema_type == "AVRO"


@pytest.mark.parametrize("value_format", ["AVRO", "PROTOBUF", "JSON_SCHEMA"])
def test_an_incompatible_change_is_refused_before_the_run_with_the_reason(
    registry: SchemaRegistry, new_run: NewRun, value_format: str
) -> None:
    run = _with_registry(new_run, registry, value_format)
    client = SchemaRegistryClient({"url": registry.url})
    before = {
        "AVRO": ("AVRO", '{"type":"record","name":"orders","fields":[{"name":"n","type":"boolean"}]}'),
        "PROTOBUF": ("PROTOBUF", 'syntax = "proto3";\nmessage orders {\n  bool n = 1;\n  double id = 2;\n}\n'),
        "JSON_SCHEMA": ("JSON", '{"type":"object","properties":{"n":{"type":"boolean"}},"additionalProperties":false}'),
    }[value_format]
    client.set_compatibility(subject_name=f"{run.topic}-value", level="BACKWARD")
    client.register_schema(f"{run.topic}-value", Schema(before[1], before[0]))

    [issue] = run.destination().preflight(estimated_bytes=0)

    assert (issue.code, issue.path) == ("DEST_SCHEMA", "/destination/config/valueFormat")
    assert f"{run.topic}-value" in issue.message
    with pytest.raises(TerminalSinkError) as refused:
        run.destination().prepare()
    assert refused.value.code == "DEST_SCHEMA"


def test_a_format_with_a_schema_needs_a_registry(new_run: NewRun) -> None:
    [issue] = new_run(config={"valueFormat": "AVRO"}).destination().preflight(estimated_bytes=0)

    assert issue.code == "MISSING_PARAM"


def test_a_registry_that_is_away_is_said(new_run: NewRun) -> None:
    run = new_run(connection={"schemaRegistry": {"url": "http://127.0.0.1:1"}}, config={"valueFormat": "AVRO"})

    [issue] = run.destination().preflight(estimated_bytes=0)

    assert issue.code == "DEST_UNAVAILABLE"
    assert "schema registry" in issue.message

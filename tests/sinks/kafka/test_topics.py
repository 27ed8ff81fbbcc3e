"""Topics as they are found, made and lost: what stands against a start, and what ends a run."""

from __future__ import annotations

import signal
from collections.abc import Callable
from typing import Any

import pytest
from confluent_kafka.admin import AdminClient, ConfigResource, ResourceType

from engine.errors import RecordInvalid
from engine.issues import Severity
from engine.span import Span
from sdg_project.hosts import HostPolicy
from sinks.destinations.base import Refused
from sinks.errors import SinkError, TerminalSinkError, TransientSinkError
from sinks.time_limits import TimeLimits, time_limits
from tests.support.file_runs import made_plan
from tests.support.kafka import PASSWORD, USER, Broker, Kafka
from tests.support.kafka_runs import KafkaRun, carry, expected, told, write_shard

NewRun = Callable[..., KafkaRun]


def _codes(run: KafkaRun, **parts: Any) -> list[tuple[str, str]]:
    return [(one.code, one.path) for one in run.destination(**parts).preflight(estimated_bytes=0)]


def test_nothing_stands_against_a_topic_that_is_there(new_run: NewRun) -> None:
    assert _codes(new_run()) == []


def test_a_missing_topic_is_refused(kafka: Kafka) -> None:
    run = KafkaRun(kafka.address, "sdg-nowhere")

    assert _codes(run) == [("DEST_SCHEMA", "/destination/config/topic")]
    with pytest.raises(TerminalSinkError):
        run.destination().prepare()


def test_a_topic_is_made_with_its_settings(kafka: Kafka, new_run: NewRun) -> None:
    settings = {"partitions": 2, "cleanupPolicy": "COMPACT", "retentionMs": 3_600_000}
    run = new_run(records=30, config={"topicPolicy": "CREATE", "topicSettings": settings})
    run = run.but(topic=f"{run.topic}-made")
    assert _codes(run) == []

    carry(run)

    client = AdminClient({"bootstrap.servers": kafka.address})
    assert len(client.list_topics(timeout=10).topics[run.topic].partitions) == 2
    [described] = client.describe_configs([ConfigResource(ResourceType.TOPIC, run.topic)]).values()
    found = {name: entry.value for name, entry in described.result().items()}
    assert (found["cleanup.policy"], found["retention.ms"]) == ("compact", "3600000")


def test_a_topic_that_is_there_stays_as_it_is_and_that_is_said(new_run: NewRun) -> None:
    run = new_run(config={"topicPolicy": "CREATE", "topicSettings": {"partitions": 9}})

    [issue] = run.destination().preflight(estimated_bytes=0)

    assert (issue.severity, issue.path) == (Severity.WARNING, "/destination/config/topicSettings/partitions")


def test_a_compacted_topic_needs_keys(new_run: NewRun) -> None:
    run = new_run(settings={"cleanup_policy": "compact"}, config={"key": None})

    assert _codes(run) == [("DEST_SCHEMA", "/destination/config/key")]


def test_a_topic_that_can_never_be_in_sync_is_refused(new_run: NewRun) -> None:
    run = new_run(settings={"min_insync_replicas": "2"})

    assert _codes(run) == [("DEST_SCHEMA", "/destination/config/topic")]


def test_a_partition_that_is_not_there_is_refused(new_run: NewRun) -> None:
    assert _codes(new_run(config={"partition": 3})) == [("DEST_SCHEMA", "/destination/config/partition")]


def test_a_second_run_is_refused_where_it_is_to_fail(new_run: NewRun) -> None:
    run = new_run(records=10, config={"beforeRun": "FAIL"})
    assert _codes(run) == []

    carry(run)

    assert _codes(run) == []  # it may go on itself
    assert _codes(run.but(run_id="22222222-bbbb")) == [("RERUN_WOULD_COLLIDE", "/destination/config/beforeRun")]
    assert _codes(run.but(run_id="22222222-bbbb", owner="somebody else")) == []


def test_a_deleted_topic_ends_the_run(kafka: Kafka, new_run: NewRun) -> None:
    run = new_run()
    sink = run.destination().sink(0)
    sink.open(1)
    kafka.call("delete_topics", [run.topic])
    sink.write(run.plan.batch(Span(0, 64)))

    with pytest.raises(TerminalSinkError) as ended:
        sink.commit(64)

    assert ended.value.code == "DEST_SCHEMA"


def _large(records: int = 20) -> Any:
    """Records of which the 8th is larger than the topic takes."""
    sizes = [{"value": "x" * (3000 if number == 7 else 10)} for number in range(records)]
    mappings = [
        {"fieldName": "id", "type": "SEQUENCE", "params": {"start": 0}},
        {"fieldName": "text", "type": "ENUM_RANDOM", "params": {"values": [one["value"] for one in sizes[6:8]]}},
    ]
    document = {"name": "orders", "recordCount": records, "fieldMappings": mappings}
    return made_plan(document, pools={}, seed=4, records=records)


def test_a_message_that_is_too_large_is_told_and_left_out(kafka: Kafka, new_run: NewRun) -> None:
    run = new_run(records=20, settings={"max_message_bytes": "2000"}, config={"compression": "NONE"})
    plan, refused = _large(), list[Refused]()

    carry(run, plan, on_sink=lambda sink: setattr(sink, "refuse", refused.extend))

    large = [number for number, (_, value) in enumerate(expected(run, plan)) if len(value) > 2000]
    assert large
    assert [(one.record_number, one.code) for one in refused] == [(number, "RECORD_INVALID") for number in large]
    kept = [one for one in expected(run, plan) if len(one[1]) <= 2000]
    assert told(kafka.messages(run.topic)) == kept


def test_a_run_rests_at_a_message_that_is_too_large_with_all_before_it(kafka: Kafka, new_run: NewRun) -> None:
    run = new_run(records=20, settings={"max_message_bytes": "2000"}, config={"compression": "NONE"})
    plan = _large()
    first = next(number for number, (_, value) in enumerate(expected(run, plan)) if len(value) > 2000)

    with pytest.raises(RecordInvalid) as invalid:
        carry(run, plan)

    assert invalid.value.record_number == first
    assert told(kafka.messages(run.topic)) == expected(run, plan)[:first]
    sink = run.destination(plan).sink(0)
    assert sink.open(2) == first
    sink.close()


def test_wrong_passwords_and_missing_rights_are_told_apart(kafka: Kafka, new_run: NewRun) -> None:
    kafka.needs_listeners()
    security = {"security": {"protocol": "SASL_PLAINTEXT", "username": USER}}
    run = new_run().but(address=kafka.password_address)
    seen = run.but(topic=kafka.topic(f"seen-{run.topic}"))
    kafka.allow(USER, "seen-", "DESCRIBE")

    [wrong] = run.but(connection={**security, "password": "wrong"}).destination().preflight(estimated_bytes=0)
    [denied] = run.but(connection={**security, "password": PASSWORD}).destination().preflight(estimated_bytes=0)
    [partly] = seen.but(connection={**security, "password": PASSWORD}).destination().preflight(estimated_bytes=0)

    assert [wrong.code, denied.code, partly.code] == ["DEST_AUTH"] * 3
    assert ["AUTH" in wrong.message, "NO_RIGHT" in denied.message] == [True, True]
    assert (partly.path, "WRITE and READ" in partly.message) == ("/destination/config/topic", True)
    assert PASSWORD not in f"{wrong}{denied}{partly}"


def test_a_cluster_that_sends_its_clients_elsewhere_is_refused_before_anything_is_produced(kafka: Kafka) -> None:
    kafka.needs_listeners()
    run = KafkaRun(kafka.elsewhere_address, "anything")

    [issue] = run.destination().preflight(estimated_bytes=0)
    with pytest.raises(SinkError) as refused:
        run.destination().sink(0).open(1)

    assert issue.code == refused.value.code == "HOST_NOT_ALLOWED"


def test_a_private_address_is_refused_in_production(new_run: NewRun) -> None:
    assert [code for code, _ in _codes(new_run(), policy=HostPolicy(is_production=True))] == ["HOST_NOT_ALLOWED"]


def test_a_broker_that_says_nothing_or_is_killed_has_every_record_once() -> None:
    with Broker() as broker:
        run = KafkaRun(broker.kafka.address, broker.kafka.topic(partitions=2), records=600)
        destination = run.destination()
        sink: Any = destination.sink(0)
        sink._limits = TimeLimits(connect=2, call=3, lock=1, idle=20)
        sink.open(1)
        sink.write(run.plan.batch(Span(0, 64)))
        sink.commit(64)

        broker.signal(signal.SIGSTOP)
        sink.write(run.plan.batch(Span(64, 64)))
        with pytest.raises(TransientSinkError):
            sink.commit(128)
        broker.signal(signal.SIGCONT)
        sink._limits = time_limits()
        assert sink.open(1) == 64
        sink.write(run.plan.batch(Span(64, 64)))
        broker.stop()
        broker.start()

        write_shard(run, run.plan, destination, sink, 0)
        assert sorted(told(broker.kafka.messages(run.topic))) == sorted(expected(run, partitions=2))

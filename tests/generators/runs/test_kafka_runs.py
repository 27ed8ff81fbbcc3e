"""Runs into topics, started and carried by the services, as the command line does."""

from __future__ import annotations

import json
import uuid
from typing import Any

import pytest

from generators.enums import RunStatus
from generators.models import DeadLetter, Run
from sdg_project.errors import SdgError
from sinks import services as connections
from tests.support.kafka import PASSWORD, USER, Kafka, some_broker
from tests.support.runs import FRAME, Workshop


@pytest.fixture(scope="module")
def kafka() -> Kafka:
    return some_broker()


def _destination(kafka: Kafka, topic: str, **config: Any) -> dict[str, Any]:
    return {"type": "KAFKA", "config": {"bootstrapServers": kafka.address, "topic": topic, "key": "${n}", **config}}


def _numbers(kafka: Kafka, topic: str) -> list[int]:
    return [json.loads(message.value())["n"] for message in kafka.messages(topic)]


def test_a_run_leaves_every_record_once_and_says_so(workshop: Workshop, kafka: Kafka) -> None:
    topic = kafka.topic()

    run = workshop.make(recordCount=50, destination=_destination(kafka, topic))

    assert run.status == RunStatus.COMPLETED
    assert _numbers(kafka, topic) == list(range(1, 51))
    assert [(one["path"], one["records"]) for one in run.outputs] == [(topic, 50)]


def test_a_run_that_rests_goes_on_where_the_topic_stands(workshop: Workshop, kafka: Kafka) -> None:
    topic = kafka.topic()
    run = workshop.start(recordCount=2 * FRAME + 100, destination=_destination(kafka, topic))
    workshop.carry(run, until=FRAME)

    done = workshop.carry(run)

    assert done.status == RunStatus.COMPLETED
    assert _numbers(kafka, topic) == list(range(1, 2 * FRAME + 101))


def test_a_start_without_its_topic_is_refused_and_leaves_no_run(workshop: Workshop, kafka: Kafka) -> None:
    with pytest.raises(SdgError) as refused:
        workshop.start(destination=_destination(kafka, f"sdg-{uuid.uuid4().hex}"))

    assert "there is no topic" in str(refused.value)
    assert not Run.objects.exists()


def test_a_message_that_is_too_large_becomes_a_dead_letter(workshop: Workshop, kafka: Kafka) -> None:
    topic = kafka.topic(max_message_bytes="2000")
    text = {"fieldName": "text", "type": "ENUM_RANDOM", "params": {"values": ["x", "y" * 3000]}}
    number = {"fieldName": "n", "type": "SEQUENCE"}

    run = workshop.make(number, text, recordCount=20, onError="CONTINUE", destination=_destination(kafka, topic))

    letters = list(DeadLetter.objects.values_list("record_number", "error_class", "code"))
    numbers = _numbers(kafka, topic)
    assert run.status == RunStatus.COMPLETED
    assert {(kind, code) for _, kind, code in letters} == {("DELIVERY", "RECORD_INVALID")}
    assert sorted([*numbers, *(number + 1 for number, _, _ in letters)]) == list(range(1, 21))


def test_a_connection_keeps_its_secrets_out_of_the_run(workshop: Workshop, kafka: Kafka) -> None:
    kafka.needs_listeners()
    topic = kafka.topic(f"open-{uuid.uuid4().hex}")
    kafka.allow(USER, "open-", "WRITE", "READ", "DESCRIBE")
    config = {
        "bootstrapServers": kafka.password_address,
        "security": {"protocol": "SASL_PLAINTEXT", "username": USER},
    }
    stored = {"name": "shop", "type": "KAFKA", "config": config, "secrets": {"password": PASSWORD}}
    connections.add_connection(stored, by="test")

    destination = {"type": "KAFKA", "connection": "shop", "config": {"topic": topic, "key": "${n}"}}
    run = workshop.make(recordCount=10, destination=destination)

    assert (run.status, run.error) == (RunStatus.COMPLETED, None)
    assert _numbers(kafka, topic) == list(range(1, 11))
    assert PASSWORD not in json.dumps(run.spec)


def test_a_connection_that_leads_elsewhere_by_now_is_not_followed(workshop: Workshop, kafka: Kafka) -> None:
    topic = kafka.topic()
    stored = {"name": "shop", "type": "KAFKA", "config": {"bootstrapServers": kafka.address}}
    connections.add_connection(stored, by="test")
    destination = {"type": "KAFKA", "connection": "shop", "config": {"topic": topic}}
    run = workshop.start(recordCount=10, destination=destination)

    connections.replace_connection("shop", {**stored, "config": {"bootstrapServers": f"{kafka.address},127.0.0.1:1"}})

    rests = workshop.carry(run)
    assert (rests.status, (rests.error or {})["code"]) == (RunStatus.PAUSED, "CONNECTION_CHANGED")
    assert kafka.messages(topic) == []

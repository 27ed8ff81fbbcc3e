"""A topic: what it is like, and how it is made."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from confluent_kafka import KafkaError, KafkaException
from confluent_kafka.admin._config import ConfigResource
from confluent_kafka.admin._resource import ResourceType
from confluent_kafka.cimpl import NewTopic

from sinks.kafka.config import TopicSettings

if TYPE_CHECKING:
    from confluent_kafka.admin import AdminClient

    from sinks.connections.kafka import KafkaConnection

DEFAULT_MAX_BYTES = 1_048_588
"""Kafka's own default of max.message.bytes: for whoever may not read a topic's settings."""


@dataclass(frozen=True, slots=True)
class Topic:
    """What matters of a topic to those who write to it."""

    partitions: int
    max_bytes: int
    is_compacted: bool


def find_topic(connection: KafkaConnection, name: str, *, timeout_s: float) -> Topic | None:
    """The topic of a name; None when there is none. Raises ConnectionFailed, also when it may not be seen."""

    def question(admin: AdminClient, left_s: float) -> Topic | None:
        deadline = time.monotonic() + left_s
        # Asked for all of them: one that is asked for by its name is made by clusters that are set up to do so.
        found = admin.list_topics(timeout=left_s).topics.get(name)
        if found is None or (found.error is not None and found.error.code() == KafkaError.UNKNOWN_TOPIC_OR_PART):
            return None
        if found.error is not None:
            raise KafkaException(found.error)
        settings = _settings(admin, name, max(0.1, deadline - time.monotonic()))
        return Topic(
            partitions=len(found.partitions),
            max_bytes=int(settings.get("max.message.bytes", DEFAULT_MAX_BYTES)),
            is_compacted="compact" in settings.get("cleanup.policy", ""),
        )

    found: Topic | None = connection.ask(question, timeout_s=timeout_s)
    return found


def make_topic(connection: KafkaConnection, name: str, settings: TopicSettings, *, timeout_s: float) -> None:
    """Make a topic unless it is there; raises ConnectionFailed, or KafkaException for settings that do not fit."""

    def question(admin: AdminClient, left_s: float) -> KafkaError | None:
        wanted = NewTopic(
            name,
            num_partitions=settings.partitions or -1,
            replication_factor=settings.replication_factor or -1,
            config=settings.as_kafka(),
        )
        [made] = admin.create_topics([wanted], request_timeout=left_s).values()
        try:
            made.result(timeout=left_s)
        except KafkaException as error:
            if error.args[0].code() != KafkaError.TOPIC_ALREADY_EXISTS:
                refused: KafkaError = error.args[0]
                return refused
        return None

    if (refused := connection.ask(question, timeout_s=timeout_s)) is not None:
        raise KafkaException(refused)


def _settings(admin: AdminClient, name: str, left_s: float) -> dict[str, str]:
    """The settings of a topic; none for whoever may not read them."""
    [described] = admin.describe_configs([ConfigResource(ResourceType.TOPIC, name)], request_timeout=left_s).values()
    try:
        return {entry.name: entry.value for entry in described.result(timeout=left_s).values()}
    except KafkaException as error:
        if error.args[0].code() in {KafkaError.TOPIC_AUTHORIZATION_FAILED, KafkaError.CLUSTER_AUTHORIZATION_FAILED}:
            return {}
        raise

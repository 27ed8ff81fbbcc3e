"""A topic: what it is like, and how it is made."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from confluent_kafka import KafkaError, KafkaException, TopicCollection
from confluent_kafka.admin._acl import AclOperation
from confluent_kafka.admin._config import ConfigResource
from confluent_kafka.admin._resource import ResourceType
from confluent_kafka.cimpl import NewTopic

from sinks.kafka.config import TopicSettings

if TYPE_CHECKING:
    from confluent_kafka.admin import AdminClient

    from sinks.connections.kafka import KafkaConnection

DEFAULT_MAX_BYTES = 1_048_588
"""Kafka's own default of max.message.bytes: for whoever may not read a topic's settings."""
_NEEDED = (AclOperation.WRITE, AclOperation.READ)
"""READ, since the position is an offset of the topic."""


@dataclass(frozen=True, slots=True)
class Topic:
    """What matters of a topic to those who write to it."""

    partitions: int
    max_bytes: int
    is_compacted: bool
    missing_rights: tuple[str, ...] = ()
    """Of those that a run needs."""
    replicas: int = 1
    """Of the partition that has the fewest."""
    min_insync_replicas: int = 1


def find_topic(connection: KafkaConnection, name: str, *, timeout_s: float) -> Topic | None:
    """The topic of a name; None when there is none. Raises ConnectionFailed, also when it may not be seen."""

    def question(admin: AdminClient, left_s: float) -> Topic | None:
        deadline = time.monotonic() + left_s
        # Metadata would make the topic on clusters that are set up to do so.
        [asked] = admin.describe_topics(
            TopicCollection([name]), request_timeout=left_s, include_authorized_operations=True
        ).values()
        try:
            found = asked.result(timeout=left_s)
        except KafkaException as error:
            if error.args[0].code() == KafkaError.UNKNOWN_TOPIC_OR_PART:
                return None
            raise
        allowed = found.authorized_operations
        missing = () if allowed is None else tuple(right.name for right in _NEEDED if right not in allowed)
        settings = _settings(admin, name, max(0.1, deadline - time.monotonic()))
        return Topic(
            partitions=len(found.partitions),
            max_bytes=int(settings.get("max.message.bytes", DEFAULT_MAX_BYTES)),
            is_compacted="compact" in settings.get("cleanup.policy", ""),
            missing_rights=missing,
            replicas=min((len(one.replicas) for one in found.partitions), default=0),
            min_insync_replicas=int(settings.get("min.insync.replicas", 1)),
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

"""Positions: how far each shard of a run is, by the cluster's own account.

The position of a shard is the offset of a consumer group of its own on partition 0 of the topic, committed in the same
transaction as the messages before it. Beside it stands who has written it: see `Position`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition

from sinks.connections.kafka import Silent

if TYPE_CHECKING:
    from sinks.connections.kafka import KafkaConnection

PREFIX = "sdg."
_MOST_METADATA = 4000
"""Brokers take 4,096 bytes beside an offset."""


@dataclass(frozen=True, slots=True)
class Position:
    """Where a shard stands: its next record, the epoch and the owner that wrote so, and what it has at the topic.

    `ranges` are for each partition the first and the last offset that the shard has written to, with the messages of
    others among them; there are none for a topic of very many partitions.
    """

    next_record: int
    epoch: int
    owner: str
    records: int = 0
    bytes_written: int = 0
    ranges: Mapping[int, tuple[int, int]] = field(default_factory=dict)

    def on(self, topic: str) -> TopicPartition:
        """As it is committed."""
        told = asdict(self)
        del told["next_record"]
        told["ranges"] = {str(partition): list(ends) for partition, ends in sorted(self.ranges.items())}
        metadata = json.dumps(told, separators=(",", ":"))
        if len(metadata.encode()) > _MOST_METADATA:
            metadata = json.dumps({**told, "ranges": {}}, separators=(",", ":"))
        return TopicPartition(topic, 0, self.next_record, metadata)

    @classmethod
    def read(cls, found: TopicPartition) -> Position | None:
        """What has been committed; None when nothing has."""
        if found.error is not None:
            raise KafkaException(found.error)
        if found.offset < 0:
            return None
        told: dict[str, Any] = json.loads(found.metadata or "{}")
        ranges = {int(partition): (ends[0], ends[1]) for partition, ends in told.get("ranges", {}).items()}
        return cls(
            found.offset,
            told.get("epoch", 0),
            told.get("owner", ""),
            told.get("records", 0),
            told.get("bytes_written", 0),
            ranges,
        )


def group_of(run_id: str, shard: int) -> str:
    """The name of a shard's consumer group, and of its transactional id."""
    return f"{PREFIX}{run_id}.{shard}"


def group_reader(connection: KafkaConnection, group: str) -> Consumer:
    """Somebody who asks for the offset of a group, and waits while a transaction is about to change it."""
    settings = connection.client_settings()
    return Consumer(
        {**settings, "group.id": group, "isolation.level": "read_committed", "enable.auto.commit": False},
        logger=Silent(),
    )


def committed_position(reader: Consumer, topic: str, *, timeout_s: float) -> Position | None:
    """The position of a group; None when there is none. Raises KafkaException."""
    [found] = reader.committed([TopicPartition(topic, 0)], timeout=timeout_s)
    return Position.read(found)


def owners(connection: KafkaConnection, topic: str, *, timeout_s: float) -> Sequence[tuple[str, str]]:
    """The groups of all runs that have written to a topic, each with its owner; raises ConnectionFailed."""

    def question(admin: Any, left_s: float) -> Sequence[tuple[str, str]]:
        listed = admin.list_consumer_groups(request_timeout=left_s).result(timeout=left_s)
        found = []
        for group in (one.group_id for one in listed.valid if one.group_id.startswith(PREFIX)):
            try:
                reader = group_reader(connection, group)
                position = committed_position(reader, topic, timeout_s=left_s)
            except KafkaException as error:
                if error.args[0].code() != KafkaError.GROUP_AUTHORIZATION_FAILED:  # the group of somebody else
                    raise
            else:
                if position is not None:
                    found.append((group, position.owner))
            finally:
                reader.close()
        return found

    told: Sequence[tuple[str, str]] = connection.ask(question, timeout_s=timeout_s)
    return told

"""The config of a KAFKA destination."""

from __future__ import annotations

import re
from enum import StrEnum
from typing import Annotated, Self

from pydantic import AfterValidator, Field, StrictInt, model_validator

from engine.issues import Issue
from sdg_project.shapes import Faults, FieldName, Params
from sdg_project.text import quoted
from sinks.destinations.base import DestinationConfig
from sinks.enums import BeforeRun, DeliveryGuarantee

MAX_HEADERS = 50


class ValueFormatName(StrEnum):
    """The registered names of value formats."""

    JSON = "JSON"
    JSON_SCHEMA = "JSON_SCHEMA"
    AVRO = "AVRO"
    PROTOBUF = "PROTOBUF"
    STRING = "STRING"


class SubjectStrategy(StrEnum):
    """Under which name the registry keeps the schema."""

    TOPIC_NAME = "TOPIC_NAME"
    """``<topic>-value``"""
    RECORD_NAME = "RECORD_NAME"
    """The name of the record."""
    TOPIC_RECORD_NAME = "TOPIC_RECORD_NAME"
    """``<topic>-<name of the record>``"""


class TopicPolicy(StrEnum):
    MUST_EXIST = "MUST_EXIST"
    CREATE = "CREATE"
    """Made at the start of a run unless it is there."""


class MessageCompression(StrEnum):
    NONE = "NONE"
    LZ4 = "LZ4"
    ZSTD = "ZSTD"
    GZIP = "GZIP"
    SNAPPY = "SNAPPY"


class Acks(StrEnum):
    ALL = "ALL"
    """Of all replicas that are in sync."""
    LEADER = "LEADER"


class CleanupPolicy(StrEnum):
    DELETE = "DELETE"
    COMPACT = "COMPACT"


class TopicSettings(Params):
    """What a topic is made with, under CREATE; else that which the cluster has as its default."""

    partitions: int | None = Field(default=None, ge=1, le=10_000, description="How many partitions.")
    replication_factor: int | None = Field(default=None, ge=1, le=100, description="How many copies of each.")
    cleanup_policy: CleanupPolicy | None = Field(default=None, description="DELETE by age and size, or COMPACT by key.")
    retention_ms: int | None = Field(default=None, ge=-1, description="For how long messages are kept; -1 for ever.")
    min_insync_replicas: int | None = Field(
        default=None, ge=1, le=100, description="Replicas that must have a message."
    )
    max_message_bytes: int | None = Field(default=None, ge=1000, le=10**9, description="The largest message.")

    def as_kafka(self) -> dict[str, str]:
        """The settings under their names in Kafka."""
        named = {
            "cleanup.policy": self.cleanup_policy and self.cleanup_policy.value.lower(),
            "retention.ms": self.retention_ms,
            "min.insync.replicas": self.min_insync_replicas,
            "max.message.bytes": self.max_message_bytes,
        }
        return {name: str(value) for name, value in named.items() if value is not None}


def _topic(text: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9._-]{1,249}", text) or text in {".", ".."}:
        message = f"must have 1 to 249 letters, digits, ., _ and -, not {quoted(text)}"
        raise Faults(Issue("INVALID_VALUE", "", message))
    if text.startswith("__"):
        raise Faults(Issue("INVALID_VALUE", "", "must not begin with __, as Kafka's own topics do"))
    return text


class KafkaConfig(DestinationConfig):
    topic: Annotated[str, AfterValidator(_topic)] = Field(
        min_length=1, max_length=249, description="Where the messages go.", examples=["orders"]
    )
    key: str | None = Field(
        default=None,
        min_length=1,
        max_length=2000,
        description="Template of the key, such as ${orderId}; without one messages have no key.",
        examples=["${orderId}"],
    )
    headers: dict[str, str] = Field(
        default_factory=dict,
        max_length=MAX_HEADERS,
        description="Templates of headers by their names; null where a field in it is null.",
        examples=[{"source": "sdg", "status": "${status}"}],
    )
    partition: StrictInt | FieldName | None = Field(
        default=None,
        description="A partition's number, or the field that holds it. Without one it is that which Java's producers "
        "choose for the key (murmur2); messages without a key take turns.",
    )
    record_timestamp_field: FieldName | None = Field(
        default=None, description="TIMESTAMP field that dates the messages; else the instant at which they are sent."
    )
    tombstone_field: FieldName | None = Field(
        default=None, description="BOOLEAN field; where it is true the message has a key and no value."
    )
    value_format: ValueFormatName = Field(
        default=ValueFormatName.JSON,
        description="JSON or STRING, or with a schema registry AVRO, PROTOBUF or JSON_SCHEMA.",
    )
    value_template: str | None = Field(
        default=None,
        min_length=1,
        max_length=20_000,
        description="STRING: template of the value; may be left out when the records have one field.",
    )
    subject_strategy: SubjectStrategy | None = Field(
        default=None, description="Under which name the registry keeps the schema; default TOPIC_NAME."
    )
    compression: MessageCompression = Field(
        default=MessageCompression.LZ4, description="How the producer compresses batches."
    )
    delivery: DeliveryGuarantee = Field(
        default=DeliveryGuarantee.EXACTLY_ONCE, description="EXACTLY_ONCE by transactions, or AT_LEAST_ONCE without."
    )
    acks: Acks = Field(default=Acks.ALL, description="Whose acknowledgement is waited for; LEADER with AT_LEAST_ONCE.")
    topic_policy: TopicPolicy = Field(
        default=TopicPolicy.MUST_EXIST, description="Whether the topic must be there, or is made at the start."
    )
    topic_settings: TopicSettings | None = Field(default=None, description="CREATE: what the topic is made with.")
    before_run: BeforeRun = Field(
        default=BeforeRun.APPEND,
        description="APPEND to what is there, or FAIL when an earlier run of the same owner wrote to the topic.",
    )

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        faults = []
        if self.topic_settings is not None and self.topic_policy is not TopicPolicy.CREATE:
            message = '"topicSettings" does not apply to MUST_EXIST'
            faults.append(Issue("PROPERTY_NOT_ALLOWED", "/topicSettings", message, "see topicPolicy"))
        if self.acks is Acks.LEADER and self.delivery is DeliveryGuarantee.EXACTLY_ONCE:
            message = "EXACTLY_ONCE needs the acknowledgement of all replicas"
            faults.append(Issue("PROPERTY_NOT_ALLOWED", "/acks", message, "see delivery"))
        if self.before_run is BeforeRun.REPLACE:
            message = "messages are not replaced: a topic is added to"
            faults.append(Issue("INVALID_VALUE", "/beforeRun", message, "accepted are APPEND and FAIL"))
        if self.value_template is not None and self.value_format is not ValueFormatName.STRING:
            message = f'"valueTemplate" does not apply to {self.value_format}'
            faults.append(Issue("PROPERTY_NOT_ALLOWED", "/valueTemplate", message, 'remove "valueTemplate"'))
        if self.subject_strategy is not None and not self.needs_registry:
            message = f'"subjectStrategy" does not apply to {self.value_format}, which has no schema'
            faults.append(Issue("PROPERTY_NOT_ALLOWED", "/subjectStrategy", message, 'remove "subjectStrategy"'))
        if self.tombstone_field is not None and self.key is None:
            message = "a message without a value needs a key"
            faults.append(Issue("MISSING_PARAM", "/key", message, "give a key, such as ${orderId}"))
        if isinstance(self.partition, int) and self.partition < 0:
            faults.append(Issue("INVALID_VALUE", "/partition", f"must be from 0 on, not {self.partition}"))
        faults += [
            Issue("INVALID_VALUE", f"/headers/{name}", "the name of a header must have 1 to 200 characters")
            for name in self.headers
            if not 1 <= len(name) <= 200 or "\0" in name
        ]
        if faults:
            raise Faults(*faults)
        return self

    @property
    def needs_registry(self) -> bool:
        """Whether the format of the values has a schema that a registry keeps."""
        return self.value_format not in {ValueFormatName.JSON, ValueFormatName.STRING}

"""KAFKA: a topic, each record one message of it exactly once."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar, cast

from engine.batch import Batch
from engine.issues import Issue, Severity
from sinks.connections.base import ConnectionFailed
from sinks.destinations.base import Destination, Sink, Written, destinations
from sinks.destinations.reaching import error_of, issue_of
from sinks.enums import BeforeRun, DeliveryGuarantee
from sinks.errors import TerminalSinkError
from sinks.kafka.config import Acks, KafkaConfig, SubjectStrategy, TopicPolicy, TopicSettings
from sinks.time_limits import PREFLIGHT_SECONDS, time_limits

if TYPE_CHECKING:
    from sinks.connections.kafka import KafkaConnection
    from sinks.kafka.messages import MessageMaker
    from sinks.kafka.shard import TopicWriter
    from sinks.kafka.topic import Topic
    from sinks.messages.base import ValueFormat

_AT = "/destination/config"
_TOPIC_AT = f"{_AT}/topic"


@destinations.register("KAFKA")
class KafkaDestination(Destination[KafkaConfig]):
    """The messages of one run. Clients live in the process that makes them, and no longer than a call or a sink."""

    Config = KafkaConfig
    connects_to: ClassVar[str | None] = "KAFKA"

    @staticmethod
    def guarantee(config: KafkaConfig) -> DeliveryGuarantee:
        return config.delivery

    @staticmethod
    def target(config: KafkaConfig) -> str:
        return config.topic

    @staticmethod
    def is_shared(config: KafkaConfig) -> bool:  # noqa: ARG004  # a topic is everybody's
        return True

    def check(self) -> Sequence[Issue]:
        from sinks.kafka.messages import message_issues

        return message_issues(self.config, self.delivery.schema)

    def encoded_bytes(self, batch: Batch) -> int:
        return int(self._maker().messages(batch).sizes.sum())

    # The world.

    def preflight(self, *, estimated_bytes: int) -> Sequence[Issue]:
        from sinks.kafka.topic import find_topic

        connection = self._connection()
        try:
            topic = find_topic(connection, self.config.topic, timeout_s=PREFLIGHT_SECONDS)
            issues = [*self._topic_issues(topic), *self._registry_issues(connection)]
            if topic is not None and not issues:
                issues += self._collisions(connection)
        except ConnectionFailed as failed:
            return [issue_of(failed)]
        return issues

    def _topic_issues(self, topic: Topic | None) -> Iterator[Issue]:
        wanted = self.config.partition
        if topic is None:
            if self.config.topic_policy is TopicPolicy.MUST_EXIST:
                message = f'there is no topic "{self.config.topic}", or it may not be seen'
                yield Issue("DEST_SCHEMA", _TOPIC_AT, message, "make it, or set topicPolicy to CREATE")
            return
        if topic.missing_rights:
            message = f"the user may not {' and '.join(topic.missing_rights)} the topic"
            yield Issue("DEST_AUTH", _TOPIC_AT, message, "see the cluster's ACLs")
        if self.config.acks is Acks.ALL and topic.min_insync_replicas > topic.replicas:
            message = f"the topic wants {topic.min_insync_replicas} replicas in sync, and has {topic.replicas}"
            yield Issue("DEST_SCHEMA", _TOPIC_AT, message, "see min.insync.replicas of the topic")
        if isinstance(wanted, int) and wanted >= topic.partitions:
            message = f"the topic has {topic.partitions} partitions, so there is no partition {wanted}"
            yield Issue("DEST_SCHEMA", f"{_AT}/partition", message)
        if topic.is_compacted and self.config.key is None:
            message = "the topic is compacted, and takes no messages without a key"
            yield Issue("DEST_SCHEMA", f"{_AT}/key", message, "give a key, such as ${orderId}")
        settings = self.config.topic_settings
        if settings and settings.partitions and settings.partitions != topic.partitions:
            message = f"the topic is there already, and has {topic.partitions} partitions, not {settings.partitions}"
            at = f"{_AT}/topicSettings/partitions"
            yield Issue("DEST_SCHEMA", at, message, "it stays as it is", severity=Severity.WARNING)

    def _registry_issues(self, connection: KafkaConnection) -> Iterator[Issue]:
        if not self.config.needs_registry:
            return
        if connection.config.schema_registry is None:
            message = f"{self.config.value_format} needs a schema registry, and the connection has none"
            yield Issue("MISSING_PARAM", "/destination", message, "give schemaRegistry with its url")
            return
        reasons = self._registry(connection).reasons_against(self._subject, *self._schema)
        if reasons is not None:
            message = f'the schema does not fit those that "{self._subject}" has in the registry: {reasons}'
            yield Issue(
                "DEST_SCHEMA", f"{_AT}/valueFormat", message, "change the fields, or the subject's compatibility"
            )

    def _collisions(self, connection: KafkaConnection) -> Iterator[Issue]:
        from sinks.kafka.positions import owners

        if self.config.before_run is not BeforeRun.FAIL:
            return
        ours = f"sdg.{self.delivery.run_id}."
        found = owners(connection, self.config.topic, timeout_s=PREFLIGHT_SECONDS)
        if any(owner == self._owner and not group.startswith(ours) for group, owner in found):
            message = f'an earlier run has written to topic "{self.config.topic}"'
            yield Issue("RERUN_WOULD_COLLIDE", f"{_AT}/beforeRun", message, "choose APPEND, or another topic")

    def prepare(self) -> None:
        from confluent_kafka import KafkaException

        from sinks.kafka.errors import sink_error
        from sinks.kafka.topic import find_topic, make_topic

        connection, limit = self._connection(), time_limits().connect
        try:
            if find_topic(connection, self.config.topic, timeout_s=limit) is None:
                if self.config.topic_policy is TopicPolicy.MUST_EXIST:
                    raise TerminalSinkError("DEST_SCHEMA", f'there is no topic "{self.config.topic}"')
                make_topic(
                    connection, self.config.topic, self.config.topic_settings or TopicSettings(), timeout_s=limit
                )
            if self.config.needs_registry:
                self._schema_id(connection)
        except ConnectionFailed as failed:
            raise error_of(failed) from failed
        except KafkaException as error:
            raise sink_error(error.args[0], topic=self.config.topic) from error

    # The run.

    def sink(self, shard: int) -> Sink:
        return self._writer(shard)

    def _writer(self, shard: int) -> TopicWriter:
        from sinks.kafka.shard import TopicWriter

        return TopicWriter(
            run_id=self.delivery.run_id,
            owner=self._owner,
            number=shard,
            span=self.delivery.shards[shard],
            config=self.config,
            connect=self._connection,
            maker=self._maker_for,
            limits=time_limits(),
        )

    def finalize(
        self, *, ends: Sequence[int] | None = None, on_progress: Callable[[], object] = lambda: None
    ) -> Sequence[Written]:
        from confluent_kafka import KafkaException

        from sinks.kafka.errors import sink_error
        from sinks.kafka.positions import committed_position, group_of, group_reader

        connection, limits = self._connection(), time_limits()
        shards = self.delivery.shards
        wanted = ends if ends is not None else [shard.end for shard in shards]
        records = size = 0
        for number, (shard, end) in enumerate(zip(shards, wanted, strict=True)):
            on_progress()
            try:
                connection.check_hosts(timeout_s=limits.connect)
                reader = group_reader(connection, group_of(self.delivery.run_id, number))
                try:
                    found = committed_position(reader, self.config.topic, timeout_s=limits.call)
                finally:
                    reader.close()
            except ConnectionFailed as failed:
                raise error_of(failed) from failed
            except KafkaException as error:
                raise sink_error(error.args[0], topic=self.config.topic) from error
            reached = shard.start if found is None else found.next_record
            if reached != end:
                message = f'topic "{self.config.topic}" has records up to {reached} of shard {number}, not up to {end}'
                raise TerminalSinkError("DEST_REGRESSED", message)
            records += found.records if found else 0
            size += found.bytes_written if found else 0
        return [Written(self.config.topic, records, size, None)]

    def abandon(self) -> None:
        """Nothing: what is committed stays, as messages are not taken back, and the rest is nobody's."""

    # Parts.

    def _connection(self) -> KafkaConnection:
        if self.delivery.connect is None:
            raise ValueError("there is no server to be reached")
        return cast("KafkaConnection", self.delivery.connect())

    def _registry(self, connection: KafkaConnection) -> Any:
        from sinks.kafka.schema_registry import SchemaRegistry

        return SchemaRegistry(connection, timeout_s=PREFLIGHT_SECONDS)

    def _maker_for(self, topic: Topic) -> MessageMaker:
        try:
            number = self._schema_id(self._connection()) if self.config.needs_registry else 0
        except ConnectionFailed as failed:
            raise error_of(failed) from failed
        return self._maker(partitions=topic.partitions, schema_id=number)

    def _maker(self, *, partitions: int = 1, schema_id: int = 0) -> MessageMaker:
        from sinks.kafka.messages import MessageMaker

        return MessageMaker(self.config, self.delivery.schema, partitions=partitions, schema_id=schema_id)

    def _schema_id(self, connection: KafkaConnection) -> int:
        """The registry's number of the schema, which is registered if it is not yet; raises ConnectionFailed."""
        from sinks.kafka.schema_registry import SchemaRefused

        try:
            return int(self._registry(connection).register(self._subject, *self._schema))
        except SchemaRefused as error:
            message = f'the registry does not take the schema for "{self._subject}": {error}'
            raise TerminalSinkError("DEST_SCHEMA", message) from error

    @cached_property
    def _format(self) -> ValueFormat:
        from sinks.kafka.messages import value_format

        return value_format(self.config, self.delivery.schema)

    @property
    def _schema(self) -> tuple[str, str]:
        """The type and the text of the schema."""
        return str(self._format.schema_type), self._format.schema_text()

    @property
    def _subject(self) -> str:
        topic, record = self.config.topic, self._format.record_name
        match self.config.subject_strategy or SubjectStrategy.TOPIC_NAME:
            case SubjectStrategy.TOPIC_NAME:
                return f"{topic}-value"
            case SubjectStrategy.RECORD_NAME:
                return record
            case SubjectStrategy.TOPIC_RECORD_NAME:
                return f"{topic}-{record}"

    @property
    def _owner(self) -> str:
        """Who may go on behind an earlier run, as it stands beside a position: a short word of fixed length."""
        return hashlib.blake2b(self.delivery.owner.encode(), digest_size=12).hexdigest()

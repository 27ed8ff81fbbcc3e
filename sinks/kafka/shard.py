"""The writer of one shard to a topic: each commit is one transaction that holds messages and position."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
from confluent_kafka import Consumer, KafkaError, KafkaException, Message, Producer

from engine.batch import Batch
from engine.errors import RecordInvalid
from engine.span import Span
from sdg_project.failpoints import failpoint
from sinks.connections.base import ConnectionFailed
from sinks.connections.kafka import Silent
from sinks.destinations.base import Refused, Sink
from sinks.destinations.reaching import error_of
from sinks.enums import DeliveryGuarantee
from sinks.errors import Fenced, SinkError, TerminalSinkError, TransientSinkError
from sinks.kafka.config import Acks, KafkaConfig
from sinks.kafka.errors import FENCED, sink_error
from sinks.kafka.messages import MessageMaker, Messages
from sinks.kafka.positions import Position, committed_position, group_of, group_reader
from sinks.kafka.topic import Topic, find_topic
from sinks.time_limits import TimeLimits

if TYPE_CHECKING:
    from sinks.connections.kafka import KafkaConnection

_CHUNK = 8192
"""So many messages are handed over at a time."""
_MOST_IN_FLIGHT = 100_000
_MOST_BYTES_IN_FLIGHT = 32 * 2**20
_PAUSE_SECONDS = 0.05
"""Between two calls of which the first has only come too early."""
_ABORT_SECONDS = 2.0
_LOOK_SECONDS = 3.0
"""After so long without an acknowledgement it is looked whether the topic is there at all."""

Maker = Callable[[Topic], MessageMaker]
"""Makes the maker of messages for a topic as it is."""


class TopicWriter(Sink):
    """Produces to the topic. Clients are made by `open`, thus behind any fork.

    With EXACTLY_ONCE readers who read what is committed see every message once, and never one of a transaction that
    somebody else has taken over. With AT_LEAST_ONCE there are no transactions: the position is committed once the
    messages before it are acknowledged.
    """

    commits_anywhere = True

    def __init__(
        self,
        *,
        run_id: str,
        owner: str,
        number: int,
        span: Span,
        config: KafkaConfig,
        connect: Callable[[], KafkaConnection],
        maker: Maker,
        limits: TimeLimits,
    ) -> None:
        self._group, self._owner, self._span = group_of(run_id, number), owner, span
        self._config, self._connect, self._make, self._limits = config, connect, maker, limits
        self._is_exact = config.delivery is DeliveryGuarantee.EXACTLY_ONCE
        self._producer: Producer | None = None
        self._reader: Consumer | None = None
        self._position = Position(span.start, 0, owner)
        self._forget()

    def _forget(self) -> None:
        """Nothing is on its way."""
        self._sent = self._acknowledged = self._sent_bytes = self._bytes = 0
        self._failed: KafkaError | None = None
        self._ranges: dict[int, tuple[int, int]] = {}
        self._began_at: float | None = None
        self._reached = self._position.next_record
        self._bad: Refused | None = None

    # A shard's life.

    def open(self, epoch: int) -> int:
        self._drop()
        self._connection = self._connect()
        topic = self._found()
        self._maker = self._make(topic)
        self._most_bytes = topic.max_bytes
        self._producer = self._made_producer(topic)
        self._reader = group_reader(self._connection, self._group)
        try:
            if self._is_exact:
                self._producer.init_transactions(self._limits.call)
            failpoint("kafka.open.fenced")
            found = committed_position(self._reader, self._config.topic, timeout_s=self._limits.call)
        except KafkaException as error:
            raise self._given_up(error.args[0]) from error
        if found is not None and found.epoch > epoch:
            self._drop()
            raise Fenced(f"shard {self._group} belongs to epoch {found.epoch} by now, this is {epoch}")
        start = self._span.start if found is None else found.next_record
        before = found or Position(start, 0, self._owner)
        self._position = replace(before, next_record=start, epoch=epoch, owner=self._owner)
        self._forget()
        # So that whoever opens it with an earlier epoch from now on sees that it is too late.
        self._commit(start)
        failpoint("kafka.open.marked")
        return start

    def write(self, batch: Batch) -> None:
        if self._bad is not None:
            return
        messages = self._maker.messages(batch)
        refused = self._maker.refused(messages, most_bytes=self._most_bytes)
        end = batch.span.end
        if refused and self.refuse is not None:
            self.refuse(refused)
            gone = [one.record_number for one in refused]
            messages = messages.those(~np.isin(messages.numbers, np.array(gone, dtype=np.uint64)))
        elif refused:
            self._bad = refused[0]
            end = self._bad.record_number
            messages = messages.slice(0, int((messages.numbers < end).sum()))
        for first in range(0, len(messages), _CHUNK):
            chunk = messages.slice(first, min(_CHUNK, len(messages) - first))
            self._begin()
            self._send(chunk)
            self._reached = int(chunk.numbers[-1]) + 1
            failpoint("kafka.write.sent")
            if self._began_at is not None and time.monotonic() - self._began_at > self._limits.idle / 2:
                self._commit(self._reached)  # the cluster ends transactions that take too long
        self._reached = end

    def commit(self, next_record: int) -> None:
        if self._bad is None:
            self._commit(next_record)
            return
        bad = self._bad
        self._commit(bad.record_number)
        raise RecordInvalid(bad.code, bad.message, field=bad.field or "message", record_number=bad.record_number)

    def end(self, next_record: int) -> None:
        self.commit(next_record)

    def go_on_from(self, next_record: int) -> int:
        return next_record

    @property
    def bytes_written(self) -> int:
        return self._position.bytes_written

    def close(self) -> None:
        self._drop()

    # Transactions.

    def _begin(self) -> None:
        if self._began_at is not None:
            return
        if self._is_exact:
            self._called(self._client.begin_transaction)
        self._began_at = time.monotonic()

    def _commit(self, next_record: int) -> None:
        """Make the messages durable together with the position."""
        self._begin()
        failpoint("kafka.commit.begun")
        self._wait(0)
        failpoint("kafka.commit.acknowledged")
        before = self._position
        ranges = dict(before.ranges)
        for partition, (first, last) in self._ranges.items():
            low, high = ranges.get(partition, (first, last))
            ranges[partition] = min(low, first), max(high, last)
        position = Position(
            next_record,
            before.epoch,
            self._owner,
            before.records + self._sent,
            before.bytes_written + self._bytes,
            ranges,
        )
        self._commit_position(position)
        self._position = position
        self._forget()
        failpoint("kafka.commit.done")

    def _commit_position(self, position: Position) -> None:
        reader = self._open_reader
        offset = position.on(self._config.topic)
        if not self._is_exact:
            self._called(lambda: reader.commit(offsets=[offset], asynchronous=False))
            return
        metadata = reader.consumer_group_metadata()
        self._called(lambda: self._client.send_offsets_to_transaction([offset], metadata, self._limits.call))
        failpoint("kafka.commit.positioned")
        self._called(lambda: self._client.commit_transaction(self._limits.call))

    def _called(self, call: Callable[[], object]) -> None:
        """Call the client until the call has an end, within the limit; raises what a run does about a failure."""
        deadline = time.monotonic() + self._limits.call
        while True:
            try:
                call()
            except KafkaException as error:
                reason: KafkaError = error.args[0]
                # What has run into the limit has no known outcome: the next one to open looks for it.
                if reason.retriable() and not reason.fatal() and time.monotonic() < deadline:
                    time.sleep(_PAUSE_SECONDS)
                    continue
                raise self._given_up(self._failed or reason) from error
            else:
                return

    def _given_up(self, reason: KafkaError) -> SinkError:
        """What becomes of the run, once the clients are dropped."""
        if reason.code() in FENCED:
            return self._why_fenced()
        self._drop()
        error = sink_error(reason, topic=self._config.topic)
        return self._missing() or error if isinstance(error, TransientSinkError) else error

    def _why_fenced(self) -> SinkError:
        """Whether there is a later owner, or only the cluster that has ended a transaction which took too long."""
        reader, epoch = self._reader, self._position.epoch
        self._reader = None
        self._drop()
        try:
            found = committed_position(reader, self._config.topic, timeout_s=self._limits.connect) if reader else None
        except KafkaException:
            found = None
        finally:
            if reader is not None:
                reader.close()
        if found is not None and found.epoch > epoch:
            return Fenced(f"shard {self._group} belongs to epoch {found.epoch} by now, this is {epoch}")
        message = f'topic "{self._config.topic}": the cluster has ended a transaction that took too long'
        return TransientSinkError("DEST_UNAVAILABLE", message)

    # Messages.

    def _send(self, messages: Messages) -> None:
        """Hand messages over, when there is room for them."""
        size = int(messages.sizes.sum())
        room = max(len(messages), min(_MOST_IN_FLIGHT, _MOST_BYTES_IN_FLIGHT * len(messages) // max(1, size)))
        self._wait(room - len(messages))
        for partition, part in messages.by_partition():
            self._produce(part, partition)
        self._bytes += size
        self._client.poll(0)

    def _produce(self, messages: Messages, partition: int) -> None:
        """Queue messages of one partition; the first and the last of them tell where they come to lie."""
        if messages.headers or messages.timestamps is not None:
            self._produce_each(messages, partition)
            return
        values, keys = messages.values.to_list(), messages.keys.to_list()
        queued: list[dict[str, Any]] = [{"value": value, "key": key} for value, key in zip(values, keys, strict=True)]
        queued[0]["callback"] = queued[-1]["callback"] = self._placed
        try:
            count = self._client.produce_batch(
                self._config.topic, queued, partition=partition, on_delivery=self._delivered
            )
        except BufferError as error:
            raise self._overrun() from error
        except KafkaException as error:
            raise self._given_up(error.args[0]) from error
        self._sent += count
        if count < len(queued):
            reason = next((one["_error"] for one in queued if one.get("_error") is not None), None)
            raise self._given_up(reason) if isinstance(reason, KafkaError) else self._overrun()

    def _produce_each(self, messages: Messages, partition: int) -> None:
        """As `_produce`, one by one: the client takes headers and timestamps in no other way."""
        names = [name for name, _ in messages.headers]
        columns = [content.to_list() for _, content in messages.headers]
        rows = zip(*columns, strict=True) if columns else itertools.repeat((), len(messages))
        times = [0] * len(messages) if messages.timestamps is None else messages.timestamps.tolist()
        last = len(messages) - 1
        for place, (value, key, at, headers) in enumerate(
            zip(messages.values.to_list(), messages.keys.to_list(), times, rows, strict=True)
        ):
            try:
                self._client.produce(
                    self._config.topic,
                    value=value,
                    key=key,
                    partition=partition,
                    timestamp=at,
                    headers=list(zip(names, headers, strict=True)),
                    on_delivery=self._placed if place in {0, last} else self._delivered,
                )
            except BufferError as error:
                raise self._overrun() from error
            except KafkaException as error:
                raise self._given_up(error.args[0]) from error
            self._sent += 1

    def _delivered(self, error: KafkaError | None, _: Message) -> None:
        self._acknowledged += 1
        if error is not None and self._failed is None:
            self._failed = error

    def _placed(self, error: KafkaError | None, message: Message) -> None:
        self._delivered(error, message)
        offset, partition = message.offset(), message.partition()
        if error is None and offset is not None and partition is not None:
            first, last = self._ranges.get(partition, (offset, offset))
            self._ranges[partition] = min(first, offset), max(last, offset)

    def _wait(self, most: int) -> None:
        """Wait until at most so many messages are on their way; each of the others has been acknowledged."""
        told_at, told = time.monotonic(), self._acknowledged
        looked_at = told_at
        while self._sent - self._acknowledged > most and self._failed is None:
            if most:
                self._client.poll(0.1)
            else:
                self._client.flush(0.1)
            now = time.monotonic()
            if self._acknowledged > told:
                told_at, told, looked_at = now, self._acknowledged, now
            elif now - told_at > self._limits.call:
                self._drop()
                message = (
                    f'topic "{self._config.topic}": the cluster has acknowledged nothing for {now - told_at:.0f} s'
                )
                raise TransientSinkError("DEST_UNAVAILABLE", message)
            elif now - looked_at > _LOOK_SECONDS:
                if (missing := self._missing()) is not None:
                    self._drop()
                    raise missing
                looked_at = time.monotonic()
        if self._failed is not None:
            raise self._given_up(self._failed)

    # Clients.

    @property
    def _client(self) -> Producer:
        if self._producer is None:
            raise TransientSinkError("DEST_UNAVAILABLE", f"shard {self._group} has no open producer")
        return self._producer

    @property
    def _open_reader(self) -> Consumer:
        if self._reader is None:
            raise TransientSinkError("DEST_UNAVAILABLE", f"shard {self._group} has no open producer")
        return self._reader

    def _made_producer(self, topic: Topic) -> Producer:
        config, longest_ms = self._config, max(1000, round(self._limits.idle * 1500))
        settings: dict[str, Any] = {
            **self._connection.client_settings(),
            "acks": "1" if config.acks is Acks.LEADER else "all",
            "enable.idempotence": config.acks is Acks.ALL,
            "compression.type": config.compression.value.lower(),
            "linger.ms": 10,
            "batch.num.messages": 20_000,
            "batch.size": min(1_000_000, topic.max_bytes),
            "message.max.bytes": max(1000, topic.max_bytes),
            "queue.buffering.max.messages": 2 * _MOST_IN_FLIGHT,
            "queue.buffering.max.kbytes": 2**20,
            "message.timeout.ms": min(longest_ms, round(self._limits.call * 1000)),
            "socket.timeout.ms": min(longest_ms, round(max(1.0, self._limits.call / 2) * 1000)),
        }
        if self._is_exact:
            settings["transactional.id"] = self._group
            settings["transaction.timeout.ms"] = longest_ms
        return Producer(settings, logger=Silent())

    def _found(self) -> Topic:
        """The topic; raises SinkError when it is not there or cannot be asked for."""
        try:
            topic = find_topic(self._connection, self._config.topic, timeout_s=self._limits.connect)
        except ConnectionFailed as failed:
            raise error_of(failed) from failed
        if topic is None:
            raise _gone(self._config.topic)
        return topic

    def _missing(self) -> SinkError | None:
        """That the topic is gone, if that is so; nobody who is away says so."""
        try:
            topic = find_topic(self._connection, self._config.topic, timeout_s=self._limits.connect)
        except ConnectionFailed:
            return None
        return _gone(self._config.topic) if topic is None else None

    def _overrun(self) -> SinkError:
        self._drop()
        return TransientSinkError("DEST_UNAVAILABLE", f'topic "{self._config.topic}": more is on its way than fits')

    def _drop(self) -> None:
        """Let go of the clients; what they have not committed is not kept."""
        producer, reader = self._producer, self._reader
        self._producer = self._reader = None
        if producer is not None and self._is_exact and self._began_at is not None:
            # Else readers of what is committed would wait behind it until the cluster ends it.
            with suppress(KafkaException):
                producer.abort_transaction(_ABORT_SECONDS)
        self._began_at = None
        if producer is not None:
            producer.purge()
        if reader is not None:
            reader.close()


def _gone(topic: str) -> SinkError:
    return TerminalSinkError("DEST_SCHEMA", f'there is no topic "{topic}"; make it, or see topicPolicy')

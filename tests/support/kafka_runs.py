"""Runs into topics without Django, in one process or in several that may be killed at any time."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from functools import cache
from typing import Any

from confluent_kafka import Message

from engine.cuts import Cuts
from engine.issues import Severity
from engine.span import Span
from generators.plan import Plan
from sdg_project.hosts import HostPolicy
from sinks.connections.kafka import KafkaConnection, KafkaConnectionConfig
from sinks.destinations.base import Delivery, Sink, Written
from sinks.destinations.kafka import KafkaDestination
from sinks.kafka.config import KafkaConfig
from sinks.kafka.messages import MessageMaker
from sinks.kafka.positions import Position
from sinks.kafka.shard import TopicWriter
from tests.support.file_runs import STARTED_AT, made_plan
from tests.support.shards import carried, write_to_end

RUN_ID = "11111111-aaaa"


@dataclass(frozen=True)
class KafkaRun:
    """A run into a topic, and which share of its work is to be done."""

    address: str
    topic: str
    config: Mapping[str, Any] = field(default_factory=dict)
    connection: Mapping[str, Any] = field(default_factory=dict)
    records: int = 300
    frame: int = 64
    run_id: str = RUN_ID
    owner: str = "command line:tests"
    shards: int = 1
    only: Sequence[int] | None = None
    """Numbers of the shards to write; None for all."""
    epoch: int = 1
    failpoints: str = ""
    broken: str = ""
    """A known-bad writer of this module."""

    def but(self, **changes: Any) -> KafkaRun:
        return replace(self, **changes)

    def as_json(self) -> dict[str, Any]:
        return asdict(self)

    @property
    def plan(self) -> Plan:
        return plan_of(self.records)

    def destination(self, plan: Plan | None = None, *, policy: HostPolicy | None = None) -> KafkaDestination:
        """The destination of the run, whose config must be right; `plan` takes the place of the usual one."""
        plan, cuts = plan or self.plan, Cuts(self.frame)
        given = {"bootstrapServers": self.address, **self.connection}
        secrets = {name: given.pop(name) for name in KafkaConnection.secret_names if name in given}
        server = KafkaConnection(
            KafkaConnectionConfig.model_validate(given), secrets, policy=policy or HostPolicy(is_production=False)
        )
        kind = BROKEN[self.broken] if self.broken else KafkaDestination
        config = KafkaConfig.model_validate({"topic": self.topic, "key": "${id}", **self.config})
        delivery = Delivery(
            run_id=self.run_id,
            owner=self.owner,
            generator_name=plan.definition.name,
            started_at=STARTED_AT,
            schema=plan.schema,
            spec_hash=plan.spec_hash,
            cuts=cuts,
            shards=tuple(cuts.shards(Span(0, self.records), self.shards)),
            root="",
            connect=lambda: server,
        )
        destination = kind(config, delivery)
        if errors := [issue for issue in destination.check() if issue.severity is Severity.ERROR]:
            raise ValueError(errors)
        return destination


@cache
def plan_of(records: int) -> Plan:
    """Some fields, of which no two records are alike."""
    mappings: list[dict[str, Any]] = [
        {"fieldName": "n", "type": "SEQUENCE", "params": {"start": 0}},
        {"fieldName": "id", "type": "UUID_GENERATED"},
        {"fieldName": "amount", "type": "NUMERIC_RANGE", "params": {"min": 1, "max": 500, "scale": 2}, "nullRate": 0.2},
        {"fieldName": "status", "type": "ENUM_RANDOM", "params": {"values": ["NEW", "PAID"]}},
        {"fieldName": "gone", "type": "ENUM_RANDOM", "params": {"values": [True, False]}},
        {"fieldName": "place", "type": "NUMERIC_RANGE", "params": {"min": 0, "max": 1}},
        {
            "fieldName": "createdAt",
            "type": "TIMESTAMP_GENERATED",
            "params": {"mode": "RANGE", "from": "2026-01-01T00:00:00Z", "to": "2026-02-01T00:00:00Z"},
        },
    ]
    document = {"name": "orders", "recordCount": records, "fieldMappings": mappings}
    return made_plan(document, pools={}, seed=1, records=records)


def carry(
    run: KafkaRun, plan: Plan | None = None, *, on_sink: Callable[[Sink], object] = lambda sink: None
) -> Sequence[Written]:
    """Do a share of a run's work in this process; each commit is at a frame. All of it is also finalized."""
    plan = plan or run.plan
    destination = run.destination(plan)
    destination.prepare()
    for number in range(run.shards) if run.only is None else run.only:
        sink = destination.sink(number)
        on_sink(sink)
        write_shard(run, plan, destination, sink, number)
    return destination.finalize() if run.only is None else []


def write_shard(run: KafkaRun, plan: Plan, destination: KafkaDestination, sink: Sink, number: int) -> None:
    """Write a shard from where it stands to its end."""
    write_to_end(sink, plan, destination, shard=destination.delivery.shards[number], epoch=run.epoch)


def expected(run: KafkaRun, plan: Plan | None = None, *, partitions: int = 1) -> list[tuple[Any, Any]]:
    """Key and value of every message that the run is to leave, in order of their records."""
    plan = plan or run.plan
    config = KafkaConfig.model_validate({"topic": run.topic, "key": "${id}", **run.config})
    made = MessageMaker(config, plan.schema, partitions=partitions).messages(plan.batch(Span(0, run.records)))
    return list(zip(made.keys.to_list(), made.values.to_list(), strict=True))


def told(messages: Sequence[Message]) -> list[tuple[Any, Any]]:
    """Key and value of messages."""
    return [(message.key(), message.value()) for message in messages]


class EarlyPositions(TopicWriter):
    """Says how far it is outside of the transaction, and before that is committed."""

    def _commit_position(self, position: Position) -> None:
        self._open_reader.commit(offsets=[position.on(self._config.topic)], asynchronous=False)
        super()._commit_position(position)


class Unfenced(TopicWriter):
    """Has no transactions: the position follows the messages, and does not come with them."""


def _destination(writer: type[TopicWriter]) -> type[KafkaDestination]:
    class Broken(KafkaDestination):
        def _writer(self, shard: int) -> TopicWriter:
            sink = super()._writer(shard)
            sink.__class__ = writer
            if writer is Unfenced:
                sink._is_exact = False
            return sink

    return Broken


BROKEN: dict[str, Any] = {kind.__name__: _destination(kind) for kind in (EarlyPositions, Unfenced)}


def carry_as_json(document: Mapping[str, Any]) -> dict[str, Any]:
    """What a process of its own does and says."""
    return carried(KafkaRun(**document), carry)

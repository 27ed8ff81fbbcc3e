"""Servers and processes for the tests of topics."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.support.kafka import Kafka, some_broker
from tests.support.kafka_runs import KafkaRun
from tests.support.nursery import Nursery
from tests.support.schema_registry import SchemaRegistry, some_registry


@pytest.fixture(scope="session")
def kafka() -> Kafka:
    return some_broker()


@pytest.fixture(scope="session")
def registry() -> SchemaRegistry:
    return some_registry()


@pytest.fixture(scope="module")
def nursery() -> Iterator[Nursery]:
    found = Nursery()
    yield found
    found.close()


@pytest.fixture
def new_run(kafka: Kafka) -> Callable[..., KafkaRun]:
    """Makes runs into a topic of their own."""

    def make(*, partitions: int = 1, settings: dict[str, str] | None = None, **parts: Any) -> KafkaRun:
        topic = kafka.topic(partitions=partitions, **(settings or {}))
        return KafkaRun(kafka.address, topic, run_id=topic.removeprefix("sdg-")[:12], **parts)

    return make

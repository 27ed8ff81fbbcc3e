"""Topics under fire: writers that die at every step, that are late, or that are bad on purpose."""

from __future__ import annotations

import random
import time
from collections import Counter
from collections.abc import Callable

import pytest
from confluent_kafka import Producer

from engine.span import Span
from sinks.destinations.base import Sink
from sinks.errors import Fenced, TransientSinkError
from sinks.time_limits import TimeLimits
from tests.support.kafka import Kafka
from tests.support.kafka_runs import KafkaRun, carry, expected, told, write_shard
from tests.support.nursery import Nursery

NewRun = Callable[..., KafkaRun]
STEPS = [
    "kafka.open.fenced",
    "kafka.open.marked",
    "kafka.write.sent",
    "kafka.commit.begun",
    "kafka.commit.acknowledged",
    "kafka.commit.positioned",
    "kafka.commit.done",
]


@pytest.mark.parametrize("step", STEPS)
def test_a_writer_that_dies_at_a_step_leaves_every_record_once(
    kafka: Kafka, nursery: Nursery, new_run: NewRun, step: str
) -> None:
    run = new_run()
    hit = 1 if step.startswith("kafka.open") else 3

    died = nursery.run(run.but(failpoints=f"{step}=kill@{hit}"))
    done = nursery.run(run.but(epoch=2))

    assert died.killed
    assert done.done
    assert told(kafka.messages(run.topic)) == expected(run)


@pytest.mark.parametrize("seed", [1])
def test_a_storm_of_kills_leaves_every_record_once(kafka: Kafka, nursery: Nursery, new_run: NewRun, seed: int) -> None:
    run = new_run(partitions=3, records=60_000, frame=1024, shards=3)
    chance = random.Random(seed)
    kills = 0
    epoch = 0

    while kills < 4:
        epoch += 1
        kills += nursery.run(run.but(epoch=epoch), kill_after=chance.uniform(0.2, 2.5)).killed
        if epoch > 20:
            break
    done = nursery.run(run.but(epoch=epoch + 1))

    assert done.done
    found = told(kafka.messages(run.topic))
    assert Counter(found) == Counter(expected(run, partitions=3))


@pytest.mark.parametrize(
    ("broken", "step"), [("EarlyPositions", "kafka.commit.positioned"), ("Unfenced", "kafka.commit.acknowledged")]
)
def test_a_writer_that_is_bad_on_purpose_is_found_out(
    kafka: Kafka, nursery: Nursery, new_run: NewRun, broken: str, step: str
) -> None:
    run = new_run(broken=broken)

    assert nursery.run(run.but(failpoints=f"{step}=kill@3")).killed
    assert nursery.run(run.but(epoch=2)).done

    assert told(kafka.messages(run.topic)) != expected(run)


def test_a_writer_that_comes_too_late_is_shut_out(kafka: Kafka, new_run: NewRun) -> None:
    run = new_run()
    destination = run.destination()
    late, owner = destination.sink(0), destination.sink(0)
    assert late.open(1) == 0
    late.write(run.plan.batch(Span(0, 64)))

    write_shard(run.but(epoch=2), run.plan, destination, owner, 0)

    with pytest.raises(Fenced):
        late.commit(64)
    with pytest.raises(Fenced):
        late.open(1)
    assert told(kafka.messages(run.topic)) == expected(run)


def test_a_late_writer_that_opens_again_costs_the_owner_no_record(kafka: Kafka, new_run: NewRun) -> None:
    run = new_run()
    destination = run.destination()
    late, owner = destination.sink(0), destination.sink(0)
    owner.open(2)
    owner.write(run.plan.batch(Span(0, 64)))

    with pytest.raises(Fenced):
        late.open(1)
    with pytest.raises(TransientSinkError):  # the cluster has ended its transaction
        owner.commit(64)

    write_shard(run.but(epoch=2), run.plan, destination, owner, 0)
    assert told(kafka.messages(run.topic)) == expected(run)


def test_a_foreign_transaction_that_hangs_open_does_not_mislead_who_takes_over(kafka: Kafka, new_run: NewRun) -> None:
    run = new_run()
    foreign = Producer({"bootstrap.servers": kafka.address, "transactional.id": f"foreign-{run.topic}"})
    foreign.init_transactions()
    foreign.begin_transaction()
    foreign.produce(run.topic, b"foreign")
    foreign.flush()
    destination = run.destination()
    first, second = destination.sink(0), destination.sink(0)
    first.open(1)
    first.write(run.plan.batch(Span(0, 64)))
    first.commit(64)
    first.close()

    assert second.open(2) == 64

    second.close()
    write_shard(run.but(epoch=3), run.plan, destination, destination.sink(0), 0)
    foreign.abort_transaction()
    assert told(kafka.messages(run.topic)) == expected(run)


def test_a_writer_that_closes_without_a_commit_keeps_no_reader_waiting(kafka: Kafka, new_run: NewRun) -> None:
    run = new_run()
    sink = run.destination().sink(0)
    sink.open(1)
    sink.write(run.plan.batch(Span(0, 64)))

    sink.close()

    producer = Producer({"bootstrap.servers": kafka.address})
    producer.produce(run.topic, b"later")
    producer.flush()
    assert told(kafka.messages(run.topic)) == [(None, b"later")]


def test_a_transaction_that_takes_too_long_is_made_again(kafka: Kafka, new_run: NewRun) -> None:
    run = new_run()
    destination = run.destination()
    sink: Sink = destination.sink(0)
    sink._limits = TimeLimits(connect=5, call=10, lock=1, idle=0.6)  # type: ignore[attr-defined]
    sink.open(1)
    sink.write(run.plan.batch(Span(0, 64)))
    sink._wait(0)  # type: ignore[attr-defined]  # so that the cluster has the transaction
    time.sleep(3)

    with pytest.raises(TransientSinkError):
        sink.commit(64)

    write_shard(run, run.plan, destination, destination.sink(0), 0)
    assert told(kafka.messages(run.topic)) == expected(run)


def test_a_lost_position_is_told_as_the_beginning_of_the_shard(kafka: Kafka, new_run: NewRun) -> None:
    run = new_run()
    carry(run)

    kafka.call("delete_consumer_groups", [f"sdg.{run.run_id}.0"])

    sink = run.destination().sink(0)
    assert sink.open(2) == 0
    sink.close()


def test_at_least_once_leaves_no_record_out(kafka: Kafka, nursery: Nursery, new_run: NewRun) -> None:
    run = new_run(config={"delivery": "AT_LEAST_ONCE"})

    assert nursery.run(run.but(failpoints="kafka.commit.acknowledged=kill@3")).killed
    assert nursery.run(run.but(epoch=2)).done

    found = told(kafka.messages(run.topic))
    assert set(found) == set(expected(run))
    assert len(found) > run.records

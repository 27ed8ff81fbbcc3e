"""Records to a topic exactly once, beside ProducerPerformance of Apache Kafka with transactions on the same broker.

Both send the same values with the same compression and batches, and commit about once a second; ours are made on the
way and have keys, theirs come from a file that is ready and have none. The time that Java takes to start does not
count.
"""

from __future__ import annotations

import re
import statistics
import subprocess
import tempfile
import time
from pathlib import Path

from engine.cuts import Cuts
from engine.span import Span
from generators.runs.runner import Watch, finish, run_slice
from sinks.messages.json_values import JsonValues
from tests.support.kafka import VERSION, Kafka, some_broker
from tests.support.kafka_runs import KafkaRun, plan_of
from tests.support.maven import java, libraries

RECORDS = 1_000_000
_SAMPLE = 20_000
_PARTITIONS = 4


def bench(rounds: int) -> None:
    """Records per second of both, in turns, and their ratio."""
    kafka = some_broker()
    ours: list[float] = []
    theirs: list[float] = []
    with tempfile.TemporaryDirectory() as folder:
        payloads = Path(folder) / "values"
        plan = plan_of(RECORDS)
        values = JsonValues(plan.schema).values(plan.batch(Span(0, _SAMPLE)))
        payloads.write_bytes(b"\n".join(values.to_list()) + b"\n")
        for _ in range(rounds + 1):
            ours.append(_ours(kafka))
            theirs.append(_producer_performance(kafka, payloads))
    # The first of each is the warm-up.
    own, yardstick = statistics.median(ours[1:]), statistics.median(theirs[1:])
    print(f"\nKAFKA, {RECORDS:,} records of {len(values[0])} bytes, {_PARTITIONS} partitions, exactly once")
    print(f"  sdg                  {own:>12,.0f} records/s")
    print(f"  ProducerPerformance  {yardstick:>12,.0f} records/s")
    print(f"  ratio                {own / yardstick:>12.2f}")


def _ours(kafka: Kafka) -> float:
    topic = kafka.topic(partitions=_PARTITIONS)
    run = KafkaRun(kafka.address, topic, run_id=topic.removeprefix("sdg-")[:12], records=RECORDS)
    plan, destination = plan_of(RECORDS), run.destination()
    sink = destination.sink(0)
    start = sink.open(1)
    began = time.perf_counter()
    finish(
        run_slice(
            plan,
            sink,
            shard=Span(0, RECORDS),
            next_record=start,
            cuts=Cuts(65_536),
            batch_size=None,
            watch=Watch(),
        )
    )
    taken = time.perf_counter() - began
    sink.close()
    kafka.call("delete_topics", [topic])
    return RECORDS / taken


def _producer_performance(kafka: Kafka, payloads: Path) -> float:
    topic = kafka.topic(partitions=_PARTITIONS)
    classes = libraries("org.apache.kafka", "kafka-tools", VERSION)
    properties = {
        "bootstrap.servers": kafka.address,
        "acks": "all",
        "compression.type": "lz4",
        "linger.ms": "10",
        "batch.size": "1000000",
        "buffer.memory": str(64 * 2**20),
    }
    done = subprocess.run(
        [
            *(java(), "-Xmx512m", "-cp", f"{classes}/*", "org.apache.kafka.tools.ProducerPerformance"),
            *("--topic", topic, "--num-records", str(RECORDS), "--throughput", "-1"),
            *("--payload-file", str(payloads), "--transactional-id", f"perf-{topic}"),
            *("--transaction-duration-ms", "1000", "--producer-props"),
            *(f"{name}={value}" for name, value in properties.items()),
        ],
        capture_output=True,
        text=True,
        check=True,
        timeout=300,
    )
    kafka.call("delete_topics", [topic])
    found = re.findall(r"([\d.]+) records/sec", done.stdout)
    return float(found[-1])

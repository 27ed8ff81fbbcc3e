"""How fast records reach each destination with a server, beside what the server's own makers measure it with."""

from __future__ import annotations

from tests.bench.sinks.kafka import bench_kafka


def bench_sinks(rounds: int) -> None:
    """All destinations with a server, one after the other."""
    bench_kafka(rounds)

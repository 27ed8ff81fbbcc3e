"""Records a second into a server of the Redis protocol, beside ``redis-benchmark -P``, or a plain client without it.

Both write to one server on this machine, in turns. What they write is of one size.
"""

from __future__ import annotations

import shutil
import socket
import subprocess
import uuid
from collections.abc import Callable
from typing import Any

from engine.cuts import Cuts
from engine.span import Span
from generators.runs.runner import Watch, finish, run_slice
from sinks.destinations.base import Delivery, destinations
from sinks.dragonfly.commands import Commands
from sinks.dragonfly.protocol import command
from tests.bench.__main__ import BATCH, STARTED_AT, median_seconds, orders_plan
from tests.support.redis import Redis, some_server

RECORDS, PIPELINE = 262_144, 500
_YARDSTICK = "redis-benchmark"


def bench(rounds: int) -> None:
    """Orders as strings, hashes, lists and streams, each exactly once, beside what the server takes at best."""
    kinds = {
        "STRING": {"keyTemplate": "b:${orderId}"},
        "STRING, made before": {"keyTemplate": "b:${orderId}"},
        "HASH": {"keyTemplate": "b:${orderId}"},
        "LIST": {"keyTemplate": "b"},
        "STREAM": {"keyTemplate": "b"},
    }
    with some_server() as server:
        contestants: dict[str, Callable[[], object]] = {}
        for name, config in kinds.items():
            kind, _, before = name.partition(",")
            told = {**config, "dataType": kind, "pipelineSize": PIPELINE}
            contestants[name] = _made_before(server, told) if before else lambda told=told: _write(server, told)
        yardstick, label = _yardstick(server)
        contestants[label] = yardstick
        seconds = median_seconds(contestants, min(rounds, 3))
    print("\n== orders to a server of the Redis protocol, one shard, both on this machine: records per second")
    for name, taken in seconds.items():
        ratio = seconds[label] / taken
        print(f"  {RECORDS / taken:>12,.0f}  {ratio:5.2f} of {label}  {name}")


def _write(server: Redis, config: dict[str, Any]) -> None:
    """One undisturbed run, exactly once."""
    server.ask("FLUSHDB")
    plan, kind, cuts = orders_plan(), destinations["DRAGONFLY"], Cuts(BATCH)
    connection = server.connection()
    delivery = Delivery(
        run_id=uuid.uuid4().hex,
        owner="bench",
        generator_name="bench",
        started_at=STARTED_AT,
        schema=plan.schema,
        spec_hash="",
        cuts=cuts,
        shards=(Span(0, RECORDS),),
        root="",
        connect=lambda: connection,
    )
    destination = kind(kind.Config.model_validate(config), delivery)
    destination.prepare()
    sink = destination.sink(0)
    finish(
        run_slice(
            plan,
            sink,
            shard=delivery.shards[0],
            next_record=sink.open(1),
            cuts=cuts,
            batch_size=None,
            watch=Watch(),
        )
    )
    sink.close()
    destination.finalize()


def _made_before(server: Redis, config: dict[str, Any]) -> Callable[[], object]:
    """Only the way to the server: the commands are ready, the replies are read as those of a run."""
    plan, kind = orders_plan(), destinations["DRAGONFLY"]
    commands = Commands(plan.schema, kind.Config.model_validate(config), spec_hash="")
    rows = [commands.commands(plan.batch(Span(start, BATCH))) for start in range(0, RECORDS, BATCH)]

    def send() -> None:
        server.ask("FLUSHDB")
        with server.client() as client:
            waiting = []
            for one in rows:
                for start, end in one.pipelines(0, PIPELINE):
                    client.send(one.part(start, end))
                    waiting.append(b"+" * (end - start))
                    if len(waiting) > 1:
                        client.simple_replies(waiting.pop(0))
            for expected in waiting:
                client.simple_replies(expected)

    return send


def _yardstick(server: Redis) -> tuple[Callable[[], object], str]:
    """What writes SET of the same size as fast as it can."""
    plan, kind = orders_plan(), destinations["DRAGONFLY"]
    config = kind.Config.model_validate({"keyTemplate": "b:${orderId}"})
    size = int(Commands(plan.schema, config, spec_hash="").values(plan.batch(Span(0, 1000))).str.len_bytes().mean())  # type: ignore[arg-type]
    host, port = str(server.config["host"]), int(str(server.config["port"]))
    program = shutil.which(_YARDSTICK)
    if program is not None:
        words = [program, "-h", host, "-p", str(port), "-P", str(PIPELINE), "-c", "1", "-t", "set", "-q"]
        words += ["-n", str(RECORDS), "-r", str(10**9), "-d", str(size)]

        def benchmark() -> None:
            server.ask("FLUSHDB")
            subprocess.run(words, check=True, capture_output=True)

        return benchmark, f"{_YARDSTICK} -P {PIPELINE}"
    payload = b"".join(command("SET", f"b:{number:036d}", "x" * size) for number in range(RECORDS))

    def plain() -> None:
        server.ask("FLUSHDB")
        with socket.create_connection((host, port)) as connected:
            connected.setblocking(True)
            position, answered, step = 0, 0, len(payload) // (RECORDS // PIPELINE)
            while answered < RECORDS * 5:
                if position < len(payload):
                    connected.sendall(payload[position : position + step])
                    position += step
                answered += len(connected.recv(1_000_000))

    return plain, "a plain pipelined client (redis-benchmark is not installed)"

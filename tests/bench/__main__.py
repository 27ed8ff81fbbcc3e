"""``make bench``: records per second of every field type, every format and the whole job, beside Faker.

All figures come from one run on one core; contestants take turns and medians are shown, because machines drift. The
ratios are what can be compared.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import sys
import time
import uuid
from collections.abc import Callable
from datetime import UTC, datetime
from importlib.resources import files
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from generators.plan import Plan

os.environ.setdefault("POLARS_MAX_THREADS", "1")  # before polars is loaded: figures are per core
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "sdg_project.settings")

BATCH = 65_536
STARTED_AT = datetime(2026, 1, 1, tzinfo=UTC)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5, help="how often each contestant runs; default 5")
    parser.add_argument(
        "--part",
        choices=["fields", "formats", "formulas", "orders", "pools", "rates", "service", "sinks", "start"],
        help="only one part",
    )
    arguments = parser.parse_args()
    import django

    django.setup()
    from sdg_project.memory import keep_freed_memory
    from tests.bench.formulas import bench_formulas
    from tests.bench.pools import bench_pools
    from tests.bench.rates import bench_rates
    from tests.bench.service import bench_service
    from tests.bench.sinks import bench_sinks

    keep_freed_memory()
    parts: dict[str, Callable[[int], None]] = {
        "fields": bench_fields,
        "formats": bench_formats,
        "formulas": bench_formulas,
        "orders": bench_orders,
        "pools": bench_pools,
        "rates": bench_rates,
        "service": bench_service,
        "sinks": bench_sinks,
        "start": bench_start,
    }
    for name, part in parts.items():
        if arguments.part in {None, name}:
            part(arguments.rounds)


def median_seconds(
    contestants: dict[str, Callable[[], object]], rounds: int, clock: Callable[[], float] = time.perf_counter
) -> dict[str, float]:
    """The median time of each contestant, all of them in turn after a warm-up."""
    times: dict[str, list[float]] = {name: [] for name in contestants}
    for contestant in contestants.values():
        contestant()
    for _ in range(rounds):
        for name, contestant in contestants.items():
            started = clock()
            contestant()
            times[name].append(clock() - started)
    return {name: statistics.median(taken) for name, taken in times.items()}


def bench_fields(rounds: int) -> None:
    """How many values a second each field type makes, for each of its example parameter sets."""
    from engine.span import Span
    from tests.generators.fields.examples import examples, plan_of

    print(f"\n== values per second and core, by field type (batches of {BATCH:,})")
    for kind, parameter_sets in examples().items():
        for params in parameter_sets:
            plan = plan_of(kind, params)
            start = 0

            def batch(plan: Plan = plan, start: int = start) -> object:
                return plan.batch(Span(start, BATCH))

            seconds = median_seconds({kind: batch}, rounds)[kind]
            shown = json.dumps(params, default=str)
            print(f"  {BATCH / seconds:>14,.0f}  {seconds / BATCH * 1e9:7.1f} ns  {kind} {shown[:90]}")


def orders_plan() -> Plan:
    from generators.definition import read_definition
    from generators.examination import compile_plan
    from generators.facts import RunFacts
    from generators.planning import PoolShelf

    facts = RunFacts(seed=42, started_at=STARTED_AT, record_count=10**12)
    return compile_plan(read_definition(orders_document()), facts=facts, pools=PoolShelf())


def orders_document() -> dict[str, Any]:
    """The definition of orders that the demo runs."""
    from sdg_project.documents import parse_documents

    text = files("generators.bundles").joinpath("orders.yaml").read_text(encoding="utf-8")
    [document] = parse_documents(text, origin="orders.yaml")
    value: dict[str, Any] = document.value
    return value


def bench_formats(rounds: int) -> None:
    """How many records of the orders schema a second are made and encoded, per format."""
    from engine.span import Span
    from sinks.encoding.base import encoders
    from sinks.encoding.compression import Compression

    plan = orders_plan()
    span = Span(0, BATCH)

    def encode(kind: str, compression: Compression) -> Callable[[], object]:
        encoder = encoders[kind](plan.schema, encoders[kind].Options(), compression)
        return lambda: encoder.frame(plan.batch(span))

    contestants: dict[str, Callable[[], object]] = {"generate only": lambda: plan.batch(span)}
    for kind in encoders:
        for compression in Compression:
            contestants[f"{kind} {compression}"] = encode(kind, compression)
    print("\n== orders, 12 columns: records per second and core, in memory")
    for name, seconds in median_seconds(contestants, rounds).items():
        print(f"  {BATCH / seconds:>14,.0f}  {seconds / BATCH * 1e9:7.1f} ns  {name}")


def bench_orders(rounds: int) -> None:
    """The whole job, definition to JSON Lines file, beside Faker doing the same."""
    import tempfile
    from pathlib import Path

    from tests.bench.faker_orders import write_orders

    count, faker_count = 2_000_000, 2_000
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)

        def ours() -> None:
            write_plan(root / "ours.jsonl", count)

        def faker() -> None:
            write_orders(root / "faker.jsonl", faker_count)

        seconds = median_seconds({"sdg": ours, "Faker": faker}, rounds)
    mine, theirs = count / seconds["sdg"], faker_count / seconds["Faker"]
    print("\n== orders to a JSON Lines file, one process: records per second")
    print(f"  {mine:>14,.0f}  sdg, exactly once, with fsync and checksum")
    print(f"  {theirs:>14,.0f}  Faker, every value from a provider")
    print(f"  ratio {mine / theirs:,.0f}")


def write_plan(path: object, count: int) -> None:
    """One undisturbed run of the orders plan through the FILE destination."""
    from pathlib import Path

    from engine.cuts import Cuts
    from engine.span import Span
    from generators.runs.runner import Watch, finish, run_slice
    from sinks.destinations.base import Delivery, destinations

    target = Path(str(path))
    plan = orders_plan()
    kind, cuts = destinations["FILE"], Cuts(BATCH)
    delivery = Delivery(
        run_id=uuid.uuid4().hex,  # a run that is done is not done again
        owner="bench",
        generator_name="bench",
        started_at=STARTED_AT,
        schema=plan.schema,
        spec_hash="",
        cuts=cuts,
        shards=tuple(cuts.shards(Span(0, count), 1)),
        root=str(target.parent),
    )
    destination = kind(kind.Config.model_validate({"path": target.name}), delivery)
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
    destination.close()


def bench_start(rounds: int) -> None:
    """How long a person waits: cold starts of whole commands."""
    import subprocess
    import tempfile
    from pathlib import Path

    sdg = [sys.executable, "-c", "from sdg_project.cli import main; main()"]
    with tempfile.TemporaryDirectory() as folder:
        environment = os.environ | {"SDG_HOME": str(Path(folder) / "home"), "PYTHONPATH": os.getcwd()}
        environment.pop("POLARS_MAX_THREADS")

        def run(*arguments: str) -> Callable[[], object]:
            return lambda: subprocess.run(
                [*sdg, *arguments], check=True, capture_output=True, env=environment, cwd=folder
            )

        run("init", "orders.yaml")()
        contestants = {
            "sdg --help": run("--help"),
            "sdg preview (10 records)": run("preview", "orders.yaml"),
            "sdg preview --start 999999999990": run("preview", "orders.yaml", "--start", "999999999990"),
        }
        seconds = median_seconds(contestants, rounds)
    print("\n== cold starts")
    for name, taken in seconds.items():
        print(f"  {taken:8.3f} s  {name}")


if __name__ == "__main__":
    main()

"""Workers that are killed, at every step of a slice and in storms; and a faulty writer that must be found out."""

from __future__ import annotations

import random
import re
import signal
from pathlib import Path
from typing import Any

import pytest

from tests.support.api import definition
from tests.support.sdg import ROOT, killed_after
from tests.support.yard import Yard

COUNT = 600_000
SOURCES = sorted((ROOT / "generators" / "runs").glob("*.py"))
FAILPOINTS = sorted(
    {name for source in SOURCES for name in re.findall(r'failpoint\("(slice\.\w+)"\)', source.read_text("utf-8"))}
)


def document(**changes: Any) -> dict[str, Any]:
    config = {"path": "orders.jsonl"}
    return definition(
        onError="CONTINUE",
        streamName="orders",
        seed=42,
        recordCount=COUNT,
        destination={"type": "FILE", "config": config},
        **changes,
    )


@pytest.fixture(scope="module")
def calm(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """What an undisturbed run writes."""
    yard = Yard.at(tmp_path_factory.mktemp("calm"))
    yard.start(document())
    assert yard.finish() == "COMPLETED"
    return (yard.out / "orders.jsonl").read_bytes()


def test_every_step_has_a_failpoint() -> None:
    assert {"slice.claimed", "slice.opened", "slice.before_commit", "slice.committed", "slice.before_ring"} <= set(
        FAILPOINTS
    )
    assert len(FAILPOINTS) >= 10


@pytest.mark.parametrize("name", FAILPOINTS)
def test_c1_a_worker_that_dies_at_any_step_costs_nothing(tmp_path: Path, calm: bytes, name: str) -> None:
    yard = Yard.at(tmp_path)
    yard.start(document(shards=3))

    victim = yard.worker("--once", failpoints=f"{name}=kill")
    died = victim.wait(60) != 0

    assert died
    assert yard.finish() == "COMPLETED"
    assert (yard.out / "orders.jsonl").read_bytes() == calm


def test_a_worker_that_dies_when_the_end_of_a_live_run_is_fixed_does_not_move_it(tmp_path: Path) -> None:
    yard = Yard.at(tmp_path)
    rate = {"recordsPerSecond": 400, "catchUp": "BURST"}  # whoever owes pauses knows the end only when it is there
    live = {"generationMode": "REALTIME", "rate": rate, "endCondition": "DURATION", "durationSeconds": 1.5}
    yard.start({**document(), "recordCount": None, **live})

    victim = yard.worker("--once", failpoints="ending.fixed=kill")
    died = victim.wait(60) != 0

    fixed = yard.record_count()
    assert died
    assert fixed is not None
    assert fixed >= 600  # and what was due while it went from hand to hand
    assert yard.finish() == "COMPLETED"
    assert (yard.out / "orders.jsonl").read_bytes().count(b"\n") == yard.record_count() == fixed


def test_c7_a_record_that_kills_process_after_process_fails_the_run_and_is_named(tmp_path: Path) -> None:
    yard = Yard.at(tmp_path)
    yard.start({**document(), "recordCount": 10_000})

    ends = yard.work_and_die(record=7_777)

    assert ends == [signal.SIGABRT, signal.SIGABRT, signal.SIGKILL] * 2 + [0]  # the last one gives the shard up
    assert yard.status() == "FAILED"
    assert (yard.error()["code"], yard.error()["recordIndex"]) == ("POISON", 7_777)


def storm(yard: Yard, seed: int, *, kills: int = 5) -> int:
    """Two workers at a time, killed at random moments; how many were killed at work. Then one that may finish.

    A sixth kill in a row would fail the run, if there were no progress between them.
    """
    dice = random.Random(seed)
    killed = 0
    for _ in range(kills):
        workers = [yard.worker() for _ in range(2)]
        yard.wait_for_work()
        for worker in workers:
            killed += killed_after(worker, dice.uniform(0.0, 0.35))
        if yard.status() != "RUNNING":
            break
    yard.finish()
    return killed


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_c2_a_storm_of_kills_loses_and_doubles_nothing(tmp_path: Path, calm: bytes, seed: int) -> None:
    yard = Yard.at(tmp_path)
    yard.start(document(shards=3))

    killed = storm(yard, seed)

    assert killed > 0
    assert yard.status() == "COMPLETED"
    assert (yard.out / "orders.jsonl").read_bytes() == calm


@pytest.mark.parametrize(("broken", "is_exact"), [("", True), ("EarlyCheckpoints", False)])
def test_a_death_between_checkpoint_and_data_tells_a_faulty_writer_from_a_good_one(
    tmp_path: Path, calm: bytes, broken: str, is_exact: bool
) -> None:
    yard = Yard.at(tmp_path)
    yard.start(document(shards=1))

    victim = yard.worker(broken=broken, failpoints="file.write.frame=kill@3")
    assert victim.wait(60) != 0
    yard.finish(broken=broken)

    made = yard.out / "orders.jsonl"
    assert (yard.status() == "COMPLETED" and made.read_bytes() == calm) is is_exact

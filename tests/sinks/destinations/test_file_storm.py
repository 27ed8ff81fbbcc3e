"""FILE: processes that write shards side by side and are killed at random until all is done: exactly the same files."""

from __future__ import annotations

import random
import tempfile
import threading
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path

import pytest

from tests.support.file_runs import FileRun, carry, shown, tree
from tests.support.nursery import Nursery

SHARDS = 3
_RUN = FileRun("", records=48_000, frame=1000, shards=SHARDS)
RUNS = {
    "jsonl": _RUN.but(path="out.jsonl"),
    "gzip": _RUN.but(path="out.jsonl.gz"),
    "parquet": _RUN.but(path="out.parquet"),
    "parts": _RUN.but(path="out", config={"format": "CSV", "rollRecords": 2500}),
    "stopped": _RUN.but(path="out.parquet", ends=(15_321, 32_000, 40_001)),
    "stopped parts": _RUN.but(
        path="out", config={"format": "PARQUET", "rollRecords": 2500}, ends=(12_321, 28_000, 35_000)
    ),
    # To find the bad records takes most of the time.
    "rejecting": _RUN.but(path="out.csv.gz", records=1200, frame=50, ends=(375, 800, 1200), rejects=True),
}
BATCHES = (97, 1000, None)
SEEDS = (1, 2, 3)


def run_of(kind: str, root: Path) -> FileRun:
    return RUNS[kind].but(root=str(root))


@cache
def undisturbed(kind: str) -> Mapping[str, bytes]:
    with tempfile.TemporaryDirectory() as root:
        carry(run_of(kind, Path(root)))
        return tree(root)


class Storm:
    """Kills every process of a run after a random while, until it has come to its end."""

    def __init__(self, run: FileRun, seed: int, nurseries: list[Nursery]) -> None:
        self.run, self.seed, self.nurseries = run, seed, nurseries
        self.deaths = 0
        self.torn: list[str] = []

    def rage(self, kind: str) -> None:
        """Prepare, write all shards side by side, and show them, each with deaths in between."""
        self._until_done(self.run.but(only=(), finalize=False), 0)
        threads = [
            threading.Thread(
                target=self._until_done, args=(self.run.but(prepare=False, only=[number], finalize=False), number)
            )
            for number in range(SHARDS)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self._until_done(self.run.but(only=()), 0)
        for path, content in shown(tree(self.run.root)).items():
            if content != undisturbed(kind)[path]:
                self.torn.append(path)

    def _until_done(self, run: FileRun, number: int) -> None:
        luck = random.Random(f"{self.seed} {number} {run.finalize}")
        for epoch in range(1, 200):
            # Longer from time to time, so that it ends on a slow machine too.
            attempt = run.but(epoch=epoch, batch=luck.choice(BATCHES))
            outcome = self.nurseries[number].run(attempt, kill_after=luck.uniform(0, 0.02 * epoch))
            if not outcome.killed:
                break
            self.deaths += 1
        if not outcome.done:
            self.torn.append(str(outcome))


@pytest.fixture(scope="module")
def nurseries() -> Iterator[list[Nursery]]:
    nurseries = [Nursery() for _ in range(SHARDS)]
    yield nurseries
    for nursery in nurseries:
        nursery.close()


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("kind", RUNS)
def test_a_storm_of_kills_does_not_show(kind: str, seed: int, nurseries: list[Nursery], root: Path) -> None:
    storm = Storm(run_of(kind, root), seed, nurseries)

    storm.rage(kind)

    assert storm.deaths >= 3
    assert storm.torn == []
    assert tree(root) == undisturbed(kind)


@pytest.mark.parametrize("broken", ["EarlyCheckpoints", "Appending"])
def test_a_storm_finds_out_a_writer_that_is_wrong(broken: str, nurseries: list[Nursery], root: Path) -> None:
    for seed in range(20):
        storm = Storm(run_of("jsonl", root / str(seed)).but(broken=broken), seed, nurseries)
        storm.rage("jsonl")
        if storm.torn:
            return

    pytest.fail(f"{broken} has survived 20 storms")

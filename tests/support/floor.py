"""The workers' floor in this process: stored generators, and workers that take slices when a test says so."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from django.db.models.functions import Now

from generators.models import Generator, Run, Worker
from generators.runs import leases
from generators.runs.slices import SliceWorker
from generators.services.catalog import create_generator, get_generator
from generators.services.lifecycle import StartOptions, start_generator
from tests.support.api import definition

MAX_TURNS = 200


class Died(BaseException):
    """What a killed process does not say."""


def at_failpoints(patch: pytest.MonkeyPatch, act: Callable[[str], None]) -> None:
    """Call something with the name of each failpoint of a slice that is passed."""
    for module in ("ending", "runner", "slice_watch", "slices"):
        patch.setattr(f"generators.runs.{module}.failpoint", act)


@dataclass(frozen=True)
class Floor:
    """Starts runs of stored generators and lets workers work on them."""

    out: Path

    @classmethod
    def at(cls, out: Path) -> Floor:
        """With a worker that beats, so that starts are accepted."""
        floor = cls(out)
        floor.beat("somebody")
        return floor

    def beat(self, name: str) -> None:
        """A worker that is alive."""
        Worker.objects.update_or_create(
            id=name, defaults={"host": "elsewhere", "pid": 1, "version": "test", "started_at": Now(), "beat_at": Now()}
        )

    def generator(self, name: str = "orders", **changes: Any) -> Generator:
        """A stored generator that writes JSON Lines under its name."""
        given = {"seed": 42, "destination": {"type": "FILE", "config": {"path": f"{name}.jsonl"}}, **changes}
        return create_generator(definition(name, **given), by="tester")

    def start(self, name: str = "orders", **changes: Any) -> Run:
        """A generator's new run."""
        return self.run_of(start_generator(self.generator(name, **changes).pk, StartOptions(), by="tester"))

    def run_of(self, generator: Generator) -> Run:
        """The last run of a generator, as the database has it now."""
        run = get_generator(generator.pk).last_run
        assert run is not None
        return Run.objects.get(pk=run.pk)

    def turn(self, worker: SliceWorker, run: Run) -> bool:
        """One slice of whichever of a run's shards is due; whether there was one."""
        return any(worker.work(shard.pk) for shard in leases.due_shards().filter(run=run))

    def finish(self, run: Run, *workers: SliceWorker) -> Run:
        """Let workers take turns until nothing is due."""
        hands = workers or (SliceWorker("w1"),)
        turns = 0
        while self.turn(hands[turns % len(hands)], run):
            turns += 1
            assert turns < MAX_TURNS, "the run comes to no end"
        for worker in hands:
            worker.let_go()
        run.refresh_from_db()
        return run

    def deaths_at(self, step: str, run: Run, *, most: int, workers: int) -> int:
        """Let so many workers have a turn each, of whom the first ones that come to a step die there; how many did."""
        deaths = 0

        def dies(name: str) -> None:
            nonlocal deaths
            if name == step and deaths < most:
                deaths += 1
                raise Died

        with pytest.MonkeyPatch.context() as patch:
            at_failpoints(patch, dies)
            for number in range(workers):
                worker = SliceWorker(f"w{number}")
                with suppress(Died):
                    self.turn(worker, run)
                worker.let_go()
                leases.release_dead([f"w{number}"])
        return deaths

    def content(self, name: str = "orders") -> bytes:
        """What lies under a generator's name."""
        return (self.out / f"{name}.jsonl").read_bytes()

"""Anything that people, workers and deaths may do in any order: what must hold always holds, and ends exactly."""

from __future__ import annotations

import contextlib
import itertools
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from generators.enums import RunPhase, RunStatus, ShardState
from generators.models import Generator, Run, Shard
from generators.runs import leases
from generators.runs.lifecycle import ACTIONS
from generators.runs.slices import SliceWorker
from generators.services import lifecycle
from generators.services.catalog import get_generator
from sdg_project.errors import Conflict
from sinks.destinations.file import FileDestination
from sinks.files.shard import ShardWriter
from tests.support.floor import Died, Floor
from tests.support.runs import FRAME

pytestmark = pytest.mark.django_db
COUNT = 2 * FRAME + 10
_names = itertools.count()


class Life(RuleBasedStateMachine):
    """One generator with two shards and three workers."""

    floor: Floor
    calm: bytes

    @initialize()
    def create(self) -> None:
        self.name = f"life-{next(_names)}"
        self.generator: Generator = self.floor.generator(self.name, streamName="orders", recordCount=COUNT, shards=2)
        self.workers = {name: SliceWorker(name) for name in ("w1", "w2", "w3")}
        self.seen: dict[int, tuple[int, int]] = {}

    @rule(action=st.sampled_from(["start", "pause", "resume", "stop"]))
    def act(self, action: str) -> None:
        before = get_generator(self.generator.pk).status
        options = {"start": (lifecycle.StartOptions(),)}.get(action, ())
        by = {"by": "tester"} if action == "start" else {}
        refused = ""
        try:
            getattr(lifecycle, f"{action}_generator")(self.generator.pk, *options, **by)
        except Conflict as error:
            refused = error.code

        assert refused == ("" if before in ACTIONS[action] else "INVALID_TRANSITION"), (before, action)

    @rule(name=st.sampled_from(["w1", "w2", "w3"]))
    def turn(self, name: str) -> None:
        for shard in leases.due_shards():
            if self.workers[name].work(shard.pk):
                return

    @rule(
        name=st.sampled_from(["w1", "w2", "w3"]),
        step=st.sampled_from(["open", "write", "commit", "prepare", "finalize"]),
        after=st.booleans(),
        noticed=st.booleans(),
    )
    def die(self, name: str, step: str, after: bool, noticed: bool) -> None:
        owner: Any = FileDestination if step in {"prepare", "finalize"} else ShardWriter
        healthy = getattr(owner, step)

        def deadly(self: Any, *arguments: Any, **named: Any) -> None:
            if after:
                healthy(self, *arguments, **named)
            raise Died

        with pytest.MonkeyPatch.context() as patch, contextlib.suppress(Died):
            patch.setattr(owner, step, deadly)
            self.turn(name)
        self.workers[name].let_go()  # the kernel closes what a dead process had open
        self.workers[name] = SliceWorker(name)
        if noticed:
            leases.release_dead([name])

    @rule()
    def expire(self) -> None:
        Shard.objects.exclude(owner="").update(lease_until=timezone.now() - timedelta(seconds=1))

    @invariant()
    def what_always_holds(self) -> None:
        generator = get_generator(self.generator.pk)
        live = generator.runs.filter(status__in=[RunStatus.RUNNING, RunStatus.PAUSED])
        assert live.count() <= 1
        run = generator.last_run
        assert generator.status == ("CREATED" if run is None else run.status)
        for shard in Shard.objects.filter(run__generator=generator).select_related("run"):
            epoch, reached = self.seen.get(shard.pk, (0, 0))
            assert shard.epoch >= epoch
            # What stood behind a gap is taken away when a run is stopped.
            assert shard.next_record >= reached or shard.run.dropped >= reached - shard.next_record > 0
            assert shard.first_record <= shard.next_record <= shard.end_record
            if shard.run.status == RunStatus.COMPLETED:
                assert shard.state == ShardState.DONE
                assert shard.next_record == shard.end_record
            self.seen[shard.pk] = (shard.epoch, shard.next_record)

    def teardown(self) -> None:
        """However it stands: it can be brought to an exact end."""
        run = Run.objects.filter(generator=self.generator).first()
        if run is None:
            return
        if run.status in ACTIONS["resume"]:
            lifecycle.resume_generator(self.generator.pk)
        self.expire()
        for worker in self.workers.values():
            worker.let_go()
        self.floor.finish(run)
        assert run.status in {RunStatus.COMPLETED, RunStatus.STOPPED}
        assert run.phase == RunPhase.ENDED
        if run.status == RunStatus.COMPLETED:
            assert self.floor.content(self.name) == self.calm


def test_b8_whatever_happens_in_whatever_order(floor: Floor, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lifecycle, "DRAIN_SECONDS", 0.0)
    monkeypatch.setattr(lifecycle, "FENCE_SECONDS", 0.0)
    Life.floor = floor
    run = floor.finish(floor.start("calm", streamName="orders", recordCount=COUNT))
    assert run.status == "COMPLETED"
    Life.calm = floor.content("calm")

    run_state_machine_as_test(
        Life,
        settings=settings(
            max_examples=25,
            stateful_step_count=12,
            deadline=None,
            derandomize=True,
            suppress_health_check=list(HealthCheck),
        ),
    )

"""What several callers do at the same moment: threads of their own, over a control database in a file."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

import pytest
from django.db import connections

from generators.models import Generator, Run, Shard
from sdg_project.roles import Role
from tests.support.api import Caller, definition, let_a_worker_beat

pytestmark = pytest.mark.django_db(transaction=True)

STARTS = 20
REPETITIONS = 100


def _at_once(calls: Sequence[Callable[[], Any]]) -> list[Any]:
    """The answers to calls that begin at one moment, each in a thread of its own."""
    barrier = Barrier(len(calls))

    def call(one: Callable[[], Any]) -> Any:
        barrier.wait()
        try:
            return one()
        finally:
            connections.close_all()

    with ThreadPoolExecutor(len(calls)) as threads:
        return list(threads.map(call, calls))


def test_b1_of_twenty_simultaneous_starts_one_succeeds() -> None:
    let_a_worker_beat()
    caller = Caller.of(Role.EDITOR)
    stored = caller.post("/generators", definition(recordCount=300_000, shards=4)).json()

    responses = _at_once([lambda: caller.post(f"/generators/{stored['id']}/start")] * STARTS)

    statuses = [response.status_code for response in responses]
    assert (statuses.count(200), statuses.count(409)) == (1, STARTS - 1), statuses
    refused = [json.loads(response.content) for response in responses if response.status_code == 409]
    assert {problem["code"] for problem in refused} <= {"INVALID_TRANSITION", "RERUN_WOULD_COLLIDE"}
    run = Run.objects.get()
    assert sorted(Shard.objects.values_list("run", "number")) == [(run.pk, number) for number in range(4)]
    assert Generator.objects.get().last_run_id == run.pk


def test_b3_a_change_that_races_with_a_start_gives_one_version_in_full() -> None:
    let_a_worker_beat()
    caller = Caller.of(Role.EDITOR)
    first, second = definition(recordCount=11, seed=1), definition(recordCount=22, seed=2)
    path = f"/generators/{caller.post('/generators', first).json()['id']}"

    for _ in range(REPETITIONS):
        assert caller.put(path, first).status_code == 200
        changed, started = _at_once([lambda: caller.put(path, second), lambda: caller.post(f"{path}/start")])
        assert {changed.status_code, started.status_code} <= {200, 409}
        assert 200 in {changed.status_code, started.status_code}
        if started.status_code == 200:
            document = Run.objects.order_by("-number")[0].spec["document"]
            assert (document["recordCount"], document["seed"]) in {(11, 1), (22, 2)}
            if changed.status_code == 200:
                assert document["seed"] == 2
            assert caller.post(f"{path}/stop").status_code == 200

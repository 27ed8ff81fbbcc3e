"""GET /generators/{id}/metrics, and the metrics in the answer of one generator."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.db import connection
from django.db.models.functions import Now
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from generators.models import Generator, Run, Shard
from generators.runs import leases
from generators.runs.slices import SliceWorker
from generators.services.metrics import metrics_of
from pools.models import Pool
from tests.support.api import Caller, assert_problem, definition, let_a_worker_beat, work

NAMES = {
    "generatorId", "runId", "status", "health", "desiredState", "startedAt", "activeSeconds", "pausedSeconds",
    "effectiveSeed", "recordsGenerated", "recordsWritten", "recordsFailed", "recordsDeadLettered", "recordsDropped",
    "recordsDuplicated", "bytesWritten", "nextIndex", "targetRate", "currentRate", "averageRate", "behindBySeconds",
    "progress", "estimatedEndAt", "batchLatencyMs", "inFlight", "lastError", "pools", "updatedAt",
}  # fmt: skip


@pytest.fixture
def start(editor: Caller) -> Callable[..., str]:
    """Store a generator and start it, with a worker that beats but does nothing; its address."""

    def started(name: str = "orders", **changes: Any) -> str:
        let_a_worker_beat()
        destination = {"type": "FILE", "config": {"path": f"{name}.jsonl"}}
        stored = editor.post("/generators", definition(name, **{"destination": destination, **changes})).json()
        path = f"/generators/{stored['id']}"
        response = editor.post(f"{path}/start")
        assert response.status_code == 200, response.content
        return path

    return started


def _adds_up(metrics: dict[str, Any]) -> bool:
    parts = ("recordsWritten", "recordsFailed", "recordsDropped", "inFlight")
    return bool(metrics["recordsGenerated"] == sum(metrics[part] for part in parts))


def test_a_generator_that_never_ran_answers_zeros(editor: Caller) -> None:
    stored = editor.post("/generators", definition(seed=5)).json()

    metrics = editor.get(f"/generators/{stored['id']}/metrics").json()

    assert metrics.keys() == NAMES
    assert (metrics["generatorId"], metrics["status"], metrics["effectiveSeed"]) == (stored["id"], "CREATED", 5)
    assert {value for value in metrics.values() if isinstance(value, (int, float))} == {0, 5}
    assert metrics["batchLatencyMs"] == {"p50": 0, "p95": 0, "max": 0}
    assert metrics["pools"] == []


def test_an_unknown_generator_is_not_found(viewer: Caller) -> None:
    assert_problem(viewer.get(f"/generators/{uuid4()}/metrics"), 404, "NOT_FOUND")


def test_a_complete_run_has_all_its_figures(editor: Caller, start: Callable[..., str], home: Any) -> None:
    path = start(recordCount=1000)
    work()

    metrics = editor.get(f"{path}/metrics").json()

    assert metrics.keys() == NAMES
    assert _adds_up(metrics)
    assert metrics["status"] == "COMPLETED"
    assert metrics["runId"] == editor.get(path).json()["runId"]
    assert (metrics["recordsWritten"], metrics["nextIndex"], metrics["progress"]) == (1000, 1000, 1.0)
    assert metrics["bytesWritten"] == (home / "out" / "orders.jsonl").stat().st_size
    assert metrics["averageRate"] == pytest.approx(1000 / metrics["activeSeconds"], rel=0.05)
    assert metrics["pausedSeconds"] == 0
    assert metrics["estimatedEndAt"] is None
    assert 0 < metrics["batchLatencyMs"]["p50"] <= metrics["batchLatencyMs"]["max"]


def test_at_every_commit_what_was_made_is_written_or_failed_or_in_flight(
    start: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    start(recordCount=200_000)
    generator_id = Generator.objects.get().pk
    seen = []
    monkeypatch.setattr("generators.runs.runner.failpoint", lambda _: seen.append(metrics_of(generator_id)))
    monkeypatch.setattr("generators.runs.pacing.COMMIT_SECONDS", 0.0)
    work()
    seen.append(metrics_of(generator_id))

    assert all(one.generated == one.written + one.failed + one.in_flight for one in seen)
    assert [one.written for one in seen] == sorted(one.written for one in seen)
    assert any(one.in_flight > 0 for one in seen)
    assert seen[-1].written == 200_000


def test_the_arithmetic_over_several_shards_is_exact(editor: Caller, start: Callable[..., str]) -> None:
    path = start(recordCount=300_000, shards=3)
    run = Run.objects.get()
    first, second, third = run.shards.all()
    now = time.time()
    error = {"code": "DEST_UNAVAILABLE", "message": "down", "recordIndex": None, "at": "2026-01-05T10:00:40.000Z"}
    Shard.objects.filter(pk=first.pk).update(
        next_record=first.end_record,
        made_record=first.end_record,
        bytes_written=1_000,
        gauges={"positions": [[now - 5, 0], [now, 500]], "latenciesMs": [float(one) for one in range(1, 20)]},
    )
    Shard.objects.filter(pk=second.pk).update(
        next_record=second.first_record + 1_000,
        made_record=second.first_record + 1_500,
        rejected=7,
        bytes_written=24,
        gauges={"positions": [[now - 5, 0], [now, 1_000]], "latenciesMs": [100.0]},
        retrying_since=timezone.now(),
        last_error=error,
    )
    Run.objects.update(active_seconds=120.0, paused_seconds=30.0)

    metrics = editor.get(f"{path}/metrics").json()

    done = first.end_record + 1_000
    assert _adds_up(metrics)
    assert (metrics["recordsWritten"], metrics["recordsFailed"]) == (done - 7, 7)
    assert metrics["recordsDeadLettered"] == 7
    assert (metrics["inFlight"], metrics["recordsGenerated"]) == (500, done + 500)
    assert metrics["nextIndex"] == second.first_record + 1_500
    assert metrics["bytesWritten"] == 1_024
    assert metrics["progress"] == pytest.approx((done + 500) / 300_000, abs=1e-6)
    assert metrics["currentRate"] == pytest.approx(300, rel=0.2)  # (500 + 1,000) records in 5 s, and a little more
    assert metrics["activeSeconds"] == 120
    assert metrics["pausedSeconds"] == 30
    assert metrics["averageRate"] == pytest.approx((done - 7) / 120, rel=0.02)
    assert metrics["batchLatencyMs"] == {"p50": 10.0, "p95": 19.0, "max": 100.0}
    assert metrics["health"] == "RETRYING"
    assert metrics["lastError"] == {"code": "DEST_UNAVAILABLE", "at": error["at"], "recordIndex": None}
    left = (300_000 - done) / metrics["currentRate"]
    assert metrics["estimatedEndAt"] > metrics["updatedAt"]
    assert left > 0
    assert third.next_record == third.first_record


def test_a_run_without_an_end_in_sight_has_no_progress(editor: Caller, start: Callable[..., str]) -> None:
    path = start()
    Run.objects.update(record_count=None)

    metrics = editor.get(f"{path}/metrics").json()

    assert (metrics["progress"], metrics["estimatedEndAt"]) == (None, None)


def test_time_in_a_pause_is_no_active_time(editor: Caller, start: Callable[..., str]) -> None:
    path = start()
    editor.post(f"{path}/pause")
    Run.objects.update(paused_since=timezone.now() - timedelta(seconds=60))

    metrics = editor.get(f"{path}/metrics").json()

    assert (metrics["status"], metrics["desiredState"], metrics["health"]) == ("PAUSED", "PAUSE", "OK")
    assert metrics["activeSeconds"] < 5
    assert metrics["pausedSeconds"] == pytest.approx(60, abs=5)
    assert metrics["currentRate"] == 0


def test_the_pools_of_the_run_are_named_with_their_versions(editor: Caller, start: Callable[..., str]) -> None:
    rows = [{"size": "S"}, {"size": "M"}]
    assert editor.post("/pools", {"name": "sizes", "source": {"type": "INLINE", "rows": rows}}).status_code == 201
    mapping = {"fieldName": "size", "type": "POOL_REFERENCE", "params": {"pool": "sizes", "column": "size"}}
    path = start(fieldMappings=[mapping])
    editor.post("/pools/sizes/refresh")
    version = Pool.objects.get().version

    metrics = editor.get(f"{path}/metrics").json()

    assert metrics["pools"] == [{"pool": "sizes", "version": 1, "onMissing": 0}]
    assert version >= 1


def test_the_error_that_ended_a_run_is_shown_with_its_record(editor: Caller, start: Callable[..., str]) -> None:
    mapping = {"fieldName": "n", "type": "SEQUENCE", "params": {"start": 2**63 - 500}}
    path = start(fieldMappings=[mapping], recordCount=200)
    Run.objects.update(record_count=1_000)  # as if the run were longer than the sequence
    Shard.objects.update(end_record=1_000)
    work()

    metrics = editor.get(f"{path}/metrics").json()
    shown = editor.get(path).json()

    assert metrics["status"] == shown["status"] == "FAILED"
    assert metrics["lastError"]["recordIndex"] == shown["lastError"]["recordIndex"] == 500
    assert metrics["lastError"].keys() == {"code", "at", "recordIndex"}


def test_one_generator_shows_its_metrics_while_it_runs_or_pauses_and_a_list_never(
    editor: Caller, start: Callable[..., str]
) -> None:
    path = start()
    running = editor.get(path).json()
    editor.post(f"{path}/pause")
    paused = editor.get(path).json()
    [listed] = editor.get("/generators").json()
    editor.post(f"{path}/stop")
    stopped = editor.get(path).json()

    assert running["metrics"].keys() == paused["metrics"].keys() == NAMES
    assert (running["metrics"]["status"], paused["metrics"]["status"]) == ("RUNNING", "PAUSED")
    assert "metrics" not in listed
    assert "metrics" not in stopped
    sent_back = editor.put(path, paused)
    assert sent_back.status_code == 200, sent_back.content


def test_metrics_of_one_of_several_live_runs_are_one_query(start: Callable[..., str], editor: Caller) -> None:
    for number in range(4):
        start(f"orders{number}", recordCount=300_000, shards=4)
    worker = SliceWorker("test")
    for shard in Shard.objects.filter(number=0):
        worker.work(shard.pk)
    ids = list(Generator.objects.values_list("pk", flat=True))

    with CaptureQueriesContext(connection) as queries:
        for generator_id in ids:
            metrics_of(generator_id)

    assert len(queries) == 4


def test_many_shards_take_no_more_queries(start: Callable[..., str], viewer: Caller) -> None:
    path = start(recordCount=1_000_000, shards=512)
    [shard] = Shard.objects.filter(number=0)
    Shard.objects.bulk_create(
        Shard(run=shard.run, number=1_000 + number, first_record=0, end_record=9, next_record=0)
        for number in range(512)
    )

    generator_id = Generator.objects.get().pk

    with CaptureQueriesContext(connection) as queries:
        metrics_of(generator_id)

    assert len(queries) == 1
    assert viewer.get(f"{path}/metrics").json()["progress"] == 0


def test_a_run_with_a_rate_and_a_duration_says_how_it_keeps_them(
    editor: Caller, start: Callable[..., str], settings: Any
) -> None:
    settings.SDG_LEASE_SECONDS = 4
    path = start(
        recordCount=None,
        generationMode="REALTIME",
        endCondition="DURATION",
        durationSeconds=3600,
        rate={"recordsPerSecond": 200},
    )

    worker = SliceWorker("test")
    for _ in range(2):
        worker.work(Shard.objects.get().pk)
    worker.let_go()
    metrics = editor.get(f"{path}/metrics").json()

    assert metrics["status"] == "RUNNING"
    assert metrics["targetRate"] == 200
    assert 0 <= metrics["behindBySeconds"] < 5
    assert 0 < metrics["progress"] < 0.1
    assert metrics["estimatedEndAt"] is not None
    assert metrics["recordsWritten"] > 0
    assert _adds_up(metrics)


LIVE: dict[str, Any] = {
    "recordCount": None,
    "generationMode": "REALTIME",
    "endCondition": "MANUAL",
    "rate": {"recordsPerSecond": 200},
}


def later(seconds: float) -> None:
    """Let so much time go by for all that has happened to the shards."""
    gone = timedelta(seconds=seconds)
    for shard in Shard.objects.all():
        instants = {name: getattr(shard, name) for name in ("progressed_at", "due_since", "lease_until")}
        moved = {name: at and at - gone for name, at in instants.items()}
        Shard.objects.filter(pk=shard.pk).update(**moved)


def test_a_live_run_that_waits_for_its_first_worker_says_so_and_how_late_it_is(
    editor: Caller, start: Callable[..., str]
) -> None:
    path = start(**LIVE)
    fresh = editor.get(f"{path}/metrics").json()

    later(30)
    waiting = editor.get(path).json()["metrics"]

    assert (fresh["health"], fresh["behindBySeconds"]) == ("OK", 0)
    assert waiting["health"] == "WAITING"
    assert waiting["behindBySeconds"] == pytest.approx(30, abs=2)
    assert waiting["activeSeconds"] == 0


def test_a_live_run_that_has_been_given_back_gets_later_and_later(editor: Caller, start: Callable[..., str]) -> None:
    path = start(**LIVE)
    worker = SliceWorker("test")
    worker.work(Shard.objects.get().pk)
    worker.let_go()

    later(30)
    waiting = editor.get(f"{path}/metrics").json()
    leases.claim(Shard.objects.get().pk, "busy")
    Shard.objects.update(progressed_at=Now())
    served = editor.get(f"{path}/metrics").json()

    assert (waiting["health"], served["health"]) == ("WAITING", "OK")
    assert waiting["behindBySeconds"] == pytest.approx(30, abs=2)
    assert served["behindBySeconds"] < 2


def test_a_worker_that_hangs_is_seen_by_how_late_the_run_is(editor: Caller, start: Callable[..., str]) -> None:
    path = start(**LIVE)
    leases.claim(Shard.objects.get().pk, "stuck")

    later(10)
    Shard.objects.update(lease_until=timezone.now() + timedelta(seconds=50))
    metrics = editor.get(f"{path}/metrics").json()

    assert (metrics["health"], metrics["behindBySeconds"]) == ("OK", pytest.approx(10, abs=2))


def test_what_has_no_rate_may_wait_and_is_not_late(editor: Caller, start: Callable[..., str]) -> None:
    path = start()

    later(30)
    metrics = editor.get(f"{path}/metrics").json()

    assert (metrics["health"], metrics["behindBySeconds"]) == ("WAITING", 0)


def test_a_run_is_not_late_by_its_pause(editor: Caller, start: Callable[..., str]) -> None:
    path = start(**LIVE)
    editor.post(f"{path}/pause")
    later(3600)
    paused = editor.get(f"{path}/metrics").json()

    editor.post(f"{path}/resume")
    resumed = editor.get(f"{path}/metrics").json()

    assert [(one["health"], one["behindBySeconds"]) for one in (paused, resumed)] == [("OK", 0)] * 2

"""GET /metrics, for monitoring systems."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from prometheus_client.parser import text_string_to_metric_families

from generators.models import Run, Shard
from tests.support.api import Caller, assert_problem, definition, let_a_worker_beat, work


def _samples(response: Any) -> dict[tuple[str, str], float]:
    """The values by name and by the run, the status or nothing."""
    assert response.status_code == 200, response.content
    families = text_string_to_metric_families(response.content.decode())
    return {
        (sample.name, sample.labels.get("run") or sample.labels.get("status") or ""): sample.value
        for family in families
        for sample in family.samples
    }


def _started(editor: Caller, name: str, **changes: Any) -> Run:
    destination = {"type": "FILE", "config": {"path": f"{name.strip()}.jsonl"}}
    stored = editor.post("/generators", definition(name, **{"destination": destination, **changes})).json()
    assert editor.post(f"/generators/{stored['id']}/start").status_code == 200
    return Run.objects.get(generator=stored["id"])


def test_an_empty_service_has_all_its_metrics(viewer: Caller) -> None:
    response = viewer.get("/metrics", accept="text/plain")

    samples = _samples(response)
    assert response["Content-Type"].startswith("text/plain; version=0.0.4")
    assert samples["sdg_workers_alive", ""] == samples["sdg_queue_depth", ""] == samples["sdg_shards_due", ""] == 0
    assert {status for name, status in samples if name == "sdg_runs"} == {
        "RUNNING", "PAUSED", "COMPLETED", "STOPPED", "FAILED",
    }  # fmt: skip


def test_runs_are_counted_from_their_rows(editor: Caller) -> None:
    let_a_worker_beat()
    done = _started(editor, "done")
    work()
    waiting = _started(editor, "waiting", recordCount=300_000, shards=2)
    now = timezone.now().timestamp()
    gauges = {"positions": [[now - 5, 0], [now, 1_000]], "latenciesMs": []}
    Shard.objects.filter(run=waiting).update(next_record=70_000, rejected=3, bytes_written=12, gauges=gauges)
    Shard.objects.filter(run=waiting, number=1).update(next_record=140_000)

    samples = _samples(editor.get("/metrics"))

    assert (samples["sdg_runs", "COMPLETED"], samples["sdg_runs", "RUNNING"]) == (1, 1)
    assert samples["sdg_run_records_written_total", str(done.pk)] == 1000
    begin = Shard.objects.get(run=waiting, number=1).first_record
    assert samples["sdg_run_records_written_total", str(waiting.pk)] == 70_000 + 140_000 - begin - 6
    assert samples["sdg_run_records_failed_total", str(waiting.pk)] == 6
    assert samples["sdg_run_bytes_written_total", str(waiting.pk)] == 24
    assert samples["sdg_run_records_per_second", str(waiting.pk)] == pytest.approx(400, rel=0.2)
    assert ("sdg_run_records_per_second", str(done.pk)) not in samples
    assert (samples["sdg_workers_alive", ""], samples["sdg_shards_due", ""]) == (1, 1)
    assert samples["sdg_queue_depth", ""] >= 1


def test_a_run_is_shown_for_five_minutes_after_its_end_and_counted_as_long_as_it_is_kept(editor: Caller) -> None:
    let_a_worker_beat()
    run = _started(editor, "done")
    work()
    series = ("sdg_run_records_written_total", str(run.pk))

    Run.objects.update(finished_at=timezone.now() - timedelta(minutes=4))
    soon = _samples(editor.get("/metrics"))
    Run.objects.update(finished_at=timezone.now() - timedelta(minutes=6))
    later = _samples(editor.get("/metrics"))

    assert soon[series] == 1000
    assert series not in later
    assert soon["sdg_runs", "COMPLETED"] == later["sdg_runs", "COMPLETED"] == 1


def test_a_name_with_quotes_stays_one_label(editor: Caller) -> None:
    let_a_worker_beat()
    run = _started(editor, 'a "b"} 1 \\ {', destination={"type": "FILE", "config": {"path": "a.jsonl"}})

    [family] = [
        family
        for family in text_string_to_metric_families(editor.get("/metrics").content.decode())
        if family.name == "sdg_run_records_written"
    ]

    assert family.samples[0].labels == {"generator": 'a "b"} 1 \\ {', "run": str(run.pk)}


def test_it_is_for_those_who_may_look(stranger: Caller, viewer: Caller) -> None:
    assert_problem(stranger.get("/metrics"), 401, "NOT_AUTHENTICATED")
    assert_problem(viewer.post("/metrics"), 405)
    assert_problem(viewer.get("/metrics", accept="image/png"), 406)
    answer = viewer.get("/metrics")
    assert (answer.status_code, answer["Cache-Control"]) == (200, "no-store")
    assert "default-src 'none'; frame-ancestors" in answer["Content-Security-Policy"]


def test_many_runs_take_no_more_queries(editor: Caller) -> None:
    let_a_worker_beat()
    _started(editor, "one")
    with CaptureQueriesContext(connection) as one:
        editor.get("/metrics")
    for number in range(5):
        _started(editor, f"more{number}", shards=3, recordCount=300_000)

    with CaptureQueriesContext(connection) as many:
        editor.get("/metrics")

    assert len(many) == len(one)

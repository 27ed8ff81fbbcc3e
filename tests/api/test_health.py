"""GET /health."""

from __future__ import annotations

import shutil
from datetime import timedelta
from typing import Any, NamedTuple

import pytest
from django.db import OperationalError
from django.utils import timezone

from generators.models import Worker
from pools.models import Pool
from sdg_project import health
from sdg_project.health import Finding, Health
from tests.support.api import Caller, definition, let_a_worker_beat


class _Usage(NamedTuple):
    free: int


def test_a_stranger_sees_the_word_only(stranger: Caller) -> None:
    without = stranger.get("/health")
    let_a_worker_beat()
    response = stranger.get("/health")

    assert (without.status_code, without.json()) == (200, {"status": "DEGRADED"})
    assert (response.status_code, response.json()) == (200, {"status": "UP"})


def test_a_viewer_sees_every_part(viewer: Caller) -> None:
    let_a_worker_beat()

    answer = viewer.get("/health").json()

    assert answer["status"] == "UP"
    assert {part: found["status"] for part, found in answer["parts"].items()} == {
        "controlDatabase": "UP",
        "disk": "UP",
        "pools": "UP",
        "queue": "UP",
        "workers": "UP",
    }


def test_a_worker_that_beats_no_more_or_is_leaving_is_none(viewer: Caller) -> None:
    let_a_worker_beat("silent")
    let_a_worker_beat("leaving")
    Worker.objects.filter(pk="silent").update(beat_at=timezone.now() - timedelta(seconds=61))
    Worker.objects.filter(pk="leaving").update(is_leaving=True)

    answer = viewer.get("/health").json()

    assert answer["status"] == "DEGRADED"
    assert answer["parts"]["workers"] == {"status": "DEGRADED", "alive": 0, "shardsDue": 0}


def test_what_waits_for_workers_is_counted(editor: Caller) -> None:
    let_a_worker_beat()
    stored = editor.post("/generators", definition()).json()
    assert editor.post(f"/generators/{stored['id']}/start").status_code == 200

    parts = editor.get("/health").json()["parts"]

    assert parts["workers"] == {"status": "UP", "alive": 1, "shardsDue": 1}
    assert parts["queue"] == {"status": "UP", "depth": 1}


def test_a_pool_that_cannot_be_loaded_degrades_the_service(viewer: Caller) -> None:
    let_a_worker_beat()
    Pool.objects.create(name="p", source={"type": "INLINE"}, status="FAILED")

    response = viewer.get("/health")

    assert (response.status_code, response.json()["status"]) == (200, "DEGRADED")
    assert response.json()["parts"]["pools"]["counts"] == {"FAILED": 1}


@pytest.mark.parametrize(
    ("free", "word", "status"), [(2**31, "UP", 200), (2**29, "DEGRADED", 200), (2**20, "DOWN", 503)]
)
def test_a_full_disk_takes_it_down(
    viewer: Caller, monkeypatch: pytest.MonkeyPatch, free: int, word: str, status: int
) -> None:
    let_a_worker_beat()
    monkeypatch.setattr(shutil, "disk_usage", lambda _: _Usage(free))

    response = viewer.get("/health")

    assert (response.status_code, response.json()["parts"]["disk"]) == (status, {"status": word, "freeBytes": free})


def test_a_probe_that_fails_says_down(viewer: Caller, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail() -> Finding:
        raise RuntimeError("secret")

    monkeypatch.setitem(health._probes, "pools", fail)

    response = viewer.get("/health")

    assert response.status_code == 503
    assert response.json()["parts"]["pools"] == {"status": "DOWN"}


def test_without_the_control_database_everybody_sees_the_word(viewer: Caller, monkeypatch: pytest.MonkeyPatch) -> None:
    def away(*_: Any, **__: Any) -> Any:
        raise OperationalError("no connection to 10.0.0.1")

    monkeypatch.setitem(health._probes, "controlDatabase", away)
    monkeypatch.setattr("sdg_project.authentication.valid_tokens", away)

    response = viewer.get("/health")
    other = viewer.get("/generators")

    assert (response.status_code, response.json()) == (503, {"status": "DOWN"})
    assert (other.status_code, other.json()["code"]) == (503, "CONTROL_DB_DOWN")
    assert b"10.0.0.1" not in other.content


def test_the_worst_part_is_the_word(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(health, "_probes", {"a": lambda: Finding(Health.UP), "b": lambda: Finding(Health.DEGRADED)})

    word, findings = health.look()

    assert (word, set(findings)) == (Health.DEGRADED, {"a", "b"})

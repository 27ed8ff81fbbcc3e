"""The API as a client sees it: a token, JSON in and out."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from django.test import Client
from django.utils import timezone

from generators.models import Worker
from generators.runs.leases import due_shards
from generators.runs.slices import SliceWorker
from sdg_project.access import create_token
from sdg_project.roles import Role

BASE = "/api/v1"
OUTSIDE = ("/metrics",)
"""What is served beside the API."""


@dataclass(frozen=True, slots=True)
class Caller:
    """Somebody who calls the API with a token, or without one."""

    token: str | None

    @classmethod
    def of(cls, role: Role, name: str | None = None) -> Caller:
        return cls(create_token(name or f"test-{role}", role, days=1))

    def call(self, method: str, path: str, body: Any = None, **headers: str) -> Any:
        """Send a request; a body that is no bytes is sent as JSON. Headers are written ``content_type``."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        if self.token is not None:
            named.setdefault("Authorization", f"Bearer {self.token}")
        content_type = named.pop("content-type", "application/json")
        data = body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
        address = path if path.partition("?")[0] in OUTSIDE else BASE + path
        return Client().generic(method, address, data, content_type, headers=named)

    def get(self, path: str, **headers: str) -> Any:
        return self.call("GET", path, **headers)

    def post(self, path: str, body: Any = None, **headers: str) -> Any:
        return self.call("POST", path, body, **headers)

    def put(self, path: str, body: Any = None, **headers: str) -> Any:
        return self.call("PUT", path, body, **headers)

    def delete(self, path: str, **headers: str) -> Any:
        return self.call("DELETE", path, **headers)


def definition(name: str = "orders", **changes: Any) -> dict[str, Any]:
    """A small definition, as the body of a create request; a change to None leaves a property out."""
    document = {
        "name": name,
        "fieldMappings": [
            {"fieldName": "id", "type": "SEQUENCE", "params": {}},
            {"fieldName": "amount", "type": "NUMERIC_RANGE", "params": {"min": 1, "max": 500, "scale": 2}},
            {"fieldName": "state", "type": "ENUM_RANDOM", "params": {"values": ["NEW", "PAID"]}},
        ],
        "recordCount": 1000,
        "destination": {"type": "FILE", "config": {"path": "orders.jsonl"}},
        **changes,
    }
    return {key: value for key, value in document.items() if value is not None}


def assert_problem(response: Any, status: int, code: str | None = None) -> dict[str, Any]:
    """That an answer is a problem as the contract wants it; the problem."""
    assert response.status_code == status, response.content
    assert response["Content-Type"] == "application/problem+json"
    problem: dict[str, Any] = json.loads(response.content)
    assert problem.keys() >= {"type", "title", "status", "detail", "code", "requestId"}
    assert problem["status"] == status
    assert problem["requestId"] == response["X-Request-Id"]
    if code is not None:
        assert problem["code"] == code
    return problem


def let_a_worker_beat(name: str = "test") -> None:
    """Let the service believe that there is a worker; `work` is what it does."""
    now = timezone.now()
    Worker.objects.update_or_create(
        pk=name, defaults={"host": "elsewhere", "pid": 1, "version": "1", "started_at": now, "beat_at": now}
    )


def work(name: str = "test") -> None:
    """Be a worker in this process until nothing is due any more."""
    worker = SliceWorker(name)
    while shard_ids := list(due_shards().values_list("pk", flat=True)):
        for shard_id in shard_ids:
            worker.work(shard_id)
    worker.let_go()

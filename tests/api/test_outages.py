"""A control database that takes no writes: 503, and nothing is changed by halves."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection

from sdg_project.roles import Role
from tests.support.api import Caller, assert_problem, definition, let_a_worker_beat
from tests.support.outages import OUTAGES, told

pytestmark = pytest.mark.django_db(transaction=True)

IN_ORDER = ["create", "update", "start", "pause", "resume", "stop", "delete"]
"""What people do to one generator, so that each finds it in a status that allows it."""


@pytest.fixture(autouse=True)
def _sqlite_only() -> None:
    assert connection.vendor == "sqlite", "PostgreSQL's outages are those of tests/service/test_postgres_outages.py"


def requests(caller: Caller) -> dict[str, Callable[[str], Any]]:
    """A request for each thing to do, given the path of the generator."""
    body = definition("orders", recordCount=500_000)
    return {
        "create": lambda _: caller.post("/generators", definition("another")),
        "update": lambda path: caller.put(path, body),
        "delete": caller.delete,
    } | {name: lambda path, name=name: caller.post(f"{path}/{name}") for name in ("start", "pause", "resume", "stop")}


@pytest.mark.parametrize("kind", OUTAGES)
def test_c10_what_cannot_be_written_is_503_changes_nothing_and_works_afterwards(kind: str) -> None:
    let_a_worker_beat()
    caller = Caller.of(Role.ADMIN)
    path = f"/generators/{caller.post('/generators', definition()).json()['id']}"

    for name in IN_ORDER:
        request, before = requests(caller)[name], told()
        with OUTAGES[kind].lasting():
            refused = request(path)
            seen = caller.get(path)
        assert seen.status_code == 200, name
        problem = assert_problem(refused, 503, "CONTROL_DB_DOWN")
        assert not {"sqlite", "readonly", "I/O"} & set(problem["detail"].split())
        assert told() == before, name

        assert request(path).status_code in {200, 201}, name
        assert told() != before, name

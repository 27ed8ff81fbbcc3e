"""GET /generators/{id}/dead-letters."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import pytest
from django.conf import settings
from django.db import connection
from django.test.utils import CaptureQueriesContext

from engine.batch import Batch
from engine.errors import RecordInvalid
from engine.span import Span
from generators.models import DeadLetter, Generator, Run
from generators.plan import Plan
from tests.support.api import Caller, assert_problem, definition, let_a_worker_beat, work


@pytest.fixture
def stored(editor: Caller) -> dict[str, Any]:
    """A generator that has run twice."""
    let_a_worker_beat()
    answer: dict[str, Any] = editor.post("/generators", definition()).json()
    for _ in range(2):
        assert editor.post(f"/generators/{answer['id']}/start").status_code == 200
        work()
    return answer


def _reject(run: Run, *numbers: int) -> None:
    DeadLetter.objects.bulk_create(
        DeadLetter(
            run=run,
            record_number=number,
            error_class="DELIVERY",
            code="RECORD_INVALID",
            message=f"record {number} is too long for {settings.SDG_OUTPUT_ROOT}/orders.jsonl",
            field="amount",
            record={"id": number, "amount": "12.50"},
            occurred_at=datetime(2026, 1, 5, 10, 0, 40, tzinfo=UTC),
        )
        for number in numbers
    )


def test_a_dead_letter_says_which_record_why_and_what_could_be_made_of_it(
    viewer: Caller, stored: dict[str, Any]
) -> None:
    run = Run.objects.get(number=2)
    _reject(run, 7311)

    response = viewer.get(f"/generators/{stored['id']}/dead-letters")

    assert response.json() == [
        {
            "runId": str(run.pk),
            "recordIndex": 7311,
            "destination": "FILE",
            "errorClass": "DELIVERY",
            "code": "RECORD_INVALID",
            "message": "record 7311 is too long for orders.jsonl",
            "field": "amount",
            "attempt": 1,
            "occurredAt": "2026-01-05T10:00:40.000Z",
            "record": {"id": 7311, "amount": "12.50"},
        }
    ]


def test_those_of_the_newest_run_come_first_each_run_in_the_order_of_its_records(
    viewer: Caller, stored: dict[str, Any]
) -> None:
    first, second = Run.objects.order_by("number")
    _reject(first, 9, 1)
    _reject(second, 100, 20, 3)
    path = f"/generators/{stored['id']}/dead-letters"

    everything = viewer.get(path)
    pages = [viewer.get(f"{path}?limit=2&offset={offset}").json() for offset in (0, 2, 4)]
    of_first = viewer.get(f"{path}?runId={first.pk}")

    assert [letter["recordIndex"] for letter in everything.json()] == [3, 20, 100, 1, 9]
    assert everything["X-Total-Count"] == "5"
    assert [letter for page in pages for letter in page] == everything.json()
    assert [letter["recordIndex"] for letter in of_first.json()] == [1, 9]


def test_the_failed_record_of_a_paused_run_is_skipped_when_its_resumption_says_so(
    editor: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = Plan.batch

    def fails(plan: Plan, span: Span) -> Batch:
        if span.start <= 500 < span.end:
            raise RecordInvalid("RECORD_INVALID", "so it is", field="amount", record_number=500)
        return made(plan, span)

    monkeypatch.setattr(Plan, "batch", fails)
    let_a_worker_beat()
    path = f"/generators/{editor.post('/generators', definition(onError='PAUSE', seed=42)).json()['id']}"
    editor.post(f"{path}/start")
    work()
    assert editor.get(path).json()["status"] == "PAUSED"

    assert_problem(editor.post(f"{path}/resume", {"skipFailed": 1, "skip": True}), 400)
    assert editor.post(f"{path}/resume", {"skipFailed": True}).status_code == 200
    work()

    assert editor.get(path).json()["status"] == "COMPLETED"
    [letter] = editor.get(f"{path}/dead-letters").json()
    assert (letter["recordIndex"], letter["field"], letter["record"]["id"]) == (500, "amount", 501)
    assert editor.get(f"{path}/metrics").json()["recordsDeadLettered"] == 1


def test_those_of_other_generators_are_not_among_them(editor: Caller, stored: dict[str, Any]) -> None:
    _reject(Run.objects.get(number=1), 5)
    other = editor.post("/generators", definition("other")).json()

    assert editor.get(f"/generators/{other['id']}/dead-letters").json() == []
    run_id = Generator.objects.get(pk=stored["id"]).runs.first().pk  # type: ignore[union-attr]
    assert_problem(editor.get(f"/generators/{other['id']}/dead-letters?runId={run_id}"), 404)


def test_what_does_not_exist_is_not_found_and_what_is_wrong_is_said(viewer: Caller, stored: dict[str, Any]) -> None:
    path = f"/generators/{stored['id']}/dead-letters"

    assert_problem(viewer.get(f"/generators/{uuid4()}/dead-letters"), 404)
    assert_problem(viewer.get(f"{path}?runId={uuid4()}"), 404)
    assert len(assert_problem(viewer.get(f"{path}?runId=x&limit=0&sort=1"), 400)["errors"]) == 3


def test_many_dead_letters_take_no_more_queries(viewer: Caller, stored: dict[str, Any]) -> None:
    run = Run.objects.get(number=1)
    path = f"/generators/{stored['id']}/dead-letters?limit=1000"
    _reject(run, 0)
    with CaptureQueriesContext(connection) as one:
        viewer.get(path)
    _reject(run, *range(1, 500))

    with CaptureQueriesContext(connection) as many:
        response = viewer.get(path)

    assert len(response.json()) == 500
    assert len(many) == len(one)

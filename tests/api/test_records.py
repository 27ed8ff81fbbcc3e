"""GET /generators/{id}/records and the runs of a generator."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any
from uuid import uuid4

import pytest
from django.conf import settings

from generators.models import Generator, Run
from generators.runs.local import Stop, carry_run
from generators.services.runs import RunOrder, start_run
from tests.support.api import Caller, assert_problem, definition


@pytest.fixture
def stored(editor: Caller) -> dict[str, Any]:
    answer: dict[str, Any] = editor.post("/generators", definition()).json()
    return answer


@pytest.fixture
def run_of() -> Callable[[dict[str, Any]], Run]:
    def run(stored: dict[str, Any]) -> Run:
        """A complete run of a stored generator."""
        generator = Generator.objects.get(pk=stored["id"])
        order = RunOrder(owner=str(generator.pk), root=str(settings.SDG_OUTPUT_ROOT))
        made, _ = start_run(generator.definition, order)
        carry_run(made, workers=1, stop=Stop(), on_progress=lambda: None)
        Run.objects.filter(pk=made.pk).update(generator=generator)
        Generator.objects.filter(pk=generator.pk).update(last_run=made)
        return Run.objects.get(pk=made.pk)

    return run


def test_without_a_seed_the_records_are_those_of_seed_0(viewer: Caller, stored: dict[str, Any]) -> None:
    answer = viewer.get(f"/generators/{stored['id']}/records?limit=3").json()

    assert answer["effectiveSeed"] == 0
    assert answer["runId"] is None
    assert [record["id"] for record in answer["records"]] == [1, 2, 3]
    assert viewer.get(f"/generators/{stored['id']}/records?limit=3").json() == answer


def test_any_part_equals_the_same_part_of_the_whole(viewer: Caller, stored: dict[str, Any]) -> None:
    whole = viewer.get(f"/generators/{stored['id']}/records?limit=300").json()["records"]
    part = viewer.get(f"/generators/{stored['id']}/records?start=137&limit=11").json()

    assert part["start"] == 137
    assert part["records"] == whole[137:148]


def test_the_last_possible_record_can_be_seen(viewer: Caller, stored: dict[str, Any]) -> None:
    answer = viewer.get(f"/generators/{stored['id']}/records?start={10**12 - 1}&limit=1").json()

    assert [record["id"] for record in answer["records"]] == [10**12]


def test_decimals_have_all_their_digits(viewer: Caller, stored: dict[str, Any]) -> None:
    content = viewer.get(f"/generators/{stored['id']}/records?limit=200").content

    amounts = json.loads(content, parse_float=str)["records"]
    assert all(len(record["amount"].partition(".")[2]) == 2 for record in amounts)


@pytest.mark.parametrize("query", ["start=-1", f"start={10**12}", "limit=10001", "limit=0", "runId=x", "seed=1"])
def test_a_wrong_parameter_is_refused(viewer: Caller, stored: dict[str, Any], query: str) -> None:
    assert_problem(viewer.get(f"/generators/{stored['id']}/records?{query}"), 400)


def test_a_record_that_cannot_be_made_is_a_conflict(editor: Caller) -> None:
    mapping = {"fieldName": "n", "type": "SEQUENCE", "params": {"start": 2**63 - 5}}
    stored = editor.post("/generators", definition(fieldMappings=[mapping], recordCount=3))
    assert stored.status_code == 201, stored.content

    assert_problem(editor.get(f"/generators/{stored.json()['id']}/records?start=100"), 409, "RECORD_INVALID")


def test_the_records_of_a_run_are_those_that_it_wrote(
    viewer: Caller, stored: dict[str, Any], run_of: Callable[[dict[str, Any]], Run], home: Any
) -> None:
    run = run_of(stored)

    answer = viewer.get(f"/generators/{stored['id']}/records?runId={run.pk}&start=990&limit=100").json()

    written = [json.loads(line) for line in (home / "out" / "orders.jsonl").read_text().splitlines()]
    assert answer["records"] == written[990:]
    assert (answer["effectiveSeed"], answer["runId"]) == (run.seed, str(run.pk))


def test_a_run_of_another_generator_is_not_found(
    editor: Caller, stored: dict[str, Any], run_of: Callable[[dict[str, Any]], Run]
) -> None:
    run = run_of(stored)
    other = editor.post("/generators", definition("other")).json()

    assert_problem(editor.get(f"/generators/{other['id']}/records?runId={run.pk}"), 404)
    assert_problem(editor.get(f"/generators/{stored['id']}/records?runId={uuid4()}"), 404)


def test_a_run_is_shown_alone_in_the_list_and_in_its_generator(
    viewer: Caller, stored: dict[str, Any], run_of: Callable[[dict[str, Any]], Run], home: Any
) -> None:
    run = run_of(stored)

    listed = viewer.get(f"/generators/{stored['id']}/runs")
    alone = viewer.get(f"/runs/{run.pk}").json()
    generator = viewer.get(f"/generators/{stored['id']}").json()

    assert listed.json() == [alone]
    assert listed["X-Total-Count"] == "1"
    assert (alone["runId"], alone["status"], alone["recordsWritten"]) == (str(run.pk), "COMPLETED", 1000)
    assert alone["generatorId"] == stored["id"]
    assert alone["outputs"][0]["path"] == "orders.jsonl"
    assert str(home) not in json.dumps(alone)
    assert (generator["runId"], generator["effectiveSeed"]) == (str(run.pk), run.seed)
    assert generator["endReason"] == "RECORD_COUNT"


def test_a_run_outlives_its_generator(
    editor: Caller, stored: dict[str, Any], run_of: Callable[[dict[str, Any]], Run]
) -> None:
    run = run_of(stored)

    editor.delete(f"/generators/{stored['id']}")

    assert editor.get(f"/runs/{run.pk}").json()["generatorId"] is None


def test_the_digest_is_that_of_the_records(
    viewer: Caller, stored: dict[str, Any], run_of: Callable[[dict[str, Any]], Run], monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = run_of({**stored}), run_of({**stored})

    answers = [viewer.get(f"/runs/{run.pk}/digest").json() for run in (first, first, second)]

    assert answers[0] == answers[1]
    assert answers[0]["recordCount"] == 1000
    assert answers[0]["digest"] != answers[2]["digest"]  # another seed was drawn
    monkeypatch.setattr("generators.services.catalog.MAX_DIGEST_RECORDS", 999)
    assert_problem(viewer.get(f"/runs/{first.pk}/digest"), 409, "QUOTA")


def test_an_unknown_run_is_not_found(viewer: Caller) -> None:
    assert_problem(viewer.get(f"/runs/{uuid4()}"), 404)
    assert_problem(viewer.get(f"/runs/{uuid4()}/digest"), 404)
    assert_problem(viewer.get(f"/generators/{uuid4()}/runs"), 404)
    assert_problem(viewer.get(f"/generators/{uuid4()}/records"), 404)

"""GET /generators."""

from __future__ import annotations

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from generators.models import Generator
from tests.support.api import Caller, assert_problem, definition


def _store(count: int) -> None:
    now = timezone.now()
    mappings = [
        {"fieldName": f"field{number}", "type": "NUMERIC_RANGE", "params": {"min": 0, "max": number}}
        for number in range(12)
    ]
    Generator.objects.bulk_create(
        Generator(
            name=f"generator {number}",
            name_key=f"generator {number}",
            generation_mode="BATCH",
            destination_type="FILE",
            definition=definition(f"generator {number}", fieldMappings=mappings),
            created_by="test",
            created_at=now,
            updated_at=now,
        )
        for number in range(count)
    )


def test_a_list_is_a_bare_array_with_its_length_and_its_neighbours(viewer: Caller) -> None:
    _store(25)

    response = viewer.get("/generators?limit=10&offset=10")

    assert len(response.json()) == 10
    assert response["X-Total-Count"] == "25"
    links = dict(reversed(part.split("; rel=")) for part in response["Link"].split(", "))
    assert links['"prev"'].endswith("limit=10&offset=0>")
    assert links['"next"'].endswith("limit=10&offset=20>")
    assert links['"last"'].endswith("limit=10&offset=20>")


def test_pages_hold_every_generator_once(viewer: Caller) -> None:
    _store(25)

    pages = [viewer.get(f"/generators?limit=7&offset={offset}").json() for offset in range(0, 28, 7)]

    assert len({generator["id"] for page in pages for generator in page}) == 25


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ("status=CREATED", {"Alpha", "beta"}),
        ("status=RUNNING", set()),
        ("generationMode=BATCH", {"Alpha", "beta"}),
        ("destinationType=FILE", {"Alpha", "beta"}),
        ("universeId=0b6f6a0e-0000-4000-8000-000000000000", set()),
        ("search=alph", {"Alpha"}),
        ("search=SHOP", {"beta"}),
        ("search=%25", set()),
        ("search=BET&status=CREATED", {"beta"}),
    ],
)
def test_filters_narrow_the_list(editor: Caller, query: str, names: set[str]) -> None:
    editor.post("/generators", definition("Alpha"))
    editor.post("/generators", definition("beta", description="of a shop"))

    assert {generator["name"] for generator in editor.get(f"/generators?{query}").json()} == names


@pytest.mark.parametrize(
    "query",
    ["limit=0", "limit=1001", "limit=x", "offset=-1", "limit=1&limit=2", "status=NEW", "universeId=x", "sort=name"],
)
def test_a_wrong_parameter_is_refused(viewer: Caller, query: str) -> None:
    problem = assert_problem(viewer.get(f"/generators?{query}"), 400)

    assert problem["errors"][0]["field"] == query.split("=", maxsplit=1)[0]


def test_what_is_wrong_with_several_parameters_is_told_at_once_with_an_id_for_each(viewer: Caller) -> None:
    wrong = "status=DONE&generationMode=SLOW&destinationType=TAPE&universeId=x&limit=0&offset=-1&page=2"

    problem = assert_problem(viewer.get(f"/generators?{wrong}"), 400, "INVALID_REQUEST")

    assert {issue["field"] for issue in problem["errors"]} == {part.partition("=")[0] for part in wrong.split("&")}
    assert len({issue["id"] for issue in problem["errors"]}) == 7


def test_a_thousand_generators_take_a_constant_number_of_queries(viewer: Caller) -> None:
    _store(1)
    with CaptureQueriesContext(connection) as one:
        viewer.get("/generators?limit=1000")
    Generator.objects.all().delete()
    _store(1_000)

    with CaptureQueriesContext(connection) as many:
        response = viewer.get("/generators?limit=1000")

    assert len(response.json()) == 1_000
    assert len(many) == len(one)

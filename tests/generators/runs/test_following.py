"""FOLLOW: a run that uses new versions of a pool from the next frame on, because its definition says so."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from engine.span import Span
from generators.models import Run
from generators.planning import guarantee_of, plan_of_run
from generators.run_spec import RunSpec
from generators.runs.following import Following, source_of
from generators.services.drafts import draft
from sdg_project.errors import Conflict, Invalid
from tests.support.runs import FRAME, Workshop

pytestmark = pytest.mark.django_db


def field(name: str = "thing", column: str = "name", **params: Any) -> dict[str, Any]:
    given = {"pool": "things", "column": column, "refreshPolicy": "FOLLOW", **params}
    return {"fieldName": name, "type": "POOL_REFERENCE", "params": given}


def rows(*names: str, count: int = 1) -> str:
    return "name,n\n" + "".join(f"{name},{count}\n" for name in names)


class Clock:
    now = 0.0

    def __call__(self) -> float:
        self.now += 2.0  # longer than it waits between two looks
        return self.now


def following(run: Run) -> Following:
    plan = plan_of_run(run)
    cuts = RunSpec.from_json(run.spec).cuts(None)
    assert isinstance(source_of(run, plan, cuts, None), Following)
    return Following(run, plan, frozenset({"things"}), cuts, monotonic=Clock())


def values(source: Following, start: int, count: int = 10) -> set[str]:
    return set(source.batch(Span(start, count)).records["thing"].cast(str))


def test_new_rows_come_with_the_next_frame(workshop: Workshop) -> None:
    workshop.add_pool(rows("old"))
    source = following(workshop.start(field(), recordCount=10 * FRAME))

    first = values(source, 0)
    workshop.refresh_pool(rows("new", "newer"))

    assert first == {"old"}
    assert values(source, 10) == {"old"}  # of one frame with the first ones
    assert values(source, FRAME) == {"new", "newer"}
    workshop.refresh_pool(rows("newest"))
    assert values(source, 2 * FRAME) == {"newest"}


def test_who_begins_later_begins_with_the_newest_version(workshop: Workshop) -> None:
    workshop.add_pool(rows("old"))
    run = workshop.start(field())
    workshop.refresh_pool(rows("new"))

    carried = workshop.carry(run)

    assert carried.status == "COMPLETED"
    lines = [json.loads(line) for line in workshop.content().splitlines()]
    assert lines == [{"thing": "new"}] * 10


def test_a_run_that_does_not_follow_keeps_its_version(workshop: Workshop) -> None:
    workshop.add_pool(rows("old"))
    run = workshop.start(field(refreshPolicy="PIN"))
    workshop.refresh_pool(rows("new"))

    workshop.carry(run)

    assert json.loads(workshop.content().splitlines()[0]) == {"thing": "old"}
    plan = plan_of_run(run)
    assert source_of(run, plan, RunSpec.from_json(run.spec).cuts(None), None) is plan


@pytest.mark.parametrize("content", ["name,n\n", "other,n\nx,1\n", "name,n\n7,1\n", 'name,n\n"a",1\n,2\n'])
def test_a_version_that_does_not_fit_stops_the_run_with_what_to_do(workshop: Workshop, content: str) -> None:
    workshop.add_pool(rows("old"))
    source = following(workshop.start(field()))
    workshop.refresh_pool(content)

    with pytest.raises(Conflict, match=r'cannot follow version 2 of pool "things"') as error:
        source.batch(Span(0, 10))
    assert error.value.code == "POOL_NOT_READY"


def test_a_run_waits_for_a_version_that_fits(workshop: Workshop) -> None:
    workshop.add_pool(rows("old"))
    run = workshop.start(field())
    workshop.refresh_pool("name,n\n")

    paused = workshop.carry(run)
    workshop.refresh_pool(rows("new"))
    resumed = workshop.carry(run)

    assert (paused.status, paused.error["code"]) == ("PAUSED", "POOL_NOT_READY")
    assert resumed.status == "COMPLETED"
    assert json.loads(workshop.content().splitlines()[0]) == {"thing": "new"}


def test_records_that_cannot_be_made_are_left_out_of_every_version(workshop: Workshop) -> None:
    workshop.add_pool(rows("old"))
    lookup = field(keyField="key", keyColumn="name", onMissing="ERROR")
    keys = {"fieldName": "key", "type": "ENUM_RANDOM", "params": {"values": ["old", "new"]}}
    run = workshop.start(keys, lookup, onError="CONTINUE", recordCount=100)
    workshop.refresh_pool(rows("new"))

    workshop.carry(run)

    made = [json.loads(line) for line in workshop.content().splitlines()]
    assert 0 < len(made) < 100
    assert {one["thing"] for one in made} == {"new"}


def test_a_run_that_follows_is_said_to_differ_and_is_at_least_once(workshop: Workshop) -> None:
    workshop.add_pool(rows("old"))
    document = workshop.document(field())

    drafted = draft(document, started_at=datetime(2026, 1, 1, tzinfo=UTC), destination_required=True)

    assert "NON_DETERMINISTIC" in [issue.code for issue in drafted.issues(root=str(workshop.folder))]
    assert guarantee_of(document) == "AT_LEAST_ONCE"


def test_fields_of_one_pool_follow_it_together(workshop: Workshop) -> None:
    workshop.add_pool(rows("old"))

    with pytest.raises(Invalid) as error:
        workshop.start(field(), field("n", "n", refreshPolicy="PIN"))

    assert [(issue.code, issue.path) for issue in error.value.issues] == [
        ("INVALID_VALUE", "/fieldMappings/0/params/refreshPolicy")
    ]

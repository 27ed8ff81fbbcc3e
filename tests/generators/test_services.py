"""Starting, finding, pruning runs and looking at definitions: what a run keeps whatever becomes of the world."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from generators.definition_files import read_definitions
from generators.models import Run
from generators.planning import plan_of_run, run_folder
from generators.services.drafts import run_length
from generators.services.runs import progress_of, prune_runs
from pools import services as pool_services
from sdg_project.errors import Conflict, Invalid
from tests.generators.services.things import COUNT, FIRST, NUMBER, SECOND, THING, interrupted
from tests.support.runs import FRAME, Workshop

pytestmark = pytest.mark.django_db


# What a run keeps.


def test_a_run_keeps_its_version_of_a_pool_that_is_refreshed(workshop: Workshop) -> None:
    workshop.add_pool(FIRST)
    workshop.make(NUMBER, THING, path="calm.jsonl", recordCount=COUNT)
    run = interrupted(workshop, NUMBER, THING)

    workshop.refresh_pool(SECOND)
    resumed = workshop.carry(run)
    later = workshop.make(NUMBER, THING, path="later.jsonl", recordCount=COUNT)

    assert resumed.status == "COMPLETED"
    assert workshop.content() == workshop.content("calm.jsonl")
    assert b"other 1" in workshop.content("later.jsonl")
    assert later.spec_hash != run.spec_hash


def test_a_run_keeps_the_default_weights_of_its_pool(workshop: Workshop) -> None:
    pool = workshop.add_pool(FIRST, weightColumn="weight")
    weighted = {**THING, "params": {**THING["params"], "selection": "WEIGHTED"}}
    workshop.make(weighted, path="calm.jsonl", recordCount=COUNT)
    run = interrupted(workshop, weighted)

    type(pool).objects.update(weight_column="")

    assert workshop.carry(run).status == "COMPLETED"
    assert workshop.content() == workshop.content("calm.jsonl")


@pytest.mark.parametrize("loss", ["pruned", "file", "damaged", "removed", "replaced"])
def test_a_run_whose_pool_version_is_gone_is_refused_in_a_sentence(
    workshop: Workshop, sdg_home: Path, loss: str
) -> None:
    pool = workshop.add_pool(FIRST)
    run = interrupted(workshop, NUMBER, THING)
    [file] = (sdg_home / "pools" / str(pool.pk)).glob("*.arrow")

    if loss == "pruned":
        workshop.refresh_pool(SECOND)
        pool_services.prune_versions(set())
    elif loss == "file":
        file.unlink()
    elif loss == "damaged":
        file.write_bytes(file.read_bytes()[:100])
    else:
        pool_services.remove_pool("things")
        if loss == "replaced":
            workshop.add_pool(SECOND)

    with pytest.raises(Conflict, match=r'version 1 of pool "things" .*cannot go on') as caught:
        workshop.carry(run)
    assert caught.value.code == "POOL_NOT_READY"
    assert progress_of(run)["records"] >= FRAME


def test_pools_of_a_bundle_go_with_the_run(workshop: Workshop, tmp_path: Path) -> None:
    bundle = tmp_path / "shop" / "bundle.yaml"
    bundle.parent.mkdir()
    (bundle.parent / "things.csv").write_text(FIRST)
    bundle.write_text(
        json.dumps(
            {
                "pools": [
                    {"name": "things", "source": {"type": "FILE", "path": "things.csv"}, "weightColumn": "weight"}
                ],
                "generators": [
                    {"name": "g", "fieldMappings": [{**THING, "params": {**THING["params"], "selection": "WEIGHTED"}}]}
                ],
            }
        )
    )
    [file] = read_definitions(str(bundle)).definitions
    changes = {"own_pools": file.own_pools, "name": "g", "fieldMappings": file.value["fieldMappings"]}
    workshop.make(path="calm.jsonl", recordCount=COUNT, **changes)
    run = interrupted(workshop, **changes)

    (bundle.parent / "things.csv").unlink()
    workshop.add_pool(SECOND, weightColumn="weight")

    assert workshop.carry(run).status == "COMPLETED"
    assert workshop.content() == workshop.content("calm.jsonl")
    assert b'"thing 3"' not in workshop.content()  # which weighs nothing
    assert b'"thing 4"' in workshop.content()


def test_a_bundle_s_pool_that_is_damaged_is_refused_in_a_sentence(workshop: Workshop) -> None:
    workshop.add_pool(FIRST)
    own = pool_services.snapshots_for(["things"])
    run = workshop.start(THING, own_pools=own)

    (run_folder(run) / "pools" / "things.arrow").write_bytes(b"nothing")

    with pytest.raises(Conflict, match=r"cannot be read .* so run"):
        workshop.carry(run)


def test_only_pools_that_a_field_looks_at_are_pinned_and_kept(workshop: Workshop) -> None:
    workshop.add_pool(FIRST)
    workshop.add_pool(SECOND, name="unused")
    own = pool_services.snapshots_for(["things", "unused"])

    stored, bundled = workshop.start(THING), workshop.start(THING, path="b.jsonl", own_pools=own)

    assert list(stored.spec["pools"]) == list(bundled.spec["pools"]) == ["things"]
    assert [path.name for path in (run_folder(bundled) / "pools").iterdir()] == ["things.arrow"]


def test_a_drawn_seed_is_kept_and_makes_the_same_again(workshop: Workshop) -> None:
    mapping = {"fieldName": "u", "type": "UUID_GENERATED"}
    first = workshop.make(mapping, seed=None)
    second = workshop.make(mapping, seed=None, path="b.jsonl")

    workshop.make(mapping, seed=first.seed, path="c.jsonl")

    assert first.seed != second.seed
    assert workshop.content() == workshop.content("c.jsonl") != workshop.content("b.jsonl")


def test_now_and_the_clock_mean_the_start_of_the_run_on_whatever_day_it_goes_on(workshop: Workshop) -> None:
    """Another run is told the instant of the first: so nothing but that instant makes the records."""
    mappings = [
        {"fieldName": "at", "type": "TIMESTAMP_GENERATED", "params": {"mode": "CLOCK"}},
        {"fieldName": "in", "type": "TIMESTAMP_GENERATED", "params": {"mode": "RANGE", "from": "now-30d", "to": "now"}},
    ]
    past = datetime(2019, 2, 28, 23, 59, 59, 987_000, tzinfo=UTC)
    first = interrupted(workshop, *mappings)
    old = interrupted(workshop, *mappings, path="old.jsonl", started_at=past)

    workshop.carry(first)
    workshop.carry(old)
    workshop.make(*mappings, path="again.jsonl", recordCount=COUNT, started_at=first.started_at)
    workshop.make(*mappings, path="old again.jsonl", recordCount=COUNT, started_at=past)

    assert workshop.content() == workshop.content("again.jsonl")
    assert workshop.content("old.jsonl") == workshop.content("old again.jsonl")
    records = [json.loads(line) for line in workshop.content("old.jsonl").splitlines()]
    assert records[-1]["at"] == "2019-02-28T23:59:59.987Z"
    assert "2019-01-29T23:59" < min(one["in"] for one in records) < "2019-01-31"
    assert max(one["in"] for one in records) <= "2019-02-28T23:59:59.987Z"


def test_a_run_that_cannot_start_leaves_nothing(workshop: Workshop, sdg_home: Path) -> None:
    (workshop.folder / "out.jsonl").write_text("precious\n")

    with pytest.raises(Invalid) as caught:
        workshop.start(NUMBER)

    assert {issue.code for issue in caught.value.issues} == {"RERUN_WOULD_COLLIDE"}
    assert not Run.objects.exists()
    assert list((sdg_home / "runs").iterdir()) == []
    assert workshop.content() == b"precious\n"


# How long a run is.


def test_numbers_go_on_behind_those_of_all_earlier_runs_of_the_owner(workshop: Workshop) -> None:
    number = {**NUMBER, "params": {"scope": "GENERATOR"}}
    interrupted(workshop, number, owner="me", path="a.jsonl")
    workshop.make(number, owner="me", path="b.jsonl", recordCount=3)
    other = workshop.make(number, owner="you", path="c.jsonl", recordCount=3)

    workshop.make(number, owner="me", path="d.jsonl", recordCount=2)

    assert [json.loads(line)["n"] for line in workshop.content("b.jsonl").splitlines()] == [
        COUNT + 1,
        COUNT + 2,
        COUNT + 3,
    ]
    assert [json.loads(line)["n"] for line in workshop.content("c.jsonl").splitlines()] == [1, 2, 3]
    assert [json.loads(line)["n"] for line in workshop.content("d.jsonl").splitlines()] == [COUNT + 4, COUNT + 5]
    assert other.spec["earlier_records"] == 0


def test_pruning_does_not_let_numbers_begin_anew(workshop: Workshop) -> None:
    number = {**NUMBER, "params": {"scope": "GENERATOR"}}
    for _ in range(3):
        workshop.make(number, owner="me", recordCount=4)

    pruned = prune_runs(older_than=timedelta(0))
    workshop.make(number, owner="me", recordCount=4)

    assert len(pruned.runs) == 2
    assert [json.loads(line)["n"] for line in workshop.content().splitlines()] == [13, 14, 15, 16]


@pytest.mark.parametrize(
    ("number", "thing", "expected"),
    [
        ({"end": 7, "onEnd": "STOP"}, {}, (7, "SEQUENCE_END")),
        ({"end": 7, "onEnd": "STOP"}, {"onExhausted": "STOP"}, (7, "SEQUENCE_END")),
        ({}, {"onExhausted": "STOP"}, (50, "POOL_EXHAUSTED")),
        ({"end": 60, "onEnd": "STOP"}, {"onExhausted": "STOP"}, (50, "POOL_EXHAUSTED")),
        ({"end": 200, "onEnd": "STOP"}, {}, (100, "RECORD_COUNT")),
        ({"end": 7, "onEnd": "WRAP"}, {"onExhausted": "WRAP"}, (100, "RECORD_COUNT")),
    ],
)
def test_the_first_field_to_end_ends_the_run(
    workshop: Workshop, number: dict[str, Any], thing: dict[str, Any], expected: tuple[int, str]
) -> None:
    workshop.add_pool(FIRST)
    mappings = [
        {**NUMBER, "params": number},
        {**THING, "params": {**THING["params"], **thing}, "unique": bool(thing)},
    ]

    run = workshop.make(*mappings, recordCount=100)

    assert run_length(plan_of_run(run)) == expected
    assert (run.status, run.record_count, run.end_reason) == ("COMPLETED", *expected)
    assert len(workshop.content().splitlines()) == expected[0]


def test_a_run_may_have_nothing_left_to_make(workshop: Workshop) -> None:
    number = {**NUMBER, "params": {"scope": "GENERATOR", "end": 10, "onEnd": "STOP"}}

    lengths = [workshop.make(number, owner="me", recordCount=8).record_count for _ in range(3)]
    last = Run.objects.first()

    assert lengths == [8, 2, 0]
    assert last is not None
    assert (last.status, last.end_reason) == ("COMPLETED", "SEQUENCE_END")
    assert workshop.content() == b""

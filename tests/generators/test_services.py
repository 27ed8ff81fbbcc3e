"""Starting, finding, pruning runs and looking at definitions: what a run keeps whatever becomes of the world."""

from __future__ import annotations

import json
import uuid
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.utils import timezone

from engine.span import Span
from generators.definition_files import read_definitions
from generators.models import Run
from generators.planning import plan_of_run, run_folder
from generators.runs.lock import carrying
from generators.services.drafts import run_length
from generators.services.runs import find_run, progress_of, prune_runs
from generators.services.validation import MEASURED_RECORDS, preview_plan, validate_definition
from pools import services as pool_services
from pools.models import PoolVersion
from sdg_project.errors import Conflict, Invalid, NotFound
from tests.support.runs import FRAME, Workshop

pytestmark = pytest.mark.django_db

NUMBER: dict[str, Any] = {"fieldName": "n", "type": "SEQUENCE"}
THING: dict[str, Any] = {
    "fieldName": "thing",
    "type": "POOL_REFERENCE",
    "params": {"pool": "things", "column": "thing"},
}
FIRST = "thing,weight\n" + "".join(f"thing {number},{number % 3}\n" for number in range(50))
SECOND = "thing,weight\n" + "".join(f"other {number},1\n" for number in range(40))
COUNT = 3 * FRAME + 10
UPDATED_AT = datetime(2026, 5, 1, tzinfo=UTC)


def interrupted(workshop: Workshop, *mappings: dict[str, Any], **changes: Any) -> Run:
    """A run that stands at its first commits."""
    run = workshop.carry(workshop.start(*mappings, recordCount=COUNT, **changes), until=FRAME)
    assert run.status == "PAUSED"
    assert FRAME <= progress_of(run)["records"] < COUNT
    return run


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


# Looking at definitions.


def test_validate_estimates_what_a_run_writes(workshop: Workshop) -> None:
    workshop.add_pool(FIRST)
    document = workshop.document(NUMBER, THING, recordCount=5_000)

    validation = validate_definition(document, updated_at=UPDATED_AT, root=str(workshop.folder))
    run = workshop.make(NUMBER, THING, recordCount=5_000)

    assert validation.errors == ()
    assert validation.records == 5_000
    assert validation.bytes_per_record is not None
    assert abs(validation.bytes_per_record * 5_000 - run.outputs[0]["bytes"]) < 0.1 * run.outputs[0]["bytes"]
    assert validation.preview is not None
    assert validation.preview.records["n"].to_list() == [1, 2, 3, 4, 5]


def test_validate_and_preview_change_nothing_and_use_seed_0_and_the_definition_s_age(
    workshop: Workshop, sdg_home: Path
) -> None:
    moment = {"fieldName": "at", "type": "TIMESTAMP_GENERATED", "params": {"mode": "CLOCK"}}
    document = workshop.document(NUMBER, {"fieldName": "u", "type": "UUID_GENERATED"}, moment, seed=None)
    before = sorted(workshop.folder.rglob("*"))

    validation = validate_definition(document, updated_at=UPDATED_AT, root=str(workshop.folder))
    plan = preview_plan(document, updated_at=UPDATED_AT)
    zero = preview_plan(document, updated_at=UPDATED_AT, seed=0)
    other = preview_plan({**document, "seed": 5}, updated_at=UPDATED_AT, seed=7)

    assert sorted(workshop.folder.rglob("*")) == before
    assert not Run.objects.exists()
    assert validation.plan is not None
    assert validation.plan.facts.seed == 0
    assert plan.batch(Span(0, 10)).records.equals(zero.batch(Span(0, 10)).records)
    assert other.facts.seed == 7
    assert plan.batch(Span(9, 1)).records["at"].to_list() == [UPDATED_AT]


def test_a_pool_that_is_not_ready_is_one_issue_among_the_others(workshop: Workshop) -> None:
    pool = workshop.add_pool(FIRST)
    type(pool).objects.update(version=0, status="FAILED")
    mappings = [THING, {**NUMBER, "params": {"step": 0}}]
    document = workshop.document(*mappings)

    validation = validate_definition(document, updated_at=UPDATED_AT, root=str(workshop.folder))
    with pytest.raises(Invalid) as started:
        workshop.start(*mappings)
    with pytest.raises(Invalid) as previewed:
        preview_plan(document, updated_at=UPDATED_AT)

    expected = {("POOL_NOT_READY", "/fieldMappings/0/params/pool"), ("INVALID_STEP", "/fieldMappings/1/params/step")}
    for issues in (validation.issues, started.value.issues, previewed.value.issues):
        assert {(issue.code, issue.path) for issue in issues} == expected


def test_validate_tells_what_is_wrong_at_the_destination_beside_the_rest(workshop: Workshop) -> None:
    document = workshop.document({**NUMBER, "params": {"step": 0}}, path="a.jsonl")
    document["destination"]["config"]["rollrecords"] = 5

    validation = validate_definition(document, updated_at=UPDATED_AT, root=str(workshop.folder))

    assert {(issue.code, issue.path) for issue in validation.errors} == {
        ("INVALID_STEP", "/fieldMappings/0/params/step"),
        ("UNKNOWN_PROPERTY", "/destination/config/rollrecords"),
    }
    assert validation.plan is None


def test_what_the_first_records_show_is_told_at_its_field(workshop: Workshop) -> None:
    def told(mapping: dict[str, Any], **declared: Any) -> list[tuple[str, str, str]]:
        schema = {"fields": [{"name": "n", "type": "LONG"}, {"name": "x", **declared}]} if declared else None
        document = workshop.document(NUMBER, {"fieldName": "x"} | mapping, schema=schema, recordCount=50)
        issues = validate_definition(document, updated_at=UPDATED_AT, root=str(workshop.folder)).issues
        with pytest.raises(Invalid) as started:
            workshop.start(NUMBER, {"fieldName": "x"} | mapping, schema=schema, recordCount=50)
        assert [issue.id for issue in started.value.issues] == [issue.id for issue in issues]
        return [(issue.code, issue.path, issue.message) for issue in issues]

    sequence = {"type": "SEQUENCE", "params": {"template": "2026-01-{seq:02d}T12:00:00Z"}}
    number = {"type": "NUMERIC_RANGE", "params": {"min": 7, "max": 10_000}}
    code = {"type": "SEQUENCE", "params": {"template": "A{seq}"}}

    [(record_code, path, message)] = told(sequence | {"outputType": "TIMESTAMP"})
    assert (record_code, path) == ("RECORD_INVALID", "/fieldMappings/1")
    assert message.startswith('x, record 31: "2026-01-32T12:00:00Z" cannot be read as TIMESTAMP, which is an instant')
    [(enum_code, path, message)] = told(number, type="INTEGER", enum=[1, 2, 3])
    assert (enum_code, path) == ("INVALID_VALUE", "/schema/fields/1/enum")
    assert message.endswith("more values are not in the schema's enum")
    assert told(code, type="STRING", pattern="A[0-8]+") == [
        ("INVALID_VALUE", "/schema/fields/1/pattern", '"A9" does not match the pattern A[0-8]+')
    ]


def test_a_pool_s_column_is_checked_once_and_says_what_it_loses(workshop: Workshop) -> None:
    rows = [*map(str, range(20_000)), "many"]
    workshop.add_pool("thing,size\n" + "".join(f"{thing},1.25\n" for thing in rows))
    size = {"fieldName": "s", "type": "POOL_REFERENCE", "params": {"pool": "things", "column": "size"}}
    schema = {"fields": [{"name": "thing", "type": "INTEGER"}, {"name": "s", "type": "DECIMAL", "scale": 1}]}
    document = workshop.document(THING, size, schema=schema)

    issues = validate_definition(document, updated_at=UPDATED_AT, root=str(workshop.folder)).issues

    assert {(issue.code, issue.path) for issue in issues} == {
        ("TYPE_MISMATCH", "/schema/fields/0/type"),
        ("ROUNDED", "/fieldMappings/1"),
    }
    assert '"many" cannot be read as INTEGER' in str([issue.message for issue in issues])


# Finding and pruning.


def test_a_run_is_found_by_its_id_its_beginning_or_as_the_last(workshop: Workshop) -> None:
    first, second = workshop.start(NUMBER), workshop.start(NUMBER, path="b.jsonl")

    assert find_run(str(first.pk)) == first
    assert find_run(first.pk.hex) == first
    assert find_run(str(first.pk)[:18].upper()) == first
    assert find_run("last") == second


def test_what_names_no_run_or_several_is_refused_in_a_sentence(workshop: Workshop) -> None:
    with pytest.raises(NotFound, match="no run yet"):
        find_run("last")
    run = workshop.start(NUMBER)
    twin = uuid.UUID(int=run.pk.int ^ 1)
    Run.objects.filter(pk=run.pk).update(name="first")
    run.pk = twin
    run.save(force_insert=True)

    for reference in ("", "-", "zz", str(uuid.uuid4())):
        with pytest.raises(NotFound, match="no run"):
            find_run(reference)
    with pytest.raises(NotFound, match="2 runs have ids that begin with"):
        find_run(twin.hex[:31])
    assert find_run(twin.hex) == run


def test_pruning_removes_old_runs_with_what_only_they_need(workshop: Workshop, sdg_home: Path) -> None:
    pool = workshop.add_pool(FIRST)
    completed = workshop.make(THING, path="done.jsonl")
    abandoned = interrupted(workshop, THING, path="half.jsonl")
    workshop.refresh_pool(SECOND)
    hidden = sorted(workshop.folder.glob(".half*"))

    nothing = prune_runs(older_than=timedelta(days=1))
    pruned = prune_runs(older_than=timedelta(0))

    assert (nothing.runs, nothing.pool_versions, nothing.kept) == ([], 0, [])
    assert hidden
    assert {run.name for run in pruned.runs} == {"orders"}
    assert len(pruned.runs) == 2
    assert not Run.objects.exists()
    assert sorted(workshop.folder.glob(".half*")) == []
    assert not (workshop.folder / "half.jsonl").exists()
    assert workshop.content("done.jsonl")
    assert not run_folder(completed).exists()
    assert not run_folder(abandoned).exists()
    assert pruned.pool_versions == 1
    assert [version.version for version in PoolVersion.objects.filter(pool=pool)] == [2]


def test_pruning_leaves_runs_that_somebody_works_on_and_the_pools_that_they_need(workshop: Workshop) -> None:
    workshop.add_pool(FIRST)
    run = interrupted(workshop, THING)
    workshop.refresh_pool(SECOND)

    with carrying(run):
        pruned = prune_runs(older_than=timedelta(0))

    assert pruned.runs == []
    assert pruned.pool_versions == 0
    [(kept, reason)] = pruned.kept
    assert kept == run
    assert "another process" in reason
    assert workshop.carry(run).status == "COMPLETED"


def test_the_age_of_a_run_counts_from_its_end(workshop: Workshop) -> None:
    run = workshop.make(NUMBER)
    Run.objects.update(created_at=timezone.now() - timedelta(days=40))

    assert prune_runs(older_than=timedelta(days=30)).runs == []
    Run.objects.update(finished_at=timezone.now() - timedelta(days=31))

    assert [one.name for one in prune_runs(older_than=timedelta(days=30)).runs] == [run.name]


def test_a_run_that_cannot_be_cleared_away_is_kept_and_stops_no_other(workshop: Workshop) -> None:
    strange = workshop.start(NUMBER)
    workshop.make(NUMBER, path="b.jsonl")
    spec = strange.spec
    spec["document"]["destination"]["type"] = "NO_LONGER"
    Run.objects.filter(pk=strange.pk).update(spec=spec)

    pruned = prune_runs(older_than=timedelta(0))

    assert len(pruned.runs) == 1
    assert [run.pk for run, _ in pruned.kept] == [strange.pk]
    assert "cannot be continued" in pruned.kept[0][1]


def test_how_long_a_run_takes_is_measured_of_the_first_records(workshop: Workshop) -> None:
    ticks = iter([100.0, 102.0])
    document = workshop.document(recordCount=MEASURED_RECORDS * 1_000)

    validation = validate_definition(
        document, updated_at=UPDATED_AT, root=str(workshop.folder), monotonic=lambda: next(ticks)
    )

    assert validation.duration_seconds == pytest.approx(2_000)

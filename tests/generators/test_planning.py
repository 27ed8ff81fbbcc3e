"""From stored things to plans: the shelf of pools, tables that are kept with a run, and what refuses to go on."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from engine.cuts import Cuts
from engine.span import Span
from generators.models import Run
from generators.plan import hash_of_tables
from generators.planning import (
    PoolShelf,
    bytes_per_record,
    destination_kind,
    destination_of_run,
    plan_of_run,
    run_folder,
    sample,
)
from generators.run_spec import RunSpec
from pools.builtin.base import builtin_pools
from pools.builtin.people import People
from pools.snapshot import snapshot_of
from sdg_project.errors import Conflict, Invalid
from tests.support.runs import Workshop

pytestmark = pytest.mark.django_db

CHOICE = {"fieldName": "size", "type": "ENUM_RANDOM", "params": {"values": ["S", "M", "L"], "weights": [1, 2, 3]}}
RANKED = {"fieldName": "rank", "type": "ENUM_RANDOM", "params": {"values": list(range(50)), "selection": "ZIPF"}}


def tables_file(run: Run) -> Path:
    return run_folder(run) / "tables.npz"


# Pools.


def test_the_shelf_finds_a_bundle_s_pools_before_stored_ones_before_built_in_ones(workshop: Workshop) -> None:
    own = snapshot_of(pl.DataFrame({"thing": ["own"]}), pool="things", version=1)
    workshop.add_pool("thing\nstored\n")
    workshop.add_pool("thing\nstored\n", name="others")
    shelf = PoolShelf({"things": own})

    assert shelf["things"] is own
    assert shelf["others"].records["thing"].to_list() == ["stored"]
    assert shelf["others"] is shelf["others"]
    assert shelf["people"].content_hash == People.content_hash
    assert list(shelf) == ["things", "others", *builtin_pools]
    assert len(shelf) == 2 + len(builtin_pools)
    assert "nothing" not in shelf
    assert shelf.get("nothing") is None


def test_looking_at_the_names_opens_no_pool(workshop: Workshop) -> None:
    pool = workshop.add_pool("thing\nstored\n")
    type(pool).objects.update(version=0)
    shelf = PoolShelf()

    assert list(shelf) == ["things", *builtin_pools]
    with pytest.raises(Invalid, match="no version has been loaded"):
        shelf["things"]


# Destinations.


@pytest.mark.parametrize(
    ("document", "expected"),
    [
        ("FILE", [("TYPE_MISMATCH", "/destination")]),
        ({}, [("MISSING_PARAM", "/destination/type")]),
        ({"type": "FILES"}, [("INVALID_VALUE", "/destination/type")]),
        (
            {"type": 5, "topic": "t"},
            [("UNKNOWN_PROPERTY", "/destination/topic"), ("INVALID_VALUE", "/destination/type")],
        ),
        ({"type": "FILE"}, [("MISSING_PARAM", "/destination/config/path")]),
        (
            {"type": "FILE", "config": {"path": "a.jsonl", "pth": "b"}, "x": 1},
            [("UNKNOWN_PROPERTY", "/destination/x"), ("UNKNOWN_PROPERTY", "/destination/config/pth")],
        ),
        ({"type": "FILE", "config": {"path": "a.jsonl"}}, []),
    ],
)
def test_everything_that_is_wrong_with_a_destination_s_shape_is_told(
    document: Any, expected: list[tuple[str, str]]
) -> None:
    kind, config, issues = destination_kind(document)

    assert [(issue.code, issue.path) for issue in issues] == expected
    assert (kind is not None and config is not None) or expected


def test_a_close_destination_type_is_named() -> None:
    [issue] = destination_kind({"type": "FIEL"})[2]

    assert issue.hint == 'did you mean "FILE"?'


def test_every_process_sees_the_same_destination(workshop: Workshop) -> None:
    run = workshop.start(CHOICE, recordCount=200_000, shards=3)
    plan = plan_of_run(run)

    first, second = (destination_of_run(Run.objects.get(pk=run.pk), plan.schema) for _ in range(2))

    assert first.delivery == second.delivery
    assert first.delivery.cuts == RunSpec.from_json(run.spec).cuts(None) == Cuts(65_536)
    assert first.delivery.span == Span(0, 200_000)
    assert len(first.delivery.shards) == 3


# Plans.


def test_a_run_has_the_plan_that_it_was_started_with(workshop: Workshop) -> None:
    run = workshop.start(CHOICE, RANKED)

    plan, again = plan_of_run(run), plan_of_run(Run.objects.get(pk=run.pk))

    assert plan.spec_hash == again.spec_hash == run.spec_hash
    assert plan.tables_hash == again.tables_hash == run.tables_hash
    assert plan.batch(Span(10**9, 50)).records.equals(again.batch(Span(10**9, 50)).records)
    assert plan.facts == again.facts


def test_the_kept_tables_are_used_as_they_are(workshop: Workshop) -> None:
    run = workshop.start(CHOICE, RANKED)

    with np.load(tables_file(run)) as file:
        kept = {name: file[name] for name in file.files}

    assert hash_of_tables(kept) == run.tables_hash
    assert kept
    assert [path.name for path in run_folder(run).iterdir()] == ["tables.npz"]


@pytest.mark.parametrize("change", ["value", "name", "gone"])
def test_tables_that_were_altered_are_refused(workshop: Workshop, change: str) -> None:
    run = workshop.start(CHOICE, RANKED)
    with np.load(tables_file(run)) as file:
        tables = {name: file[name] for name in file.files}
    name = min(tables)

    if change == "value":
        tables[name] = tables[name].copy()
        tables[name][0] += 1
    else:
        table = tables.pop(name)
        if change == "name":
            tables[f"{name}s"] = table
    np.savez(tables_file(run), allow_pickle=False, **tables)

    with pytest.raises(Conflict, match=str(run.pk)) as caught:
        plan_of_run(run)
    assert caught.value.code == "SPEC_VERSION"
    assert caught.value.hint


@pytest.mark.parametrize("loss", ["missing", "empty", "cut", "flipped"])
def test_tables_that_cannot_be_read_are_made_anew(workshop: Workshop, loss: str) -> None:
    run = workshop.start(CHOICE, RANKED)
    file = tables_file(run)
    content = bytearray(file.read_bytes())

    if loss == "missing":
        file.unlink()
    elif loss == "flipped":
        content[200] ^= 1  # inside the first table, whose checksum tells
        file.write_bytes(content)
    else:
        file.write_bytes(content[: len(content) // 2] if loss == "cut" else b"")

    assert plan_of_run(run).tables_hash == run.tables_hash
    assert workshop.carry(run).status == "COMPLETED"


def test_tables_that_come_out_otherwise_on_this_machine_are_refused(workshop: Workshop) -> None:
    run = workshop.start(CHOICE, RANKED)
    tables_file(run).unlink()
    Run.objects.update(tables_hash="0" * 32)

    with pytest.raises(Conflict, match="on another machine, whose values would differ") as caught:
        plan_of_run(Run.objects.get(pk=run.pk))
    assert caught.value.code == "SPEC_VERSION"


def test_an_engine_with_other_values_refuses_the_run(workshop: Workshop, monkeypatch: pytest.MonkeyPatch) -> None:
    run = workshop.start(CHOICE)
    monkeypatch.setattr("generators.plan.ENGINE_VERSION", "1000")

    with pytest.raises(Conflict, match="started by another version") as caught:
        workshop.carry(run)

    assert caught.value.code == "SPEC_VERSION"
    assert not (workshop.folder / "out.jsonl").exists()


@pytest.mark.parametrize(
    "change",
    [
        {"seed": 43},
        {"document": {"name": "orders", "fieldMappings": [RANKED]}},
        {"document": {"name": "orders", "fieldMappings": [{**CHOICE, "type": "NO_LONGER"}]}},
        {"document": {"name": "orders", "streamName": "other", "fieldMappings": [CHOICE]}},
        {"laterProperty": 1},
        {"pools": {"people": {"version": 0, "content_hash": "x", "later": 1}}},
    ],
)
def test_a_spec_that_this_version_understands_otherwise_refuses_the_run(
    workshop: Workshop, change: dict[str, Any]
) -> None:
    run = workshop.start(CHOICE)
    run.spec = run.spec | change

    with pytest.raises(Conflict) as caught:
        plan_of_run(run)
    assert caught.value.code == "SPEC_VERSION"


def test_a_spec_survives_its_way_through_json(workshop: Workshop) -> None:
    workshop.add_pool("thing,weight\na,1\nb,2\n", weightColumn="weight")
    thing = {"fieldName": "t", "type": "POOL_REFERENCE", "params": {"pool": "things", "column": "thing"}}
    run = workshop.start(thing, {"fieldName": "n", "type": "SEQUENCE", "params": {"scope": "GENERATOR"}})

    spec = RunSpec.from_json(Run.objects.get(pk=run.pk).spec)

    assert spec.to_json() == run.spec
    assert spec.pools["things"].version == 1
    assert spec.pools["things"].weight_column == "weight"
    assert spec.continues


def test_a_spec_keeps_numbers_that_no_float_holds(workshop: Workshop) -> None:
    exact = Decimal("123456789012.345678")
    run = workshop.start({"fieldName": "c", "type": "CONSTANT", "params": {"value": exact}})

    kept = Run.objects.get(pk=run.pk)

    assert kept.spec["document"]["fieldMappings"][0]["params"]["value"] == exact
    assert plan_of_run(kept).batch(Span(0, 1)).records["c"][0] == exact
    assert plan_of_run(kept).spec_hash == run.spec_hash


# Sizes.


def test_the_size_of_a_record_is_that_of_its_line(workshop: Workshop) -> None:
    run = workshop.make(CHOICE, recordCount=150)
    plan = plan_of_run(run)

    size = bytes_per_record(plan, sample(plan, 150))

    assert size == len(workshop.content()) / 150


def test_a_sample_is_no_larger_than_the_run(workshop: Workshop) -> None:
    plan = plan_of_run(workshop.start(CHOICE))

    assert sample(plan, 3).span == Span(0, 3)
    assert sample(plan, 10**9).span == Span(0, 200)
    assert bytes_per_record(plan, sample(plan, 0)) == 1.0

"""The FILE destination when a run is given up, or finished once more."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from sinks.errors import TerminalSinkError
from tests.sinks.destinations.starts import OTHER, SECOND, expected, parts, preflight, single
from tests.support.file_runs import carry, destination_of, plan_of_run, shown, tree, write_shard
from tests.support.nursery import Nursery


@pytest.mark.parametrize("make", [single, parts])
def test_a_run_that_is_given_up_leaves_nothing(make: Any, root: Path) -> None:
    run = make(root)
    carry(run.but(finalize=False))

    destination_of(run).abandon()

    assert tree(root) == {}
    assert preflight(make(root, owner=OTHER)) == []


@pytest.mark.parametrize("make", [single, parts])
def test_a_run_that_died_anywhere_and_is_given_up_leaves_what_was_there(
    make: Any, root: Path, nursery: Nursery
) -> None:
    earlier = single(root, seed=7) if make is single else parts(root, "APPEND", run_id="earlier", seed=7)
    carry(earlier)
    before = tree(root)
    config = {} if make is single else dict(earlier.config)
    steps = ["file.finalize.replacing"] if make is single else ["file.show.index", "file.show.part"]
    for name in ("file.prepare.done", "slice.committed", "file.finalize.manifest", *steps):
        run = make(root, run_id=SECOND, config=config)
        assert nursery.run(run.but(failpoints=f"{name}=kill")).killed

        destination_of(run).abandon()

        assert tree(root) == before


def test_a_run_that_died_while_it_replaced_parts_and_is_given_up_leaves_none_of_them(
    root: Path, nursery: Nursery
) -> None:
    carry(single(root, path="out", config={"format": "CSV", "rollRecords": 40}))
    run = parts(root, run_id=SECOND)
    assert nursery.run(run.but(failpoints="file.prepare.removed=kill@2")).killed

    destination_of(run).abandon()

    assert tree(root) == {}


def test_a_run_that_died_between_its_file_and_its_manifest_is_complete_when_it_is_given_up(
    root: Path, nursery: Nursery
) -> None:
    carry(single(root, seed=7))
    run = single(root, run_id=SECOND)
    assert nursery.run(run.but(failpoints="file.finalize.shown=kill")).killed

    destination_of(run).abandon()

    assert tree(root) == expected(single(root / "alone", run_id=SECOND))


@pytest.mark.parametrize("make", [single, parts])
def test_giving_up_a_run_that_has_shown_all_keeps_it(make: Any, root: Path, nursery: Nursery) -> None:
    run = make(root)
    assert nursery.run(run.but(failpoints="file.finalize.done=kill")).killed
    before = shown(tree(root))

    destination_of(run).abandon()

    assert tree(root) == before == expected(make(root / "alone"))


def test_giving_up_a_run_that_never_began_makes_nothing(root: Path) -> None:
    destination_of(single(root / "a", path="b/out.jsonl")).abandon()

    assert list(root.iterdir()) == []


def test_a_finished_run_can_be_finished_again(root: Path) -> None:
    for make in (single, parts):
        run = make(root / make.__name__)
        first = carry(run)
        inodes = {path: os.stat(path).st_ino for path in Path(run.root).rglob("*")}

        again = carry(run.but(epoch=2))

        assert again == first
        assert {path: os.stat(path).st_ino for path in Path(run.root).rglob("*")} == inodes


def test_a_finished_file_that_was_removed_is_made_again_when_the_run_is_resumed(root: Path) -> None:
    run = single(root)
    carry(run)
    before = tree(root)
    (root / "out.jsonl").unlink()

    carry(run.but(epoch=2))

    assert tree(root) == before


def test_an_old_file_of_the_same_length_is_not_taken_for_the_new_one(root: Path, nursery: Nursery) -> None:
    run = single(root, path="out.csv", config={"format": "CSV"}, records=1, shards=1)
    plan = plan_of_run(run)
    destination = destination_of(run, plan)
    destination.prepare()
    write_shard(run, plan, destination, 0)
    destination.close()
    assert nursery.run(run.but(epoch=2, failpoints="file.finalize.replacing=kill")).killed
    [folder] = root.glob(".out.csv.sdg-*")
    length = (folder / "whole.data").stat().st_size
    (folder / "whole.data").unlink()
    (root / "out.csv").write_bytes(b"x" * length)

    with pytest.raises(TerminalSinkError, match="move it away"):
        carry(run.but(epoch=3))

    assert (root / "out.csv").read_bytes() == b"x" * length

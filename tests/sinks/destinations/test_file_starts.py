"""FILE: what stands against a start, and what becomes of what is there already."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest

from sinks.errors import TerminalSinkError
from sinks.files.folder import Folder
from sinks.files.lock import is_held
from tests.sinks.destinations.starts import OTHER, SECOND, expected, only_issue, parts, preflight, single
from tests.support.file_runs import FileRun, carry, destination_of, shown, tree
from tests.support.nursery import Nursery

# Looking changes nothing.


@pytest.mark.parametrize("make", [single, parts])
def test_looking_at_a_place_that_is_not_there_makes_nothing(make: Any, root: Path) -> None:
    run = make(root / "a" / "b", path="c/d/out.jsonl")

    assert preflight(run) == []

    assert list(root.iterdir()) == []


def test_looking_at_a_place_changes_nothing(root: Path) -> None:
    carry(parts(root))
    before = tree(root)

    preflight(parts(root, run_id=SECOND))

    assert tree(root) == before


# Room.


@pytest.mark.parametrize(
    ("run", "copies"),
    [(single(Path(), shards=1), 1), (single(Path(), shards=3), 2), (parts(Path(), shards=3), 1)],
    ids=["one shard", "three shards, joined", "parts"],
)
def test_too_little_room_is_said_with_figures(run: FileRun, copies: int, root: Path) -> None:
    run = run.but(root=str(root))
    free = shutil.disk_usage(root).free

    enough, too_much = int(free / copies * 0.9), int(free / copies * 1.1)

    assert preflight(run, enough) == []
    issue = only_issue(run, too_much)
    assert issue.code == "DEST_FULL"
    assert f"{too_much * copies:,} bytes are needed" in issue.message
    assert issue.hint


# One file.


@pytest.mark.parametrize("make", [single, parts])
def test_a_foreign_file_is_refused_with_a_hint(make: Any, root: Path) -> None:
    run = make(root)
    victim = root / "out.jsonl" if make is single else root / "out" / "notes.txt"
    victim.parent.mkdir(exist_ok=True)
    victim.write_text("mine")

    issue = only_issue(run)

    assert issue.code == "RERUN_WOULD_COLLIDE"
    assert str(victim) in issue.message
    assert "not written by this command line" in issue.message
    assert issue.hint == "choose another path, or move it away"
    with pytest.raises(TerminalSinkError, match="not written by this command line"):
        carry(run)
    assert shown(tree(root)) == {str(victim.relative_to(root)): b"mine"}


@pytest.mark.parametrize("make", [single, parts])
def test_what_another_owner_wrote_is_refused(make: Any, root: Path) -> None:
    carry(make(root))
    before = tree(root)

    assert only_issue(make(root, owner=OTHER, run_id=SECOND)).code == "RERUN_WOULD_COLLIDE"
    assert tree(root) == before


@pytest.mark.parametrize("content", ["{}", "[]", "null", "not json", "[" * 100_000, '{"owner": "command line:tests"}'])
@pytest.mark.parametrize("make", [single, parts])
def test_a_foreign_manifest_is_refused(make: Any, content: str, root: Path) -> None:
    path = root / "out.jsonl.manifest.json" if make is single else root / "out" / "manifest.json"
    path.parent.mkdir(exist_ok=True)
    path.write_text(content)

    assert only_issue(make(root)).code == "RERUN_WOULD_COLLIDE"


def test_an_own_file_is_replaced(root: Path) -> None:
    carry(single(root, seed=5, records=200))

    assert preflight(single(root, run_id=SECOND)) == []
    carry(single(root, run_id=SECOND))

    assert tree(root) == expected(single(root / "alone", run_id=SECOND))


def test_an_own_file_that_was_changed_since_is_refused(root: Path) -> None:
    carry(single(root))
    with (root / "out.jsonl").open("a") as file:
        file.write("{}\n")

    assert "has changed since" in only_issue(single(root, run_id=SECOND)).message


def test_an_own_file_without_its_manifest_is_refused(root: Path) -> None:
    carry(single(root))
    (root / "out.jsonl.manifest.json").unlink()

    assert only_issue(single(root, run_id=SECOND)).code == "RERUN_WOULD_COLLIDE"


def test_a_foreign_file_is_replaced_when_asked_to(root: Path) -> None:
    (root / "out.jsonl").write_text("mine")
    (root / "out.jsonl.manifest.json").write_text("mine too")
    run = single(root, overwrite=True)

    assert preflight(run) == []
    carry(run)

    assert tree(root) == expected(single(root / "alone"))


def test_a_folder_with_foreign_files_is_refused_also_when_asked_to_overwrite(root: Path) -> None:
    (root / "out").mkdir()
    (root / "out" / "notes.txt").write_text("mine")

    assert only_issue(parts(root, overwrite=True)).code == "RERUN_WOULD_COLLIDE"


@pytest.mark.parametrize("overwrite", [False, True])
def test_a_file_that_appears_in_the_middle_of_a_run_is_not_replaced_unless_asked_to(
    overwrite: bool, root: Path
) -> None:
    run = single(root, overwrite=overwrite)
    carry(run.but(finalize=False))
    (root / "out.jsonl").write_text("mine")

    if overwrite:
        carry(run.but(epoch=2))
        assert tree(root) == expected(single(root / "alone"))
        return
    with pytest.raises(TerminalSinkError, match="move it away, then resume the run") as raised:
        carry(run.but(epoch=2))

    assert raised.value.code == "RERUN_WOULD_COLLIDE"
    assert shown(tree(root)) == {"out.jsonl": b"mine"}
    (root / "out.jsonl").unlink()
    carry(run.but(epoch=3))
    assert tree(root) == expected(single(root / "alone"))


@pytest.mark.parametrize("make", [single, parts])
def test_fail_refuses_when_something_is_there_and_says_what_else_can_be_chosen(make: Any, root: Path) -> None:
    fail = {"beforeRun": "FAIL"} if make is single else dict(parts(root, "FAIL").config)
    assert preflight(make(root, config=fail)) == []
    carry(make(root, config=fail))
    before = tree(root)

    issue = only_issue(make(root, config=fail, run_id=SECOND))

    assert issue.code == "RERUN_WOULD_COLLIDE"
    choices = "REPLACE" if make is single else "REPLACE or APPEND"
    assert f"say {choices} as beforeRun" in str(issue.hint)
    with pytest.raises(TerminalSinkError):
        carry(make(root, config=fail, run_id=SECOND))
    assert shown(tree(root)) == before


def test_fail_refuses_the_parts_of_an_own_run_without_an_end(root: Path) -> None:
    carry(parts(root, finalize=False))
    before = tree(root)

    assert only_issue(parts(root, "FAIL", run_id=SECOND)).code == "RERUN_WOULD_COLLIDE"
    assert tree(root) == before


# Two runs at a time.


@pytest.mark.parametrize("make", [single, parts])
def test_of_two_live_runs_at_one_place_the_second_is_refused(make: Any, root: Path) -> None:
    first, second = destination_of(make(root)), destination_of(make(root, run_id=SECOND))
    first.prepare()

    issue = only_issue(make(root, run_id=SECOND))
    with pytest.raises(TerminalSinkError, match="another run is writing") as raised:
        second.prepare()

    assert (issue.code, raised.value.code) == ("RERUN_WOULD_COLLIDE", "RERUN_WOULD_COLLIDE")
    assert issue.hint == "wait until it has ended"
    first.close()
    assert preflight(make(root, run_id=SECOND)) == []
    second.prepare()
    second.close()


@pytest.mark.parametrize("make", [single, parts])
def test_one_run_in_two_processes_is_refused_too(make: Any, root: Path) -> None:
    first, second = destination_of(make(root)), destination_of(make(root))
    first.prepare()

    with pytest.raises(TerminalSinkError, match="another run is writing"):
        second.prepare()

    first.close()


def test_runs_into_other_files_of_one_folder_do_not_meet(root: Path) -> None:
    destinations = [destination_of(single(root, path=f"{name}.jsonl", run_id=name)) for name in "abc"]

    for destination in destinations:
        destination.prepare()

    for destination in destinations:
        destination.close()


def test_death_lets_go_of_the_place(root: Path, nursery: Nursery) -> None:
    assert nursery.run(single(root).but(failpoints="slice.opened=kill")).killed
    assert (root / ".out.jsonl.sdg.lock").exists()

    assert preflight(single(root, run_id=SECOND)) == []


def test_a_lock_that_was_taken_away_is_not_the_lock(root: Path) -> None:
    first = destination_of(single(root))
    first.prepare()
    (root / ".out.jsonl.sdg.lock").unlink()
    second = destination_of(single(root, run_id=SECOND))
    second.prepare()

    first.close()

    with Folder.at(str(root), []) as folder:
        assert is_held(folder, ".out.jsonl.sdg.lock")
        second.close()
        assert not is_held(folder, ".out.jsonl.sdg.lock")

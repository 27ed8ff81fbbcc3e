"""FILE: what stands against a start, and what becomes of what is there already."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from engine.issues import Issue
from sinks.errors import TerminalSinkError
from sinks.files.folder import Folder
from sinks.files.lock import is_held
from tests.sinks.destinations.scenarios import untrue
from tests.support.file_runs import FileRun, carry, destination_of, plan_of_run, shown, tree, write_shard
from tests.support.nursery import Nursery

SECOND = "22222222-bbbb"
OTHER = "command line:somebody else"


def single(root: Path, **changes: Any) -> FileRun:
    return FileRun(str(root)).but(**changes)


def parts(root: Path, before_run: str = "REPLACE", **changes: Any) -> FileRun:
    config = {"format": "JSONL", "rollRecords": 100, "beforeRun": before_run}
    return FileRun(str(root), path="out", config=config).but(**changes)


def preflight(run: FileRun, estimated_bytes: int = 1000) -> Sequence[Issue]:
    return destination_of(run).preflight(estimated_bytes=estimated_bytes)


def only_issue(run: FileRun, estimated_bytes: int = 1000) -> Issue:
    [issue] = preflight(run, estimated_bytes)
    assert issue.path == "/destination/config/path"
    return issue


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


def expected(run: FileRun) -> dict[str, bytes]:
    carry(run)
    files = tree(run.root)
    shutil.rmtree(run.root)
    return files


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


# Parts.


def names(root: Path) -> list[str]:
    return sorted(path.name for path in (root / "out").iterdir())


def test_appending_goes_on_over_several_runs(root: Path) -> None:
    runs = [parts(root, "APPEND", run_id=f"{number}-run", seed=number, records=150) for number in range(3)]

    for number, run in enumerate(runs, start=1):
        assert preflight(run) == []
        written = carry(run)

        document = json.loads((root / "out" / "manifest.json").read_text())
        assert len(written) == 2
        assert len(document["files"]) == 2 * number == len({file["name"] for file in document["files"]})
        assert document["records"] == 150 * number
        assert [file["runId"] for file in document["files"]] == [f"{n}-run" for n in range(number) for _ in range(2)]
        assert list(untrue(tree(root), "out/manifest.json")) == []
        assert len(names(root)) == 2 * number + 1


def test_appending_to_what_replace_left_keeps_it(root: Path) -> None:
    carry(parts(root))
    before = shown(tree(root))

    carry(parts(root, "APPEND", run_id=SECOND, seed=2))

    after = shown(tree(root))
    assert {path: after[path] for path in before if "manifest" not in path} == {
        path: content for path, content in before.items() if "manifest" not in path
    }
    assert len(json.loads(after["out/manifest.json"])["files"]) == 6
    assert list(untrue(after, "out/manifest.json")) == []


def test_appending_beside_a_run_without_an_end_loses_neither(root: Path) -> None:
    first = parts(root, "APPEND")
    carry(first.but(finalize=False))
    carry(parts(root, "APPEND", run_id=SECOND, seed=2))
    carry(first.but(epoch=2))

    document = json.loads((root / "out" / "manifest.json").read_text())

    assert len(document["files"]) == 6
    assert {file["runId"] for file in document["files"]} == {first.run_id, SECOND}
    assert list(untrue(tree(root), "out/manifest.json")) == []
    assert len(names(root)) == 7


def test_appending_another_format_is_refused(root: Path) -> None:
    carry(parts(root, "APPEND"))
    run = parts(root, run_id=SECOND, config={"format": "CSV", "rollRecords": 100, "beforeRun": "APPEND"})

    assert "are JSONL NONE, these would be CSV NONE" in only_issue(run).message


def test_appending_to_a_file_is_refused(root: Path) -> None:
    with pytest.raises(ValueError, match="APPEND adds parts to a folder"):
        carry(single(root, config={"beforeRun": "APPEND"}))


def test_replacing_removes_all_parts_of_the_earlier_run_and_hidden_files_of_others_stay(root: Path) -> None:
    carry(parts(root, seed=4, records=950))
    (root / "out" / ".notes").write_text("mine")
    run = parts(root, run_id=SECOND)

    assert preflight(run) == []
    carry(run)

    (root / "out" / ".notes").unlink()
    assert tree(root) == expected(parts(root / "alone", run_id=SECOND))


@pytest.mark.parametrize("written", [0, 1, 3])
def test_replacing_removes_the_parts_of_an_own_run_that_died_half_way_and_nothing_else(
    written: int, root: Path, nursery: Nursery
) -> None:
    died = parts(root, seed=4, records=950)
    if written:
        assert nursery.run(died.but(failpoints=f"file.show.index=kill@{written}")).killed
    else:
        assert nursery.run(died.but(failpoints="file.prepare.done=kill")).killed
    run = parts(root, run_id=SECOND)

    assert preflight(run) == []
    carry(run)

    assert tree(root) == expected(parts(root / "alone", run_id=SECOND))


def test_a_foreign_file_among_the_parts_of_an_own_run_that_died_is_left_alone(root: Path, nursery: Nursery) -> None:
    nursery.run(parts(root).but(failpoints="file.show.index=kill@2"))
    for name in ("p-0000000000000-0000000000007.jsonl", "p-0000000000300-0000000000400.jsonl", "p-x.jsonl"):
        (root / "out" / name).write_text("mine")
        before = tree(root)

        assert name in only_issue(parts(root, run_id=SECOND)).message
        assert tree(root) == before
        (root / "out" / name).unlink()


def test_a_run_that_goes_on_after_another_has_replaced_it_is_exact(root: Path) -> None:
    for make in (single, parts):
        first = make(root / make.__name__)
        carry(first.but(finalize=False))
        carry(make(first.root, run_id=SECOND, seed=2, records=500))

        carry(first.but(epoch=2))

        files = tree(first.root)
        if make is single:
            assert files == expected(make(root / "alone"))
        else:
            assert shown(files) == expected(make(root / "alone"))


def test_the_folder_of_somebody_else_s_run_without_an_end_is_refused(root: Path) -> None:
    carry(parts(root).but(only=(), finalize=False))

    assert only_issue(parts(root, owner=OTHER, run_id=SECOND)).code == "RERUN_WOULD_COLLIDE"


@pytest.mark.parametrize("hole", ["../outside", "/etc/hosts", "a/b", "..", ""])
def test_a_manifest_that_names_what_lies_elsewhere_is_not_believed(hole: str, root: Path) -> None:
    carry(parts(root))
    (root / "outside").write_text("mine")
    path = root / "out" / "manifest.json"
    document = json.loads(path.read_text())
    document["files"].append({**document["files"][0], "name": hole, "bytes": 4})
    path.write_text(json.dumps(document))

    assert only_issue(parts(root, run_id=SECOND)).code == "RERUN_WOULD_COLLIDE"
    with pytest.raises(TerminalSinkError):
        carry(parts(root, run_id=SECOND))
    assert (root / "outside").read_text() == "mine"


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


# Giving up.


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

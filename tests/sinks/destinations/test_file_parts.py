"""The FILE destination where there are parts already: they are kept, replaced or refused."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from sinks.errors import TerminalSinkError
from tests.sinks.destinations.scenarios import untrue
from tests.sinks.destinations.starts import OTHER, SECOND, expected, only_issue, parts, preflight, single
from tests.support.file_runs import carry, shown, tree
from tests.support.nursery import Nursery


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

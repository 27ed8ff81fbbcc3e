"""FILE: no path leads out of the output folder, and nothing is written to what is no regular file."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from engine.issues import Issue
from engine.schema import RecordSchema
from sinks.destinations.base import Delivery, Destination
from sinks.destinations.file import FileDestination
from sinks.encoding.base import encoders
from sinks.errors import TerminalSinkError
from sinks.files.config import FileConfig
from tests.support.file_runs import FileRun, carry, destination_of, plan_of_run, shown, tree


def unchecked(run: FileRun, **config: Any) -> Destination[Any]:
    """A destination the config of which may be wrong."""
    delivery: Delivery = destination_of(FileRun(run.root, overwrite=run.overwrite)).delivery
    return FileDestination(FileConfig.model_validate({"path": run.path, **config}), delivery)


def checked(path: str, **config: Any) -> Sequence[Issue]:
    return unchecked(FileRun("/nowhere", path=path), **config).check()


@pytest.mark.parametrize(
    "path",
    ["../x.csv", "/tmp/x.csv", "a/../../x.csv", "x\0.csv", "a" * 300 + ".csv", "x.csv.", "CON.csv"],
)
def test_a_path_that_is_not_fine_is_refused_where_it_stands(path: str) -> None:
    issues = [issue for issue in checked(path, format="CSV") if issue.path == "/destination/config/path"]

    assert [issue.code for issue in issues] == ["INVALID_VALUE"]
    assert issues[0].message.startswith("the path ")


@pytest.mark.parametrize("name", ["../../x", "a/b", "..", "/", "x\0y", "\n"])
def test_a_generator_s_name_makes_one_name(name: str, root: Path) -> None:
    run = FileRun(str(root), path="${generatorName}.jsonl")
    destination = destination_of(run)
    delivery = destination.delivery
    values = {slot: getattr(delivery, slot) for slot in Delivery.__slots__} | {"generator_name": name}
    named = FileDestination(destination.config, Delivery(**values))

    assert named.check() == []
    assert "/" not in named.path
    assert not named.path.startswith(".")


def test_holes_that_cannot_be_filled_are_named() -> None:
    [unknown] = checked("${nothing}.jsonl")
    [broken] = checked("${runId.jsonl")

    assert (unknown.code, "generatorName, runId, startedAt" in str(unknown.hint)) == ("UNKNOWN_FIELD", True)
    assert (broken.code, "is not closed" in broken.message) == ("INVALID_VALUE", True)


def test_an_escaped_slash_is_a_name_like_any_other(root: Path) -> None:
    carry(FileRun(str(root), path="..%2fx.jsonl"))

    assert set(tree(root)) == {"..%2fx.jsonl", "..%2fx.jsonl.manifest.json"}


# What stands in the way.


def put(kind: str, path: Path, outside: Path) -> None:
    match kind:
        case "link":
            path.symlink_to(outside)
        case "dangling link":
            path.symlink_to(outside.with_name("new"))
        case "link to a device":
            path.symlink_to("/dev/full")
        case "pipe":
            os.mkfifo(path)
        case "folder":
            path.mkdir()


@pytest.mark.parametrize("overwrite", [False, True])
@pytest.mark.parametrize("kind", ["link", "dangling link", "link to a device", "pipe", "folder"])
@pytest.mark.parametrize("name", ["out.jsonl", "out.jsonl.manifest.json"])
def test_what_is_no_regular_file_is_refused_even_if_it_may_be_replaced(
    name: str, kind: str, overwrite: bool, root: Path
) -> None:
    outside = root / "outside"
    outside.write_text("mine")
    (root / "out").mkdir()
    put(kind, root / "out" / name, outside)
    run = FileRun(str(root / "out"), overwrite=overwrite)

    [issue] = destination_of(run).preflight(estimated_bytes=10)
    with pytest.raises(TerminalSinkError, match=r"regular file|link") as raised:
        carry(run)

    assert (issue.code, raised.value.code) == ("DEST_SCHEMA", "DEST_SCHEMA")
    assert outside.read_text() == "mine"
    assert not (root / "new").exists()


@pytest.mark.parametrize("path", ["/dev/full", "/dev/null"])
def test_a_device_is_not_replaced_by_a_file(path: str) -> None:
    folder, name = os.path.split(path)
    run = FileRun(folder, path=name, config={"format": "JSONL"}, overwrite=True)

    issues = destination_of(run).preflight(estimated_bytes=0)

    assert "is no regular file" in issues[0].message
    assert not Path(path).is_file()


def test_a_hard_link_is_replaced_by_name_and_its_other_name_keeps_the_content(root: Path) -> None:
    (root / "other").write_text("mine")
    (root / "out.jsonl").hardlink_to(root / "other")

    carry(FileRun(str(root), overwrite=True))

    assert (root / "other").read_text() == "mine"
    assert (root / "out.jsonl").read_bytes().startswith(b'{"name"')


@pytest.mark.parametrize("steps", ["shop", "shop/deep"])
def test_a_link_among_the_folders_is_refused(steps: str, root: Path) -> None:
    (root / "outside").mkdir()
    place = root / "out" / steps
    place.parent.mkdir(parents=True)
    place.symlink_to(root / "outside")
    run = FileRun(str(root / "out"), path=f"{steps}/x/out.jsonl")

    [issue] = destination_of(run).preflight(estimated_bytes=10)
    with pytest.raises(TerminalSinkError):
        carry(run)

    assert issue.code == "DEST_SCHEMA"
    assert list((root / "outside").iterdir()) == []


@pytest.mark.parametrize("when", ["before the shards", "before the end"])
def test_a_folder_that_becomes_a_link_in_the_middle_of_a_run_is_refused(when: str, root: Path) -> None:
    (root / "outside").mkdir()
    run = FileRun(str(root / "out"), path="shop/out.jsonl")
    if when == "before the shards":
        carry(run.but(only=(), finalize=False))
    else:
        carry(run.but(finalize=False))
    (root / "out" / "shop").rename(root / "out" / "aside")
    (root / "out" / "shop").symlink_to(root / "outside")

    with pytest.raises(TerminalSinkError, match="is a link or of the wrong kind"):
        carry(run.but(prepare=False, only=None if when == "before the shards" else ()))

    assert list((root / "outside").iterdir()) == []


@pytest.mark.parametrize("planted", ["link", "hard link", "pipe"])
@pytest.mark.parametrize("name", ["shard-0.data", "shard-1.1.checkpoint", "claim", "manifest", "lock"])
def test_what_is_planted_in_the_work_folder_is_not_written_to(name: str, planted: str, root: Path) -> None:
    outside = root / "outside"
    outside.write_text("mine")
    run = FileRun(str(root / "out"))
    if name == "lock":
        path = root / "out" / ".out.jsonl.sdg.lock"
    else:
        path = root / "out" / f".out.jsonl.sdg-{run.run_id}" / name
    path.parent.mkdir(parents=True)
    match planted:
        case "link":
            path.symlink_to(outside)
        case "hard link":
            path.hardlink_to(outside)
        case "pipe":
            os.mkfifo(path)

    with pytest.raises(TerminalSinkError) as raised:
        carry(run)

    assert raised.value.code == "DEST_SCHEMA"
    assert outside.read_text() == "mine"
    assert shown(tree(root / "out")) == {} if planted != "pipe" else True


# Formats.


def test_a_format_that_nothing_tells_is_asked_for() -> None:
    [missing] = checked("orders.txt")
    [wrong] = checked("orders.jsonl", format="XML")

    assert (missing.code, missing.path) == ("MISSING_PARAM", "/destination/config/format")
    assert (wrong.code, wrong.path) == ("INVALID_VALUE", "/destination/config/format")
    assert all(name in str(missing.hint) and name in str(wrong.hint) for name in encoders)


def test_options_of_other_formats_are_refused_by_name() -> None:
    issues = checked("orders.parquet", delimiter=";", header=False)

    assert {(issue.code, issue.path) for issue in issues if issue.path.startswith("/destination")} == {
        ("PROPERTY_NOT_ALLOWED", "/destination/config/delimiter"),
        ("PROPERTY_NOT_ALLOWED", "/destination/config/header"),
    }


def test_parts_are_cut_in_one_way_only() -> None:
    issues = checked("orders", format="JSONL", rollRecords=5, rollBytes=5, rollSeconds=5)

    assert {issue.path for issue in issues} == {"/destination/config/rollBytes", "/destination/config/rollSeconds"}


@pytest.mark.parametrize("form", list(encoders))
def test_a_run_can_be_given_up_by_who_does_not_know_its_fields(form: str, root: Path) -> None:
    for roll in ({}, {"rollRecords": 100}):
        run = FileRun(str(root / str(len(roll))), path="out", config={"format": form, **roll})
        carry(run.but(finalize=False))
        destination = destination_of(run)
        values = {slot: getattr(destination.delivery, slot) for slot in Delivery.__slots__}

        FileDestination(destination.config, Delivery(**values | {"schema": RecordSchema("?")})).abandon()

        assert tree(run.root) == {}


def test_estimates_are_of_the_bytes_that_are_written(root: Path) -> None:
    for path in ("a.jsonl", "a.jsonl.gz", "a.csv"):
        run = FileRun(str(root), path=path, records=64, shards=1)
        destination = destination_of(run)

        estimated = destination.encoded_bytes(plan_of_run(run).batch(destination.delivery.shards[0]))

        [written] = carry(run)
        assert 0 <= written.bytes - estimated < 100

"""FILE: no room, no right, no folder any more: a sentence, nothing torn, and exactly the same files afterwards."""

from __future__ import annotations

import contextlib
import itertools
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from generators.runs.salvage import salvaged
from sinks.errors import SinkError, TerminalSinkError, TransientSinkError
from tests.sinks.destinations.scenarios import SCENARIOS, before, begun, torn, undisturbed
from tests.support.file_runs import FileRun, carry, destination_of, plan_of_run, shown, tree
from tests.support.nursery import Nursery


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_a_limit_of_the_file_size_is_no_room_and_the_run_goes_on_when_it_is_raised(
    scenario: str, root: Path, nursery: Nursery
) -> None:
    run = begun(scenario, root)
    new = [len(content) for path, content in undisturbed(scenario).items() if before(scenario).get(path) != content]
    largest = max(new)
    refused = set()
    for epoch, share in enumerate((0.05, 0.3, 0.6, 0.99), start=1):
        outcome = nursery.run(run.but(epoch=epoch, file_bytes=int(share * largest)))
        refused.add(outcome.code)
        assert list(torn(scenario, tree(root))) == []

    assert nursery.run(run.but(epoch=9, file_bytes=largest)).done
    assert refused == {"DEST_FULL"}
    assert tree(root) == undisturbed(scenario)


@contextlib.contextmanager
def small_disk(size: int, inodes: int = 10_000) -> Iterator[Path | None]:
    """A file system of some bytes in memory; None where this process may not mount one."""
    folder = Path(tempfile.mkdtemp())
    options = f"size={size},nr_inodes={inodes}"
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", options, "sdg", folder], check=False, capture_output=True)
    try:
        yield folder if mounted.returncode == 0 else None
    finally:
        if mounted.returncode == 0:
            subprocess.run(["umount", folder], check=True)
        folder.rmdir()


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_a_full_disk_is_no_room_and_the_run_goes_on_when_there_is_some(
    scenario: str, root: Path, nursery: Nursery
) -> None:
    with small_disk(2**20) as disk:
        if disk is None:  # then at least as the kernel would say it
            run = begun(scenario, root)
            assert nursery.run(run.but(failpoints="file.write.frame=enospc@2")).code == "DEST_FULL"
            assert list(torn(scenario, tree(root))) == []
            assert nursery.run(run.but(epoch=2)).done
            assert tree(root) == undisturbed(scenario)
            return
        run = begun(scenario, disk)
        ballast = disk / ".ballast"
        said: list[str] = []
        for pages in range(100):
            ballast.write_bytes(bytes(shutil.disk_usage(disk).free - 4096 * pages))
            try:
                carry(run.but(epoch=pages))
                break
            except SinkError as error:
                said.append(f"{error.code} {error}")
            finally:
                ballast.unlink()
            assert list(torn(scenario, tree(disk))) == []

        assert len(said) > 1
        assert all(text.startswith("DEST_FULL no room") and "then resume the run" in text for text in said)
        assert tree(disk) == undisturbed(scenario)


def test_a_disk_without_room_for_more_names_is_full(root: Path, nursery: Nursery) -> None:
    with small_disk(2**20, inodes=12) as disk:
        if disk is None:
            run = FileRun(str(root))
            assert nursery.run(run.but(failpoints="file.small.begun=enospc@2")).code == "DEST_FULL"
            return
        with pytest.raises(TerminalSinkError) as raised:
            carry(FileRun(str(disk), path="out", config={"format": "CSV", "rollRecords": 10}))

        assert raised.value.code == "DEST_FULL"
        assert not any("manifest" in path for path in shown(tree(disk)))


@contextlib.contextmanager
def without_rights() -> Iterator[Path]:
    """A folder into which this process may not write, until the end."""
    folder = Path(tempfile.mkdtemp(dir="/tmp"))
    (folder / "shop").mkdir()
    (folder / "shop").chmod(0o555)
    folder.chmod(0o555)
    root = os.geteuid() == 0
    if root:
        os.seteuid(65534)  # mode bits do not bind root
    try:
        yield folder
    finally:
        if root:
            os.seteuid(0)
        folder.chmod(0o755)
        shutil.rmtree(folder)


@pytest.mark.parametrize("path", ["out.jsonl", "shop/out.jsonl", "new/out.jsonl"])
def test_a_folder_that_may_not_be_written_is_said_before_the_run(path: str) -> None:
    with without_rights() as folder:
        run = FileRun(str(folder), path=path)

        [issue] = destination_of(run).preflight(estimated_bytes=10)
        with pytest.raises(TerminalSinkError, match="no right to write") as raised:
            carry(run)

    assert (issue.code, raised.value.code) == ("DEST_UNAVAILABLE", "DEST_UNAVAILABLE")
    assert "no right to write" in issue.message


def test_a_folder_that_may_not_be_looked_into_is_said_before_the_run() -> None:
    with without_rights() as folder:
        if os.geteuid() == 65534:
            os.seteuid(0)
            (folder / "shop").chmod(0)
            os.seteuid(65534)
        else:
            (folder / "shop").chmod(0)

        [issue] = destination_of(FileRun(str(folder), path="shop/out.jsonl")).preflight(estimated_bytes=10)

    assert issue.code == "DEST_UNAVAILABLE"


@pytest.mark.parametrize("name", ["file.write.frame", "file.small.begun", "file.fsync", "file.join.sync"])
def test_rights_that_are_taken_away_in_the_middle_stop_the_run_with_a_sentence(
    name: str, root: Path, nursery: Nursery
) -> None:
    run = begun("gzip", root)

    outcome = nursery.run(run.but(failpoints=f"{name}=eacces"))

    assert (outcome.code, "no right to write" in outcome.said["message"]) == ("DEST_UNAVAILABLE", True)
    assert list(torn("gzip", tree(root))) == []
    assert nursery.run(run.but(epoch=2)).done
    assert tree(root) == undisturbed("gzip")


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_a_folder_that_is_gone_in_the_middle_is_said_and_all_is_made_again(scenario: str, root: Path) -> None:
    run = begun(scenario, root)
    plan, destination = plan_of_run(run), destination_of(run)
    destination.prepare()
    shard = destination.delivery.shards[0]
    sink = destination.sink(0)
    sink.open(1)
    end = min(destination.delivery.cuts.frame_end(0), shard.end)
    sink.write(salvaged(plan, type(shard)(0, end))[0])
    shutil.rmtree(root)

    with pytest.raises(TerminalSinkError, match="gone") as raised:
        sink.commit(end)
    with pytest.raises(TerminalSinkError, match="gone"):
        destination.finalize(ends=run.ends)

    sink.close()
    destination.close()
    assert raised.value.code == "DEST_UNAVAILABLE"
    assert not root.exists()
    root.mkdir()
    if "appended" not in scenario:
        carry(run.but(epoch=2))
        assert set(shown(tree(root))) == set(shown(undisturbed(scenario)))


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_a_failed_fsync_is_not_tried_again_and_what_it_was_for_is_made_anew(
    scenario: str, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for fail_at in itertools.count(1):
        run = begun(scenario, root / str(fail_at))
        with monkeypatch.context() as patch:
            disk = ForgetfulDisk(fail_at)
            patch.setattr(os, "fsync", disk.fsync)
            patch.setattr(os, "pwrite", disk.pwrite)
            try:
                carry(run)
            except TransientSinkError:
                carry(run.but(epoch=2))

        assert tree(run.root) == undisturbed(scenario)
        if not disk.failed:
            break

    assert fail_at > 10


class ForgetfulDisk:
    """One fsync fails, and what it was to make durable is gone, although the next fsync says that all is well."""

    def __init__(self, fail_at: int) -> None:
        self.fail_at, self.failed = fail_at, False
        self._fsync, self._pwrite = os.fsync, os.pwrite
        self._since: dict[int, list[tuple[int, int]]] = {}
        self._calls = 0

    def pwrite(self, descriptor: int, content: bytes, offset: int) -> int:
        written = self._pwrite(descriptor, content, offset)
        self._since.setdefault(os.fstat(descriptor).st_ino, []).append((offset, written))
        return written

    def fsync(self, descriptor: int) -> None:
        writes = self._since.pop(os.fstat(descriptor).st_ino, [])
        self._calls += bool(writes)
        if writes and self._calls == self.fail_at:
            self.failed = True
            for offset, length in writes:
                self._pwrite(descriptor, bytes(length), offset)
            raise OSError(5, os.strerror(5))
        self._fsync(descriptor)

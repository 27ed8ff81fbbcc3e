"""Folders: nothing leaves them, whatever lies in the way, and small files are whole or not there."""

from __future__ import annotations

import errno
import os
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from sinks.errors import SinkError, TerminalSinkError, TransientSinkError
from sinks.files.folder import Folder, write_all
from sinks.files.lock import PlaceLock, is_held
from sinks.files.system_errors import translated


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Folder]:
    (tmp_path / "inside").mkdir()
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "secret").write_text("mine")
    with Folder.at(str(tmp_path), ["inside"]) as folder:
        yield folder


OUTSIDE = ["../outside/secret", "/etc/hosts", "..", ".", "", "a/b", "x\0"]


@pytest.mark.parametrize("name", OUTSIDE)
def test_no_operation_takes_a_name_that_leads_elsewhere(name: str, folder: Folder, tmp_path: Path) -> None:
    folder.replace_file("here", b"x")
    operations = [
        lambda: folder.enter(name),
        lambda: folder.make(name),
        lambda: folder.status(name),
        lambda: folder.size(name),
        lambda: folder.open(name),
        lambda: folder.open(name, create=True),
        lambda: folder.open_if_there(name),
        lambda: folder.read(name),
        lambda: folder.remove(name),
        lambda: folder.remove_folder(name),
        lambda: folder.rename(name, "new"),
        lambda: folder.rename("here", name),
        lambda: folder.move("here", name),
    ]
    for operation in operations:
        with pytest.raises(TerminalSinkError, match="not the name of a file in one folder"):
            operation()

    assert folder.names() == ["here"]
    assert (tmp_path / "outside" / "secret").read_text() == "mine"


def obstacle(kind: str, path: Path) -> None:
    """Put something that is no regular file of one name at a path."""
    outside = path.parent.parent / "outside" / "secret"
    match kind:
        case "link":
            path.symlink_to(outside)
        case "dangling link":
            path.symlink_to(outside.with_name("new"))
        case "hard link":
            path.hardlink_to(outside)
        case "pipe":
            os.mkfifo(path)
        case "folder":
            path.mkdir()
        case "socket":
            with socket.socket(socket.AF_UNIX) as server:
                here = Path.cwd()
                os.chdir(path.parent)
                server.bind(path.name)
                os.chdir(here)
        case "device":
            path.symlink_to("/dev/full")


@pytest.mark.parametrize("kind", ["link", "dangling link", "hard link", "pipe", "folder", "socket", "device"])
def test_what_is_no_regular_file_of_one_name_is_not_opened(kind: str, folder: Folder, tmp_path: Path) -> None:
    obstacle(kind, tmp_path / "inside" / "x")

    for operation in (
        lambda: folder.open("x"),
        lambda: folder.open("x", create=True),
        lambda: folder.open("x", exclusive=True),
        lambda: folder.open_if_there("x"),
        lambda: folder.read("x"),
    ):
        with pytest.raises(TerminalSinkError) as raised:
            operation()
        assert raised.value.code == "DEST_SCHEMA"
        assert "choose another path" in str(raised.value)
    assert (tmp_path / "outside" / "secret").read_text() == "mine"
    assert os.listdir(tmp_path / "outside") == ["secret"]


@pytest.mark.parametrize("kind", ["link", "dangling link", "hard link", "pipe", "socket", "device"])
def test_a_small_file_takes_the_place_of_whatever_has_its_name(kind: str, folder: Folder, tmp_path: Path) -> None:
    obstacle(kind, tmp_path / "inside" / "x")
    obstacle(kind, tmp_path / "inside" / "x.new")

    folder.replace_file("x", b"content")

    assert folder.read("x") == b"content"
    assert folder.names() == ["x"]
    assert (tmp_path / "outside" / "secret").read_text() == "mine"
    assert os.listdir(tmp_path / "outside") == ["secret"]


@pytest.mark.parametrize("kind", ["link", "dangling link", "hard link", "pipe", "socket", "device"])
def test_a_step_of_a_path_is_a_folder_and_no_link(kind: str, folder: Folder, tmp_path: Path) -> None:
    obstacle(kind, tmp_path / "inside" / "x")

    for operation in (
        lambda: Folder.at(str(tmp_path), ["inside", "x"]),
        lambda: Folder.made(str(tmp_path), ["inside", "x", "y"]),
        lambda: Folder.nearest(str(tmp_path), ["inside", "x", "y"]),
        lambda: folder.remove_folder("x"),
    ):
        with pytest.raises(TerminalSinkError) as raised:
            operation()
        assert raised.value.code == "DEST_SCHEMA"


def test_a_link_to_a_folder_inside_the_root_is_refused_too(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "real")

    with pytest.raises(TerminalSinkError, match="is a link or of the wrong kind"):
        Folder.at(str(tmp_path), ["link"])


def test_the_root_itself_may_be_behind_a_link(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "real")

    with Folder.made(str(tmp_path / "link"), ["a"]) as folder:
        folder.replace_file("x", b"content")

    assert (tmp_path / "real" / "a" / "x").read_bytes() == b"content"


@pytest.mark.parametrize("call", ["mkdir", "stat", "fsync"])
def test_a_folder_that_becomes_a_link_between_check_and_use_leads_nowhere(
    call: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "outside").mkdir()
    place, swapped, real = tmp_path / "root" / "shop", list[str](), getattr(os, call)
    (tmp_path / "root").mkdir()

    def swap(*args: object, **more: object) -> object:
        try:
            return real(*args, **more)
        finally:
            if not swapped and os.path.lexists(place):
                place.rename(tmp_path / "root" / "aside")
                place.symlink_to(tmp_path / "outside")
                swapped.append(call)

    if call == "stat":
        place.mkdir()
    monkeypatch.setattr(os, call, swap)
    operation = Folder.nearest if call == "stat" else Folder.made
    with pytest.raises(TerminalSinkError, match="is a link or of the wrong kind"):
        operation(str(tmp_path / "root"), ["shop", "deep"])

    assert swapped == [call]
    assert os.listdir(tmp_path / "outside") == []


def test_a_name_stays_in_the_folder_that_was_opened_wherever_that_goes(folder: Folder, tmp_path: Path) -> None:
    (tmp_path / "inside").rename(tmp_path / "moved")
    (tmp_path / "inside").symlink_to(tmp_path / "outside")

    folder.replace_file("x", b"content")

    assert (tmp_path / "moved" / "x").read_bytes() == b"content"
    assert os.listdir(tmp_path / "outside") == ["secret"]


def test_the_nearest_folder_is_the_last_one_that_is_there(tmp_path: Path) -> None:
    (tmp_path / "a" / "b").mkdir(parents=True)

    for root, steps, shown, is_there in [
        (tmp_path, ["a", "b"], tmp_path / "a" / "b", True),
        (tmp_path, ["a", "x", "b"], tmp_path / "a", False),
        (tmp_path / "x" / "y", ["a"], tmp_path, False),
        (tmp_path, [], tmp_path, True),
    ]:
        nearest, found = Folder.nearest(str(root), steps)
        with nearest:
            assert (nearest.shown, found) == (str(shown), is_there)


def test_bytes_that_do_not_fit_into_one_call_are_written_by_more(
    folder: Folder, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = os.pwrite
    monkeypatch.setattr(os, "pwrite", lambda descriptor, content, offset: whole(descriptor, content[:3], offset))
    descriptor = folder.open("x", create=True)

    write_all(descriptor, b"0123456789", 2)

    os.close(descriptor)
    assert folder.read("x") == b"\0\0" + b"0123456789"


@pytest.mark.parametrize(
    ("number", "kind", "code"),
    [
        (errno.ENOSPC, TerminalSinkError, "DEST_FULL"),
        (errno.EDQUOT, TerminalSinkError, "DEST_FULL"),
        (errno.EFBIG, TerminalSinkError, "DEST_FULL"),
        (errno.ENOENT, TerminalSinkError, "DEST_UNAVAILABLE"),
        (errno.EACCES, TerminalSinkError, "DEST_UNAVAILABLE"),
        (errno.EROFS, TerminalSinkError, "DEST_UNAVAILABLE"),
        (errno.ELOOP, TerminalSinkError, "DEST_SCHEMA"),
        (errno.ENXIO, TerminalSinkError, "DEST_SCHEMA"),
        (errno.ENAMETOOLONG, TerminalSinkError, "DEST_SCHEMA"),
        (errno.EIO, TransientSinkError, "DEST_UNAVAILABLE"),
        (errno.ESTALE, TransientSinkError, "DEST_UNAVAILABLE"),
        (errno.EMFILE, TransientSinkError, "DEST_UNAVAILABLE"),
    ],
)
def test_errors_of_the_system_are_sorted_by_what_helps(number: int, kind: type[SinkError], code: str) -> None:
    with pytest.raises(SinkError, match=r"out\.jsonl") as raised, translated("shop/out.jsonl"):
        raise OSError(number, os.strerror(number))

    assert (type(raised.value), raised.value.code) == (kind, code)


# Locks, manifests and names of parts.


def test_a_place_has_one_holder_and_nothing_stays_behind(tmp_path: Path) -> None:
    lock = PlaceLock(str(tmp_path), [], ".lock", place="out.jsonl")

    with pytest.raises(TerminalSinkError, match=r"another run is writing out\.jsonl now; wait until it has ended"):
        PlaceLock(str(tmp_path), [], ".lock", place="out.jsonl")
    with Folder.at(str(tmp_path), []) as folder:
        assert is_held(folder, ".lock")
        lock.release()
        assert not is_held(folder, ".lock")

    assert os.listdir(tmp_path) == []
    PlaceLock(str(tmp_path), [], ".lock", place="out.jsonl").release()


def test_many_that_want_a_place_get_it_one_at_a_time(tmp_path: Path) -> None:
    inside, most, got = [0], [0], [0]
    guard = threading.Lock()

    def want() -> None:
        for _ in range(30):
            try:
                lock = PlaceLock(str(tmp_path), [], ".lock", place="x")
            except TerminalSinkError:
                continue
            with guard:
                inside[0] += 1
                most[0] = max(most[0], inside[0])
                got[0] += 1
            with guard:
                inside[0] -= 1
            lock.release()

    threads = [threading.Thread(target=want) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert most == [1]
    assert got[0] > 4

"""A model of a disk that loses its power: what may be found afterwards, at any moment of a recorded run.

What is written is kept only when its file is synced, until then any of the writes may be there, or a piece of one. A
name is kept only when its folder is synced; until then the folder is as it was after any number of its changes, in
their order. A rename between two folders happens in both or in none, as on every file system with a journal.
"""

from __future__ import annotations

import contextlib
import errno
import os
import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

_ROOT = 0

Names = dict[tuple[int, str], int]
"""What each name in each folder is."""


@dataclass(frozen=True)
class Write:
    """Bytes at an offset; without bytes the file ends there."""

    file: int
    offset: int
    content: bytes | None


@dataclass(frozen=True)
class Rename:
    """Names that appear or change (or, with None, disappear) together."""

    changes: tuple[tuple[tuple[int, str], int | None], ...]

    @property
    def folders(self) -> set[int]:
        return {folder for (folder, _), _ in self.changes}


@dataclass(frozen=True)
class Sync:
    item: int


@dataclass
class Disk:
    """What is durable, and what is not yet."""

    names: Names = field(default_factory=dict)
    files: dict[int, bytearray] = field(default_factory=dict)
    folders: set[int] = field(default_factory=lambda: {_ROOT})
    pending_names: list[Rename] = field(default_factory=list)
    pending_writes: list[Write] = field(default_factory=list)

    @classmethod
    def of(cls, root: Path) -> Disk:
        """A disk on which all that lies below a folder is durable."""
        disk, ids = cls(), {str(root): _ROOT}
        for path in sorted(root.rglob("*")):
            item = ids[str(path)] = len(ids)
            disk.names[ids[str(path.parent)], path.name] = item
            if path.is_dir():
                disk.folders.add(item)
            else:
                disk.files[item] = bytearray(path.read_bytes())
        return disk

    def do(self, event: Write | Rename | Sync) -> None:
        """Let a recorded call happen."""
        match event:
            case Write():
                self.pending_writes.append(event)
            case Rename():
                self.pending_names.append(event)
            case Sync():
                for write in self.pending_writes:
                    if write.file == event.item:
                        _write(self.files, write)
                self.pending_writes = [write for write in self.pending_writes if write.file != event.item]
                self._sync_folder(event.item)

    def _sync_folder(self, folder: int) -> None:
        needed, durable = {folder}, []
        for change in reversed(self.pending_names):
            if change.folders & needed:
                needed |= change.folders
                durable.append(change)
        for change in reversed(durable):
            _rename(self.names, change)
        self.pending_names = [change for change in self.pending_names if change not in durable]

    def after_power_loss(self, luck: random.Random | None) -> dict[str, bytes | None]:
        """All files by their paths, and folders as None; without luck all is lost that was not synced."""
        names, files = dict(self.names), {item: bytearray(content) for item, content in self.files.items()}
        lost: set[int] = set()
        for change in self.pending_names if luck else ():
            assert luck is not None
            if change.folders & lost or luck.random() < 0.3:
                lost |= change.folders
            else:
                _rename(names, change)
        for write in self.pending_writes if luck else ():
            assert luck is not None
            if luck.random() < 0.5:
                _write(files, write)
            elif write.content and luck.random() < 0.3:
                _write(files, Write(write.file, write.offset, write.content[: luck.randrange(len(write.content))]))
        found: dict[str, bytes | None] = {}
        self._walk(names, files, _ROOT, "", found)
        return found

    def _walk(
        self, names: Names, files: dict[int, bytearray], folder: int, path: str, found: dict[str, bytes | None]
    ) -> None:
        for (parent, name), item in names.items():
            if parent != folder:
                continue
            if item in self.folders:
                found[path + name] = None
                self._walk(names, files, item, f"{path}{name}/", found)
            else:
                found[path + name] = bytes(files.get(item, b""))


def _write(files: dict[int, bytearray], write: Write) -> None:
    content = files.setdefault(write.file, bytearray())
    if write.content is None:
        del content[write.offset :]
        content.extend(bytes(write.offset - len(content)))
        return
    content.extend(bytes(max(0, write.offset - len(content))))
    content[write.offset : write.offset + len(write.content)] = write.content


def _rename(names: Names, change: Rename) -> None:
    for place, item in change.changes:
        if item is None:
            names.pop(place, None)
        else:
            names[place] = item


class Recorder:
    """Stands between this process and the operating system, and writes down what happens below a folder."""

    def __init__(self, root: Path) -> None:
        self.disk, self.events = Disk.of(root), list[Write | Rename | Sync]()
        self._root, self._names = str(root), dict(self.disk.names)
        self._items: dict[int, int] = {}
        """What each descriptor is of."""
        self._next = 1 + max([_ROOT, *self.disk.files, *self.disk.folders])

    @contextlib.contextmanager
    def recording(self) -> Iterator[None]:
        """Record all calls of this process."""
        calls = ("open", "mkdir", "rename", "unlink", "rmdir", "pwrite", "ftruncate", "fsync", "copy_file_range")
        self._real = {name: getattr(os, name) for name in calls}
        try:
            for name in calls:
                setattr(os, name, getattr(self, name))
            yield
        finally:
            for name, call in self._real.items():
                setattr(os, name, call)

    def open(self, path: str, flags: int, mode: int = 0o777, *, dir_fd: int | None = None) -> int:
        descriptor: int = self._real["open"](path, flags, mode, dir_fd=dir_fd)
        self._items.pop(descriptor, None)
        if path == self._root:
            self._items[descriptor] = _ROOT
        elif dir_fd in self._items:
            place = (self._items[dir_fd], path)
            if place not in self._names:
                self._change((place, self._new()))
            self._items[descriptor] = self._names[place]
        return descriptor

    def mkdir(self, name: str, mode: int = 0o777, *, dir_fd: int | None = None) -> None:
        self._real["mkdir"](name, mode, dir_fd=dir_fd)
        if dir_fd in self._items:
            item = self._new()
            self.disk.folders.add(item)
            self._change(((self._items[dir_fd], name), item))

    def rename(self, old: str, new: str, *, src_dir_fd: int, dst_dir_fd: int) -> None:
        self._real["rename"](old, new, src_dir_fd=src_dir_fd, dst_dir_fd=dst_dir_fd)
        source = (self._items[src_dir_fd], old)
        self._change(((self._items[dst_dir_fd], new), self._names[source]), (source, None))

    def unlink(self, name: str, *, dir_fd: int | None = None) -> None:
        self._real["unlink"](name, dir_fd=dir_fd)
        if dir_fd in self._items:
            self._change(((self._items[dir_fd], name), None))

    def rmdir(self, name: str, *, dir_fd: int | None = None) -> None:
        self._real["rmdir"](name, dir_fd=dir_fd)
        if dir_fd in self._items:
            place = (self._items[dir_fd], name)
            # Touches the folder itself too: it goes after all that was in it.
            self._change((place, None), ((self._names[place], ""), None))

    def pwrite(self, descriptor: int, content: Any, offset: int) -> int:
        written: int = self._real["pwrite"](descriptor, content, offset)
        if descriptor in self._items:
            self.events.append(Write(self._items[descriptor], offset, bytes(content[:written])))
        return written

    def ftruncate(self, descriptor: int, length: int) -> None:
        self._real["ftruncate"](descriptor, length)
        if descriptor in self._items:
            self.events.append(Write(self._items[descriptor], length, None))

    def fsync(self, descriptor: int) -> None:
        self._real["fsync"](descriptor)
        if descriptor in self._items:
            self.events.append(Sync(self._items[descriptor]))

    def copy_file_range(self, *_: Any) -> int:
        """Copies go through memory, where they can be seen."""
        raise OSError(errno.EXDEV, os.strerror(errno.EXDEV))

    def moments(self) -> Iterator[Disk]:
        """The disk before the first event and after each."""
        yield self.disk
        for event in self.events:
            self.disk.do(event)
            yield self.disk

    def _new(self) -> int:
        self._next += 1
        return self._next - 1

    def _change(self, *changes: tuple[tuple[int, str], int | None]) -> None:
        change = Rename(changes)
        self.events.append(change)
        _rename(self._names, change)


def lay_out(files: dict[str, bytes | None], root: Path) -> None:
    """Make the files and folders of a disk that is found below a folder."""
    for path, content in files.items():
        if content is None:
            (root / path).mkdir(parents=True, exist_ok=True)
        else:
            (root / path).parent.mkdir(parents=True, exist_ok=True)
            (root / path).write_bytes(content)

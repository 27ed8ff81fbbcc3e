"""Folders below a root that nothing may leave: every step is opened without following links."""

from __future__ import annotations

import contextlib
import os
import stat
from collections.abc import Iterator, Sequence

from sdg_project.failpoints import failpoint
from sinks.errors import TerminalSinkError
from sinks.files.system_errors import translated

_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC


class Folder:
    """An open folder below a root; all names are looked up in it, wherever its path points to later."""

    def __init__(self, descriptor: int, shown: str) -> None:
        self._descriptor = descriptor
        self.shown = shown

    @classmethod
    def at(cls, root: str, steps: Sequence[str]) -> Folder:
        """The folder at some steps below `root`; the root itself may be behind a link, the steps may not."""
        with translated(root):
            folder = cls(os.open(root, _FOLDER), root)
        for step in steps:
            folder = folder._into(step)
        return folder

    @classmethod
    def made(cls, root: str, steps: Sequence[str]) -> Folder:
        """Like `at`, but what is missing is made, durably."""
        with translated(root):
            os.makedirs(root, exist_ok=True)
        with contextlib.suppress(TerminalSinkError), cls.at(os.path.dirname(os.path.abspath(root)), []) as above:
            above.sync()  # who may not look into the folder above has not made the root either
        folder = cls.at(root, [])
        for step in steps:
            folder = folder._into(step, make=True)
        return folder

    @classmethod
    def nearest(cls, root: str, steps: Sequence[str]) -> tuple[Folder, bool]:
        """The folder at some steps below `root`, or else the last one above it that is there; and which of the two."""
        above = os.path.abspath(root)
        while not os.path.lexists(above):
            above = os.path.dirname(above)
        folder = cls.at(above, [])
        if above != os.path.abspath(root):
            return folder, False
        for step in steps:
            if folder.status(step) is None:
                return folder, False
            folder = folder._into(step)
        return folder, True

    def enter(self, name: str) -> Folder:
        """A folder inside."""
        with translated(f"{self.shown}/{name}"):
            return Folder(
                os.open(_plain(name), _FOLDER | os.O_NOFOLLOW, dir_fd=self._descriptor), f"{self.shown}/{name}"
            )

    def make(self, name: str) -> Folder:
        """A folder inside, made if it is not there, durably."""
        with translated(f"{self.shown}/{name}"), contextlib.suppress(FileExistsError):
            os.mkdir(_plain(name), dir_fd=self._descriptor)
        self.sync()  # also if it was there: whoever made it may have died before this
        return self.enter(name)

    def _into(self, step: str, *, make: bool = False) -> Folder:
        try:
            return self.make(step) if make else self.enter(step)
        finally:
            self.close()

    def names(self) -> list[str]:
        """What is in the folder, sorted."""
        with translated(self.shown):
            return sorted(os.listdir(self._descriptor))

    def status(self, name: str) -> os.stat_result | None:
        """What a name is, without following a link; None when there is nothing."""
        with translated(f"{self.shown}/{name}"):
            try:
                return os.stat(_plain(name), dir_fd=self._descriptor, follow_symlinks=False)
            except FileNotFoundError:
                return None

    def size(self, name: str) -> int | None:
        """The length of a regular file; None when there is none of that name."""
        found = self.status(name)
        return found.st_size if found is not None and stat.S_ISREG(found.st_mode) else None

    def open(self, name: str, *, create: bool = False, exclusive: bool = False) -> int:
        """A descriptor, for reading and writing, of a regular file that has one name; anything else is refused."""
        with translated(f"{self.shown}/{name}"):
            flags = os.O_RDWR | os.O_CREAT if create or exclusive else os.O_RDWR
            flags |= os.O_EXCL if exclusive else 0
            return self._regular(name, flags)

    def open_if_there(self, name: str) -> int | None:
        """Like `open`; None when there is nothing of that name."""
        with translated(f"{self.shown}/{name}"):
            try:
                return self._regular(name, os.O_RDWR)
            except FileNotFoundError:
                return None

    def read(self, name: str) -> bytes | None:
        """The content of a small file; None when it is not there."""
        with translated(f"{self.shown}/{name}"):
            try:
                descriptor = self._regular(name, os.O_RDONLY)
            except FileNotFoundError:
                return None
            with os.fdopen(descriptor, "rb") as file:
                return file.read()

    def _regular(self, name: str, flags: int) -> int:
        # Without O_NONBLOCK, to open a pipe would wait for its other end. O_TRUNC must not be among the flags: it
        # would act before what follows has found that the file is also known by a name elsewhere.
        flags |= os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK
        descriptor = os.open(_plain(name), flags, 0o644, dir_fd=self._descriptor)
        found = os.fstat(descriptor)
        if stat.S_ISREG(found.st_mode) and found.st_nlink == 1:
            return descriptor
        os.close(descriptor)
        what = "has another name (a hard link)" if stat.S_ISREG(found.st_mode) else "is no regular file"
        raise TerminalSinkError("DEST_SCHEMA", f"{self.shown}/{name} {what}; choose another path")

    def replace_file(self, name: str, content: bytes, to: Folder | None = None) -> None:
        """Write a small file, here or in another folder, so that it is seen whole or not at all, now and later.

        Until it is whole it lies in this folder.
        """
        temporary = f"{name}.new"
        self.remove(temporary)
        descriptor = self.open(temporary, exclusive=True)
        with translated(f"{self.shown}/{name}"):
            try:
                failpoint("file.small.begun")
                write_all(descriptor, content, 0)
                failpoint("file.small.written")
                os.fsync(descriptor)
            finally:
                os.close(descriptor)
        failpoint("file.small.synced")
        self.rename(temporary, name, to=to)

    def move(self, old: str, new: str, to: Folder | None = None) -> None:
        """Give a file another name, here or in another folder; it is durable after a `sync` of the folders."""
        target = to or self
        with translated(f"{target.shown}/{new}"):
            os.rename(_plain(old), _plain(new), src_dir_fd=self._descriptor, dst_dir_fd=target._descriptor)

    def rename(self, old: str, new: str, to: Folder | None = None) -> None:
        """Give a file another name, durably; a file of the new name is replaced."""
        self.move(old, new, to)
        (to or self).sync()
        if to is not None:
            self.sync()

    def remove(self, name: str) -> None:
        """Remove a file; none is fine too."""
        with translated(f"{self.shown}/{name}"), contextlib.suppress(FileNotFoundError):
            os.unlink(_plain(name), dir_fd=self._descriptor)

    def remove_folder(self, name: str) -> None:
        """Remove a folder with the files in it; none is fine too."""
        if self.status(name) is None:
            return
        with self.enter(name) as inner:
            for entry in inner.names():
                inner.remove(entry)
                failpoint("file.folder.removing")
        with translated(f"{self.shown}/{name}"):
            os.rmdir(_plain(name), dir_fd=self._descriptor)

    def sync(self) -> None:
        """Make new names durable."""
        with translated(self.shown):
            os.fsync(self._descriptor)

    def free_bytes(self) -> int:
        """How much room the file system has for us."""
        with translated(self.shown):
            found = os.fstatvfs(self._descriptor)
        return found.f_bavail * found.f_frsize

    def keeps_files(self) -> bool:
        """Whether the file system has any room at all; those in which the system shows itself have none."""
        with translated(self.shown):
            return os.fstatvfs(self._descriptor).f_blocks > 0

    def writable(self) -> bool:
        """Whether files can be made here."""
        effective = os.access in os.supports_effective_ids
        return os.access(".", os.W_OK | os.X_OK, dir_fd=self._descriptor, effective_ids=effective)

    def close(self) -> None:
        os.close(self._descriptor)

    def __enter__(self) -> Folder:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def is_plain(name: str) -> bool:
    """Whether a name is one step down, and leads nowhere else."""
    return name not in {"", ".", ".."} and "/" not in name and "\0" not in name


def write_all(descriptor: int, content: bytes | memoryview, offset: int) -> None:
    """Write at an absolute offset, however many calls it takes."""
    view = memoryview(content)
    while view:
        written = os.pwrite(descriptor, view, offset)
        view, offset = view[written:], offset + written


def read_all(descriptor: int, offset: int, length: int, block: int = 2**20) -> Iterator[bytes]:
    """The bytes from an absolute offset on, in blocks; fewer when the file ends."""
    end = offset + length
    while offset < end and (content := os.pread(descriptor, min(block, end - offset), offset)):
        yield content
        offset += len(content)


def _plain(name: str) -> str:
    """The last fence: no name that comes from a file may leave the folder."""
    if not is_plain(name):
        raise TerminalSinkError("DEST_SCHEMA", f"{name!r} is not the name of a file in one folder")
    return name

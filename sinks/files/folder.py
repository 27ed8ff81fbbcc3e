"""Folders below a root that nothing may leave: every step is opened without following links."""

from __future__ import annotations

import contextlib
import errno
import os
import stat
from collections.abc import Iterator

from sinks.errors import TerminalSinkError, TransientSinkError

_NAME_BYTES = 255
_RESERVED = {"con", "prn", "aux", "nul", *(f"{device}{number}" for device in ("com", "lpt") for number in range(1, 10))}
_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}


def path_problem(path: str) -> str | None:
    """Why a relative path is refused, as a sentence; None when it is fine on every file system we write to."""
    if not path or path.startswith("/"):
        return "must be a path below the output folder, such as orders.jsonl or shop/orders.csv"
    for part in path.split("/"):
        if part in {"", ".", ".."}:
            return f'must not contain the step "{part}"'
        if any(ord(character) < 32 or character in '\x7f\\<>:"|?*' for character in part):
            return f'"{part}" contains a control character or one of \\ < > : " | ? *'
        if part != part.rstrip(". ") or part != part.lstrip():
            return f'"{part}" begins with a blank or ends with a dot or blank'
        if len(part.encode()) > _NAME_BYTES - 60:
            return f'"{part[:20]}…" is longer than {_NAME_BYTES - 60} bytes'
        if part.split(".")[0].lower() in _RESERVED:
            return f'"{part}" is a reserved name on some systems'
    return None


class Folder:
    """An open folder below a root; all names are looked up in it, wherever its path points to later."""

    def __init__(self, descriptor: int, shown: str) -> None:
        self._descriptor = descriptor
        self.shown = shown

    @classmethod
    def at(cls, root: str, parts: list[str], *, create: bool = True) -> Folder:
        """The folder at some steps below `root`; the root itself may be behind a link, the steps may not."""
        with translated(root):
            if create:
                os.makedirs(root, exist_ok=True)
            descriptor = os.open(root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        folder = cls(descriptor, root)
        for part in parts:
            try:
                inner = folder.enter(part, create=create)
            finally:
                folder.close()
            folder = inner
        return folder

    def enter(self, name: str, *, create: bool = True) -> Folder:
        """A folder inside, made if it is not there."""
        shown = f"{self.shown}/{name}"
        with translated(shown):
            if create:
                with contextlib.suppress(FileExistsError):
                    os.mkdir(name, dir_fd=self._descriptor)
                    self.sync()
            flags = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
            return Folder(os.open(name, flags, dir_fd=self._descriptor), shown)

    def names(self) -> list[str]:
        """What is in the folder, sorted."""
        with translated(self.shown):
            return sorted(os.listdir(self._descriptor))

    def status(self, name: str) -> os.stat_result | None:
        """What a name is, without following a link; None when there is nothing."""
        with translated(f"{self.shown}/{name}"):
            try:
                return os.stat(name, dir_fd=self._descriptor, follow_symlinks=False)
            except FileNotFoundError:
                return None

    def open(self, name: str, flags: int) -> int:
        """A descriptor of a regular file with one name; anything else is refused."""
        shown = f"{self.shown}/{name}"
        with translated(shown):
            flags |= os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK
            descriptor = os.open(name, flags, 0o644, dir_fd=self._descriptor)
        found = os.fstat(descriptor)
        if not stat.S_ISREG(found.st_mode) or found.st_nlink != 1:
            os.close(descriptor)
            what = "has another name (a hard link)" if stat.S_ISREG(found.st_mode) else "is no regular file"
            raise TerminalSinkError("DEST_SCHEMA", f"{shown} {what}; choose another path")
        return descriptor

    def read(self, name: str) -> bytes | None:
        """The content of a small file; None when it is not there."""
        if self.status(name) is None:
            return None
        descriptor = self.open(name, os.O_RDONLY)
        with os.fdopen(descriptor, "rb") as file:
            return file.read()

    def replace_file(self, name: str, content: bytes) -> None:
        """Write a small file so that it is seen whole or not at all, also after a power cut."""
        temporary = f"{name}.new"
        descriptor = self.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        with translated(f"{self.shown}/{name}"):
            try:
                write_all(descriptor, content, 0)
                os.fsync(descriptor)
            finally:
                os.close(descriptor)
        self.rename(temporary, name)

    def rename(self, old: str, new: str, to: Folder | None = None) -> None:
        """Give a file another name, here or in another folder, durably; a file of the new name is replaced."""
        target = to or self
        with translated(f"{target.shown}/{new}"):
            os.rename(old, new, src_dir_fd=self._descriptor, dst_dir_fd=target._descriptor)
        target.sync()
        if to is not None:
            self.sync()

    def remove(self, name: str) -> None:
        """Remove a file; none is fine too."""
        with translated(f"{self.shown}/{name}"), contextlib.suppress(FileNotFoundError):
            os.unlink(name, dir_fd=self._descriptor)

    def remove_folder(self, name: str) -> None:
        """Remove a folder with the files in it; none is fine too."""
        if self.status(name) is None:
            return
        inner = self.enter(name, create=False)
        try:
            for entry in inner.names():
                inner.remove(entry)
        finally:
            inner.close()
        with translated(f"{self.shown}/{name}"):
            os.rmdir(name, dir_fd=self._descriptor)

    def sync(self) -> None:
        """Make new names durable."""
        with translated(self.shown):
            os.fsync(self._descriptor)

    def free_bytes(self) -> int:
        """How much room the file system has for us."""
        with translated(self.shown):
            found = os.fstatvfs(self._descriptor)
        return found.f_bavail * found.f_frsize

    def writable(self) -> bool:
        """Whether files can be made here."""
        return os.access(".", os.W_OK | os.X_OK, dir_fd=self._descriptor)

    def close(self) -> None:
        os.close(self._descriptor)

    def __enter__(self) -> Folder:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def write_all(descriptor: int, content: bytes | memoryview, offset: int) -> None:
    """Write at an absolute offset, however many calls it takes."""
    view = memoryview(content)
    while view:
        written = os.pwrite(descriptor, view, offset)
        view, offset = view[written:], offset + written


@contextlib.contextmanager
def translated(shown: str) -> Iterator[None]:
    """Turn the operating system's errors into ours, with the path and what can be done."""
    try:
        yield
    except OSError as error:
        if error.errno in _FULL:
            hint = "free some room (or raise the quota or file size limit), then resume the run"
            raise TerminalSinkError("DEST_FULL", f"no room for {shown}: {error.strerror}; {hint}") from error
        if isinstance(error, FileNotFoundError):
            raise TerminalSinkError("DEST_UNAVAILABLE", f"{shown} is gone") from error
        if isinstance(error, PermissionError):
            raise TerminalSinkError("DEST_UNAVAILABLE", f"no right to write {shown}") from error
        if isinstance(error, NotADirectoryError | FileExistsError | IsADirectoryError) or error.errno == errno.ELOOP:
            raise TerminalSinkError(
                "DEST_SCHEMA", f"{shown} is a link or of the wrong kind; choose another path"
            ) from error
        raise TransientSinkError("DEST_UNAVAILABLE", f"{shown}: {error.strerror}") from error

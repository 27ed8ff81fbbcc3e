"""Reading a file of any of the formats that a pool can be loaded from."""

from __future__ import annotations

import mmap
import os
import stat
from pathlib import Path

from engine.issues import Issue
from pools.enums import FileFormat
from pools.files.csv import read_csv
from pools.files.json_lines import read_json_lines
from pools.files.options import Chooser, FileOptions, Progress, unseen
from pools.files.parquet import read_parquet
from pools.limits import PoolLimits
from pools.raw import RawTable, unreadable
from sdg_project.errors import Invalid

_OPTIONS = {
    FileFormat.CSV: frozenset({"encoding", "delimiter", "quote", "header"}),
    FileFormat.JSONL: frozenset({"encoding"}),
    FileFormat.PARQUET: frozenset[str](),
}
_UNPACK = "unpack it first"
_OTHER_FILES = (
    (b"\x1f\x8b", "packed by gzip", _UNPACK),
    (b"\x28\xb5\x2f\xfd", "packed by zstd", _UNPACK),
    (b"PK\x03\x04", "a ZIP archive, or a workbook (XLSX, ODS)", "unpack it, or save the sheet as CSV"),
    (b"PK\x05\x06", "a ZIP archive without files", _UNPACK),
    (b"\xd0\xcf\x11\xe0", "a workbook of the old kind (XLS)", "save the sheet as CSV"),
    (b"BZh", "packed by bzip2", _UNPACK),
    (b"\xfd7zXZ\0", "packed by xz", _UNPACK),
    (b"PAR1", "a Parquet file", "say so: format PARQUET"),
    (b"ARROW1", "an Arrow file", "save it as Parquet"),
    (b"%PDF", "a PDF file", "save its table as CSV"),
    (b"<?xml", "an XML file", "save its rows as CSV or JSON Lines"),
    (b"<!DOCTYPE", "an XML or HTML file", "save its rows as CSV or JSON Lines"),
    *((bytes([0x80, version]), "a pickle", "save its rows as CSV, JSON Lines or Parquet") for version in range(2, 6)),
)
"""How files begin that are none of our formats, whatever their name is."""


def read_file(
    path: Path,
    format_: FileFormat,
    *,
    options: FileOptions,
    limits: PoolLimits,
    shown: str,
    origin: str,
    choose: Chooser | None = None,
    progress: Progress = unseen,
) -> RawTable:
    """The table in a file. `shown` is how messages name the place of the file, `origin` how they name its content.

    With `choose` only the rows that it wants are kept, and only they count against the limits.
    """
    issues = [
        Issue("PROPERTY_NOT_ALLOWED", f"/source/{name}", f"{name} does not apply to {format_}, which {origin} is")
        for name in options.given()
        if name not in _OPTIONS[format_]
    ]
    if issues:
        raise Invalid(issues)
    content = _content(path, limits if choose is None else None, shown=shown, origin=origin)
    _check_beginning(content, format_, origin)
    match format_:
        case FileFormat.CSV:
            return read_csv(content, origin=origin, options=options, limits=limits, choose=choose, progress=progress)
        case FileFormat.JSONL:
            return read_json_lines(
                content, origin=origin, options=options, limits=limits, choose=choose, progress=progress
            )
        case FileFormat.PARQUET:
            return read_parquet(path, origin=origin, limits=limits, choose=choose, progress=progress)


def _content(path: Path, limits: PoolLimits | None, *, shown: str, origin: str) -> memoryview:
    """The bytes of a regular file, mapped."""
    try:
        # Opening a pipe for reading would wait for a writer.
        with open(os.open(path, os.O_RDONLY | os.O_NONBLOCK), "rb") as file:
            status = os.fstat(file.fileno())
            if not stat.S_ISREG(status.st_mode):
                raise Invalid([Issue("INVALID_VALUE", "/source/path", f"{shown} is no regular file")])
            if limits is not None:
                limits.check_bytes(status.st_size, origin)
            if not status.st_size:
                return memoryview(b"")
            return memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))
    except FileNotFoundError as error:
        raise Invalid([Issue("INVALID_VALUE", "/source/path", f"there is no file {shown}")]) from error
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        raise Invalid([Issue("INVALID_VALUE", "/source/path", f"{shown} cannot be read: {reason}")]) from error


def _check_beginning(content: memoryview, format_: FileFormat, origin: str) -> None:
    """Raise Invalid when a file begins as one of another kind."""
    for start, kind, hint in _OTHER_FILES:
        if content[: len(start)] == start and not (format_ is FileFormat.PARQUET and start == b"PAR1"):
            raise unreadable(origin, f"this is {kind}, and no {format_}", hint)

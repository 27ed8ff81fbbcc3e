"""Reading a file of any of the formats that a pool can be loaded from."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from engine.issues import Issue
from pools.enums import FileFormat
from pools.files.csv import read_csv
from pools.files.json_lines import read_json_lines
from pools.files.parquet import read_parquet
from pools.limits import PoolLimits
from pools.raw import RawTable
from sdg_project.errors import Invalid


def read_file(
    path: Path, format_: FileFormat, *, delimiter: str | None, limits: PoolLimits, shown: str, origin: str
) -> RawTable:
    """The table in a file. `shown` is how messages name the place of the file, `origin` how they name its content."""
    if format_ is not FileFormat.CSV and delimiter is not None:
        message = f"delimiter is for CSV, and {origin} is {format_}"
        raise Invalid([Issue("PROPERTY_NOT_ALLOWED", "/source/delimiter", message)])
    content = _content(path, limits, whole=format_ is not FileFormat.PARQUET, shown=shown, origin=origin)
    match format_:
        case FileFormat.CSV:
            return read_csv(content, origin=origin, delimiter=delimiter or ",", limits=limits)
        case FileFormat.JSONL:
            return read_json_lines(content, origin=origin, limits=limits)
        case FileFormat.PARQUET:
            return read_parquet(path, origin=origin, limits=limits)


def _content(path: Path, limits: PoolLimits, *, whole: bool, shown: str, origin: str) -> bytes:
    """The bytes of a regular file, or none of them when only its size is to be checked."""
    try:
        # Opening a pipe for reading would wait for a writer.
        with open(os.open(path, os.O_RDONLY | os.O_NONBLOCK), "rb") as file:
            status = os.fstat(file.fileno())
            if not stat.S_ISREG(status.st_mode):
                raise Invalid([Issue("INVALID_VALUE", "/source/path", f"{shown} is no regular file")])
            limits.check_bytes(status.st_size, origin)
            return file.read() if whole else b""
    except FileNotFoundError as error:
        raise Invalid([Issue("INVALID_VALUE", "/source/path", f"there is no file {shown}")]) from error
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        raise Invalid([Issue("INVALID_VALUE", "/source/path", f"{shown} cannot be read: {reason}")]) from error

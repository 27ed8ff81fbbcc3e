"""FILE: a CSV, JSON Lines or Parquet file."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from pydantic import Field

from engine.issues import Issue
from pools.enums import FileFormat
from pools.files.csv import read_csv
from pools.files.json_lines import read_json_lines
from pools.files.parquet import read_parquet
from pools.limits import PoolLimits
from pools.raw import RawTable
from pools.sources.base import PoolSource, sources
from sdg_project.errors import Invalid
from sdg_project.shapes import Params

SUFFIXES = {
    ".csv": FileFormat.CSV,
    ".jsonl": FileFormat.JSONL,
    ".ndjson": FileFormat.JSONL,
    ".parquet": FileFormat.PARQUET,
}


class FileParams(Params):
    path: str = Field(min_length=1, description="The file.", examples=["products.csv"])
    format: FileFormat | None = Field(default=None, description="Default: by the suffix of the path.")
    delimiter: str | None = Field(
        default=None, pattern=r"^[\t -!#-/:-@\[-`{-~]$", description="CSV: what stands between cells; default a comma."
    )


@sources.register("FILE")
class FileSource(PoolSource[FileParams]):
    Params = FileParams

    def read(self, *, base: Path, limits: PoolLimits) -> RawTable:
        path = base / self.params.path
        origin = path.name
        format_ = self._format(path)
        if format_ is not FileFormat.CSV and self.params.delimiter is not None:
            message = f"delimiter is for CSV, and {origin} is {format_}"
            raise Invalid([Issue("PROPERTY_NOT_ALLOWED", "/source/delimiter", message)])
        content = _content(path, limits, whole=format_ is not FileFormat.PARQUET)
        match format_:
            case FileFormat.CSV:
                return read_csv(content, origin=origin, delimiter=self.params.delimiter or ",", limits=limits)
            case FileFormat.JSONL:
                return read_json_lines(content, origin=origin, limits=limits)
            case FileFormat.PARQUET:
                return read_parquet(path, origin=origin, limits=limits)

    def _format(self, path: Path) -> FileFormat:
        known = self.params.format or SUFFIXES.get(path.suffix.lower())
        if known is None:
            message = f"the suffix of {path.name} does not tell its format"
            hint = f"give format, one of {', '.join(FileFormat)}"
            raise Invalid([Issue("MISSING_PARAM", "/source/format", message, hint)])
        return known


def _content(path: Path, limits: PoolLimits, *, whole: bool) -> bytes:
    """The bytes of a regular file, or none of them when only its size is to be checked."""
    try:
        # Opening a pipe for reading would wait for a writer.
        with open(os.open(path, os.O_RDONLY | os.O_NONBLOCK), "rb") as file:
            status = os.fstat(file.fileno())
            if not stat.S_ISREG(status.st_mode):
                raise Invalid([Issue("INVALID_VALUE", "/source/path", f"{path} is no regular file")])
            limits.check_bytes(status.st_size, path.name)
            return file.read() if whole else b""
    except FileNotFoundError as error:
        raise Invalid([Issue("INVALID_VALUE", "/source/path", f"there is no file {path}")]) from error
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        raise Invalid([Issue("INVALID_VALUE", "/source/path", f"{path} cannot be read: {reason}")]) from error

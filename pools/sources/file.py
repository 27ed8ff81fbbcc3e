"""FILE: a CSV, JSON Lines or Parquet file."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field

from engine.issues import Issue
from pools.enums import FileFormat
from pools.files.reading import read_file
from pools.limits import PoolLimits
from pools.raw import RawTable
from pools.sources.base import Delimiter, PoolSource, sources
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
    delimiter: Delimiter | None = Field(default=None, description="CSV: what stands between cells; default a comma.")


@sources.register("FILE")
class FileSource(PoolSource[FileParams]):
    Params = FileParams

    def read(self, *, base: Path, limits: PoolLimits) -> RawTable:
        path = base / self.params.path
        return read_file(
            path,
            self._format(path),
            delimiter=self.params.delimiter,
            limits=limits,
            shown=str(path),
            origin=path.name,
        )

    def _format(self, path: Path) -> FileFormat:
        known = self.params.format or SUFFIXES.get(path.suffix.lower())
        if known is None:
            message = f"the suffix of {path.name} does not tell its format"
            hint = f"give format, one of {', '.join(FileFormat)}"
            raise Invalid([Issue("MISSING_PARAM", "/source/format", message, hint)])
        return known

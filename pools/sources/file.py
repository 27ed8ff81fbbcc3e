"""FILE: a CSV, JSON Lines or Parquet file."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field

from engine.issues import Issue
from pools.enums import FileFormat
from pools.files.options import Chooser, Progress, unseen
from pools.files.reading import read_file
from pools.limits import PoolLimits
from pools.raw import RawTable
from pools.sources.base import ContentParams, ContentSource, sources
from sdg_project.errors import Invalid

SUFFIXES = {
    ".csv": FileFormat.CSV,
    ".jsonl": FileFormat.JSONL,
    ".ndjson": FileFormat.JSONL,
    ".parquet": FileFormat.PARQUET,
}


class FileParams(ContentParams):
    path: str = Field(min_length=1, description="The file.", examples=["products.csv"])
    format: FileFormat | None = Field(default=None, description="Default: by the suffix of the path.")


@sources.register("FILE")
class FileSource(ContentSource[FileParams]):
    Params = FileParams

    def read_content(
        self, *, base: Path, limits: PoolLimits, choose: Chooser | None = None, progress: Progress = unseen
    ) -> RawTable:
        path = base / self.params.path
        return read_file(
            path,
            self._format(path),
            options=self.params.options,
            limits=limits,
            shown=str(path),
            origin=path.name,
            choose=choose,
            progress=progress,
        )

    def _format(self, path: Path) -> FileFormat:
        known = self.params.format or SUFFIXES.get(path.suffix.lower())
        if known is None:
            message = f"the suffix of {path.name} does not tell its format"
            hint = f"give format, one of {', '.join(FileFormat)}"
            raise Invalid([Issue("MISSING_PARAM", "/source/format", message, hint)])
        return known

"""UPLOAD: content that was sent to the service, which keeps it beside the pool's tables."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field

from pools.enums import FileFormat
from pools.files.reading import read_file
from pools.limits import PoolLimits
from pools.raw import RawTable
from pools.sources.base import Delimiter, PoolSource, sources
from sdg_project.shapes import Params

_ORIGIN = "the content"


class UploadParams(Params):
    file: str = Field(pattern=r"^[0-9a-f]{32}\.upload$", description="Where the service keeps the content.")
    format: FileFormat = Field(description="What the content is.")
    delimiter: Delimiter | None = Field(default=None, description="CSV: what stands between cells; default a comma.")


@sources.register("UPLOAD")
class UploadSource(PoolSource[UploadParams]):
    Params = UploadParams

    def read(self, *, base: Path, limits: PoolLimits) -> RawTable:
        return read_file(
            base / self.params.file,
            self.params.format,
            delimiter=self.params.delimiter,
            limits=limits,
            shown=_ORIGIN,
            origin=_ORIGIN,
        )

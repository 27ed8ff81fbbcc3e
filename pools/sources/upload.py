"""UPLOAD: content that was sent to the service, which keeps it beside the pool's tables."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field

from pools.enums import FileFormat
from pools.files.options import Chooser, Progress, unseen
from pools.files.reading import read_file
from pools.limits import PoolLimits
from pools.raw import RawTable
from pools.sources.base import ContentParams, ContentSource, sources

_ORIGIN = "the content"


class UploadParams(ContentParams):
    file: str = Field(pattern=r"^[0-9a-f]{32}\.upload$", description="Where the service keeps the content.")
    format: FileFormat = Field(description="What the content is.")


@sources.register("UPLOAD")
class UploadSource(ContentSource[UploadParams]):
    Params = UploadParams
    may_change = False

    def read_content(
        self, *, base: Path, limits: PoolLimits, choose: Chooser | None = None, progress: Progress = unseen
    ) -> RawTable:
        return read_file(
            base / self.params.file,
            self.params.format,
            options=self.params.options,
            limits=limits,
            shown=_ORIGIN,
            origin=_ORIGIN,
            choose=choose,
            progress=progress,
        )

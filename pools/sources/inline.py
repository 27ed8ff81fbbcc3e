"""INLINE: rows that stand in the definition itself."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pydantic import Field

from pools.json_rows import RowColumns
from pools.limits import PoolLimits
from pools.raw import RawTable
from pools.sources.base import PoolSource, sources
from sdg_project.shapes import Params


class InlineParams(Params):
    rows: list[dict[str, Any]] = Field(
        description="The rows, each an object with the values of its columns.",
        examples=[[{"size": "S"}, {"size": "M"}]],
    )


@sources.register("INLINE")
class InlineSource(PoolSource[InlineParams]):
    Params = InlineParams
    may_change = False

    def read(self, *, base: Path, limits: PoolLimits) -> RawTable:  # there is no file
        limits.check_rows(len(self.params.rows), "source.rows")
        rows = RowColumns(lambda row: f"row {row + 1}")
        for row in self.params.rows:
            rows.add(row)
        return RawTable("source.rows", rows.columns(), rows.row_count)

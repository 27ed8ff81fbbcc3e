"""http-paths: what a web shop is asked for."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

import polars as pl

from pools.builtin.base import builtin_pools
from pools.builtin.listed import ListedPool


@builtin_pools.register("http-paths")
class HttpPaths(ListedPool):
    description: ClassVar[str] = "paths of a web shop as often as they are asked for"
    weight_column: ClassVar[str | None] = "weight"
    content_hash: ClassVar[str] = "889a16ed2135bec76fa7e6325c0a1319"
    columns: ClassVar[Mapping[str, pl.DataType | type[pl.DataType]]] = {
        "path": pl.String,
        "method": pl.String,
        "section": pl.String,
        "contentType": pl.String,
        "typicalBytes": pl.Int64,
        "weight": pl.Float64,
    }

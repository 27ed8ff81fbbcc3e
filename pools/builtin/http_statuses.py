"""http-statuses: answers of web servers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

import polars as pl

from pools.builtin.base import builtin_pools
from pools.builtin.listed import ListedPool


@builtin_pools.register("http-statuses")
class HttpStatuses(ListedPool):
    description: ClassVar[str] = "status codes of HTTP as often as web servers answer with them"
    weight_column: ClassVar[str | None] = "weight"
    content_hash: ClassVar[str] = "8ac1847f76f602b1bd438a02617e49ed"
    columns: ClassVar[Mapping[str, pl.DataType | type[pl.DataType]]] = {
        "code": pl.Int64,
        "reason": pl.String,
        "class": pl.String,
        "weight": pl.Float64,
    }

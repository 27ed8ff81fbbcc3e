"""job-titles: what people work as."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

import polars as pl

from pools.builtin.base import builtin_pools
from pools.builtin.listed import ListedPool


@builtin_pools.register("job-titles")
class JobTitles(ListedPool):
    description: ClassVar[str] = "job titles with department, level and range of salaries"
    weight_column: ClassVar[str | None] = "weight"
    content_hash: ClassVar[str] = "adf842a9ce81523c2a56482b0bcea204"
    columns: ClassVar[Mapping[str, pl.DataType | type[pl.DataType]]] = {
        "title": pl.String,
        "department": pl.String,
        "level": pl.String,
        "minSalary": pl.Int64,
        "maxSalary": pl.Int64,
        "weight": pl.Int64,
    }

"""diagnoses: what patients have."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

import polars as pl

from pools.builtin.base import builtin_pools
from pools.builtin.listed import ListedPool


@builtin_pools.register("diagnoses")
class Diagnoses(ListedPool):
    description: ClassVar[str] = "diagnoses with codes of ICD-10, and whom they concern"
    weight_column: ClassVar[str | None] = "weight"
    content_hash: ClassVar[str] = "59f3c2effca02913c264c20e8aedfc7c"
    columns: ClassVar[Mapping[str, pl.DataType | type[pl.DataType]]] = {
        "code": pl.String,
        "name": pl.String,
        "chapter": pl.String,
        "sex": pl.String,
        "minAge": pl.Int64,
        "maxAge": pl.Int64,
        "weight": pl.Int64,
    }

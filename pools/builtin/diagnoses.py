"""diagnoses: what patients have."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

import polars as pl

from pools.builtin.base import builtin_pools
from pools.builtin.listed import ListedPool


@builtin_pools.register("diagnoses")
class Diagnoses(ListedPool):
    """What women and men can have stands in two rows, so that `sex` is a key for a person's gender."""

    description: ClassVar[str] = "diagnoses with codes of ICD-10, and whom they concern"
    weight_column: ClassVar[str | None] = "weight"
    content_hash: ClassVar[str] = "520ef0d68d530be891bd7a371dff37c8"
    columns: ClassVar[Mapping[str, pl.DataType | type[pl.DataType]]] = {
        "code": pl.String,
        "name": pl.String,
        "chapter": pl.String,
        "sex": pl.String,
        "minAge": pl.Int64,
        "maxAge": pl.Int64,
        "weight": pl.Int64,
    }

    @classmethod
    def records(cls) -> pl.DataFrame:
        listed = super().records()
        sexes = pl.when(pl.col("sex").is_null()).then(["F", "M"]).otherwise(pl.concat_list("sex"))
        return listed.with_columns(sexes.alias("sex")).explode("sex")

"""banks: banks that do not exist."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

import polars as pl

from pools.builtin.base import builtin_pools
from pools.builtin.listed import ListedPool


@builtin_pools.register("banks")
class Banks(ListedPool):
    description: ClassVar[str] = "banks with BIC and bank code, all invented"
    weight_column: ClassVar[str | None] = "weight"
    content_hash: ClassVar[str] = "799b95ee6171a1d4791ead77c85f1867"
    columns: ClassVar[Mapping[str, pl.DataType | type[pl.DataType]]] = {
        "name": pl.String,
        "country": pl.String,
        "bic": pl.String,
        "bankCode": pl.String,
        "currency": pl.String,
        "weight": pl.Int64,
    }

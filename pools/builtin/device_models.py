"""device-models: models of sensors."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

import polars as pl

from pools.builtin.base import builtin_pools
from pools.builtin.listed import ListedPool


@builtin_pools.register("device-models")
class DeviceModels(ListedPool):
    description: ClassVar[str] = "models of sensors with what they measure, all invented"
    weight_column: ClassVar[str | None] = "weight"
    content_hash: ClassVar[str] = "908349eb46f4dbf606abe20c4a5a4bb4"
    columns: ClassVar[Mapping[str, pl.DataType | type[pl.DataType]]] = {
        "model": pl.String,
        "manufacturer": pl.String,
        "kind": pl.String,
        "unit": pl.String,
        "minReading": pl.Float64,
        "maxReading": pl.Float64,
        "intervalSeconds": pl.Int64,
        "power": pl.String,
        "weight": pl.Int64,
    }

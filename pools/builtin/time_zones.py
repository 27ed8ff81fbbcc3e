"""time-zones: time zones with country and offsets."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

import polars as pl

from pools.builtin.base import builtin_pools
from pools.builtin.listed import ListedPool


@builtin_pools.register("time-zones")
class TimeZones(ListedPool):
    description: ClassVar[str] = "time zones of the IANA database with their offsets"
    content_hash: ClassVar[str] = "d3bbd230ec17656858327f0bd74a1f30"
    columns: ClassVar[Mapping[str, pl.DataType | type[pl.DataType]]] = {
        "zone": pl.String,
        "country": pl.String,
        "offsetMinutes": pl.Int64,
        "summerOffsetMinutes": pl.Int64,
    }

"""airports: large airports of the world."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

import polars as pl

from pools.builtin.base import builtin_pools
from pools.builtin.listed import ListedPool


@builtin_pools.register("airports")
class Airports(ListedPool):
    description: ClassVar[str] = "large airports with codes, coordinates and time zones"
    weight_column: ClassVar[str | None] = "passengersMillions"
    content_hash: ClassVar[str] = "096ba25881efcf4f810c8682a41b8c2a"
    columns: ClassVar[Mapping[str, pl.DataType | type[pl.DataType]]] = {
        "iata": pl.String,
        "icao": pl.String,
        "name": pl.String,
        "city": pl.String,
        "country": pl.String,
        "latitude": pl.Float64,
        "longitude": pl.Float64,
        "timeZone": pl.String,
        "passengersMillions": pl.Int64,
    }

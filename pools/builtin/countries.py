"""countries: the countries of the world."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

import polars as pl

from pools.builtin.base import builtin_pools
from pools.builtin.listed import ListedPool


@builtin_pools.register("countries")
class Countries(ListedPool):
    description: ClassVar[str] = "countries with their codes of ISO 3166, currencies, calling codes and languages"
    weight_column: ClassVar[str | None] = "populationThousands"
    content_hash: ClassVar[str] = "1a0e1874fd0daaee6e4c6add822bbce1"
    columns: ClassVar[Mapping[str, pl.DataType | type[pl.DataType]]] = {
        "alpha2": pl.String,
        "alpha3": pl.String,
        "numeric": pl.String,
        "name": pl.String,
        "capital": pl.String,
        "continent": pl.String,
        "currency": pl.String,
        "callingCode": pl.String,
        "populationThousands": pl.Int64,
        "languages": pl.String,
    }

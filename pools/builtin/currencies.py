"""currencies: the currencies in use."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

import polars as pl

from pools.builtin.base import builtin_pools
from pools.builtin.listed import ListedPool


@builtin_pools.register("currencies")
class Currencies(ListedPool):
    description: ClassVar[str] = "currencies with their codes of ISO 4217 and their digits behind the point"
    content_hash: ClassVar[str] = "5023677f70cde31346371a73fee33eb2"
    columns: ClassVar[Mapping[str, pl.DataType | type[pl.DataType]]] = {
        "code": pl.String,
        "numeric": pl.String,
        "minorUnits": pl.Int64,
        "name": pl.String,
        "symbol": pl.String,
    }

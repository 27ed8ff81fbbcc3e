"""colors: colours by the names that CSS gives them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

import polars as pl

from pools.builtin.base import builtin_pools
from pools.builtin.listed import ListedPool


@builtin_pools.register("colors")
class Colors(ListedPool):
    description: ClassVar[str] = "colours of CSS with their hexadecimal and RGB values"
    content_hash: ClassVar[str] = "5420189cbb3443248449303a1fe05757"
    columns: ClassVar[Mapping[str, pl.DataType | type[pl.DataType]]] = {
        "name": pl.String,
        "hex": pl.String,
        "red": pl.Int64,
        "green": pl.Int64,
        "blue": pl.Int64,
        "family": pl.String,
    }

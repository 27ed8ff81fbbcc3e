"""mime-types: kinds of files."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

import polars as pl

from pools.builtin.base import builtin_pools
from pools.builtin.listed import ListedPool


@builtin_pools.register("mime-types")
class MimeTypes(ListedPool):
    description: ClassVar[str] = "media types with the extensions of their files"
    content_hash: ClassVar[str] = "00e0835564222e23ec0b1a0ad5be47a3"
    columns: ClassVar[Mapping[str, pl.DataType | type[pl.DataType]]] = {
        "mediaType": pl.String,
        "extension": pl.String,
        "kind": pl.String,
    }

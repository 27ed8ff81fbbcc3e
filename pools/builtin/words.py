"""words: words for texts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

import polars as pl

from pools.builtin.base import builtin_pools
from pools.builtin.listed import ListedPool


@builtin_pools.register("words")
class Words(ListedPool):
    description: ClassVar[str] = "common English words with their part of speech"
    content_hash: ClassVar[str] = "ec3f1b233bc7aa44b7222a095671edc5"
    columns: ClassVar[Mapping[str, pl.DataType | type[pl.DataType]]] = {
        "word": pl.String,
        "partOfSpeech": pl.String,
    }

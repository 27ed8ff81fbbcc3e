"""payment-cards: numbers of cards that no account belongs to."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

import polars as pl

from pools.builtin.base import builtin_pools
from pools.builtin.listed import ListedPool


@builtin_pools.register("payment-cards")
class PaymentCards(ListedPool):
    description: ClassVar[str] = "numbers of payment cards that are published for tests"
    weight_column: ClassVar[str | None] = "weight"
    content_hash: ClassVar[str] = "2b37aad0a0d4130b2ade73fc763bdc99"
    columns: ClassVar[Mapping[str, pl.DataType | type[pl.DataType]]] = {
        "number": pl.String,
        "brand": pl.String,
        "masked": pl.String,
        "checkCodeDigits": pl.Int64,
        "weight": pl.Int64,
    }

"""products: what a web shop sells, of brands that do not exist."""

from __future__ import annotations

from datetime import date
from typing import ClassVar

import numpy as np
import polars as pl

from pools.builtin.base import BuiltinPool, builtin_pools, data_lines
from pools.builtin.seeded import Draws, taken

VARIANTS = 8
"""How many products there are of a kind."""

_BRANDS = (
    "Alvera", "Bergund", "Casamira", "Dunmoor", "Elvanto", "Fjordling", "Greyfell", "Hazelby", "Ivorine", "Juno & Oak",
    "Kestora", "Lindqvara", "Morrowby", "Northloom", "Ostrello", "Pinevale", "Quorra", "Rivenna", "Solvana", "Tarnwick",
)  # fmt: skip
_COLORS = {"Black": 9.0, "White": 7.0, "Gray": 6.0, "Navy": 5.0, "Green": 3.0, "Red": 3.0, "Beige": 3.0, "Blue": 4.0}
_FIRST_LAUNCH = (date(2021, 1, 1) - date(1970, 1, 1)).days
_LAUNCH_DAYS = 5 * 365


@builtin_pools.register("products")
class Products(BuiltinPool):
    """Eight products of each kind, which differ in brand, price, weight and, where there are any, colours.

    A price is 70 % to 140 % of what the kind costs, and ends in .99; what the shop pays for it is 45 % to 70 % of that.
    The numbers under the bar codes begin with 20, which shops use among themselves only.
    """

    description: ClassVar[str] = "products of a web shop with prices, weights and popularity, brands invented"
    weight_column: ClassVar[str | None] = "popularity"
    content_hash: ClassVar[str] = "80131e049d78ff199d33e732f3dc23f7"

    @classmethod
    def records(cls) -> pl.DataFrame:
        kinds = data_lines("product_kinds.csv")
        count = len(kinds) * VARIANTS
        draws = Draws(cls.kind, count)
        kind = np.repeat(np.arange(len(kinds)), VARIANTS)
        numbers = np.arange(1, count + 1, dtype=np.int64)
        of_kind = {place: np.array([int(line[place]) for line in kinds])[kind] for place in (3, 4, 5)}
        # Different brands for the variants of a kind: each takes the next one of the list, from a place of its own.
        brand = (kind * 7 + np.tile(np.arange(VARIANTS), len(kinds)) * 3) % len(_BRANDS)
        any_color = taken(list(_COLORS), draws.places("color", list(_COLORS.values())))
        whole = np.maximum(of_kind[3] * (70 + draws.below("price", 71)) // 100, 2)
        cents = whole * 100 - 1
        paid = cents * (45 + draws.below("cost", 26)) // 100
        category = taken([line[1] for line in kinds], kind)
        parts = pl.DataFrame(
            {
                "id": numbers,
                "category": category,
                "subcategory": taken([line[2] for line in kinds], kind),
                "brand": taken(_BRANDS, brand),
                "kind": taken([line[0] for line in kinds], kind),
                "colored": taken([line[6] for line in kinds], kind),
                "anyColor": any_color,
                "ean": [_with_check_digit(f"20{number:010d}") for number in numbers.tolist()],
                "cents": cents,
                "paid": paid,
                "weightGrams": of_kind[4] * (90 + draws.below("weight", 21)) // 100,
                "stock": draws.small("stock", 800),
                "popularity": of_kind[5] * (1 + draws.small("popularity", 20)),
                "launchedOn": pl.Series((_FIRST_LAUNCH + draws.below("launch", _LAUNCH_DAYS)).astype(np.int32)),
            }
        )
        color = pl.when(pl.col("colored") == "yes").then(pl.col("anyColor"))
        number = pl.col("id").cast(pl.String).str.pad_start(5, "0")
        return parts.select(
            "id",
            pl.format("{}-{}", pl.col("category").str.slice(0, 3).str.to_uppercase(), number).alias("sku"),
            "ean",
            pl.concat_str("brand", "kind", color, separator=" ", ignore_nulls=True).alias("name"),
            "category",
            "subcategory",
            "brand",
            color.alias("color"),
            (pl.col("cents").cast(pl.Decimal(18, 2)) / 100).cast(pl.Decimal(18, 2)).alias("price"),
            (pl.col("paid").cast(pl.Decimal(18, 2)) / 100).cast(pl.Decimal(18, 2)).alias("cost"),
            "weightGrams",
            "stock",
            "popularity",
            pl.col("launchedOn").cast(pl.Date),
        )


def _with_check_digit(digits: str) -> str:
    """The number with the digit that makes an EAN-13 of it: weights 1 and 3 in turn."""
    total = sum(int(digit) * (3 if place % 2 else 1) for place, digit in enumerate(digits))
    return f"{digits}{-total % 10}"

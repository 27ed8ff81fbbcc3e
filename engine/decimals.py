"""Decimals: scaled integers as columns of exact decimals."""

from __future__ import annotations

from decimal import Decimal

import polars as pl

from engine.schema import MAX_DECIMAL_DIGITS


def to_decimal(scaled: pl.Series, scale: int) -> pl.Series:
    """Scaled integers as decimals of 18 digits: 1870 at scale 2 is 18.70."""
    exact = scaled.cast(pl.Decimal(38, 0)) * pl.Series([Decimal(1).scaleb(-scale)])
    return exact.cast(pl.Decimal(MAX_DECIMAL_DIGITS, scale))

"""Definitions with one field of numbers."""

from __future__ import annotations

from typing import Any

import polars as pl

from engine.span import Span
from tests.generators.fields.examined import made, mapping

KIND = "NUMERIC_RANGE"
AT = "/fieldMappings/0/params"
FIRST, MANY = Span(0, 1_000), Span(0, 100_000)
LOW, HIGH = -(2**63), 2**63 - 1


def numbers(params: dict[str, Any], span: Span = FIRST, **more: Any) -> pl.Series:
    return made(mapping(KIND, params, **more.pop("keys", {})), span=span, count=more.pop("count", 10**6), **more)

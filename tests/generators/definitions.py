"""Definitions by their fields, and what is found wrong with them."""

from __future__ import annotations

from typing import Any

from tests.generators.fields.examined import mapping

ENUM, NUMBER = "ENUM_RANDOM", "NUMERIC_RANGE"


def number(name: str, **more: Any) -> dict[str, Any]:
    return mapping(NUMBER, {"min": 1, "max": 10}, name=name, **more)


def text(name: str, values: list[Any] | None = None, **more: Any) -> dict[str, Any]:
    return mapping(ENUM, {"values": values or ["a", "b"]}, name=name, **more)

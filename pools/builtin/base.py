"""What every built-in pool has in common, and the registry of built-in pools."""

from __future__ import annotations

from abc import ABC, abstractmethod
from importlib.resources import files
from typing import ClassVar

import polars as pl

from sdg_project.registry import Kind, Registry

VERSION = 0
"""The version of every built-in pool; those of stored pools begin with 1."""


class BuiltinPool(Kind, ABC):
    """A pool that comes with the program; `content_hash` pins its records."""

    description: ClassVar[str]
    """What it holds, in one line."""
    weight_column: ClassVar[str | None] = None
    """The column in proportion to which rows are drawn by WEIGHTED."""
    content_hash: ClassVar[str]

    @classmethod
    @abstractmethod
    def records(cls) -> pl.DataFrame:
        """The table, made anew; always the same."""


builtin_pools: Registry[BuiltinPool] = Registry("built-in pool", "pools.builtin")


def data_lines(name: str) -> list[list[str]]:
    """The lines of a data file beside this module, split at commas; those that begin with # are left out."""
    text = files("pools.builtin").joinpath("data", name).read_text(encoding="utf-8")
    return [line.split(",") for line in text.splitlines() if line and not line.startswith("#")]

"""What the built-in pools have in common whose rows stand in a list, as they are."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

import polars as pl

from pools.builtin.base import BuiltinPool, data_lines


class ListedPool(BuiltinPool):
    """The rows of ``data/<name>.csv``; an empty cell is null."""

    columns: ClassVar[Mapping[str, pl.DataType | type[pl.DataType]]]
    """The names of the columns, in the order of the list, with their types."""

    @classmethod
    def records(cls) -> pl.DataFrame:
        lines = data_lines(f"{cls.kind.replace('-', '_')}.csv")
        texts = pl.DataFrame(lines, schema=dict.fromkeys(cls.columns, pl.String), orient="row")
        return texts.select(pl.col(name).replace("", None).cast(dtype) for name, dtype in cls.columns.items())

"""BUILTIN: a pool that comes with the program."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field

from engine.issues import Issue, did_you_mean
from pools.builtin.base import builtin_pools
from pools.limits import PoolLimits
from pools.raw import RawTable, raw_table_of
from pools.sources.base import PoolSource, sources
from sdg_project.errors import Invalid
from sdg_project.shapes import Params
from sdg_project.text import quoted


class BuiltinParams(Params):
    pool: str = Field(description="Name of the built-in pool.", examples=["people"])


@sources.register("BUILTIN")
class BuiltinSource(PoolSource[BuiltinParams]):
    Params = BuiltinParams
    may_change = False

    def read(self, *, base: Path, limits: PoolLimits) -> RawTable:  # there is no file
        kind = builtin_pools.get(self.params.pool)
        if kind is None:
            message = f"there is no built-in pool {quoted(self.params.pool)}"
            hint = did_you_mean(self.params.pool, builtin_pools) or f"there are {', '.join(builtin_pools)}"
            raise Invalid([Issue("INVALID_VALUE", "/source/pool", message, hint)])
        records = kind.records()
        limits.check_rows(records.height, self.params.pool)
        return raw_table_of(records, self.params.pool)

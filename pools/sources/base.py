"""What every source of a pool's rows has in common, and the registry of sources."""

from __future__ import annotations

from abc import ABC, abstractmethod
from pathlib import Path
from typing import ClassVar, Generic, TypeVar

from pools.limits import PoolLimits
from pools.raw import RawTable
from sdg_project.registry import Kind, Registry
from sdg_project.shapes import Params

P = TypeVar("P", bound=Params)
DELIMITER_PATTERN = r"^[\t -!#-/:-@\[-`{-~]$"
"""What may stand between the cells of CSV: any visible ASCII but letters, digits and quotes, a blank or a tab."""


class PoolSource(Kind, ABC, Generic[P]):
    """Where a pool's rows come from."""

    Params: ClassVar[type[Params]]

    def __init__(self, params: P) -> None:
        self.params = params

    @abstractmethod
    def read(self, *, base: Path, limits: PoolLimits) -> RawTable:
        """All rows; relative paths are below `base`. Raises Invalid with every fault, paths beginning at the pool."""


sources: Registry[PoolSource[Params]] = Registry("pool source", "pools.sources")

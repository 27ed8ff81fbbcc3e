"""What every source of a pool's rows has in common, and the registry of sources."""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from pathlib import Path
from typing import Annotated, ClassVar, Generic, TypeVar

from pydantic import AfterValidator, Field

from engine.issues import Issue
from pools.limits import PoolLimits
from pools.raw import RawTable
from sdg_project.registry import Kind, Registry
from sdg_project.shapes import Faults, Params
from sdg_project.text import shown

P = TypeVar("P", bound=Params)
_DELIMITER = r"^[\t -!#-/:-@\[-`{-~]$"


def _delimiter(character: str) -> str:
    if not re.fullmatch(_DELIMITER, character):
        message = (
            "must be one character such as a comma, semicolon, pipe, blank or tab: of ASCII, and no letter, digit or"
        )
        raise Faults(Issue("INVALID_VALUE", "", f'{message} ", not {shown(character)}'))
    return character


Delimiter = Annotated[str, AfterValidator(_delimiter), Field(json_schema_extra={"pattern": _DELIMITER})]
"""What may stand between the cells of CSV: any visible ASCII but letters, digits and quotes, a blank or a tab."""


class PoolSource(Kind, ABC, Generic[P]):
    """Where a pool's rows come from."""

    Params: ClassVar[type[Params]]

    def __init__(self, params: P, *, pool: str = "") -> None:
        """`pool` is the name of the pool that it is the source of."""
        self.params, self.pool = params, pool

    @abstractmethod
    def read(self, *, base: Path, limits: PoolLimits) -> RawTable:
        """All rows; relative paths are below `base`. Raises Invalid with every fault, paths beginning at the pool."""


sources: Registry[PoolSource[Params]] = Registry("pool source", "pools.sources")

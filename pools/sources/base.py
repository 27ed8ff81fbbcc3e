"""What every source of a pool's rows has in common, and the registry of sources."""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from pathlib import Path
from typing import Annotated, Any, ClassVar, Generic, Literal, TypeVar

from pydantic import AfterValidator, Field

from engine.issues import Issue
from pools.enums import Encoding
from pools.files.options import Chooser, FileOptions, Progress, unseen
from pools.limits import PoolLimits
from pools.raw import RawTable
from sdg_project.registry import Kind, Registry
from sdg_project.shapes import Faults, Params
from sdg_project.text import shown
from sinks.connections.base import ConnectionKind

P = TypeVar("P", bound=Params)
_BASE_S = 60
_BYTES_PER_S = 2**20
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
    may_change: ClassVar[bool] = True
    """Whether reading it again may give other rows, so that an interval makes sense."""
    fetches_keys: ClassVar[bool] = False
    """Whether it can fetch the rows of one key, as `lazy` demands."""
    is_foreign: ClassVar[bool] = False
    """Whether what is read comes from elsewhere or takes long, so that the service reads it in a process of its own."""

    def __init__(self, params: P, *, pool: str = "") -> None:
        """`pool` is the name of the pool that it is the source of."""
        self.params, self.pool = params, pool

    @abstractmethod
    def read(self, *, base: Path, limits: PoolLimits) -> RawTable:
        """All rows; relative paths are below `base`. Raises Invalid with every fault, paths beginning at the pool."""

    def most_seconds(self, limits: PoolLimits) -> int:
        """Longer no reading takes that is worth waiting for, on a busy machine too."""
        return _BASE_S + limits.max_bytes // _BYTES_PER_S

    def connection(self) -> ConnectionKind[Any] | None:
        """The stored connection that is read over, if there is one; raises Invalid when it cannot be used."""
        return None


class ContentParams(Params):
    """How a file is to be read. What is left out is found out, and told in the pool's notes."""

    encoding: Encoding | None = Field(
        default=None, description="CSV, JSONL: how letters are written; default UTF-8, or what the file's mark says."
    )
    delimiter: Delimiter | None = Field(
        default=None, description="CSV: what stands between cells; default: that of , ; | and tab which fits."
    )
    quote: Literal['"', "'", ""] | None = Field(
        default=None, description="CSV: what stands around cells that hold the delimiter; empty for nothing."
    )
    header: bool | None = Field(
        default=None, description="CSV: whether the first line names the columns; else they are column1, column2, …"
    )

    @property
    def options(self) -> FileOptions:
        """The same in the words of the readers."""
        return FileOptions(self.encoding, self.delimiter, self.quote, self.header)


C = TypeVar("C", bound=ContentParams)


class ContentSource(PoolSource[C]):
    """A source that is a file which anybody may have written."""

    is_foreign = True

    def read(self, *, base: Path, limits: PoolLimits) -> RawTable:
        return self.read_content(base=base, limits=limits)

    @abstractmethod
    def read_content(
        self, *, base: Path, limits: PoolLimits, choose: Chooser | None = None, progress: Progress = unseen
    ) -> RawTable:
        """As `read`, but only the rows that `choose` wants, if it is given."""


sources: Registry[PoolSource[Params]] = Registry("pool source", "pools.sources")

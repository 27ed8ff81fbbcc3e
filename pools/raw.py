"""Raw tables: what a source has read, before its columns get their types."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import Enum, auto

import numpy as np
import polars as pl
from numpy.typing import NDArray

from engine.issues import Issue
from sdg_project.errors import Invalid

MAX_ISSUES = 20
"""After so many faults of its content a source is not read on."""


class Written(Enum):
    """How the values of a column are written."""

    CELLS = auto()
    """As text without a type, as in CSV."""
    TEXT = auto()
    INTEGER = auto()
    NUMBER = auto()
    BOOLEAN = auto()
    MIXED = auto()
    """As JSON values of several of these kinds."""
    TYPED = auto()
    """As a polars column with a type of its own."""


@dataclass(frozen=True, slots=True)
class RawColumn:
    """A column; `values` are String unless it is TYPED."""

    name: str
    values: pl.Series
    written: Written
    note: str | None = None


@dataclass(frozen=True, slots=True)
class RawTable:
    """Columns of equal length; `lines` is the line of each row in a text file.

    `rows` are the numbers that the rows have in the source, None for 0, 1, and so on.
    `source_row_count` is how many rows the source has, None for as many as there are here. `is_chosen` says that the
    reader has left out those that are not wanted. `notes` tell what was found out of the form of the source.
    """

    origin: str
    columns: Sequence[RawColumn]
    row_count: int
    lines: NDArray[np.int64] | None = None
    source_row_count: int | None = None
    is_chosen: bool = False
    rows: NDArray[np.int64] | None = None
    notes: tuple[str, ...] = ()

    def taken(self, rows: NDArray[np.int64]) -> RawTable:
        """Some of the rows, by their places here."""
        columns = [replace(column, values=column.values.gather(rows)) for column in self.columns]
        return replace(
            self,
            columns=columns,
            row_count=len(rows),
            lines=None if self.lines is None else self.lines.take(rows),
            rows=rows if self.rows is None else self.rows.take(rows),
            source_row_count=self.row_count if self.source_row_count is None else self.source_row_count,
            is_chosen=True,
        )

    def place(self, row: int) -> str:
        """Where a row stands, for people."""
        if self.lines is not None:
            return f"line {int(self.lines[row])}"
        return f"row {(row if self.rows is None else int(self.rows[row])) + 1}"


def raw_table_of(records: pl.DataFrame, origin: str) -> RawTable:
    """A table whose columns have types already."""
    columns = [RawColumn(name, records[name], Written.TYPED) for name in records.columns]
    return RawTable(origin, columns, records.height)


def unreadable(origin: str, message: str, hint: str | None = None) -> Invalid:
    """What is raised when a source's content has not the form that it should have."""
    return Invalid([Issue("INVALID_SYNTAX", "/source", f"{origin}: {message}", hint)])

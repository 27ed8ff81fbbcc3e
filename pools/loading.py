"""Loading: from a pool's definition to its table, or to everything that stands against it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl

from engine.issues import Issue, did_you_mean, pointer
from pools.column_types import ColumnReader, TypedColumn, column_metadata, duplicates
from pools.definition import MAX_COLUMN_NAME, DeclaredColumn, PoolDefinition
from pools.limits import check_columns
from pools.raw import RawTable
from pools.snapshot import table_bytes
from sdg_project.errors import Invalid
from sdg_project.text import quoted

_NUMBERS = (pl.Int64, pl.Float64, pl.Decimal)


@dataclass(frozen=True, slots=True)
class Loaded:
    """A pool's table, and what is told of each column: name, type, distinct, nulls, note.

    `notes` tell what was found out of the form of the source.
    """

    records: pl.DataFrame
    columns: list[dict[str, Any]]
    notes: list[str]


def load(definition: PoolDefinition, *, base: Path) -> Loaded:
    """Read the source of a pool, whose relative paths are below `base`; raises Invalid with every fault."""
    shape = definition.shape
    table = definition.source.read(base=base, limits=shape.limits)
    _check_names(table)
    declared = {column.name: (index, column) for index, column in enumerate(shape.columns)}
    issues = _undeclared(shape.columns, table)
    reader = ColumnReader(table, issues)
    typed: list[TypedColumn] = []
    for raw in table.columns:
        index, declaration = declared.get(raw.name, (None, None))
        column = reader.typed(raw, declaration, index)
        if column is None:
            continue
        typed.append(column)
        if declaration is not None and declaration.unique and (found := ", ".join(duplicates(table, column))):
            message = f"{table.origin}: column {quoted(raw.name)} is declared unique, but there is {found}"
            issues.append(Issue("DUPLICATE_VALUE", pointer("columns", index or 0, "unique"), message))
    if shape.weight_column is not None:
        issues += _weight_issues(shape.weight_column, table, typed)
    if issues:
        raise Invalid(issues)
    records = pl.DataFrame([column.values.alias(column.name) for column in typed]).rechunk()
    shape.limits.check_bytes(table_bytes(records), f"{table.origin} as a table")
    metadata = [column_metadata(column, declared.get(column.name, (0, None))[1]) for column in typed]
    return Loaded(records, metadata, list(table.notes))


def _check_names(table: RawTable) -> None:
    names = [column.name for column in table.columns]
    check_columns(len(names), table.origin)
    issues = []
    for number, name in enumerate(names, 1):
        if not name:
            issues.append(Issue("INVALID_VALUE", "/source", f"{table.origin}: column {number} has no name"))
        elif len(name) > MAX_COLUMN_NAME:
            message = f"{table.origin}: the name of column {number} has {len(name):,} characters"
            issues.append(Issue("INVALID_VALUE", "/source", message, f"at most {MAX_COLUMN_NAME} are accepted"))
    for name in dict.fromkeys(name for name in names if name):
        places = [str(number) for number, other in enumerate(names, 1) if other == name]
        if len(places) > 1:
            message = f"{table.origin}: columns {' and '.join(places)} are both named {quoted(name)}"
            issues.append(
                Issue(
                    "DUPLICATE_FIELD",
                    "/source",
                    message,
                    "names of columns must differ; if this is no header, say header false",
                )
            )
    if issues:
        raise Invalid(issues)


def _undeclared(columns: list[DeclaredColumn], table: RawTable) -> list[Issue]:
    """What is declared of columns that the source does not have."""
    return [
        _no_column(declared.name, table, pointer("columns", index, "name"))
        for index, declared in enumerate(columns)
        if declared.name not in {column.name for column in table.columns}
    ]


def _no_column(name: str, table: RawTable, path: str) -> Issue:
    names = [column.name for column in table.columns]
    hint = did_you_mean(name, names) or f"columns are {', '.join(names[:20])}"
    return Issue("COLUMN_NOT_FOUND", path, f"{table.origin} has no column {quoted(name)}", hint)


def _weight_issues(name: str, table: RawTable, typed: list[TypedColumn]) -> list[Issue]:
    at = "/weightColumn"
    if name not in {column.name for column in table.columns}:
        return [_no_column(name, table, at)]
    column = next((column for column in typed if column.name == name), None)
    if column is None:  # that has been told
        return []
    if column.values.dtype not in _NUMBERS:
        message = f"{table.origin}: weights must be numbers, but column {quoted(name)} is {column.type.value}"
        return [Issue("INVALID_WEIGHTS", at, message, column.note)]
    negative = (column.values < 0).fill_null(value=False).arg_true()
    if len(negative):
        found = f"{table.place(int(negative[0]))} has {column.values[int(negative[0])]}"
        return [Issue("INVALID_WEIGHTS", at, f"{table.origin}: weights must not be negative, but {found}")]
    if len(column.values) and not (column.values > 0).any():
        return [Issue("INVALID_WEIGHTS", at, f"{table.origin}: no weight in column {quoted(name)} is above 0")]
    return []

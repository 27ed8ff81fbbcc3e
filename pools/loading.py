"""Loading: from a pool's definition to its table, or to everything that stands against it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl

from engine.issues import Issue, did_you_mean, pointer
from pools.column_types import ColumnReader, TypedColumn, column_metadata, duplicates
from pools.definition import MAX_COLUMN_NAME, DeclaredColumn, PoolDefinition, PoolShape
from pools.enums import SampleMethod
from pools.files.options import Progress, unseen
from pools.key_index import key_types
from pools.limits import check_columns
from pools.raw import RawTable
from pools.sampling import Sampling
from pools.snapshot import Snapshot, snapshot_of, table_bytes
from pools.sources.base import ContentSource
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
    source_row_count: int
    notes: list[str]


def load(definition: PoolDefinition, *, base: Path, progress: Progress = unseen) -> Loaded:
    """Read the source of a pool, whose relative paths are below `base`; raises Invalid with every fault."""
    shape = definition.shape
    table = _read(definition, base, progress)
    _check_names(table)
    if definition.sampling is not None and not table.is_chosen:
        table = _sampled(table, definition.sampling)
        shape.limits.check_rows(table.row_count, f"the sample of {table.origin}")
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
    for index, name in enumerate(shape.index_columns or ()):
        issues += _index_issues(name, pointer("indexColumns", index), table, typed)
    if issues:
        raise Invalid(issues)
    records = pl.DataFrame([column.values.alias(column.name) for column in typed]).rechunk()
    shape.limits.check_bytes(table_bytes(records), f"{table.origin} as a table")
    metadata = [column_metadata(column, declared.get(column.name, (0, None))[1]) for column in typed]
    source_rows = table.row_count if table.source_row_count is None else table.source_row_count
    notes = [*table.notes, *_notes_of_sample(definition.sampling, source_rows)]
    return Loaded(records, metadata, source_rows, notes)


def first_snapshot(shape: PoolShape, records: pl.DataFrame) -> Snapshot:
    """The table of a pool that is not stored."""
    return snapshot_of(
        records,
        pool=shape.name,
        version=1,
        weight_column=shape.weight_column,
        load_strategy=shape.load_strategy,
        index_columns=shape.index_columns or (),
    )


def _read(definition: PoolDefinition, base: Path, progress: Progress) -> RawTable:
    """The rows of the source; of a file only those that are wanted, where their numbers tell that."""
    source, limits, sampling = definition.source, definition.shape.limits, definition.sampling
    if isinstance(source, ContentSource):
        by_number = sampling is not None and sampling.method is not SampleMethod.STRATIFIED
        choose = sampling.rows if sampling is not None and by_number else None
        if sampling is not None and not by_number:
            limits = limits.of_sample()
        return source.read_content(base=base, limits=limits, choose=choose, progress=progress)
    return source.read(base=base, limits=limits if sampling is None else limits.of_sample())


def _notes_of_sample(sampling: Sampling | None, source_rows: int) -> list[str]:
    if sampling is None or sampling.size is None or source_rows >= sampling.size:
        return []
    return [f"the source has {source_rows:,} rows, fewer than sampleSize ({sampling.size:,}): all of them are kept"]


def _sampled(table: RawTable, sampling: Sampling) -> RawTable:
    """The rows of a sample."""
    if sampling.method is SampleMethod.STRATIFIED:
        column = next((column for column in table.columns if column.name == sampling.column), None)
        if column is None:
            raise Invalid([_no_column(str(sampling.column), table, "/stratifyColumn")])
        rows = sampling.rows_by(column.values)
    else:
        rows = sampling.rows(table.row_count)
    return table.taken(rows)


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


def _index_issues(name: str, at: str, table: RawTable, typed: list[TypedColumn]) -> list[Issue]:
    if name not in {column.name for column in table.columns}:
        return [_no_column(name, table, at)]
    column = next((column for column in typed if column.name == name), None)
    if column is None or key_types(column.values.dtype):  # where there is none, that has been told
        return []
    message = f"{table.origin}: column {quoted(name)} is {column.type.value}, whose values are equal by chance only"
    hint = "accepted are columns of texts, whole numbers, decimals, truth values, dates and instants"
    return [Issue("TYPE_MISMATCH", at, message, hint)]


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

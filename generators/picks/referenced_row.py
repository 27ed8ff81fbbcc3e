"""The row of a pool that another field of the record has chosen."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import polars as pl

from engine.issues import Issue
from generators.fields.base import Columns, FieldType, HiddenColumn
from generators.picks.keyed_rows import NO_ROW, OnMissing
from generators.picks.row_binding import BoundField
from generators.references import may_be_null
from pools.snapshot import Snapshot


class ReferencedRow:
    """What `asking` finds of the row that the field `name` copies from.

    There is no row where the field is null, for whatever reason, and where it is the default of a key without rows.
    """

    def __init__(self, asking: FieldType[Any], name: str) -> None:
        self._asking, self.name = asking, name

    @property
    def reference(self) -> BoundField | None:
        """The field that has chosen the row; None when there is no such field."""
        field = self._asking.scope.fields.get(self.name)
        return field if isinstance(field, BoundField) else None

    @property
    def snapshot(self) -> Snapshot | None:
        """The pool, if it is known and has rows."""
        return self.reference.snapshot if self.reference is not None and self.reference.has_rows else None

    def issues(self) -> Iterator[Issue]:
        """That the field is of another kind. That there is none is told of every reference."""
        field = self._asking.scope.fields.get(self.name)
        if field is not None and self.reference is None:
            message = f'"{self.name}" is {field.kind}, so it has chosen no row of a pool'
            named = [name for name, other in self._asking.scope.fields.items() if isinstance(other, BoundField)]
            hint = f"fields of type POOL_REFERENCE are {', '.join(named[:10])}" if named else "name a POOL_REFERENCE"
            yield self._asking.issue("SOURCE_NOT_POOL_REFERENCE", message, at="/sourceField", hint=hint)

    @property
    def may_be_missing(self) -> bool:
        """Whether some records have no row."""
        has_default = self.reference is not None and self.reference.binding.on_missing is OnMissing.DEFAULT
        return has_default or may_be_null(self.name, self._asking.scope)

    def possible(self, column: str) -> pl.Series:
        """The values of a column in the rows that can be taken; only asked when there is a `snapshot`."""
        reference = self._known
        return reference.binding.possible(reference.snapshot.records[column], pool=reference.params.pool)

    def hidden(self) -> tuple[HiddenColumn, ...]:
        """The hidden column that says which row each record takes."""
        return (self._known.binding.rows,)

    def rows(self, columns: Columns) -> pl.Series:
        """The number of each record's row, null where there is none."""
        rows = columns[self._known.binding.rows_name]
        source = columns[self.name]
        if not source.null_count() and self._known.binding.on_missing is not OnMissing.DEFAULT:
            return rows
        return pl.select(pl.when(source.is_not_null() & (rows != NO_ROW)).then(rows)).to_series()

    @property
    def _known(self) -> BoundField:
        if self.reference is None:
            raise ValueError(f'there is no POOL_REFERENCE "{self.name}"')
        return self.reference

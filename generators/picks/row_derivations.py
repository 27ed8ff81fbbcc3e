"""COLUMN and TEMPLATE: values of the row that another field has chosen."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator, Mapping
from functools import cached_property

import polars as pl

from engine.choice import Tables
from engine.expression.forms import MAX_TEXT
from engine.expression.written import written_length
from engine.issues import Issue
from engine.schema import OutputType
from engine.span import Span
from engine.template import Template
from generators.fields.base import Columns, FieldType, HiddenColumn, Output
from generators.picks.derived_params import PoolDerivedParams
from generators.picks.pool_columns import column_output, dictionary, output_type
from generators.picks.pool_issues import no_column
from generators.picks.referenced_row import ReferencedRow
from generators.values.operands import form_of_output
from sinks.encoding.texts import value_texts

_PREFIX = "pool."


class RowDerivation(FieldType[PoolDerivedParams]):
    """What COLUMN and TEMPLATE share."""

    Params = PoolDerivedParams

    @cached_property
    def row(self) -> ReferencedRow:
        return ReferencedRow(self, str(self.params.source_field))

    def depends_on(self) -> Mapping[str, str]:
        return {"/sourceField": self.row.name}

    def hidden(self) -> tuple[HiddenColumn, ...]:
        return self.row.hidden()

    @property
    def is_known(self) -> bool:
        """Whether the pool and the columns are there, so that something is known of the values."""
        snapshot = self.row.snapshot
        return snapshot is not None and all(name in snapshot.records.columns for name in self.columns)

    @property
    @abstractmethod
    def columns(self) -> tuple[str, ...]:
        """The columns of the pool that are looked at."""


class CopiedColumn(RowDerivation):
    """Another column of the row; draws nothing."""

    @property
    def columns(self) -> tuple[str, ...]:
        return (str(self.params.column),)

    def check(self) -> Iterator[Issue]:
        yield from self.row.issues()
        if self.row.snapshot is not None and not self.is_known:
            yield no_column(self, self.row.snapshot, str(self.params.column), "/column")

    @cached_property
    def _possible(self) -> pl.Series:
        return self.row.possible(str(self.params.column))

    @cached_property
    def _listed(self) -> pl.Series | None:
        return dictionary(self._possible)

    @property
    def _column(self) -> pl.Series:
        if self.row.snapshot is None:
            raise ValueError(f"{self.scope.field} has no row to copy from")
        return self.row.snapshot.records[str(self.params.column)]

    def output(self) -> Output:
        return column_output(self._column, self._possible, self._listed, nullable=self.row.may_be_missing)

    def held(self) -> pl.Series | None:
        return self._possible if self.is_known else None

    def bind(self, tables: Tables) -> None:
        self._values = self._column
        if self._values.dtype == pl.String and self._listed is not None:
            # What is no word of the dictionary becomes null here, but its row is never taken.
            self._values = self._values.cast(pl.Enum(self._listed), strict=False)

    def values(self, span: Span, columns: Columns) -> pl.Series:
        return self._values.gather(self.row.rows(columns))


class RowTemplate(RowDerivation):
    """A text with columns of the row in it, each as it would be written to a file."""

    @cached_property
    def _template(self) -> Template | str:
        """The template, or why it cannot be read."""
        try:
            return Template.parse(str(self.params.template))
        except ValueError as error:
            return str(error)

    @property
    def _names(self) -> tuple[str, ...]:
        return () if isinstance(self._template, str) else self._template.names

    @property
    def columns(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(name.removeprefix(_PREFIX) for name in self._names))

    def check(self) -> Iterator[Issue]:
        yield from self.row.issues()
        if isinstance(self._template, str):
            yield self.issue("INVALID_VALUE", self._template, at="/template")
            return
        for name in dict.fromkeys(self._names):
            if not name.startswith(_PREFIX):
                message = f'"${{{name}}}" names no column of the pool'
                hint = f'write "${{{_PREFIX}{name}}}" for a column; COMPUTED makes texts of fields'
                yield self.issue("INVALID_VALUE", message, at="/template", hint=hint)
            elif self.row.snapshot is not None and name.removeprefix(_PREFIX) not in self.row.snapshot.records.columns:
                yield no_column(self, self.row.snapshot, name.removeprefix(_PREFIX), "/template")
        if self.is_known and self._length > MAX_TEXT:
            message = f"the text may have {self._length:,} characters, at most {MAX_TEXT:,} are possible"
            yield self.issue("VALUE_TOO_LONG", message, at="/template")

    @cached_property
    def _known(self) -> dict[str, Output]:
        """What is known of the columns, by their names."""
        known = {}
        for name in self.columns:
            possible = self.row.possible(name)
            known[name] = column_output(possible, possible, None, nullable=False)
        return known

    @property
    def _length(self) -> int:
        """No text has more characters."""
        literals = () if isinstance(self._template, str) else self._template.literals
        lengths = {name: written_length(form_of_output(known)) for name, known in self._known.items()}
        return sum(map(len, literals)) + sum(lengths[name.removeprefix(_PREFIX)] for name in self._names)

    def output(self) -> Output:
        nullable = self.row.may_be_missing or any(known.nullable for known in self._known.values())
        return Output(OutputType.STRING, max_length=self._length, nullable=nullable)

    def values(self, span: Span, columns: Columns) -> pl.Series:
        if isinstance(self._template, str) or self.row.snapshot is None:
            raise ValueError(f"{self.scope.field} has no template that could be filled")
        rows = self.row.rows(columns)
        records = self.row.snapshot.records
        texts = {
            f"{_PREFIX}{name}": value_texts(records[name].gather(rows), output_type(records[name].clear())[0])
            for name in self.columns
        }
        filled = self._template.fill_columns(texts, span.count)
        if self._names or not rows.null_count():
            return filled
        return pl.select(pl.when(rows.is_not_null()).then(filled)).to_series()

"""EXPRESSION: a formula of the row that another field has chosen."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import cached_property

import numpy as np
import polars as pl

from engine.expression.forms import Form
from engine.expression.formula import Evaluation
from engine.issues import Issue, did_you_mean
from engine.span import Span
from generators.fields.base import Columns, HiddenColumn, Output, Scope
from generators.picks.derived_params import PoolDerivedParams
from generators.picks.pool_columns import column_output, dictionary
from generators.picks.referenced_row import ReferencedRow
from generators.values.formula_field import FormulaField, FormulaParams
from generators.values.operands import form_of_output

_PREFIX = "row."
_OWN = ("expression", "result_type", "on_null", "on_eval_error", "default")


class RowFormula(FormulaField):
    """A formula in which names that begin with ``row.`` are columns of the row; other names are fields.

    Where there is no row the value is null, whatever the formula would make of that.
    """

    def __init__(self, params: PoolDerivedParams, scope: Scope) -> None:
        given = params.model_fields_set & set(_OWN)
        own = {name: getattr(params, name) for name in _OWN if name != "expression"}
        expression = str(params.expression)
        super().__init__(FormulaParams.model_construct(given, expression=expression, **own), scope)
        self._row = ReferencedRow(self, str(params.source_field))

    def depends_on(self) -> Mapping[str, str]:
        fields = {at: name for at, name in super().depends_on().items() if not name.startswith(_PREFIX)}
        return {"/sourceField": self._row.name, **fields}

    def mention(self, at: str) -> str:
        return super().mention(at) if at.startswith("/expression") else ""

    def offset(self, at: str) -> int | None:
        return super().offset(at) if at.startswith("/expression") else None

    def hidden(self) -> tuple[HiddenColumn, ...]:
        return self._row.hidden()

    @property
    def _columns(self) -> dict[str, int]:
        """The columns that are named, and where first."""
        return {name.removeprefix(_PREFIX): at for name, at in self._names.items() if name.startswith(_PREFIX)}

    @cached_property
    def operand_forms(self) -> dict[str, Form]:
        forms = super().operand_forms
        snapshot = self._row.snapshot
        known = self._columns if snapshot is not None else {}
        for name in known:
            if snapshot is not None and name in snapshot.records.columns:
                possible = self._row.possible(name)
                output = column_output(snapshot.records[name], possible, dictionary(possible), nullable=False)
                forms[f"{_PREFIX}{name}"] = replace(
                    form_of_output(output), nullable=output.nullable or self._row.may_be_missing
                )
        return forms

    def check(self) -> Iterator[Issue]:
        yield from self._row.issues()
        snapshot = self._row.snapshot
        for name, at in self._columns.items():
            if snapshot is not None and name not in snapshot.records.columns:
                columns = snapshot.records.columns
                message = f'pool "{snapshot.pool}" has no column "{name}", at character {at + 1}'
                hint = did_you_mean(name, columns) or f"columns are {', '.join(columns)}"
                yield self.issue("COLUMN_NOT_FOUND", message, at="/expression", hint=hint, offset=at)
        yield from super().check()

    def output(self) -> Output:
        known = super().output()
        return replace(known, nullable=known.nullable or self._row.may_be_missing)

    def evaluated(self, span: Span, columns: Columns) -> Evaluation:
        rows = self._row.rows(columns)
        own = {name: columns[name] for name in self.operand_forms if not name.startswith(_PREFIX)}
        snapshot = self._row.snapshot
        if snapshot is not None:
            own |= {f"{_PREFIX}{name}": snapshot.records[name].gather(rows) for name in self._columns}
        made = super().evaluated(span, own)
        if not rows.null_count():
            return made
        is_there = rows.is_not_null()
        values = pl.select(pl.when(is_there).then(made.values)).to_series()
        failures = None if made.failures is None else np.where(is_there.to_numpy(), made.failures, np.uint16(0))
        return Evaluation(values, failures, made.reasons)

"""POOL_DERIVED: a value that is derived from a pool: of a row that another field has chosen, or of a whole column."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cached_property
from typing import Any

import polars as pl
from numpy.typing import NDArray
from pydantic import BaseModel

from engine.choice import Tables
from engine.issues import Issue
from engine.schema import OutputType
from engine.span import Span
from generators.fields.base import Columns, FieldType, HiddenColumn, Output, field_types
from generators.picks.aggregates import ColumnAggregate
from generators.picks.column_draws import ColumnDraw
from generators.picks.derived_params import APPLIES, REQUIRED, DerivedMode, PoolDerivedParams
from generators.picks.row_derivations import CopiedColumn, RowDerivation, RowTemplate
from generators.picks.row_formula import RowFormula
from generators.values.formula_field import pools_looked_up

_MODES: dict[DerivedMode, Any] = {
    DerivedMode.COLUMN: CopiedColumn,
    DerivedMode.TEMPLATE: RowTemplate,
    DerivedMode.EXPRESSION: RowFormula,
    DerivedMode.AGGREGATE: ColumnAggregate,
    DerivedMode.DISTRIBUTION: ColumnDraw,
}


@field_types.register("POOL_DERIVED")
class PoolDerived(FieldType[PoolDerivedParams]):
    """Does what its mode does; which parameters that takes stands in one table."""

    Params = PoolDerivedParams
    rank = 5

    @cached_property
    def _mode(self) -> FieldType[Any] | None:
        """The mode with these parameters; None while one is missing without which it means nothing."""
        mode = self.params.mode
        if any(getattr(self.params, name) is None for name in REQUIRED[mode]):
            return None
        made: FieldType[Any] = _MODES[mode](self.params, self.scope)
        return made

    @property
    def _known(self) -> FieldType[Any]:
        if self._mode is None:
            raise ValueError(f"{self.scope.field} lacks parameters")
        return self._mode

    @classmethod
    def pool_names(cls, params: BaseModel) -> tuple[str, ...]:
        if not isinstance(params, PoolDerivedParams):
            return ()
        own = (params.pool,) if params.pool is not None else ()
        return tuple(dict.fromkeys((*own, *pools_looked_up(params.expression))))

    def depends_on(self) -> Mapping[str, str]:
        return {} if self._mode is None else self._mode.depends_on()

    def gathers(self, at: str) -> bool:
        return self._mode is not None and self._mode.gathers(at)

    def mention(self, at: str) -> str:
        return "" if self._mode is None else self._mode.mention(at)

    def offset(self, at: str) -> int | None:
        return None if self._mode is None else self._mode.offset(at)

    def check(self) -> Iterator[Issue]:
        mode = self.params.mode
        others = {name for names in APPLIES.values() for name in names} - set(APPLIES[mode])
        yield from self.not_applicable(*sorted(others), when=f"to mode {mode}")
        yield from self.required(*REQUIRED[mode], when=f"for mode {mode}")
        if self._mode is not None:
            yield from self._mode.check()

    @cached_property
    def known_output(self) -> Output | None:
        # What is derived from a field that is not known is not known either, although nothing is wrong with itself.
        return super().known_output if self._is_known else None

    @property
    def _is_known(self) -> bool:
        match self._mode:
            case RowDerivation() as mode:
                return mode.is_known
            case RowFormula() as mode:
                return mode.known_output is not None
            case mode:
                return mode is not None

    def output(self) -> Output:
        # What it is derived from has an error of its own, and no second one is to follow from a wrong guess.
        return self._known.output() if self._is_known else Output(self.scope.output_type or OutputType.STRING)

    def held(self) -> pl.Series | None:
        return self._known.held()

    def hidden(self) -> tuple[HiddenColumn, ...]:
        return self._known.hidden()

    def uses(self) -> frozenset[str]:
        return self._known.uses()

    def reasons(self) -> Iterator[str]:
        if self._mode is not None:
            yield from self._mode.reasons()

    def tables(self) -> dict[str, NDArray[Any]]:
        return self._known.tables()

    def bind(self, tables: Tables) -> None:
        self._known.bind(tables)

    def values(self, span: Span, columns: Columns) -> pl.Series:
        return self._known.values(span, columns)

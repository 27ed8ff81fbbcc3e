"""Fields that are made by a formula: what it may name, what it makes, and what follows where it has no result."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from decimal import Decimal
from enum import StrEnum
from functools import cached_property
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray
from pydantic import BaseModel, Field

from engine.choice import Tables
from engine.errors import Partial, RecordInvalid
from engine.expression.cells import Surroundings
from engine.expression.faults import ExpressionFault, Mismatch
from engine.expression.forms import Array, Form
from engine.expression.formula import Evaluation, Expression, applications, evaluate
from engine.expression.functions import Node
from engine.expression.results import Result, ResultType, bounds_of, natural_type, result_type
from engine.expression.tokens import MAX_CHARACTERS
from engine.issues import Issue
from engine.lists import elements_of, lengths_of
from engine.schema import OutputType, array_of
from engine.span import Span
from generators.fields.base import Columns, FieldType, Output
from generators.picks.pool_issues import pool_issues
from generators.picks.pool_table import PoolTable
from generators.values.listed_values import Scalar
from generators.values.operands import form_of, operand
from generators.values.read_texts import read_texts, unread
from sdg_project.shapes import Params
from sdg_project.text import shown

T = OutputType
_TEXTUAL = {T.STRING, T.UUID, T.JSON, T.DATE, T.TIME, T.TIMESTAMP}


class OnNull(StrEnum):
    """What null is in a formula: PROPAGATE makes null of it, EVALUATE reads it as an empty cell."""

    PROPAGATE = "PROPAGATE"
    EVALUATE = "EVALUATE"


class OnEvalError(StrEnum):
    """What a record has for which the formula has no result."""

    FAIL_RECORD = "FAIL_RECORD"
    NULL = "NULL"
    DEFAULT = "DEFAULT"


class FormulaParams(Params):
    expression: str = Field(
        description='The formula, at most 2,000 characters. It names fields as they are called (field("order-id") where'
        " a name is no word) and calls functions in any case; sdg functions lists them.",
        examples=[
            # The first one needs no other field, so that it can be sent as it is.
            "CONCAT('INV-', TEXT(RECORDINDEX() + 1, '000000'))",
            "ROUND(quantity * unitPrice * (1 - COALESCE(discount, 0)), 2)",
        ],
        json_schema_extra={"minLength": 1, "maxLength": MAX_CHARACTERS},
    )
    result_type: OutputType | None = Field(
        default=None,
        description="The type of the results; that of the schema, or what the formula makes, when it is left out."
        " DECIMAL has the scale of the schema, else what the formula needs.",
        examples=["DECIMAL"],
    )
    on_null: OnNull = Field(
        default=OnNull.PROPAGATE,
        description="PROPAGATE: a null operand makes null; COALESCE, ISBLANK, IFERROR and CASE see it. EVALUATE: it is"
        " read as an empty cell, 0, an empty text or false; dates stay null.",
    )
    on_eval_error: OnEvalError = Field(
        default=OnEvalError.FAIL_RECORD,
        description="What a record has where the formula has no result, as in a division by zero: FAIL_RECORD is an"
        " error of the record, NULL and DEFAULT are values.",
    )
    default: Scalar = Field(default=None, description="DEFAULT: the value of such a record.", examples=[0])


def pools_looked_up(expression: Any) -> tuple[str, ...]:
    """The pools in which a formula looks up keys; none of one that cannot be read."""
    try:
        return Expression.parse(expression).pools if isinstance(expression, str) else ()
    except ExpressionFault:
        return ()


class FormulaField(FieldType[FormulaParams]):
    """A formula, compiled to operations on whole columns when the definition is examined."""

    Params = FormulaParams

    @classmethod
    def pool_names(cls, params: BaseModel) -> tuple[str, ...]:
        return pools_looked_up(params.expression) if isinstance(params, FormulaParams) else ()

    # What is declared.

    @cached_property
    def _reading(self) -> Expression | ExpressionFault:
        try:
            return Expression.parse(self.params.expression)
        except ExpressionFault as fault:
            return fault

    @property
    def _names(self) -> dict[str, int]:
        return {} if isinstance(self._reading, ExpressionFault) else self._reading.names

    def depends_on(self) -> Mapping[str, str]:
        return {f"/expression#{position}": name for name, position in self._names.items()}

    def gathers(self, at: str) -> bool:
        return at.startswith("/expression")

    def mention(self, at: str) -> str:
        return f", at character {int(at.partition('#')[2]) + 1}"

    def offset(self, at: str) -> int | None:
        return int(at.partition("#")[2])

    @cached_property
    def operand_forms(self) -> dict[str, Form]:
        """The forms of the fields that are named, as far as they are known."""
        forms = {name: form_of(name, self.scope) for name in self._names if self._is_within_reach(name)}
        return {name: form for name, form in forms.items() if form is not None}

    def _is_within_reach(self, name: str) -> bool:
        """Whether a name is of the record, of the same element, or of an array that is declared."""
        return array_of(name) in {None, array_of(self.scope.field), *self.scope.arrays}

    def _table(self, name: str) -> PoolTable:
        """A pool for POOLLOOKUP; raises Mismatch when it has no rows."""
        if name not in self._tables:
            for issue in pool_issues(self, name):
                raise Mismatch(issue.message, hint=issue.hint, code=issue.code, argument=0)
            self._tables[name] = PoolTable(self.scope.pools[name])
        return self._tables[name]

    @cached_property
    def _tables(self) -> dict[str, PoolTable]:
        return {}

    @cached_property
    def elements(self) -> dict[str, Array]:
        """The names that have a value for each element of an array."""
        own = array_of(self.scope.field)
        arrays = {name: array_of(name) for name in self.operand_forms}
        return {name: self.scope.arrays[path] for name, path in arrays.items() if path is not None and path != own}

    @cached_property
    def _compiled(self) -> tuple[Node | None, tuple[ExpressionFault, ...]]:
        if isinstance(self._reading, ExpressionFault):
            return None, (self._reading,)
        compilation = self._reading.compile(
            self.operand_forms,
            elements=self.elements,
            tables=self._table,
            null_is_blank=self.params.on_null is OnNull.EVALUATE,
        )
        return compilation.root, compilation.faults

    @cached_property
    def _result(self) -> ResultType | Mismatch | None:
        """The type of the results, or why it cannot be what is wanted; None when the formula is not known."""
        root, _ = self._compiled
        if root is None:
            return None
        scale = self.scope.output_scale if self.scope.output_type is T.DECIMAL else None
        try:
            if self.params.result_type is not None:
                return result_type(root.form, self.params.result_type, scale)
            return natural_type(root.form) if self._wanted is None else self._wanted
        except Mismatch as mismatch:
            return mismatch

    @property
    def _wanted(self) -> ResultType | None:
        """The type of the schema or of outputType; None when the formula makes another one, which is cast then."""
        root, _ = self._compiled
        if root is None or self.scope.output_type is None:
            return None
        try:
            return result_type(root.form, self.scope.output_type, self.scope.output_scale)
        except Mismatch:
            return None

    # What is wrong with it.

    def check(self) -> Iterator[Issue]:
        _, faults = self._compiled
        for fault in faults:
            yield self.issue(fault.code, str(fault), at="/expression", hint=fault.hint, offset=fault.position)
        if isinstance(self._result, Mismatch):
            at = "/resultType" if self.params.result_type is not None else "/expression"
            yield self.issue("TYPE_MISMATCH", str(self._result), at=at, hint=self._result.hint)
        if self.params.on_eval_error is OnEvalError.DEFAULT:
            if "default" not in self.params.model_fields_set:
                yield self.issue("MISSING_PARAM", '"default" is required for onEvalError DEFAULT', at="/default")
            elif isinstance(self._result, ResultType) and (reason := self._default_refusal(self._result)):
                yield self.issue("TYPE_MISMATCH", reason, at="/default")
        else:
            yield from self.not_applicable("default", when=f"to onEvalError {self.params.on_eval_error}")

    def _default_refusal(self, result: ResultType) -> str | None:
        """Why the default is no result."""
        given, column = self.params.default, result.column
        is_textual, is_truth = isinstance(given, str), isinstance(given, bool)
        if is_textual is not (result.type in _TEXTUAL) or is_truth is not (result.type is T.BOOLEAN):
            return f"the default must be a {result.type}, as the results are, not {shown(given)}"
        text = self._default_text
        return unread(text, column) if read_texts(pl.Series([text]), column).null_count() else None

    @property
    def _default_text(self) -> str:
        given = self.params.default
        if isinstance(given, bool):
            return str(given).lower()
        return format(given, "f") if isinstance(given, Decimal) else str(given)

    # What it makes.

    def output(self) -> Output:
        root, result = self._compiled[0], self._result
        if root is None or not isinstance(result, ResultType):
            # What it depends on has an error of its own, and no second one is to follow from a wrong guess.
            return Output(self.params.result_type or self.scope.output_type or T.STRING)
        form, bounds = root.form, bounds_of(root.form, result)
        texts = form.texts if result.type is T.STRING else None
        longest = form.max_length if result.type is T.STRING else None
        if self.params.on_eval_error is OnEvalError.DEFAULT:
            default = self._default_text
            longest = None if longest is None else max(longest, len(default))
            texts = None if texts is None else texts | {default}
            if bounds is not None:
                number = Decimal(default)
                bounds = min(bounds[0], number), max(bounds[1], number)
        return Output(
            result.type,
            result.scale,
            max_length=longest,
            minimum=None if bounds is None else bounds[0],
            maximum=None if bounds is None else bounds[1],
            values=None if texts is None else tuple(sorted(texts)),
            nullable=form.nullable or self.params.on_eval_error is OnEvalError.NULL,
        )

    @cached_property
    def known_output(self) -> Output | None:
        # A formula of a field that is not known is not known either, although nothing is wrong with itself.
        return super().known_output if isinstance(self._result, ResultType) else None

    def uses(self) -> frozenset[str]:
        return frozenset().union(*(call.function.facts for call in self._calls))

    def reasons(self) -> Iterator[str]:
        fixed = {"startedAt"} if self.scope.facts.started_at_given else set()
        found = [call.function.reason(call) for call in self._calls if not call.function.facts & fixed]
        yield from dict.fromkeys(reason for reason in found if reason is not None)

    @property
    def _calls(self) -> list[Any]:
        root, _ = self._compiled
        return [] if root is None else list(applications(root))

    def bind(self, tables: Tables) -> None:
        root, result = self._compiled[0], self._result
        if root is None or not isinstance(result, ResultType):
            raise ValueError(f"{self.scope.field} has no formula that could be evaluated")
        self._root = Result.of(root, result)
        self._column = result.column
        facts = self.scope.facts
        self._surroundings = Surroundings(
            lambda site: self.stream("rand", lane=site), run_id=facts.run_id, started_at=facts.started_at
        )

    def evaluated(self, span: Span, columns: Columns) -> Evaluation:
        """The values of a span, and which records have none."""
        operands, lengths = self.operands(columns)
        return evaluate(self._root, operands, span, self._surroundings, lengths)

    def operands(self, columns: Columns) -> tuple[dict[str, pl.Series], dict[str, NDArray[np.int64]]]:
        """The columns of the fields that are named, as the formula takes them, and the lengths of the arrays."""
        given = {name: columns[name] for name in self.operand_forms}
        lengths = {array.path: lengths_of(given[name]) for name, array in self.elements.items()}
        given |= {name: elements_of(given[name]) for name in self.elements}
        return {name: operand(given[name], form) for name, form in self.operand_forms.items()}, lengths

    def values(self, span: Span, columns: Columns) -> pl.Series:
        made = self.evaluated(span, columns)
        if made.failures is None or not made.failures.any():
            return made.values.cast(self._column.dtype)
        failed = made.failures > 0
        match self.params.on_eval_error:
            case OnEvalError.NULL:
                return made.values
            case OnEvalError.DEFAULT:
                default = read_texts(pl.Series([self._default_text]), self._column)
                return pl.select(pl.when(pl.Series(failed)).then(default).otherwise(made.values)).to_series()
            case OnEvalError.FAIL_RECORD:
                reasons, failures = made.reasons, made.failures
                values = made.values.cast(self._column.dtype)
                partial = Partial(values, failed, lambda place: reasons[int(failures[place]) - 1])
                raise RecordInvalid.of("EVAL_ERROR", partial, field=self.scope.field, start=span.start)

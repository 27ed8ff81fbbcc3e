"""ENUM_RANDOM: one of a few listed values."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from enum import StrEnum
from functools import cached_property
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray
from pydantic import ConfigDict, Field

from engine.choice import Tables, WeightedChoice, weight_tables
from engine.draws import bounded
from engine.errors import RecordInvalid
from engine.grouped_choice import GroupedChoice, grouped_tables
from engine.issues import Issue, Severity, did_you_mean, pointer
from engine.laws import coarse
from engine.schema import OutputType
from engine.shuffled_cycles import ShuffledCycles
from engine.span import Span
from generators.fields.base import Columns, FieldType, Output, field_types
from generators.references import output_of
from generators.values.cases import CASE_TYPES, CaseTable, canonical, canonical_values
from generators.values.listed_values import (
    Scalar,
    Weight,
    WeightedValue,
    column_of_values,
    identity,
    output_of_values,
    values_of_type,
)
from generators.values.value_lists import ValueList, never_emitted
from sdg_project.partial_shapes import as_far_as_sound, sound
from sdg_project.shapes import FieldName, Params
from sdg_project.text import quoted

_MAX_VALUES = 10_000
_MAX_BLOCK = 1_000_000


class Selection(StrEnum):
    """How a value is chosen for a record."""

    RANDOM = "RANDOM"
    ROUND_ROBIN = "ROUND_ROBIN"
    SHUFFLE = "SHUFFLE"
    QUOTA = "QUOTA"
    ZIPF = "ZIPF"


_Values = list[Scalar | WeightedValue]


class EnumRandomParams(Params):
    model_config = ConfigDict(json_schema_extra={"examples": [{"values": ["NEW", "PAID"], "weights": [3, 1]}]})

    values: _Values | None = Field(
        default=None,
        min_length=1,
        max_length=_MAX_VALUES,
        description="The values: texts, numbers, truth values, or objects with value and weight.",
        examples=[["NEW", "PAID", "FAILED"], [{"value": "NEW", "weight": 3}, "PAID"]],
    )
    weights: list[Weight] | None = Field(
        default=None, max_length=_MAX_VALUES, description="A weight for each value; any sum.", examples=[[6, 3, 1]]
    )
    selection: Selection = Field(
        default=Selection.RANDOM,
        description="RANDOM by weight; ROUND_ROBIN in turn; SHUFFLE each once per cycle, in a new order; QUOTA exact"
        " shares in every block; ZIPF the first values most often.",
    )
    quota_block: int = Field(
        default=100, ge=1, le=_MAX_BLOCK, description="QUOTA: in so many records the shares are exact."
    )
    exponent: float = Field(
        default=1.1, gt=0, le=100, description="ZIPF: the value at rank r has weight r ** -exponent."
    )
    condition_field: FieldName | None = Field(
        default=None, description="Field whose value chooses the case.", examples=["country"]
    )
    cases: dict[str, _Values] | None = Field(
        default=None,
        min_length=1,
        description="Values for each value of the condition field.",
        examples=[{"DE": ["Berlin", "Köln"], "FR": [{"value": "Paris", "weight": 3}, "Lyon"]}],
    )
    default_case: _Values | None = Field(
        default=None,
        min_length=1,
        description="Values where no case fits, or the condition is null.",
        examples=[["Other"]],
    )


@field_types.register("ENUM_RANDOM")
class EnumRandom(FieldType[EnumRandomParams]):
    """Chooses among listed values; with cases, among those that belong to another field's value.

    A record whose condition is null takes the default case, and is null if there is none.
    """

    Params = EnumRandomParams

    # What is declared.

    @cached_property
    def _lists(self) -> dict[str, ValueList]:
        """Every list of values by where it stands below ``params``; the default case is the last one."""
        params = self.params
        if params.values is not None:
            return {"/values": ValueList.of(params.values, params.weights)}
        lists = {
            pointer("cases", key): ValueList.of(entries) for key, entries in (params.cases or {}).items() if entries
        }
        if params.default_case is not None:
            lists["/defaultCase"] = ValueList.of(params.default_case)
        return lists

    @property
    def _list(self) -> ValueList:
        return self._lists["/values"]

    @property
    def _condition(self) -> Output | None:
        """What is known of the field that chooses the case."""
        return output_of(self.params.condition_field, self.scope) if self.params.condition_field else None

    @property
    def _condition_type(self) -> OutputType | None:
        if self._condition is None or self.params.condition_field is None:
            return None
        return self.scope.fields[self.params.condition_field].scope.output_type or self._condition.type

    def depends_on(self) -> Mapping[str, str]:
        return {"/conditionField": self.params.condition_field} if self.params.condition_field else {}

    # What is wrong with it.

    def check(self) -> Iterator[Issue]:
        yield from as_far_as_sound(self._form_issues(), self._selection_issues())
        if sound(self.params, "values", ...) is not None or sound(self.params, "cases", ...) is not None:
            yield from as_far_as_sound(self._list_issues(), self._weight_issues(), self._case_issues())
            if self.scope.unique:
                yield from self._unique_issues()

    def _form_issues(self) -> Iterator[Issue]:
        params = self.params
        if params.values is None and params.cases is None:
            hint = 'or "cases" with "conditionField"'
            yield self.issue("MISSING_PARAM", '"values" is required', at="/values", hint=hint)
            return
        if params.values is not None:
            yield from self.not_applicable("cases", "condition_field", "default_case", when='beside "values"')
        else:
            yield from self.required("condition_field", when='with "cases"')
            yield from self.not_applicable("weights", when='to "cases"; give objects with value and weight')

    def _selection_issues(self) -> Iterator[Issue]:
        params = self.params
        if params.selection is not Selection.QUOTA:
            yield from self.not_applicable("quota_block", when=f"to selection {params.selection}")
        if params.selection is not Selection.ZIPF:
            yield from self.not_applicable("exponent", when=f"to selection {params.selection}")

    def _list_issues(self) -> Iterator[Issue]:
        for at, values in self._lists.items():
            for issue in values.issues(at, "/weights" if at == "/values" and self.params.weights is not None else at):
                yield replace(issue, path=f"{self.scope.pointer}/params{issue.path}", field=self.scope.field)
        for key, entries in (self.params.cases or {}).items():
            if not entries:
                yield self.issue("INVALID_VALUE", "a case must not be empty", at=pointer("cases", key))
        count = sum(len(values.values) for values in self._lists.values())
        if count > _MAX_VALUES:
            message = f"{count:,} values in all cases are too many, at most {_MAX_VALUES:,} are possible"
            yield self.issue("INVALID_VALUE", message, at="/cases", hint="use a pool")
        try:
            if output_of_values(self._dictionary).type is OutputType.JSON:
                message = "texts, numbers and truth values are mixed, so that the values are written as JSON"
                at = "/values" if self.params.values is not None else "/cases"
                yield self.issue("TYPE_MISMATCH", message, at=at, severity=Severity.WARNING)
        except ValueError as error:
            yield self.issue("INVALID_VALUE", str(error), at="/values" if self.params.values is not None else "/cases")

    def _weight_issues(self) -> Iterator[Issue]:
        params = self.params
        if params.values is not None and params.weights is not None:
            if len(params.weights) != len(params.values):
                message = f"there are {len(params.weights)} weights for {len(params.values)} values"
                yield self.issue("INVALID_WEIGHTS", message, at="/weights", hint="give one weight for each value")
                return
            if any(isinstance(entry, WeightedValue) for entry in params.values):
                hint = "give all weights in the one place or in the other"
                message = '"weights" does not apply beside values that have weights of their own'
                yield self.issue("PROPERTY_NOT_ALLOWED", message, at="/weights", hint=hint)
        selection = params.selection
        if selection in {Selection.ROUND_ROBIN, Selection.SHUFFLE, Selection.ZIPF}:
            yield from self.not_applicable("weights", when=f"to selection {selection}")
            for at, values in self._lists.items():
                if values.weighted and params.weights is None:
                    message = f"weights do not apply to selection {selection}"
                    yield self.issue("PROPERTY_NOT_ALLOWED", message, at=at, hint="list the values without weights")
        if selection is Selection.QUOTA and params.values is not None and 0 < sum(self._list.weights) < np.inf:
            quotas = self._list.quotas(params.quota_block)
            for place in self._list.drawn:
                if not quotas[place]:
                    reason = f"its share of {params.quota_block} records is less than one"
                    issue = never_emitted(pointer("values", place), self._list.values[place], reason)
                    yield self.issue(issue.code, issue.message, at=issue.path, severity=issue.severity)

    def _case_issues(self) -> Iterator[Issue]:
        cases = self.params.cases
        if cases is None or self.params.values is not None:
            return
        if self.params.selection not in {Selection.RANDOM, Selection.ZIPF}:
            message = f"selection {self.params.selection} counts records, which cases do not"
            yield self.issue("INVALID_VALUE", message, at="/selection", hint="accepted with cases are RANDOM and ZIPF")
        condition, type_ = self._condition, self._condition_type
        if condition is None or type_ is None:
            return
        if type_ not in CASE_TYPES:
            message = f'"{self.params.condition_field}" is {type_}, whose values no case can name'
            hint = f"accepted are {', '.join(sorted(CASE_TYPES))}"
            yield self.issue("TYPE_MISMATCH", message, at="/conditionField", hint=hint)
            return
        keys = dict(zip(cases, canonical(list(cases), type_), strict=True))
        first: dict[str, str] = {}
        for key, form in keys.items():
            if form is None:
                message = f"{quoted(key)} is no {type_}, as the condition is"
                yield self.issue("TYPE_MISMATCH", message, at=pointer("cases", key))
            elif first.setdefault(form, key) != key:
                message = f"{quoted(key)} is the same value as {quoted(first[form])}"
                yield self.issue("DUPLICATE_VALUE", message, at=pointer("cases", key))
        if condition.values is not None:
            possible = dict.fromkeys(
                form
                for form in canonical_values((v for v in condition.values if v is not None), type_)
                if form is not None
            )
            yield from self._coverage_issues(keys, list(possible))
        elif self.params.default_case is None:
            message = f'the values of "{self.params.condition_field}" are not known beforehand'
            yield self.issue("CASE_NOT_COVERED", message, at="/cases", hint='add "defaultCase"')

    def _coverage_issues(self, keys: Mapping[str, str | None], possible: list[str]) -> Iterator[Issue]:
        name, covered = self.params.condition_field, set(keys.values())
        missing = [value for value in possible if value not in covered]
        if missing and self.params.default_case is None:
            listed = ", ".join(quoted(value) for value in missing[:5]) + (", …" if len(missing) > 5 else "")
            message = f'"{name}" can be {listed}, for which there is no case'
            yield self.issue("CASE_NOT_COVERED", message, at="/cases", hint='add the case, or "defaultCase"')
        for key, form in keys.items():
            if form is not None and form not in possible:
                message = f'{quoted(key)} never occurs: "{name}" is never that'
                hint = did_you_mean(key, possible)
                at = pointer("cases", key)
                yield self.issue("NEVER_EMITTED", message, at=at, hint=hint, severity=Severity.WARNING)

    def _unique_issues(self) -> Iterator[Issue]:
        selection = self.params.selection
        uneven = [
            at for at, values in self._lists.items() if len({values.weights[place] for place in values.drawn}) > 1
        ]
        if selection in {Selection.QUOTA, Selection.ZIPF}:
            message = f"unique takes every value once, which {selection} cannot"
            hint = "accepted with unique are RANDOM, SHUFFLE and ROUND_ROBIN"
            yield self.issue("UNIQUE_DISTRIBUTION_CONFLICT", message, at="/selection", hint=hint)
        elif uneven:
            message = "unique takes every value once, so that weights have no effect"
            at = "/weights" if self.params.weights is not None else uneven[0]
            yield self.issue("UNIQUE_DISTRIBUTION_CONFLICT", message, at=at, hint="leave the weights out")

    # What it makes.

    @cached_property
    def _dictionary(self) -> list[Scalar]:
        """Every listed value once, the same in all cases."""
        return list({identity(value): value for values in self._lists.values() for value in values.values}.values())

    @cached_property
    def _drawn(self) -> list[Scalar]:
        """The values that can occur."""
        drawn = {}
        for values in self._lists.values():
            quotas = values.quotas(self.params.quota_block) if self.params.selection is Selection.QUOTA else None
            for place in values.drawn:
                if quotas is None or quotas[place]:
                    drawn[identity(values.values[place])] = values.values[place]
        return list(drawn.values())

    def output(self) -> Output:
        whole, drawn = output_of_values(self._dictionary), output_of_values(self._drawn)
        # The type is that of all values, so that a weight of 0 does not change it.
        known = replace(
            whole,
            max_length=drawn.max_length if drawn.type is whole.type else whole.max_length,
            values=values_of_type(self._drawn, whole.type),
            nullable=drawn.nullable,
        )
        return replace(known, nullable=True) if self._null_without_case else known

    @property
    def _null_without_case(self) -> bool:
        if self._condition is None or self.params.default_case is not None or self.params.condition_field is None:
            return False
        return self._condition.nullable or self.scope.fields[self.params.condition_field].scope.nullable

    def capacity(self) -> int | None:
        return None if self.params.cases is not None else len(self._list.drawn)

    def tables(self) -> dict[str, NDArray[Any]]:
        weights = [self._weights(values) for values in self._lists.values()]
        if self.params.cases is not None:
            return grouped_tables(weights)
        if self.scope.unique or self.params.selection not in {Selection.RANDOM, Selection.ZIPF}:
            return {}
        return {} if len(set(weights[0].tolist())) == 1 else weight_tables(weights[0])

    def _weights(self, values: ValueList) -> NDArray[np.float64]:
        if self.params.selection is Selection.ZIPF:
            ranks = np.arange(1.0, len(values.values) + 1.0)
            return coarse(np.exp(-self.params.exponent * np.log(ranks)))
        return np.array(values.weights)

    def bind(self, tables: Tables) -> None:
        column = column_of_values(self._dictionary, output_of_values(self._dictionary))
        places = {identity(value): place for place, value in enumerate(self._dictionary)}
        listed = [places[identity(value)] for values in self._lists.values() for value in values.values]
        self._words = self.stream()
        self._column = column.gather(listed)
        self._weighted = WeightedChoice(tables) if tables and self.params.cases is None else None
        if self.params.cases is not None and self._condition_type is not None:
            keys = [key for key in canonical(list(self.params.cases), self._condition_type) if key is not None]
            self._case_of = CaseTable(keys, has_default=self.params.default_case is not None)
            self._grouped = GroupedChoice(tables)
            return
        if self.params.selection is Selection.QUOTA:
            turns = np.repeat(np.arange(len(listed)), self._list.quotas(self.params.quota_block))
        else:
            turns = np.array(self._list.drawn)
        self._turns = turns.astype(np.int64)
        self._shuffled = ShuffledCycles(self.scope.source, len(turns))

    def values(self, span: Span, columns: Columns) -> pl.Series:
        if self.params.cases is not None:
            return self._values_by_case(span, columns)
        return self._column.gather(self._picks(span))

    def _values_by_case(self, span: Span, columns: Columns) -> pl.Series:
        cases = self._case_of(columns[str(self.params.condition_field)])
        picks = self._grouped(cases.fill_null(0).to_numpy(), self._words.words(span))
        values = self._column.gather(picks)
        if not cases.null_count():
            return values
        return pl.select(pl.when(cases.is_not_null()).then(values)).to_series()

    def _picks(self, span: Span) -> NDArray[np.int64]:
        """Which value each record takes."""
        selection, count = self.params.selection, len(self._turns)
        if self.scope.unique and span.end > count:
            message = f"there are only {count} distinct values"
            number = max(span.start, count)
            raise RecordInvalid("UNIQUE_EXHAUSTED", message, field=self.scope.field, record_number=number)
        if self._weighted is not None:
            return self._weighted(self._words.words(span))
        if selection is Selection.ROUND_ROBIN:
            turns = span.numbers() % np.uint64(count)
        elif self.scope.unique or selection in {Selection.SHUFFLE, Selection.QUOTA}:
            turns = self._shuffled(span.numbers())
        else:
            turns = bounded(self._words.words(span), count)
        return self._turns.take(turns.view(np.int64))

"""CONSTANT: one value for every record."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC
from typing import Any

import polars as pl
from pydantic import Field

from engine.choice import Tables
from engine.errors import RecordInvalid
from engine.issues import Issue, did_you_mean
from engine.schema import OutputType
from engine.span import Span
from engine.template import Template
from generators.fields.base import Columns, FieldType, Output, field_types
from generators.values.listed_values import Scalar, column_of_values, json_text, output_of_values, scalar
from sdg_project.shapes import Params
from sinks.encoding.instants import instant_texts

_MAX_BYTES = 64 * 1024
_RUN_ID_LENGTH = 36
_HOLES = ("runId", "generatorName", "startedAt")


class ConstantParams(Params):
    null_is_value = frozenset({"value"})

    value: Any = Field(description="Any JSON value; null too, but it must be written.", examples=["EUR"])
    interpolate: bool = Field(
        default=False, description="Fill ${runId}, ${generatorName} and ${startedAt} in a text; $$ is a dollar sign."
    )


@field_types.register("CONSTANT")
class Constant(FieldType[ConstantParams]):
    """The same value for every record; lists and objects are JSON text."""

    Params = ConstantParams

    def check(self) -> Iterator[Issue]:
        try:
            size = len(json_text(self.params.value).encode())
            if not self.params.interpolate and not isinstance(self.params.value, (list, dict)):
                output_of_values([scalar(self.params.value)])
        except (ValueError, TypeError) as error:
            yield self.issue("INVALID_VALUE", f"value cannot be written: {error}", at="/value")
            return
        if size > _MAX_BYTES:
            message = f"value has {size:,} bytes, at most {_MAX_BYTES:,} are possible"
            yield self.issue("VALUE_TOO_LONG", message, at="/value")
        if self.params.interpolate:
            yield from self._template_issues()

    def _template_issues(self) -> Iterator[Issue]:
        if not isinstance(self.params.value, str):
            message = '"interpolate" applies to text only'
            yield self.issue("PROPERTY_NOT_ALLOWED", message, at="/interpolate", hint='remove "interpolate"')
            return
        try:
            names = Template.parse(self.params.value).names
        except ValueError as error:
            yield self.issue("INVALID_SYNTAX", str(error), at="/value")
            return
        for name in dict.fromkeys(names):
            if name not in _HOLES:
                hint = did_you_mean(name, _HOLES) or f"accepted are {', '.join(f'${{{hole}}}' for hole in _HOLES)}"
                yield self.issue("INVALID_VALUE", f"nothing is known as ${{{name}}}", at="/value", hint=hint)

    @property
    def _names(self) -> frozenset[str]:
        """What the text is filled with."""
        return frozenset(Template.parse(self.params.value).names) if self.params.interpolate else frozenset()

    def _filled(self, **other: str) -> str:
        """The text with its holes filled."""
        facts = self.scope.facts
        started_at = pl.Series([facts.started_at.astimezone(UTC)], dtype=pl.Datetime("ms", "UTC"))
        known = {
            "runId": facts.run_id,
            "generatorName": self.scope.generator_name,
            "startedAt": instant_texts(started_at)[0],
        }
        return Template.parse(self.params.value).fill(known | other)

    def output(self) -> Output:
        if isinstance(self.params.value, (list, dict)):
            return Output(OutputType.JSON, max_length=len(json_text(self.params.value)))
        if not self._names & {"runId", "startedAt"}:
            return output_of_values([self._scalar])
        # Another run's text differs, and an id can be shorter here than in a run.
        longest = max(len(self._filled()), len(self._filled(runId="-" * _RUN_ID_LENGTH)))
        return Output(OutputType.STRING, max_length=longest)

    @property
    def _scalar(self) -> Scalar:
        return self._filled() if self.params.interpolate else scalar(self.params.value)

    def capacity(self) -> int | None:
        return 1

    def uses(self) -> frozenset[str]:
        return self._names

    def reasons(self) -> Iterator[str]:
        if "runId" in self._names:
            yield "${runId} is another one in every run"
        if "startedAt" in self._names and not self.scope.facts.started_at_given:
            yield "${startedAt} is the instant at which the run starts"

    def bind(self, tables: Tables) -> None:
        if isinstance(self.params.value, (list, dict)):
            self._value = pl.Series([json_text(self.params.value)])
        else:
            self._value = column_of_values([self._scalar], output_of_values([self._scalar]))

    def values(self, span: Span, columns: Columns) -> pl.Series:
        if self.scope.unique and span.end > 1:
            message = "a constant is distinct in one record only"
            number = max(span.start, 1)
            raise RecordInvalid("UNIQUE_EXHAUSTED", message, field=self.scope.field, record_number=number)
        return self._value.new_from_index(0, span.count)

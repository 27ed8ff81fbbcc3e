"""STRING: a value is a text, made by a template or taken from the only field."""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from engine.batch import Batch
from engine.schema import RecordSchema
from engine.template import Template
from sinks.encoding.base import Unsupported
from sinks.messages.base import ValueFormat, value_formats
from sinks.messages.texts_of_records import filled


@value_formats.register("STRING")
class StringValues(ValueFormat):
    """Texts in UTF-8. Where a hole is null there is no value."""

    @classmethod
    def check(cls, schema: RecordSchema) -> Sequence[Unsupported]:
        return []

    def values(self, batch: Batch) -> pl.Series:
        template = self.template or Template(("", ""), (self.schema.columns[0].name,))
        return filled(template, self.schema, batch)

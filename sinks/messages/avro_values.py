"""AVRO: a value is one record in Avro's binary encoding."""

from __future__ import annotations

import json
from collections.abc import Sequence

import polars as pl

from engine.batch import Batch
from engine.schema import RecordSchema
from engine.template import Template
from sinks.encoding.avro import Avro
from sinks.encoding.avro_schema import avro_schema, name_problems
from sinks.encoding.base import EncoderOptions, Unsupported
from sinks.messages.base import ValueFormat, missing_problems, value_formats


@value_formats.register("AVRO")
class AvroValues(ValueFormat):
    """Records of Avro, with the types of an Avro file."""

    schema_type = "AVRO"

    def __init__(self, schema: RecordSchema, template: Template | None = None) -> None:
        super().__init__(schema, template)
        self._encoder = Avro(schema, EncoderOptions())

    @classmethod
    def check(cls, schema: RecordSchema) -> Sequence[Unsupported]:
        return [*missing_problems(cls.kind, schema), *name_problems(schema, kind="AVRO", kept_as="doc")]

    def values(self, batch: Batch) -> pl.Series:
        return self._encoder.data(batch)

    def schema_text(self) -> str:
        return json.dumps(avro_schema(self.schema), ensure_ascii=False)

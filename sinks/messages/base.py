"""The value of a message: what all its formats have in common, and their registry."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any, ClassVar

import polars as pl

from engine.batch import Batch
from engine.schema import RecordSchema
from engine.template import Template
from sdg_project.registry import Kind, Registry
from sinks.encoding.avro_schema import valid_names
from sinks.encoding.base import Unsupported


class ValueFormat(Kind, ABC):
    """Makes the values of messages from batches: the same bytes for a record, whichever batch it is in."""

    schema_type: ClassVar[str | None] = None
    """What a schema registry calls schemas of this format; None for a format without a schema."""
    behind_id: ClassVar[bytes] = b""
    """What stands between the id of the schema and the value."""

    def __init__(self, schema: RecordSchema, template: Template | None = None) -> None:
        """Values of such records; `template` is that of a format of texts, and of no other."""
        self.schema, self.template = schema, template

    @classmethod
    @abstractmethod
    def check(cls, schema: RecordSchema) -> Sequence[Unsupported]:
        """All that the format cannot hold of such records, or not as it is."""

    @abstractmethod
    def values(self, batch: Batch) -> pl.Series:
        """The values: one a record, Binary; null where there is none."""

    @property
    def record_name(self) -> str:
        """What the schema calls a record."""
        return valid_names([self.schema.name or "record"])[0]

    def schema_text(self) -> str:
        """The schema of the values, as a registry takes it."""
        raise NotImplementedError(f"{self.kind} has no schema")


value_formats: Registry[ValueFormat] = Registry("value format", "sinks.messages")
"""Every format of values by its name."""


def missing_problems(kind: str, schema: RecordSchema) -> list[Unsupported]:
    """Fields that can be missing, which a format does not tell from null."""
    message = f"{kind} does not tell a missing field from null, so missingRate cannot be above 0"
    return [
        Unsupported(column, "/missingRate", "PROPERTY_NOT_ALLOWED", message, "use nullRate, or valueFormat JSON")
        for column in schema.columns
        if column.may_be_missing
    ]


def framed(schema_id: int, format_: ValueFormat, values: pl.Series) -> pl.Series:
    """The values as readers with a schema registry expect them: behind a zero and the four bytes of the schema's id."""
    head: Any = pl.lit(b"\0" + schema_id.to_bytes(4, "big") + format_.behind_id)
    return pl.select(head + pl.lit(values)).to_series()

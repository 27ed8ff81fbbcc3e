"""Texts of records: templates whose holes are fields."""

from __future__ import annotations

from collections.abc import Iterator

import polars as pl

from engine.batch import Batch
from engine.issues import Issue, did_you_mean
from engine.schema import RecordSchema
from engine.template import Template
from sinks.encoding.texts import value_texts


def filled(template: Template, schema: RecordSchema, batch: Batch) -> pl.Series:
    """The template with the fields of each record: Binary, null where a hole is null."""
    types = {column.name: column.type for column in schema.columns}
    columns = {name: value_texts(batch.records[name], types[name]) for name in template.names}
    return template.fill_columns(columns, batch.records.height).cast(pl.Binary)


def template_issues(text: str, schema: RecordSchema, *, at: str) -> Iterator[Issue]:
    """What is wrong with a template over the fields of the records."""
    try:
        names = Template.parse(text).names
    except ValueError as error:
        yield Issue("INVALID_SYNTAX", at, str(error))
        return
    for name in dict.fromkeys(names):
        yield from field_issues(name, schema, at=at)


def field_issues(name: str, schema: RecordSchema, *, at: str) -> Iterator[Issue]:
    """What is wrong with a reference to a field of the records that has one value for each."""
    columns = {column.name: column for column in schema.columns}
    if name not in columns:
        hint = did_you_mean(name, columns) or "name a field that is written"
        yield Issue("UNKNOWN_FIELD", at, f'there is no field "{name}" in the records', hint)
    elif columns[name].is_element:
        hint = "name a field of the record itself"
        yield Issue("TYPE_MISMATCH", at, f'"{name}" has one value for each element of an array', hint)

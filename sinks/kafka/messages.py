"""Messages: what records become on their way to a topic, still by columns."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from engine.batch import Batch
from engine.issues import Issue
from engine.schema import Column, OutputType, RecordSchema
from engine.template import Template
from sdg_project.partial_shapes import as_far_as_sound
from sinks.destinations.base import Refused
from sinks.kafka.config import KafkaConfig, ValueFormatName
from sinks.messages.base import ValueFormat, framed, value_formats
from sinks.messages.murmur2 import partitions_of
from sinks.messages.texts_of_records import field_issues, filled, template_issues

_AT = "/destination/config"
_OVERHEAD_BYTES = 100
"""A batch of one message has 61 bytes around it, and the message at most some 30 more."""
_HEADER_BYTES = 10
_TURN = 1024
"""So many messages without a key go to a partition before it is the next one's turn."""


@dataclass(frozen=True, slots=True)
class Messages:
    """The messages of some records, one behind the other; each array has one entry a message."""

    numbers: NDArray[np.uint64]
    """Of which record each is."""
    values: pl.Series
    """Binary; null is a tombstone."""
    keys: pl.Series
    """Binary; null where there is none."""
    partitions: NDArray[np.int64]
    timestamps: NDArray[np.int64] | None
    """Milliseconds since 1970; None for the instant of sending."""
    headers: tuple[tuple[str, pl.Series], ...]
    sizes: NDArray[np.int64]
    """Bytes, with all that is around a message."""

    def slice(self, first: int, count: int) -> Messages:
        """Some of the messages."""
        part = slice(first, first + count)
        return Messages(
            self.numbers[part],
            self.values.slice(first, count),
            self.keys.slice(first, count),
            self.partitions[part],
            None if self.timestamps is None else self.timestamps[part],
            tuple((name, values.slice(first, count)) for name, values in self.headers),
            self.sizes[part],
        )

    def those(self, mask: NDArray[np.bool_]) -> Messages:
        """The messages where the mask is True."""
        kept = pl.Series(mask)
        return Messages(
            self.numbers[mask],
            self.values.filter(kept),
            self.keys.filter(kept),
            self.partitions[mask],
            None if self.timestamps is None else self.timestamps[mask],
            tuple((name, values.filter(kept)) for name, values in self.headers),
            self.sizes[mask],
        )

    def by_partition(self) -> Iterator[tuple[int, Messages]]:
        """The messages of each partition, in their order."""
        for partition in np.unique(self.partitions).tolist():
            mask = self.partitions == partition
            yield partition, self if mask.all() else self.those(mask)

    def __len__(self) -> int:
        return len(self.numbers)


class MessageMaker:
    """Makes the messages of records: pure, so that a record made again gives the same message."""

    def __init__(self, config: KafkaConfig, schema: RecordSchema, *, partitions: int = 1, schema_id: int = 0) -> None:
        """`partitions` are those of the topic; `schema_id` is the registry's number of the values' schema."""
        self._config, self._schema, self._partitions, self._schema_id = config, schema, partitions, schema_id
        self._key = None if config.key is None else Template.parse(config.key)
        self._headers = tuple((name, Template.parse(text)) for name, text in config.headers.items())
        self._format = value_format(config, schema)

    def messages(self, batch: Batch) -> Messages:
        """The messages of the records."""
        numbers = batch.span.numbers()
        if batch.rejected:
            numbers = np.delete(numbers, np.array(batch.rejected, dtype=np.int64) - batch.span.start)
        keys = self._keys(batch)
        values = self._values(batch)
        headers = tuple((name, filled(template, self._schema, batch)) for name, template in self._headers)
        return Messages(
            numbers,
            values,
            keys,
            self._places(batch, keys, numbers),
            self._timestamps(batch),
            headers,
            _sizes(keys, values, headers),
        )

    def refused(self, messages: Messages, *, most_bytes: int) -> list[Refused]:
        """The records whose messages the topic does not take: too large, too early, of no partition there is."""
        found: dict[int, Refused] = {}
        for place in np.flatnonzero(messages.sizes > most_bytes).tolist():
            size = int(messages.sizes[place])
            message = f"its message has {size:,} bytes with all that is around it, the topic takes {most_bytes:,}"
            found[place] = Refused(int(messages.numbers[place]), "", "RECORD_INVALID", message)
        field = self._config.partition
        if isinstance(field, str):
            wrong = (messages.partitions < 0) | (messages.partitions >= self._partitions)
            for place in np.flatnonzero(wrong).tolist():
                message = f"there is no partition {messages.partitions[place]}, only 0 to {self._partitions - 1}"
                found.setdefault(place, Refused(int(messages.numbers[place]), field, "RECORD_INVALID", message))
        if messages.timestamps is not None:
            for place in np.flatnonzero(messages.timestamps < 0).tolist():
                message = "a message cannot be dated before 1970"
                dated = str(self._config.record_timestamp_field)
                found.setdefault(place, Refused(int(messages.numbers[place]), dated, "RECORD_INVALID", message))
        return [found[place] for place in sorted(found)]

    def _keys(self, batch: Batch) -> pl.Series:
        if self._key is None:
            return pl.Series([None], dtype=pl.Binary).new_from_index(0, batch.records.height)
        return filled(self._key, self._schema, batch)

    def _values(self, batch: Batch) -> pl.Series:
        values = self._format.values(batch)
        if self._format.schema_type is not None:
            values = framed(self._schema_id, self._format, values)
        if self._config.tombstone_field is not None:
            gone = batch.records[self._config.tombstone_field].fill_null(value=False)
            values = pl.select(pl.when(~gone).then(values)).to_series()
        return values

    def _places(self, batch: Batch, keys: pl.Series, numbers: NDArray[np.uint64]) -> NDArray[np.int64]:
        """The partition of each message."""
        wanted = self._config.partition
        if isinstance(wanted, int):
            return np.full(len(keys), wanted, dtype=np.int64)
        if isinstance(wanted, str):
            return batch.records[wanted].cast(pl.Int64).to_numpy()
        turns = (numbers // np.uint64(_TURN) % np.uint64(self._partitions)).astype(np.int64)
        if keys.null_count() == len(keys):
            return turns
        by_key = partitions_of(keys.fill_null(b""), self._partitions).astype(np.int64)
        return np.where(keys.is_null().to_numpy(), turns, by_key) if keys.null_count() else by_key

    def _timestamps(self, batch: Batch) -> NDArray[np.int64] | None:
        field = self._config.record_timestamp_field
        return None if field is None else batch.records[field].dt.timestamp("ms").to_numpy()


def value_format(config: KafkaConfig, schema: RecordSchema) -> ValueFormat:
    """The format of the values."""
    template = None if config.value_template is None else Template.parse(config.value_template)
    return value_formats[config.value_format](schema, template)


def message_issues(config: KafkaConfig, schema: RecordSchema) -> list[Issue]:
    """What does not fit between the config and the records."""
    return list(
        as_far_as_sound(_template_issues(config, schema), _field_issues(config, schema), _values(config, schema))
    )


def _template_issues(config: KafkaConfig, schema: RecordSchema) -> Iterator[Issue]:
    if config.key is not None:
        yield from template_issues(config.key, schema, at=f"{_AT}/key")
    for name, text in config.headers.items():
        yield from template_issues(text, schema, at=f"{_AT}/headers/{name}")
    if config.value_template is not None:
        yield from template_issues(config.value_template, schema, at=f"{_AT}/valueTemplate")


def _field_issues(config: KafkaConfig, schema: RecordSchema) -> Iterator[Issue]:
    whole = {OutputType.INTEGER, OutputType.LONG}
    columns = {column.name: column for column in schema.columns}
    for alias, name, types in (
        ("partition", config.partition, whole),
        ("recordTimestampField", config.record_timestamp_field, {OutputType.TIMESTAMP}),
        ("tombstoneField", config.tombstone_field, {OutputType.BOOLEAN}),
    ):
        if not isinstance(name, str):
            continue
        at = f"{_AT}/{alias}"
        found = list(field_issues(name, schema, at=at))
        yield from found
        if found:
            continue
        yield from _fit(columns[name], types, at=at, may_be_null=alias == "tombstoneField")


def _fit(column: Column, types: set[OutputType], *, at: str, may_be_null: bool) -> Iterator[Issue]:
    if column.type not in types:
        message = f'"{column.name}" is {column.type}, but {" or ".join(sorted(types))} is needed here'
        yield Issue("TYPE_MISMATCH", at, message, field=column.name)
    elif not may_be_null and (column.nullable or column.may_be_missing):
        message = f'"{column.name}" can be null, and every message needs a value here'
        yield Issue("TYPE_MISMATCH", at, message, "choose another field, or set its nullRate to 0", column.name)


def _values(config: KafkaConfig, schema: RecordSchema) -> Iterator[Issue]:
    for problem in value_formats[config.value_format].check(schema):
        yield problem.as_issue()
    if config.value_format is ValueFormatName.STRING and config.value_template is None and len(schema.columns) != 1:
        message = f"the records have {len(schema.columns)} fields, so it must be said what the text is made of"
        yield Issue("MISSING_PARAM", f"{_AT}/valueTemplate", message, "give a template, such as ${orderId}")


def _sizes(keys: pl.Series, values: pl.Series, headers: Sequence[tuple[str, pl.Series]]) -> NDArray[np.int64]:
    around = _OVERHEAD_BYTES + sum(len(name.encode()) + _HEADER_BYTES for name, _ in headers)
    sizes = np.full(len(values), around, dtype=np.int64)
    for column in (keys, values, *(content for _, content in headers)):
        sizes += column.bin.size().fill_null(0).to_numpy()
    return sizes

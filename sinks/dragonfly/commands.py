"""Batches as commands: the bytes of a whole batch at once, and where in them each record ends."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import polars as pl
from numpy.typing import NDArray

from engine.batch import Batch
from engine.draws import bounded
from engine.schema import Column, OutputType, RecordSchema
from engine.span import Span
from engine.stream import Source
from engine.template import Template
from sinks.dragonfly.config import DataType, DragonflyKeys
from sinks.encoding.json_lines import JsonLines, JsonLinesOptions
from sinks.encoding.rows import TextPiece, flat_bytes, text_rows
from sinks.encoding.texts import value_texts

PIPELINE_BYTES = 1_000_000
_ALL = "$1\r\n$\r\n"
"""The path of a whole JSON document."""


@dataclass(frozen=True, slots=True)
class Rows:
    """The bytes of records, one behind the other; record j ends before ``ends[j]``."""

    content: NDArray[np.uint8]
    ends: NDArray[np.int64]

    @classmethod
    def of(cls, texts: pl.Series) -> Rows:
        return cls(flat_bytes(texts), np.cumsum(texts.str.len_bytes().to_numpy(), dtype=np.int64))

    def part(self, first: int, last: int) -> memoryview:
        """The bytes of the records `first` to `last` - 1."""
        start = int(self.ends[first - 1]) if first else 0
        return memoryview(self.content[start : int(self.ends[last - 1])])  # type: ignore[arg-type]  # it is a buffer

    def pipelines(self, first: int, records: int) -> list[tuple[int, int]]:
        """Ranges of records from `first` on: of at most so many, and of 1 MB unless one alone has more."""
        ranges, total = [], len(self.ends)
        while first < total:
            start = int(self.ends[first - 1]) if first else 0
            fitting = int(np.searchsorted(self.ends, start + PIPELINE_BYTES, side="right"))
            last = max(first + 1, min(first + records, fitting, total))
            ranges.append((first, last))
            first = last
        return ranges


class Commands:
    """Makes commands of batches; a pure function of schema, config, spec hash and batch.

    `commands` are those of records that are written each by itself; `elements` and `entries` are for scripts.
    """

    def __init__(self, schema: RecordSchema, config: DragonflyKeys, *, spec_hash: str) -> None:
        self.schema, self.config = schema, config
        self.key, self.value = Template.parse(config.key_template), None
        if config.value_template is not None:
            self.value = Template.parse(config.value_template)
        self._columns = {column.name: column for column in schema.columns}
        self._documents = JsonLines(schema, JsonLinesOptions())
        self._jitter = Source(spec_hash, "destination", config.key_template).stream("ttl")

    @property
    def shares_a_key(self) -> bool:
        """Whether all records have one key."""
        return not self.key.names

    @property
    def expected(self) -> bytes:
        """How the replies to a record's commands begin when they were carried out."""
        first = b"+" if self.config.data_type in {DataType.STRING, DataType.JSON} else b":"
        return first + b":" if self._expires_apart else first

    def commands(self, batch: Batch) -> Rows:
        """The commands that write each record."""
        height, key = batch.records.height, _bulk(self.keys(batch))
        match self.config.data_type:
            case DataType.STRING:
                if self.config.ttl_seconds is None:
                    pieces = ["*3\r\n$3\r\nSET\r\n", *key, *_bulk(self.values(batch))]
                else:
                    ttl = ["$2\r\nEX\r\n", *_bulk(self.ttls(batch))]
                    pieces = ["*5\r\n$3\r\nSET\r\n", *key, *_bulk(self.values(batch)), *ttl]
            case DataType.JSON:
                pieces = ["*4\r\n$8\r\nJSON.SET\r\n", *key, _ALL, *_bulk(self.values(batch))]
            case DataType.HASH:
                fields, words = self._fields(batch)
                pieces = ["*", _plus(words, 2), "\r\n$4\r\nHSET\r\n", *key, *fields]
            case DataType.LIST:
                pieces = ["*3\r\n$5\r\nRPUSH\r\n", *key, *_bulk(self.values(batch))]
            case DataType.SET:
                pieces = ["*3\r\n$4\r\nSADD\r\n", *key, *_bulk(self.values(batch))]
            case DataType.ZSET:
                score = _bulk(self._scores(batch))
                pieces = ["*4\r\n$4\r\nZADD\r\n", *key, *score, *_bulk(self.values(batch))]
            case DataType.STREAM:
                raise ValueError("entries of streams are written by a script")
        if self._expires_apart:
            pieces += ["*3\r\n$6\r\nEXPIRE\r\n", *key, *_bulk(self.ttls(batch))]
        return Rows.of(text_rows(pieces, height))

    def elements(self, batch: Batch) -> Rows:
        """The values as arguments of a script that adds them to a list."""
        return Rows.of(text_rows(_bulk(self.values(batch)), batch.records.height))

    def entries(self, batch: Batch, ids: NDArray[np.int64]) -> tuple[Rows, NDArray[np.int64]]:
        """The arguments of a script that adds entries to streams: of each its id, number of words, and words.

        Also how many arguments these are: shape ``(batch.records.height,)``.
        """
        height = batch.records.height
        fields, words = self._fields(batch)
        counts = words if isinstance(words, pl.Series) else pl.Series([words]).new_from_index(0, height)
        entry_ids = pl.select(pl.format("{}-0", pl.Series(ids))).to_series()
        rows = text_rows([*_bulk(entry_ids), *_bulk(counts.cast(pl.String)), *fields], height)
        return Rows.of(rows), counts.to_numpy().astype(np.int64) + 2

    def key_items(self, batch: Batch) -> Rows:
        """The keys as arguments of a script."""
        return Rows.of(text_rows(_bulk(self.keys(batch)), batch.records.height))

    def keys(self, batch: Batch) -> pl.Series:
        """The key of each record."""
        return self._filled(self.key, batch)

    def values(self, batch: Batch) -> pl.Series:
        """The text of each record, where it is one."""
        return self._documents.documents(batch) if self.value is None else self._filled(self.value, batch)

    def ttls(self, batch: Batch) -> pl.Series:
        """For how many seconds each record's key is kept, as text."""
        most = self.config.ttl_jitter_seconds or 0
        jitter = bounded(self._jitter.words(batch.span), most + 1).astype(np.int64)
        kept = np.isin(batch.span.numbers(), np.array(batch.rejected, dtype=np.uint64), invert=True)
        return pl.Series((jitter + (self.config.ttl_seconds or 0))[kept]).cast(pl.String)

    @property
    def shared_ttl(self) -> int:
        """For how many seconds the key of all records is kept."""
        jitter = bounded(self._jitter.words(Span(0, 1)), (self.config.ttl_jitter_seconds or 0) + 1)
        return (self.config.ttl_seconds or 0) + int(jitter[0])

    @cached_property
    def _expires_apart(self) -> bool:
        """Whether a key's time is told by a command of its own."""
        return (
            self.config.ttl_seconds is not None
            and self.config.data_type is not DataType.STRING
            and bool(self.key.names)
        )

    def _filled(self, template: Template, batch: Batch) -> pl.Series:
        texts = {name: self._texts(name, batch) for name in template.names}
        return template.fill_columns(texts, batch.records.height)

    def _texts(self, name: str, batch: Batch) -> pl.Series:
        return value_texts(batch.records[name], self._columns[name].type)

    def _scores(self, batch: Batch) -> pl.Series:
        values = batch.records[str(self.config.score_field)]
        column = self._columns[str(self.config.score_field)]
        return (
            values.dt.timestamp("ms").cast(pl.String) if column.type is OutputType.TIMESTAMP else values.cast(pl.String)
        )

    def _fields(self, batch: Batch) -> tuple[list[TextPiece], int | pl.Series]:
        """The names and values of each record's fields as words of a command, and how many words that are."""
        pieces: list[TextPiece] = []
        always, sometimes = 0, []
        for column in self.schema.columns:
            texts = self._texts(column.name, batch)
            name = f"${len(column.name.encode())}\r\n{column.name}\r\n"
            if texts.null_count():
                there = texts.is_not_null()
                written = text_rows([name, *_bulk(texts.fill_null(""))], len(texts))
                pieces.append(pl.select(pl.when(there).then(written).otherwise(pl.lit(""))).to_series())
                sometimes.append(there)
            else:
                pieces += [name, *_bulk(texts)]
                always += 2
        if not sometimes:
            return pieces, always
        words = np.full(batch.records.height, always)
        for there in sometimes:
            words += 2 * there.to_numpy()
        return pieces, pl.Series(words)


def _bulk(texts: pl.Series) -> list[TextPiece]:
    """Texts as words of a command."""
    return ["$", texts.str.len_bytes().cast(pl.String), "\r\n", texts, "\r\n"]


def _plus(words: int | pl.Series, more: int) -> TextPiece:
    return str(words + more) if isinstance(words, int) else (words + more).cast(pl.String)


def literal_prefix(template: Template) -> str:
    """The text that all keys of a template begin with."""
    return template.literals[0]


def escaped_glob(text: str) -> str:
    """A pattern that matches exactly this text, byte for byte."""
    return "".join(f"\\{letter}" if letter in "*?[]\\" else letter for letter in text)


def columns_named(template: Template, columns: Mapping[str, Column]) -> Sequence[Column]:
    """The columns that a template's holes name, as far as there are such."""
    return [columns[name] for name in dict.fromkeys(template.names) if name in columns]

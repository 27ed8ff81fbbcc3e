"""JSONL: one JSON object a line (RFC 8259), without blanks, keys in the schema's order."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray
from pydantic import Field

from engine.batch import Batch
from engine.lists import elements_of, lengths_of, lists_of
from engine.schema import ArrayNode, Column, ObjectNode, OutputType, RecordSchema
from engine.span import Span
from sinks.encoding.base import EncoderOptions, TextEncoder, Unsupported, encoders
from sinks.encoding.compression import Compression
from sinks.encoding.rows import TextPiece, flat_bytes, text_rows
from sinks.encoding.texts import Dictionaries, contains_any_byte, filled, spread, value_texts

_ESCAPES = {chr(code): json.dumps(chr(code))[1:-1] for code in (*range(0x20), ord('"'), ord("\\"))}
"""RFC 8259 section 7 asks for these; all else stands as it is, in UTF-8."""
_QUOTED = {OutputType.STRING, OutputType.UUID, OutputType.TIMESTAMP, OutputType.DATE, OutputType.TIME}
_WIDE_NUMBERS = {OutputType.LONG, OutputType.DECIMAL}


class JsonLinesOptions(EncoderOptions):
    numbers_as_strings: bool = Field(
        default=False,
        description="Write LONG and DECIMAL as strings, for readers whose numbers are doubles. Numbers inside an "
        "object or a list of a JSON field have no type of their own, and stay as they are written there.",
    )


@dataclass(frozen=True, slots=True)
class _Member:
    """A member of an object as it is written, name included; `absent` is True where a record does not have it."""

    pieces: list[TextPiece]
    absent: NDArray[np.bool_] | None


@encoders.register("JSONL")
class JsonLines(TextEncoder[JsonLinesOptions]):
    """JSON lines.

    Decimals and int64 are numbers with all their digits (18.70 stays 18.70). null is null; a missing field is left
    out, and so is an object below the record of which all members are missing. Line breaks between the tokens of a
    JSON column become blanks; else its documents are written as they are. `numbersAsStrings` does not reach into them:
    it follows the types of fields, and inside a document there are none. Whoever writes one as a constant can put
    quotes there, and one that comes from elsewhere would no longer be what it was.
    """

    Options = JsonLinesOptions
    suffix = ".jsonl"

    def __init__(
        self, schema: RecordSchema, options: JsonLinesOptions, compression: Compression = Compression.NONE
    ) -> None:
        super().__init__(schema, options, compression)
        self._tree = schema.tree()
        self._dictionaries = Dictionaries()

    @classmethod
    def check(cls, schema: RecordSchema) -> Sequence[Unsupported]:
        """Nothing: JSON holds every record."""
        return []

    def objects(self, batch: Batch) -> pl.Series:
        """The records as JSON objects without a line's end: one text a row, uncompressed."""
        return self._rows(batch, end="")

    def _lines(self, batch: Batch) -> bytes:
        return flat_bytes(self._rows(batch, end="\n")).tobytes()

    def _rows(self, batch: Batch, *, end: str) -> pl.Series:
        pieces, _ = self._members(self._tree, batch)
        return text_rows(["{", *pieces, "}" + end], batch.records.height)

    def _members(self, node: ObjectNode, batch: Batch) -> tuple[list[TextPiece], NDArray[np.bool_] | None]:
        """What stands between an object's braces, and where that is nothing at all.

        Commas go before the members behind the first one that is always there, and behind the members before it,
        so that an absent member takes its comma with it.
        """
        members = [self._member(name, member, batch) for name, member in node.members.items()]
        always = next((number for number, member in enumerate(members) if member.absent is None), None)
        pieces: list[TextPiece] = []
        for number, member in enumerate(members):
            if member.absent is None:
                pieces += member.pieces if number == always else [",", *member.pieces]
            else:
                comma_behind = always is not None and number < always
                written = [*member.pieces, ","] if comma_behind else [",", *member.pieces]
                pieces.append(_blank(text_rows(written, batch.records.height), member.absent))
        if always is not None:
            return pieces, None
        inside = text_rows(pieces, batch.records.height).str.strip_prefix(",")
        absent = np.logical_and.reduce([member.absent for member in members if member.absent is not None])
        return [inside], absent if absent.any() else None

    def _member(self, name: str, member: Column | ObjectNode | ArrayNode, batch: Batch) -> _Member:
        key = json.dumps(name, ensure_ascii=False)
        if isinstance(member, ObjectNode):
            pieces, absent = self._members(member, batch)
            return _Member([f"{key}:{{", *pieces, "}"], absent)
        if isinstance(member, ArrayNode):
            return _Member([f"{key}:[", self._elements(member, batch), "]"], None)
        absent = batch.missing.get(member.name)
        if absent is not None and not absent.any():
            absent = None
        return _Member([f"{key}:", *self._value(member, batch.records[member.name])], absent)

    def _elements(self, node: ArrayNode, batch: Batch) -> pl.Series:
        """What stands between an array's brackets."""
        lists = {column.name: batch.records[column.name] for column in node.columns()}
        lengths = lengths_of(next(iter(lists.values())))
        count = int(lengths.sum())
        elements = Batch(Span(0, count), pl.DataFrame({name: elements_of(column) for name, column in lists.items()}))
        if isinstance(node.element, Column):
            pieces = self._value(node.element, elements.records[node.element.name])
        else:
            inside, _ = self._members(node.element, elements)
            pieces = ["{", *inside, "}"]
        return lists_of(text_rows(pieces, count), lengths).list.join(",")

    def _value(self, column: Column, values: pl.Series) -> list[TextPiece]:
        dtype = values.dtype
        if isinstance(dtype, pl.Enum):
            written = _one_line if column.type is OutputType.JSON else _quoted_string
            return [spread(self._dictionaries.words(column.name, dtype, written), values, null="null")]
        match column.type:
            case OutputType.STRING:
                texts = _escaped(values)
            case OutputType.JSON:
                texts = _one_line(values)
            case _:
                texts = value_texts(values, column.type)
        if column.type in _QUOTED or (self.options.numbers_as_strings and column.type in _WIDE_NUMBERS):
            return [filled(_quoted(texts), "null")] if texts.null_count() else ['"', texts, '"']
        return [filled(texts, "null")]


def _escaped(texts: pl.Series) -> pl.Series:
    """The insides of JSON strings."""
    if not contains_any_byte(texts, b'"\\' + bytes(range(0x20))):
        return texts
    return texts.str.replace_many(_ESCAPES)


def _quoted(texts: pl.Series) -> pl.Series:
    return pl.select(pl.format('"{}"', texts)).to_series()


def _quoted_string(texts: pl.Series) -> pl.Series:
    return _quoted(_escaped(texts))


def _one_line(documents: pl.Series) -> pl.Series:
    """JSON documents without line breaks, which JSON has between tokens only."""
    if not contains_any_byte(documents, b"\r\n"):
        return documents
    return documents.str.replace_many(["\r", "\n"], [" ", " "])


def _blank(texts: pl.Series, absent: NDArray[np.bool_]) -> pl.Series:
    return pl.select(pl.when(pl.Series(absent)).then(pl.lit("")).otherwise(texts)).to_series()

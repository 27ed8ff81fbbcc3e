"""CSV (RFC 4180): one line a record, quotes only where they are needed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from enum import StrEnum
from typing import Annotated, Self

import polars as pl
from pydantic import AfterValidator, Field, model_validator

from engine.batch import Batch
from engine.issues import Issue
from engine.schema import Column, OutputType, RecordSchema
from sdg_project.shapes import Faults
from sdg_project.text import quoted
from sinks.encoding.base import EncoderOptions, TextEncoder, Unsupported, encoders
from sinks.encoding.compression import Compression
from sinks.encoding.rows import TextPiece, flat_bytes, text_rows
from sinks.encoding.texts import Dictionaries, contains_any_byte, filled, spread, value_texts

_FORMULA = r"^[=+\-@\t\r\x00]"
_BYTE_ORDER_MARK = "\ufeff"


def _separating(character: str) -> str:
    # Numbers, truth values, dates and UUIDs are written without quotes, so nothing of theirs can separate cells.
    if not character.isascii() or character.isalnum() or character in '.+-: \r\n\0"':
        raise ValueError(f"{character!r} can stand in an unquoted value; a comma, semicolon, tab or pipe would do")
    return character


def _quoting(character: str) -> str:
    if not character.isascii() or character.isalnum() or character in ".+-: \t\r\n\0":
        raise ValueError(f"{character!r} can stand in an unquoted value; \" or ' would do")
    return character


class LineEnd(StrEnum):
    LF = "LF"
    CRLF = "CRLF"


class CsvOptions(EncoderOptions):
    delimiter: Annotated[str, AfterValidator(_separating)] = Field(
        default=",", min_length=1, max_length=1, description="The character between cells.", examples=[";"]
    )
    quote: Annotated[str, AfterValidator(_quoting)] = Field(
        default='"', min_length=1, max_length=1, description="The character around cells; inside it is doubled."
    )
    header: bool = Field(default=True, description="Whether the first line holds the names.")
    line_end: LineEnd = Field(default=LineEnd.LF, description="How a line ends.")
    null_text: str = Field(
        default="", max_length=64, description="What null is, without quotes; a text like it is quoted."
    )
    escape_formulas: bool = Field(
        default=False,
        description="Put ' before texts that a spreadsheet would take for formulas; the file then holds other texts.",
    )

    @model_validator(mode="after")
    def _distinct(self) -> Self:
        faults = []
        if self.delimiter == self.quote:
            message = f"must be another character than the delimiter, not {quoted(self.quote)}"
            faults.append(Issue("INVALID_VALUE", "/quote", message))
        if any(character in self.null_text for character in (self.delimiter, self.quote, "\r", "\n")):
            message = f"must be without the delimiter, the quote and line breaks, not {quoted(self.null_text)}"
            faults.append(Issue("INVALID_VALUE", "/nullText", message))
        if faults:
            raise Faults(*faults)
        return self


@encoders.register("CSV")
class Csv(TextEncoder[CsvOptions]):
    """Comma-separated values.

    A cell is quoted when it holds the delimiter, the quote, a line break or a byte order mark, is empty or equals
    `nullText`; so null and the empty text stay apart. The one exception is a file of one column with an empty
    `nullText`: null is ``""`` there, like the empty text, because readers skip a blank line. The fields of objects
    are columns with dotted names.
    """

    Options = CsvOptions
    suffix = ".csv"

    def __init__(self, schema: RecordSchema, options: CsvOptions, compression: Compression = Compression.NONE) -> None:
        super().__init__(schema, options, compression)
        self._line_end = "\n" if options.line_end is LineEnd.LF else "\r\n"
        blank_line = len(schema.columns) == 1 and not options.null_text
        self._null = options.quote * 2 if blank_line else options.null_text
        self._dictionaries = Dictionaries()

    @classmethod
    def check(cls, schema: RecordSchema) -> Sequence[Unsupported]:
        times = Counter(map(_title, schema.columns))
        twice = [
            Unsupported(
                column,
                "/fieldName",
                "DUPLICATE_FIELD",
                f'CSV would have {times[_title(column)]} columns named "{_title(column)}"',
                "rename a field: a dot of a name and the dot between object and field look alike",
            )
            for column in schema.columns
            if times[_title(column)] > 1
        ]
        arrays = [
            Unsupported(
                column,
                "/fieldName",
                "DEST_SCHEMA",
                f'a CSV has no arrays, and "{column.name}" is part of one',
                "use format JSONL, AVRO or PARQUET, or leave the array out",
            )
            for column in schema.columns
            if column.is_element
        ]
        return [*super().check(schema), *twice, *arrays]

    def _head(self) -> bytes:
        if not self.options.header:
            return b""
        titles = self._text_cells(pl.Series([_title(column) for column in self.schema.columns], dtype=pl.String))
        return (self.options.delimiter.join(titles) + self._line_end).encode()

    def _lines(self, batch: Batch) -> bytes:
        pieces: list[TextPiece] = []
        for column in self.schema.columns:
            pieces += [self._cells(column, batch.records[column.name]), self.options.delimiter]
        pieces[-1] = self._line_end
        return flat_bytes(text_rows(pieces, batch.records.height)).tobytes()

    def _cells(self, column: Column, values: pl.Series) -> TextPiece:
        dtype = values.dtype
        if isinstance(dtype, pl.Enum):
            written = self._text_cells if column.type is OutputType.STRING else self._quoted_where_needed
            return spread(self._dictionaries.words(column.name, dtype, written), values, null=self._null)
        match column.type:
            case OutputType.STRING:
                cells = self._text_cells(values)
            case OutputType.JSON:
                cells = self._quoted_where_needed(values)
            case _:
                cells = value_texts(values, column.type)
                if self.options.null_text:
                    cells = self._quoted_where_needed(cells)
        return filled(cells, self._null)

    def _text_cells(self, texts: pl.Series) -> pl.Series:
        if self.options.escape_formulas:
            formula = texts.str.contains(_FORMULA)
            texts = pl.select(pl.when(formula).then(pl.lit("'") + texts).otherwise(texts)).to_series()
        return self._quoted_where_needed(texts)

    def _quoted_where_needed(self, texts: pl.Series) -> pl.Series:
        quote, null_text = self.options.quote, self.options.null_text
        needed = texts == null_text
        if null_text:
            needed |= texts == ""
        special = [self.options.delimiter, quote, "\r", "\n", _BYTE_ORDER_MARK]
        if contains_any_byte(texts, b"".join(character.encode()[:1] for character in special)):
            needed |= texts.str.contains_any(special)
            texts = texts.str.replace_all(quote, quote * 2, literal=True)
        elif not needed.any():
            return texts
        quoted = pl.lit(quote) + texts + pl.lit(quote)
        return pl.select(pl.when(needed).then(quoted).otherwise(texts)).to_series()


def _title(column: Column) -> str:
    return ".".join(column.path)

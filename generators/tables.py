"""Records as a table on the terminal."""

from __future__ import annotations

import io
from typing import IO, Any, cast

import polars as pl
from rich.console import Console
from rich.table import Table
from rich.text import Text

from engine.batch import Batch
from engine.lists import elements_of, lengths_of, lists_of
from engine.schema import Column, OutputType, RecordSchema
from sinks.encoding.texts import filled, value_texts

_NUMBERS = {OutputType.INTEGER, OutputType.LONG, OutputType.DECIMAL, OutputType.DOUBLE}


def show_records(schema: RecordSchema, batch: Batch, stream: Any) -> None:
    """Print records: as a table when it fits the terminal, else one field a line."""
    console = console_on(stream)
    columns = {column.name: _texts(column, batch.records[column.name]).to_list() for column in schema.columns}
    widths = {name: max([len(name), *(len(text or "null") for text in texts)]) for name, texts in columns.items()}
    if sum(widths.values()) + 2 * len(widths) <= console.width:
        table = Table(box=None, pad_edge=False)
        for column in schema.columns:
            table.add_column(column.name, justify="right" if column.type in _NUMBERS else "left", no_wrap=True)
        for row in range(batch.span.count):
            table.add_row(*(_cell(batch, name, texts, row) for name, texts in columns.items()))
        console.print(table)
        return
    width = max(map(len, columns))
    for row in range(batch.span.count):
        console.print(Text(f"record {batch.span.start + row}", style="bold"))
        for name, texts in columns.items():
            console.print(Text(f"  {name:{width}}  ") + _cell(batch, name, texts, row), soft_wrap=True)


def console_on(stream: Any) -> Console:
    """A console that writes to a command's output; 200 characters wide where that is no terminal."""
    width = None if stream.isatty() else 200
    return Console(file=cast(IO[str], _PlainStream(stream)), highlight=False, markup=False, width=width)


def _texts(column: Column, values: pl.Series) -> pl.Series:
    """The text of each value; that of an array has brackets around its elements."""
    if not column.is_element:
        return value_texts(values, column.type)
    texts = filled(value_texts(elements_of(values), column.type), "null")
    return "[" + lists_of(texts, lengths_of(values)).list.join(", ") + "]"


def _cell(batch: Batch, name: str, texts: list[str | None], row: int) -> Text:
    text = texts[row]
    if text is not None:
        return Text("".join(letter if letter.isprintable() else repr(letter)[1:-1] for letter in text))
    absent = name in batch.missing and batch.missing[name][row]
    return Text("missing" if absent else "null", style="dim")


class _PlainStream(io.TextIOBase):
    """Django's output wrapper, which ends every text with a line, as the plain stream that rich expects."""

    def __init__(self, stream: Any) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        self._stream.write(text, ending="")
        return len(text)

    def isatty(self) -> bool:
        return bool(self._stream.isatty())

"""Records as the text that COPY reads: one line a record, a tab between values, ``\\N`` for null."""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from engine.lists import elements_of, lengths_of, lists_of
from engine.schema import Column, OutputType
from sinks.encoding.rows import TextPiece, flat_bytes, text_rows
from sinks.encoding.texts import Dictionaries, contains_any_byte, filled, spread, value_texts
from sinks.tables.fit import Mapped

_NULL = "\\N"
_SPECIAL = {"\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r"}
"""What has a meaning in the text of COPY, and how it is written."""
_TEXTS = frozenset({OutputType.STRING, OutputType.JSON})


class CopyText:
    """Writes batches of one schema; keeps the escaped words of dictionaries, and is not to be shared by threads."""

    def __init__(self, mapped: Sequence[Mapped]) -> None:
        self._mapped = tuple(mapped)
        self._dictionaries = Dictionaries()

    def lines(self, records: pl.DataFrame) -> bytes:
        """The lines of the records of a frame."""
        if not records.height:
            return b""
        pieces: list[TextPiece] = []
        for one in self._mapped:
            pieces += [self._values(one, records[one.field.name]), "\t"]
        pieces[-1] = "\n"
        return flat_bytes(text_rows(pieces, records.height)).tobytes()

    def _values(self, one: Mapped, values: pl.Series) -> TextPiece:
        field, dtype = one.field, values.dtype
        if field.is_element:
            json = not one.column.is_array
            return filled(escaped(_json_lists(field, values) if json else array_texts(field, values)), _NULL)
        if isinstance(dtype, pl.Enum):
            return spread(self._dictionaries.words(field.name, dtype, escaped), values, null=_NULL)
        if field.type in _TEXTS:
            return filled(escaped(values), _NULL)
        return filled(value_texts(values, field.type), _NULL)


def escaped(texts: pl.Series) -> pl.Series:
    """Texts in which nothing ends a value or a line: shape and nulls of `texts`."""
    if contains_any_byte(texts, "".join(_SPECIAL).encode()):
        for character, written in _SPECIAL.items():  # the backslash first
            texts = texts.str.replace_all(character, written, literal=True)
    return texts


def array_texts(field: Column, lists: pl.Series) -> pl.Series:
    """Lists as PostgreSQL writes arrays: ``{"a","b",NULL}``; shape and nulls of `lists`, String."""
    elements = elements_of(lists)
    if field.type in _TEXTS or field.type is OutputType.UUID:
        texts = elements.cast(pl.String)
        texts = texts.str.replace_all("\\", "\\\\", literal=True).str.replace_all('"', '\\"', literal=True)
        texts = pl.select(pl.lit('"') + texts + pl.lit('"')).to_series()
    else:
        texts = value_texts(elements, field.type)
    return _joined(lists, filled(texts, "NULL"), "{", "}")


def _json_lists(field: Column, lists: pl.Series) -> pl.Series:
    """Lists as JSON."""
    elements = elements_of(lists)
    if field.type is OutputType.JSON:
        texts = elements
    elif field.type in {OutputType.INTEGER, OutputType.LONG, OutputType.DECIMAL, OutputType.DOUBLE, OutputType.BOOLEAN}:
        texts = value_texts(elements, field.type)
    else:
        words = value_texts(elements, field.type) if field.type is not OutputType.STRING else elements.cast(pl.String)
        texts = pl.DataFrame({"v": words}).select(pl.struct("v").struct.json_encode()).to_series()
        texts = texts.str.slice(5).str.strip_suffix("}")  # {"v":…}
        texts = pl.select(pl.when(elements.is_not_null()).then(texts)).to_series()
    return _joined(lists, filled(texts, "null"), "[", "]")


def _joined(lists: pl.Series, texts: pl.Series, start: str, end: str) -> pl.Series:
    """The elements' texts of each list with a comma between them; null where there is no list."""
    rows = lists_of(texts, lengths_of(lists.fill_null([]))).list.join(",")
    made = pl.select(pl.lit(start) + rows + pl.lit(end)).to_series()
    return made if not lists.null_count() else pl.select(pl.when(lists.is_not_null()).then(made)).to_series()

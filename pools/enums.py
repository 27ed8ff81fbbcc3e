"""The words of pools."""

from __future__ import annotations

from enum import StrEnum

from engine.schema import OutputType


class PoolLoadStrategy(StrEnum):
    """How much of a source a pool holds."""

    FULL = "FULL"
    """Every row."""


class PoolStatus(StrEnum):
    EMPTY = "EMPTY"
    """There are no rows: nothing has been loaded yet, or the source has none."""
    LOADING = "LOADING"
    READY = "READY"
    FAILED = "FAILED"
    """Loading has failed and there is no earlier version."""


class FileFormat(StrEnum):
    CSV = "CSV"
    JSONL = "JSONL"
    PARQUET = "PARQUET"


class Encoding(StrEnum):
    """How the letters of a text file are written."""

    UTF_8 = "UTF-8"
    UTF_16 = "UTF-16"
    """With a mark of the order of its bytes."""
    WINDOWS_1252 = "WINDOWS-1252"
    ISO_8859_1 = "ISO-8859-1"


class ColumnType(StrEnum):
    """The types that a pool's column can have."""

    STRING = OutputType.STRING.value
    LONG = OutputType.LONG.value
    DOUBLE = OutputType.DOUBLE.value
    DECIMAL = OutputType.DECIMAL.value
    BOOLEAN = OutputType.BOOLEAN.value
    DATE = OutputType.DATE.value
    TIMESTAMP = OutputType.TIMESTAMP.value

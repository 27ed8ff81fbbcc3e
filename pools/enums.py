"""The words of pools."""

from __future__ import annotations

from enum import StrEnum

from engine.schema import OutputType


class PoolLoadStrategy(StrEnum):
    """How much of a source a pool holds."""

    FULL = "FULL"
    """Every row."""
    SAMPLED = "SAMPLED"
    """Some of the rows, drawn once by their numbers."""
    INDEXED = "INDEXED"
    """Every row, and an index of each of some columns, by which keys find their rows."""


class SampleMethod(StrEnum):
    """Which rows a sample consists of."""

    RESERVOIR = "RESERVOIR"
    """Every set of so many rows is equally likely."""
    FIRST = "FIRST"
    """The first rows of the source."""
    STRATIFIED = "STRATIFIED"
    """A share of the rows of every value of a column, and at least one of each."""


class RefreshMode(StrEnum):
    """When the source of a pool is read anew."""

    MANUAL = "MANUAL"
    """When somebody asks for it."""
    INTERVAL = "INTERVAL"
    """Also when the rows are older than so many seconds."""


class PoolStatus(StrEnum):
    EMPTY = "EMPTY"
    """There are no rows: nothing has been loaded yet, or the source has none."""
    LOADING = "LOADING"
    READY = "READY"
    STALE = "STALE"
    """READY, but older than the interval of its refreshes."""
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

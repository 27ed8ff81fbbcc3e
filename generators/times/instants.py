"""Instants as columns: milliseconds since 1970 (UTC), in and out of polars."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from enum import StrEnum
from functools import cached_property

import numpy as np
import polars as pl
from numpy.typing import NDArray

from engine.schema import OutputType
from engine.time_pattern import TimePattern
from engine.zones import MAX_MS, MIN_MS
from generators.times.granularity import Granularity, Granules

Int64s = NDArray[np.int64]
_DAY_MS = 86_400_000
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class InstantFormat(StrEnum):
    """How an instant leaves the field."""

    ISO_8601 = "ISO_8601"
    EPOCH_SECONDS = "EPOCH_SECONDS"
    EPOCH_MILLIS = "EPOCH_MILLIS"
    EPOCH_MICROS = "EPOCH_MICROS"
    EPOCH_NANOS = "EPOCH_NANOS"
    DATE = "DATE"
    PATTERN = "PATTERN"


_FACTORS = {InstantFormat.EPOCH_MILLIS: 1, InstantFormat.EPOCH_MICROS: 1_000, InstantFormat.EPOCH_NANOS: 1_000_000}


class InstantForm:
    """A format with all that it needs: what type it makes, of which instants, and how."""

    def __init__(self, format_: InstantFormat, granules: Granules, pattern: TimePattern | None) -> None:
        """`granules` are those to which the instants are cut; their zone is that of local dates and texts."""
        self.format, self._granules, self._pattern = format_, granules, pattern

    @property
    def type(self) -> OutputType:
        match self.format:
            case InstantFormat.ISO_8601:
                return OutputType.TIMESTAMP
            case InstantFormat.DATE:
                return OutputType.DATE
            case InstantFormat.PATTERN:
                return OutputType.STRING
            case _:
                return OutputType.LONG

    @property
    def max_length(self) -> int | None:
        return self._pattern.max_length if self._pattern else None

    @property
    def is_local(self) -> bool:
        """Whether the result depends on the time zone."""
        return self.format in {InstantFormat.DATE, InstantFormat.PATTERN}

    @property
    def unit(self) -> Granularity | None:
        """Instants in different units have different results; None when no unit makes sure of that."""
        match self.format:
            case InstantFormat.PATTERN:
                return None
            case InstantFormat.DATE:
                return Granularity.DAY
            case InstantFormat.EPOCH_SECONDS:
                return Granularity.SECOND
            case _:
                return Granularity.MILLI

    @cached_property
    def limits(self) -> tuple[int, int]:
        """The first and the last instant that have a result: years 1 to 9999, in UTC and as shown."""
        low, high = MIN_MS, MAX_MS
        if self.is_local or self._granules.unit.is_local:
            first, last = self._granules.zone.instants(np.array([MIN_MS, MAX_MS])).tolist()
            low, high = max(low, first), min(high, last)
        if self.format is InstantFormat.EPOCH_NANOS:
            low, high = max(low, -(2**63 // 1_000_000)), min(high, (2**63 - 1) // 1_000_000)
        return self._granules.ceiling(low), high

    @property
    def limits_text(self) -> str:
        """The limits as a sentence names them."""
        low, high = self.limits
        return f"{instant_text(low)} to {instant_text(high)} in format {self.format}"

    def number(self, instant: int) -> int | None:
        """The result of one instant, if it is a number or an instant."""
        if self.format is InstantFormat.ISO_8601:
            return instant
        if self.format is InstantFormat.EPOCH_SECONDS:
            return instant // 1_000
        return instant * _FACTORS[self.format] if self.format in _FACTORS else None

    def values(self, instants: Int64s) -> pl.Series:
        """The result of each instant, cut to its granule."""
        cut = self._granules.floor(instants)
        match self.format:
            case InstantFormat.ISO_8601:
                return pl.Series(cut).cast(pl.Datetime("ms", "UTC"))
            case InstantFormat.EPOCH_SECONDS:
                return pl.Series(cut // 1_000)
            case InstantFormat.DATE:
                return pl.Series((self._granules.zone.local(cut) // _DAY_MS).astype(np.int32)).cast(pl.Date)
            case InstantFormat.PATTERN if self._pattern is not None:
                offsets = self._granules.zone.offsets(cut)
                return self._pattern.texts(cut + offsets, offsets)
            case _:
                return pl.Series(cut * _FACTORS[self.format])


def instants_of_column(column: pl.Series) -> Int64s:
    """The instants of a Datetime column, cut to milliseconds, or the beginnings of a Date column; 0 for null."""
    return column.dt.timestamp("ms").fill_null(0).to_numpy()


def with_nulls_of(column: pl.Series, values: pl.Series) -> pl.Series:
    """The values, null where the column is."""
    if not column.null_count():
        return values
    return pl.select(pl.when(column.is_not_null()).then(values)).to_series()


def instant_text(instant: int) -> str:
    """An instant of the years 1 to 9999 as a sentence names it."""
    moment = _EPOCH + timedelta(milliseconds=instant)
    return moment.isoformat(timespec="milliseconds" if instant % 1_000 else "seconds").replace("+00:00", "Z")

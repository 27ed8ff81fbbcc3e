"""Parts of dates, instants and times of day. Instants are read in UTC."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence

import numpy as np
import polars as pl
from numpy.typing import NDArray

from engine.expression.cells import Alarms
from engine.expression.exact import with_nulls
from engine.expression.faults import Mismatch
from engine.expression.forms import CLOCKS, DATES, TEXTS, Form, Kind, number, text
from engine.expression.functions import Application, Node, Parameter, Strict, function, literal, whole_literal
from engine.expression.written import DAY_MS, instant_texts
from engine.time_pattern import LocalTimes, TimePattern

Int64s = NDArray[np.int64]
A_DATE = Parameter("date", DATES)
WHOLE_NUMBER = frozenset({Kind.NUMBER})
FIRST_DAY, LAST_DAY = -719_162, 2_932_896
OUTSIDE = "the date is outside the years 1 to 9999"


def milliseconds(values: pl.Series) -> Int64s:
    """Milliseconds since 1970: shape ``(n,)``, 0 where there is none."""
    physical = values.to_physical().cast(pl.Int64).fill_null(0).to_numpy()
    match values.dtype:
        case pl.Date:
            return physical * DAY_MS
        case pl.Time:
            return physical // 1_000_000
        case _:
            return physical


class _Part(Strict):
    """A part of a date or a time."""

    bounds: tuple[int, int]

    def form(self, arguments: Sequence[Node]) -> Form:
        return number(*self.bounds)

    def column(self, call: Application, alarms: Alarms, *columns: pl.Series) -> pl.Series:
        instants = milliseconds(columns[0])
        return with_nulls(self.part(LocalTimes(instants, np.zeros(len(instants), np.int64))), columns[0])

    @abstractmethod
    def part(self, at: LocalTimes) -> Int64s:
        """The part of each local time."""


@function("YEAR", takes=[A_DATE], says="The year.", group="dates", examples={"YEAR(DATE(2026, 1, 31))": "2026"})
class Year(_Part):
    bounds = (1, 9999)

    def part(self, at: LocalTimes) -> Int64s:
        return at.year


@function(
    "MONTH", takes=[A_DATE], says="The month, 1 to 12.", group="dates", examples={"MONTH(DATE(2026, 1, 31))": "1"}
)
class Month(_Part):
    bounds = (1, 12)

    def part(self, at: LocalTimes) -> Int64s:
        return at.month + 1


@function("DAY", takes=[A_DATE], says="The day of the month.", group="dates", examples={"DAY(DATE(2026, 1, 31))": "31"})
class Day(_Part):
    bounds = (1, 31)

    def part(self, at: LocalTimes) -> Int64s:
        return at.day


_CLOCK = Parameter("time", CLOCKS)


@function(
    "HOUR",
    takes=[_CLOCK],
    says="The hour, 0 to 23.",
    group="dates",
    examples={"HOUR(DATEADD(DATE(2026, 1, 1), 90, 'minute'))": "1"},
)
class Hour(_Part):
    bounds = (0, 23)

    def part(self, at: LocalTimes) -> Int64s:
        return at.hour


@function(
    "MINUTE",
    takes=[_CLOCK],
    says="The minute, 0 to 59.",
    group="dates",
    examples={"MINUTE(DATEADD(DATE(2026, 1, 1), 90, 'minute'))": "30"},
)
class Minute(_Part):
    bounds = (0, 59)

    def part(self, at: LocalTimes) -> Int64s:
        return at.in_day // 60_000 % 60


@function(
    "SECOND",
    takes=[_CLOCK],
    says="The second, 0 to 59.",
    group="dates",
    examples={"SECOND(DATEADD(DATE(2026, 1, 1), 90, 'second'))": "30"},
)
class Second(_Part):
    bounds = (0, 59)

    def part(self, at: LocalTimes) -> Int64s:
        return at.in_day // 1_000 % 60


@function(
    "WEEKDAY",
    takes=[A_DATE, Parameter("type", WHOLE_NUMBER, optional=True, literal=True)],
    says="The day of the week. Type 1 (the default) counts from Sunday, 1; type 2 from Monday, 1; type 3 from Monday,"
    " 0.",
    group="dates",
    examples={"WEEKDAY(DATE(2026, 1, 31))": "7", "WEEKDAY(DATE(2026, 1, 31), 2)": "6"},
)
class Weekday(Strict):
    def form(self, arguments: Sequence[Node]) -> Form:
        return number(0, 6) if self._type(arguments) == 3 else number(1, 7)

    @staticmethod
    def _type(arguments: Sequence[Node]) -> int:
        return whole_literal(arguments[1], "type", 1, 3, argument=1) if len(arguments) > 1 else 1

    def column(self, call: Application, alarms: Alarms, *columns: pl.Series) -> pl.Series:
        from_monday = (milliseconds(columns[0]) // DAY_MS + 3) % 7  # 1970-01-01 was a Thursday
        match self._type(call.arguments):
            case 1:
                days = (from_monday + 1) % 7 + 1
            case 2:
                days = from_monday + 1
            case _:
                days = from_monday
        return with_nulls(days, columns[0])


@function(
    "DAYS",
    takes=[Parameter("end", DATES), Parameter("start", DATES)],
    says="How many days lie between two dates, the later one first.",
    group="dates",
    examples={"DAYS(DATE(2026, 3, 1), DATE(2026, 2, 1))": "28"},
)
class Days(Strict):
    def form(self, arguments: Sequence[Node]) -> Form:
        return number(FIRST_DAY - LAST_DAY, LAST_DAY - FIRST_DAY)

    def column(self, call: Application, alarms: Alarms, *columns: pl.Series) -> pl.Series:
        end, start = (milliseconds(column) // DAY_MS for column in columns)
        return with_nulls(end - start, *columns)


@function(
    "EPOCHMILLIS",
    takes=[A_DATE],
    says="Milliseconds since 1970-01-01 in UTC.",
    group="dates",
    examples={"EPOCHMILLIS(DATE(1970, 1, 2))": "86400000"},
)
class EpochMillis(Strict):
    def form(self, arguments: Sequence[Node]) -> Form:
        return number(FIRST_DAY * DAY_MS, (LAST_DAY + 1) * DAY_MS)

    def column(self, call: Application, alarms: Alarms, *columns: pl.Series) -> pl.Series:
        return with_nulls(milliseconds(columns[0]), columns[0])


@function(
    "FORMATDATE",
    takes=[A_DATE, Parameter("pattern", TEXTS, literal=True)],
    says="The date or instant (UTC) by a pattern of strftime, such as %d.%m.%Y %H:%M.",
    group="dates",
    examples={"FORMATDATE(DATE(2026, 1, 31), '%d.%m.%Y')": "31.01.2026"},
)
class FormatDate(Strict):
    def form(self, arguments: Sequence[Node]) -> Form:
        return text(self._pattern(arguments).max_length)

    @staticmethod
    def _pattern(arguments: Sequence[Node]) -> TimePattern:
        written = str(literal(arguments[1]))
        if not written:
            raise Mismatch("the pattern is empty", hint="FORMATDATE(date, '%Y-%m-%d')", argument=1)
        try:
            return TimePattern(written)
        except ValueError as error:
            raise Mismatch(f"the pattern cannot be read: {error}", argument=1) from error

    def column(self, call: Application, alarms: Alarms, *columns: pl.Series) -> pl.Series:
        return instant_texts(columns[0].cast(pl.Datetime("ms", "UTC")), self._pattern(call.arguments))

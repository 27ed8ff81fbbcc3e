"""Functions of dates, instants and times of day. Instants are read in UTC."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum

import numpy as np
import polars as pl
from numpy.typing import NDArray

from engine.expression.cells import Alarms
from engine.expression.exact import with_nulls
from engine.expression.faults import Mismatch
from engine.expression.forms import CLOCKS, DATE, DATES, INSTANT, TEXTS, Form, Kind, number, text
from engine.expression.functions import Application, Node, Parameter, Strict, function, literal, whole_literal
from engine.expression.written import DAY_MS, instant_texts
from engine.issues import did_you_mean
from engine.time_pattern import LocalTimes, TimePattern

Int64s = NDArray[np.int64]
_GROUP = "dates"
_DATE = Parameter("date", DATES)
_WHOLE = frozenset({Kind.NUMBER})
_FIRST_DAY, _LAST_DAY = -719_162, 2_932_896
_OUTSIDE = "the date is outside the years 1 to 9999"
_MOST_AMOUNT = 10**12


class Unit(StrEnum):
    """What time is counted in."""

    MILLISECOND = "millisecond"
    SECOND = "second"
    MINUTE = "minute"
    HOUR = "hour"
    DAY = "day"
    WEEK = "week"
    MONTH = "month"
    YEAR = "year"


_MS = {
    Unit.MILLISECOND: 1,
    Unit.SECOND: 1_000,
    Unit.MINUTE: 60_000,
    Unit.HOUR: 3_600_000,
    Unit.DAY: DAY_MS,
    Unit.WEEK: 7 * DAY_MS,
}
_MONTHS = {Unit.MONTH: 1, Unit.YEAR: 12}
_SHORT = {"D": Unit.DAY, "M": Unit.MONTH, "Y": Unit.YEAR}


def _milliseconds(values: pl.Series) -> Int64s:
    """Milliseconds since 1970: shape ``(n,)``, 0 where there is none."""
    physical = values.to_physical().cast(pl.Int64).fill_null(0).to_numpy()
    match values.dtype:
        case pl.Date:
            return physical * DAY_MS
        case pl.Time:
            return physical // 1_000_000
        case _:
            return physical


def _check_whole(arguments: Sequence[Node], places: Sequence[int], most: int) -> None:
    for place in places:
        form = arguments[place].form
        if not form.is_whole or form.size > most:
            message = f"a whole number of at most {most:,} is needed here"
            raise Mismatch(message, hint="INT(number) rounds, CLAMP(number, low, high) bounds", argument=place)


def _dates(days: Int64s, alarms: Alarms, *like: pl.Series) -> pl.Series:
    """Days since 1970 as dates, null where any of the columns is; outside the years 1 to 9999 they fail."""
    alarms.raise_where((days < _FIRST_DAY) | (days > _LAST_DAY), _OUTSIDE)
    return with_nulls(np.clip(days, _FIRST_DAY, _LAST_DAY), *like).cast(pl.Int32).cast(pl.Date)


class _Part(Strict):
    """A part of a date or a time."""

    bounds: tuple[int, int]

    def form(self, arguments: Sequence[Node]) -> Form:
        return number(*self.bounds)

    def column(self, call: Application, alarms: Alarms, *columns: pl.Series) -> pl.Series:
        instants = _milliseconds(columns[0])
        return with_nulls(self.part(LocalTimes(instants, np.zeros(len(instants), np.int64))), columns[0])

    def part(self, at: LocalTimes) -> Int64s:
        raise NotImplementedError


@function("YEAR", takes=[_DATE], says="The year.", group=_GROUP, examples={"YEAR(DATE(2026, 1, 31))": "2026"})
class Year(_Part):
    bounds = (1, 9999)

    def part(self, at: LocalTimes) -> Int64s:
        return at.year


@function("MONTH", takes=[_DATE], says="The month, 1 to 12.", group=_GROUP, examples={"MONTH(DATE(2026, 1, 31))": "1"})
class Month(_Part):
    bounds = (1, 12)

    def part(self, at: LocalTimes) -> Int64s:
        return at.month + 1


@function("DAY", takes=[_DATE], says="The day of the month.", group=_GROUP, examples={"DAY(DATE(2026, 1, 31))": "31"})
class Day(_Part):
    bounds = (1, 31)

    def part(self, at: LocalTimes) -> Int64s:
        return at.day


_CLOCK = Parameter("time", CLOCKS)


@function(
    "HOUR",
    takes=[_CLOCK],
    says="The hour, 0 to 23.",
    group=_GROUP,
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
    group=_GROUP,
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
    group=_GROUP,
    examples={"SECOND(DATEADD(DATE(2026, 1, 1), 90, 'second'))": "30"},
)
class Second(_Part):
    bounds = (0, 59)

    def part(self, at: LocalTimes) -> Int64s:
        return at.in_day // 1_000 % 60


@function(
    "WEEKDAY",
    takes=[_DATE, Parameter("type", _WHOLE, optional=True, literal=True)],
    says="The day of the week. Type 1 (the default) counts from Sunday, 1; type 2 from Monday, 1; type 3 from Monday,"
    " 0.",
    group=_GROUP,
    examples={"WEEKDAY(DATE(2026, 1, 31))": "7", "WEEKDAY(DATE(2026, 1, 31), 2)": "6"},
)
class Weekday(Strict):
    def form(self, arguments: Sequence[Node]) -> Form:
        return number(0, 6) if self._type(arguments) == 3 else number(1, 7)

    @staticmethod
    def _type(arguments: Sequence[Node]) -> int:
        return whole_literal(arguments[1], "type", 1, 3, argument=1) if len(arguments) > 1 else 1

    def column(self, call: Application, alarms: Alarms, *columns: pl.Series) -> pl.Series:
        from_monday = (_milliseconds(columns[0]) // DAY_MS + 3) % 7  # 1970-01-01 was a Thursday
        match self._type(call.arguments):
            case 1:
                days = (from_monday + 1) % 7 + 1
            case 2:
                days = from_monday + 1
            case _:
                days = from_monday
        return with_nulls(days, columns[0])


@function(
    "DATE",
    takes=[Parameter("year", _WHOLE), Parameter("month", _WHOLE), Parameter("day", _WHOLE)],
    says="The date of a year, a month and a day; months and days beyond the last one go on in the next year or month,"
    " as in spreadsheets.",
    group=_GROUP,
    examples={"DATE(2026, 1, 31)": "2026-01-31", "DATE(2026, 13, 1)": "2027-01-01", "DATE(2026, 3, 0)": "2026-02-28"},
)
class Date(Strict):
    def form(self, arguments: Sequence[Node]) -> Form:
        _check_whole(arguments, range(3), _MOST_AMOUNT)
        return DATE

    def column(self, call: Application, alarms: Alarms, *columns: pl.Series) -> pl.Series:
        year, month, day = (column.cast(pl.Int64).fill_null(1).to_numpy() for column in columns)
        months = year * 12 + month - 1
        outside = (months < 12 - 40_000_000) | (months > 40_000_000)
        first = _first_days(np.where(outside, 12, months))
        days = first + day - 1
        alarms.raise_where(outside, _OUTSIDE)
        return _dates(np.where(outside, 0, days), alarms, *columns)


def _first_days(months: Int64s) -> Int64s:
    """The first day of each month, counted from the year 0, as days since 1970."""
    return (months - 1970 * 12).astype("datetime64[M]").astype("datetime64[D]").astype(np.int64)


@function(
    "DATEVALUE",
    "TODATE",
    takes=[Parameter("text", TEXTS | DATES)],
    says="The date of a text such as 2026-01-31, or of an instant.",
    group="conversions",
    examples={"DATEVALUE('2026-01-31')": "2026-01-31", "ISERROR(DATEVALUE('2026-02-30'))": "true"},
)
class DateValue(Strict):
    def form(self, arguments: Sequence[Node]) -> Form:
        return DATE

    def column(self, call: Application, alarms: Alarms, *columns: pl.Series) -> pl.Series:
        own = columns[0]
        if call.arguments[0].form.kind is not Kind.TEXT:
            return own.cast(pl.Date)
        texts = pl.select(pl.when(own.str.contains(r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$")).then(own)).to_series()
        found = texts.str.to_date("%Y-%m-%d", strict=False)
        found = pl.select(pl.when(found >= pl.date(1, 1, 1)).then(found)).to_series()
        alarms.raise_where(own.is_not_null() & found.is_null(), "the text is no date such as 2026-01-31")
        return found


def _moved_months(instants: Int64s, by: Int64s) -> tuple[Int64s, NDArray[np.bool_]]:
    """Instants so many months later, on the last day where a month is too short; and which are out of range."""
    days, in_day = np.divmod(instants, DAY_MS)
    months = days.astype("datetime64[D]").astype("datetime64[M]")
    day = days - months.astype("datetime64[D]").astype(np.int64)
    moved = months.astype(np.int64) + by
    outside = (moved < -1969 * 12) | (moved >= 8030 * 12)
    moved = np.where(outside, 0, moved)
    first = moved.astype("datetime64[M]").astype("datetime64[D]").astype(np.int64)
    following = (moved + 1).astype("datetime64[M]").astype("datetime64[D]").astype(np.int64)
    return (first + np.minimum(day, following - first - 1)) * DAY_MS + in_day, outside


class _MovesMonths(Strict):
    def form(self, arguments: Sequence[Node]) -> Form:
        _check_whole(arguments, [1], _MOST_AMOUNT)
        return DATE

    def column(self, call: Application, alarms: Alarms, *columns: pl.Series) -> pl.Series:
        by = columns[1].cast(pl.Int64).fill_null(0).to_numpy()
        moved, outside = _moved_months(_milliseconds(columns[0]), by)
        alarms.raise_where(outside, _OUTSIDE)
        return _dates(self.day(moved // DAY_MS), alarms, *columns)

    def day(self, days: Int64s) -> Int64s:
        return days


@function(
    "EDATE",
    takes=[_DATE, Parameter("months", _WHOLE)],
    says="The same day so many months later, or the last one of the month.",
    group=_GROUP,
    examples={"EDATE(DATE(2026, 1, 31), 1)": "2026-02-28", "EDATE(DATE(2026, 3, 31), -1)": "2026-02-28"},
)
class EDate(_MovesMonths):
    pass


@function(
    "EOMONTH",
    takes=[_DATE, Parameter("months", _WHOLE)],
    says="The last day of the month that is so many months later.",
    group=_GROUP,
    examples={"EOMONTH(DATE(2026, 1, 5), 1)": "2026-02-28"},
)
class EoMonth(_MovesMonths):
    def day(self, days: Int64s) -> Int64s:
        following = days.astype("datetime64[D]").astype("datetime64[M]") + 1
        return following.astype("datetime64[D]").astype(np.int64) - 1


def _unit(node: Node, argument: int) -> Unit:
    """The unit that is written out; raises Mismatch."""
    written = str(literal(node))
    if written.upper() in _SHORT:
        return _SHORT[written.upper()]
    name = written.lower().removesuffix("s")
    if name not in set(Unit):
        hint = did_you_mean(name, list(Unit)) or f"units are {', '.join(Unit)}"
        raise Mismatch(f'"{written[:40]}" is no unit of time', hint=hint, argument=argument)
    return Unit(name)


_UNIT = Parameter("unit", TEXTS, literal=True)


@function(
    "DATEADD",
    takes=[_DATE, Parameter("amount", _WHOLE), _UNIT],
    says="The date or instant so much later. Units are millisecond, second, minute, hour, day, week, month, year; a"
    " date stays a date with days and longer ones, and becomes an instant with shorter ones.",
    group=_GROUP,
    examples={
        "DATEADD(DATE(2026, 1, 31), 1, 'month')": "2026-02-28",
        "DATEADD(DATE(2026, 1, 31), 36, 'hours')": "2026-02-01T12:00:00.000Z",
    },
)
class DateAdd(Strict):
    def form(self, arguments: Sequence[Node]) -> Form:
        _check_whole(arguments, [1], 10**15)
        unit = _unit(arguments[2], 2)
        stays = unit in _MONTHS or _MS[unit] >= DAY_MS
        return DATE if arguments[0].form.kind is Kind.DATE and stays else INSTANT

    def column(self, call: Application, alarms: Alarms, *columns: pl.Series) -> pl.Series:
        unit = _unit(call.arguments[2], 2)
        instants, amounts = _milliseconds(columns[0]), columns[1].cast(pl.Int64).fill_null(0).to_numpy()
        if unit in _MONTHS:
            far = np.abs(amounts) > 10**6
            moved, outside = _moved_months(instants, np.where(far, 0, amounts) * _MONTHS[unit])
            outside = outside | far
        else:
            far = np.abs(amounts) > (10**15 // _MS[unit])
            moved = instants + np.where(far, 0, amounts) * _MS[unit]
            outside = far | (moved < _FIRST_DAY * DAY_MS) | (moved >= (_LAST_DAY + 1) * DAY_MS)
        alarms.raise_where(outside, _OUTSIDE)
        moved = np.where(outside, 0, moved)
        if call.form.kind is Kind.DATE:
            return _dates(moved // DAY_MS, alarms, *columns[:2])
        return with_nulls(moved, *columns[:2]).cast(pl.Datetime("ms", "UTC"))


def _full_months(start: Int64s, end: Int64s) -> Int64s:
    """How many whole months lie between two instants, towards zero."""
    turned = end < start
    early, late = np.where(turned, end, start), np.where(turned, start, end)
    month = [
        (value // DAY_MS).astype("datetime64[D]").astype("datetime64[M]").astype(np.int64) for value in (early, late)
    ]
    rest = [
        value - at.astype("datetime64[M]").astype("datetime64[D]").astype(np.int64) * DAY_MS
        for value, at in zip((early, late), month, strict=True)
    ]
    months = month[1] - month[0] - (rest[1] < rest[0])
    return np.where(turned, -months, months)


class _Between(Strict):
    """How many whole units lie between two instants, towards zero."""

    def form(self, arguments: Sequence[Node]) -> Form:
        _unit(arguments[2], 2)
        most = (_LAST_DAY - _FIRST_DAY + 1) * DAY_MS
        return number(-most, most)

    def column(self, call: Application, alarms: Alarms, *columns: pl.Series) -> pl.Series:
        unit = _unit(call.arguments[2], 2)
        start, end = np.broadcast_arrays(_milliseconds(columns[0]), _milliseconds(columns[1]))
        if unit in _MONTHS:
            months = _full_months(start, end)
            counts = np.sign(months) * (np.abs(months) // _MONTHS[unit])
        else:
            distance = end - start
            counts = np.sign(distance) * (np.abs(distance) // _MS[unit])
        return with_nulls(counts, *columns[:2])


@function(
    "DATEDIF",
    takes=[Parameter("start", DATES), Parameter("end", DATES), _UNIT],
    says='How many whole units lie between two dates: "D", "M" and "Y" as in spreadsheets, or the units of DATEADD;'
    " negative when the end is before the start.",
    group=_GROUP,
    examples={
        "DATEDIF(DATE(2000, 2, 29), DATE(2026, 2, 28), 'Y')": "25",
        "DATEDIF(DATE(2026, 1, 1), DATE(2026, 2, 1), 'D')": "31",
    },
)
class DateDif(_Between):
    pass


@function(
    "DATEDIFF",
    takes=[Parameter("start", DATES), Parameter("end", DATES), _UNIT],
    says="As DATEDIF.",
    group=_GROUP,
    examples={"DATEDIFF(DATE(2026, 1, 1), DATE(2026, 1, 3), 'hour')": "48"},
)
class DateDiff(_Between):
    pass


@function(
    "DAYS",
    takes=[Parameter("end", DATES), Parameter("start", DATES)],
    says="How many days lie between two dates, the later one first.",
    group=_GROUP,
    examples={"DAYS(DATE(2026, 3, 1), DATE(2026, 2, 1))": "28"},
)
class Days(Strict):
    def form(self, arguments: Sequence[Node]) -> Form:
        return number(_FIRST_DAY - _LAST_DAY, _LAST_DAY - _FIRST_DAY)

    def column(self, call: Application, alarms: Alarms, *columns: pl.Series) -> pl.Series:
        end, start = (_milliseconds(column) // DAY_MS for column in columns)
        return with_nulls(end - start, *columns)


@function(
    "EPOCHMILLIS",
    takes=[_DATE],
    says="Milliseconds since 1970-01-01 in UTC.",
    group=_GROUP,
    examples={"EPOCHMILLIS(DATE(1970, 1, 2))": "86400000"},
)
class EpochMillis(Strict):
    def form(self, arguments: Sequence[Node]) -> Form:
        return number(_FIRST_DAY * DAY_MS, (_LAST_DAY + 1) * DAY_MS)

    def column(self, call: Application, alarms: Alarms, *columns: pl.Series) -> pl.Series:
        return with_nulls(_milliseconds(columns[0]), columns[0])


@function(
    "FORMATDATE",
    takes=[_DATE, Parameter("pattern", TEXTS, literal=True)],
    says="The date or instant (UTC) by a pattern of strftime, such as %d.%m.%Y %H:%M.",
    group=_GROUP,
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

"""Dates from numbers, from other dates, and the time between two."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum

import numpy as np
import polars as pl
from numpy.typing import NDArray

from engine.expression.cells import Alarms
from engine.expression.date_parts import A_DATE, FIRST_DAY, LAST_DAY, OUTSIDE, WHOLE_NUMBER, Int64s, milliseconds
from engine.expression.exact import with_nulls
from engine.expression.faults import Mismatch
from engine.expression.forms import DATE, DATES, INSTANT, TEXTS, Form, Kind, number
from engine.expression.functions import Application, Node, Parameter, Strict, function, literal
from engine.expression.written import DAY_MS
from engine.issues import did_you_mean

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


def _check_whole(arguments: Sequence[Node], places: Sequence[int], most: int) -> None:
    for place in places:
        form = arguments[place].form
        if not form.is_whole or form.size > most:
            message = f"a whole number of at most {most:,} is needed here"
            raise Mismatch(message, hint="INT(number) rounds, CLAMP(number, low, high) bounds", argument=place)


def _dates(days: Int64s, alarms: Alarms, *like: pl.Series) -> pl.Series:
    """Days since 1970 as dates, null where any of the columns is; outside the years 1 to 9999 they fail."""
    alarms.raise_where((days < FIRST_DAY) | (days > LAST_DAY), OUTSIDE)
    return with_nulls(np.clip(days, FIRST_DAY, LAST_DAY), *like).cast(pl.Int32).cast(pl.Date)


@function(
    "DATE",
    takes=[Parameter("year", WHOLE_NUMBER), Parameter("month", WHOLE_NUMBER), Parameter("day", WHOLE_NUMBER)],
    says="The date of a year, a month and a day; months and days beyond the last one go on in the next year or month,"
    " as in spreadsheets.",
    group="dates",
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
        alarms.raise_where(outside, OUTSIDE)
        return _dates(np.where(outside, 0, days), alarms, *columns)


def _first_days(months: Int64s) -> Int64s:
    """The first day of each month, counted from the year 0, as days since 1970."""
    return (months - 1970 * 12).astype("datetime64[M]").astype("datetime64[D]").astype(np.int64)


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
        moved, outside = _moved_months(milliseconds(columns[0]), by)
        alarms.raise_where(outside, OUTSIDE)
        return _dates(self.day(moved // DAY_MS), alarms, *columns)

    def day(self, days: Int64s) -> Int64s:
        return days


@function(
    "EDATE",
    takes=[A_DATE, Parameter("months", WHOLE_NUMBER)],
    says="The same day so many months later, or the last one of the month.",
    group="dates",
    examples={"EDATE(DATE(2026, 1, 31), 1)": "2026-02-28", "EDATE(DATE(2026, 3, 31), -1)": "2026-02-28"},
)
class EDate(_MovesMonths):
    pass


@function(
    "EOMONTH",
    takes=[A_DATE, Parameter("months", WHOLE_NUMBER)],
    says="The last day of the month that is so many months later.",
    group="dates",
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
    takes=[A_DATE, Parameter("amount", WHOLE_NUMBER), _UNIT],
    says="The date or instant so much later. Units are millisecond, second, minute, hour, day, week, month, year; a"
    " date stays a date with days and longer ones, and becomes an instant with shorter ones.",
    group="dates",
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
        instants, amounts = milliseconds(columns[0]), columns[1].cast(pl.Int64).fill_null(0).to_numpy()
        if unit in _MONTHS:
            far = np.abs(amounts) > 10**6
            moved, outside = _moved_months(instants, np.where(far, 0, amounts) * _MONTHS[unit])
            outside = outside | far
        else:
            far = np.abs(amounts) > (10**15 // _MS[unit])
            moved = instants + np.where(far, 0, amounts) * _MS[unit]
            outside = far | (moved < FIRST_DAY * DAY_MS) | (moved >= (LAST_DAY + 1) * DAY_MS)
        alarms.raise_where(outside, OUTSIDE)
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
        most = (LAST_DAY - FIRST_DAY + 1) * DAY_MS
        return number(-most, most)

    def column(self, call: Application, alarms: Alarms, *columns: pl.Series) -> pl.Series:
        unit = _unit(call.arguments[2], 2)
        start, end = np.broadcast_arrays(milliseconds(columns[0]), milliseconds(columns[1]))
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
    group="dates",
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
    group="dates",
    examples={"DATEDIFF(DATE(2026, 1, 1), DATE(2026, 1, 3), 'hour')": "48"},
)
class DateDiff(_Between):
    pass

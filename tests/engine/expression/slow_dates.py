"""What functions of dates do, one record at a time."""

from __future__ import annotations

import calendar
from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime, timedelta
from fractions import Fraction
from typing import Any

from engine.expression.forms import Form, Kind
from tests.engine.expression.slow_numbers import Failed


def day_of(value: date | datetime) -> date:
    return value.date() if isinstance(value, datetime) else value


def made_date(form: Form, forms: Sequence[Form], year: Fraction, month: Fraction, day: Fraction) -> date:
    months = int(year) * 12 + int(month) - 1
    try:
        return date(1, 1, 1) + timedelta(days=_days_before(months) + int(day) - 1)
    except OverflowError as error:
        raise Failed from error


def _days_before(months: int) -> int:
    """Days from 0001-01-01 to the first of a month that is counted from the year 0."""
    year, month = divmod(months, 12)
    cycles, rest = divmod(year, 400)
    return date(rest + 400, month + 1, 1).toordinal() - 1 + (cycles - 1) * 146_097


def months_later(value: date, by: int) -> date:
    months = value.year * 12 + value.month - 1 + by
    year, month = divmod(months, 12)
    if not 1 <= year <= 9999:
        raise Failed
    return value.replace(year=year, month=month + 1, day=min(value.day, calendar.monthrange(year, month + 1)[1]))


def edate(form: Form, forms: Sequence[Form], value: date, by: Fraction) -> date:
    return day_of(months_later(value, int(by)))


def eomonth(form: Form, forms: Sequence[Form], value: date, by: Fraction) -> date:
    last = day_of(months_later(value, int(by)))
    return last.replace(day=calendar.monthrange(last.year, last.month)[1])


def weekday(form: Form, forms: Sequence[Form], value: date, kind: Fraction = Fraction(1)) -> Fraction:
    return Fraction({1: value.isoweekday() % 7 + 1, 2: value.isoweekday(), 3: value.weekday()}[int(kind)])


UNITS = {"millisecond": 1, "second": 1000, "minute": 60_000, "hour": 3_600_000, "day": 86_400_000, "week": 604_800_000}


def instant(value: date | datetime) -> datetime:
    return value if isinstance(value, datetime) else datetime(value.year, value.month, value.day, tzinfo=UTC)


def date_add(form: Form, forms: Sequence[Form], value: date, amount: Fraction, unit: str) -> date:
    unit = unit.removesuffix("s")
    if unit in {"month", "year"}:
        found: date = months_later(value, int(amount) * (12 if unit == "year" else 1))
    else:
        try:
            found = instant(value) + timedelta(milliseconds=int(amount) * UNITS[unit])
        except OverflowError as error:
            raise Failed from error
    return day_of(found) if form.kind is Kind.DATE else instant(found)


def date_dif(form: Form, forms: Sequence[Form], start: date, end: date, unit: str) -> Fraction:
    unit = {"D": "day", "M": "month", "Y": "year"}.get(unit, unit)
    one, other = instant(start), instant(end)
    sign = 1 if one <= other else -1
    one, other = min(one, other), max(one, other)
    if unit in UNITS:
        return Fraction(sign * ((other - one) // timedelta(milliseconds=UNITS[unit])))
    months = (other.year - one.year) * 12 + other.month - one.month
    within = [at - at.replace(day=1, hour=0, minute=0, second=0, microsecond=0) for at in (one, other)]
    months -= within[1] < within[0]
    return Fraction(sign * (months // (12 if unit == "year" else 1)))


def part(of: Callable[[Any], int]) -> Callable[..., Fraction]:
    return lambda form, forms, value: Fraction(of(value))

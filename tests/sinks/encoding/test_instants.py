"""Instants, dates and times as text, against Python's own."""

from __future__ import annotations

import datetime as dt

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sinks.encoding.instants import date_texts, instant_texts, time_texts
from tests.sinks.encoding.records import EPOCH, UTC, VALUES, iso

INSTANTS = [
    dt.datetime(1, 1, 1, tzinfo=UTC),
    dt.datetime(9999, 12, 31, 23, 59, 59, 999000, tzinfo=UTC),
    dt.datetime(1969, 12, 31, 23, 59, 59, 999000, tzinfo=UTC),
    dt.datetime(1970, 1, 1, tzinfo=UTC),
    dt.datetime(2038, 1, 19, 3, 14, 8, tzinfo=UTC),
    dt.datetime(2024, 2, 29, 12, tzinfo=UTC),
    dt.datetime(1900, 2, 28, 23, 59, 59, 1000, tzinfo=UTC),
    dt.datetime(2000, 12, 31, 0, 0, 0, 10_000, tzinfo=UTC),
]
TEXTS = [
    "0001-01-01T00:00:00.000Z",
    "9999-12-31T23:59:59.999Z",
    "1969-12-31T23:59:59.999Z",
    "1970-01-01T00:00:00.000Z",
    "2038-01-19T03:14:08.000Z",
    "2024-02-29T12:00:00.000Z",
    "1900-02-28T23:59:59.001Z",
    "2000-12-31T00:00:00.010Z",
]


def instants(values: list[dt.datetime | None]) -> pl.Series:
    return pl.Series(values, dtype=pl.Datetime("ms", "UTC"))


def test_the_texts_of_instants() -> None:
    assert instant_texts(instants(INSTANTS)).to_list() == TEXTS
    assert instant_texts(instants([None, INSTANTS[0], None])).to_list() == [None, TEXTS[0], None]
    assert instant_texts(instants([])).to_list() == []


@given(st.lists(VALUES["inner.deep.at"] | st.none()))
def test_any_instant(values: list[dt.datetime | None]) -> None:
    assert instant_texts(instants(values)).to_list() == [value and iso(value) for value in values]


def test_every_day_of_eight_hundred_years_and_every_minute_of_a_day() -> None:
    days = np.arange(-200_000, 92_000)  # more values than days: by the table of days
    milliseconds = np.concatenate([days * 86_400_000 - 1, days * 86_400_000, np.arange(1440) * 60_000])

    texts = instant_texts(pl.Series(milliseconds).cast(pl.Datetime("ms", "UTC")))

    expected = np.datetime_as_string(milliseconds.astype("datetime64[ms]"), timezone="UTC")
    assert texts.to_list() == expected.tolist()
    dates = date_texts(pl.Series(days.astype(np.int32)).cast(pl.Date))
    assert dates.to_list() == np.datetime_as_string(days.astype("datetime64[D]")).tolist()


@pytest.mark.parametrize("year", [0, 10_000, -1])
def test_a_year_that_four_digits_cannot_name_is_an_error(year: int) -> None:
    milliseconds = int(np.datetime64(f"{year:05}-06-01", "ms").astype(np.int64))

    with pytest.raises(ValueError, match="outside the years 0001 to 9999"):
        instant_texts(pl.Series([0, milliseconds]).cast(pl.Datetime("ms", "UTC")))


@given(st.lists(st.dates(dt.date(1, 1, 1), dt.date(9999, 12, 31)) | st.none()))
def test_any_date(values: list[dt.date | None]) -> None:
    assert date_texts(pl.Series(values, dtype=pl.Date)).to_list() == [value and iso(value) for value in values]


@given(st.lists(st.times() | st.none()))
def test_any_time(values: list[dt.time | None]) -> None:
    expected = [None if value is None else iso(value) for value in values]

    assert time_texts(pl.Series(values, dtype=pl.Time)).to_list() == expected


def test_a_time_keeps_its_nanoseconds() -> None:
    nanoseconds = pl.Series([0, 1, 1_000_000, 86_399_999_999_999, 3_723_004_000_000]).cast(pl.Time)

    assert time_texts(nanoseconds).to_list() == [
        "00:00:00.000",
        "00:00:00.000000001",
        "00:00:00.001",
        "23:59:59.999999999",
        "01:02:03.004",
    ]


def test_epoch_is_the_zero_of_instants() -> None:
    assert instant_texts(pl.Series([0]).cast(pl.Datetime("ms", "UTC"))).item() == iso(EPOCH)

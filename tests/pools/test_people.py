"""The built-in pool of people."""

from __future__ import annotations

from datetime import date

import polars as pl
import pytest

from pools.builtin.base import data_lines
from pools.builtin.people import People
from pools.snapshot import content_hash


@pytest.fixture(scope="module")
def people() -> pl.DataFrame:
    return People.records()


def test_the_content_is_pinned() -> None:
    assert content_hash(People.records()) == People.content_hash == "44e755ec365f5f32d967d293fee51b58"


def test_there_are_10_000_persons_with_different_names_and_addresses(people: pl.DataFrame) -> None:
    assert people.height == 10_000
    assert people["name"].n_unique() == 10_000
    assert people["email"].n_unique() == 10_000
    assert sum(people.null_count().row(0)) == 0


def test_addresses_of_mail_are_plain_and_lead_nowhere(people: pl.DataFrame) -> None:
    assert people["email"].str.contains(r"^[a-z]+\.[a-z]+@example\.com$").all()


def test_phone_numbers_are_of_the_range_for_fiction(people: pl.DataFrame) -> None:
    assert people["phone"].str.contains(r"^\+1 [2-9][0-9]{2}-555-01[0-9]{2}$").all()


def test_city_region_and_postcode_fit_each_other(people: pl.DataFrame) -> None:
    known = {
        (city, region, code) for city, region, _, _, codes in data_lines("us/cities.csv") for code in codes.split()
    }

    assert set(people.select("city", "region", "postcode").rows()) <= known
    assert people["postcode"].str.contains(r"^[0-9]{5}$").all()
    assert people["postcode"].str.starts_with("0").sum() > 100


def test_cities_come_in_proportion_to_their_inhabitants(people: pl.DataFrame) -> None:
    cities = data_lines("us/cities.csv")
    share = 8_336 / sum(float(city[3]) for city in cities)

    # Binomial with 10,000 draws: the pool is fixed, so this cannot fail by chance.
    assert (people["city"] == "New York").sum() == pytest.approx(10_000 * share, abs=150)


def test_gender_fits_the_given_name(people: pl.DataFrame) -> None:
    genders = dict(data_lines("given_names.csv"))

    assert all(genders[first] == gender for first, gender in people.select("firstName", "gender").unique().rows())
    assert set(people["gender"]) == {"F", "M"}


def test_birth_dates_are_those_of_grown_ups(people: pl.DataFrame) -> None:
    assert people["birthDate"].min() >= date(1941, 1, 1)  # type: ignore[operator]
    assert people["birthDate"].max() <= date(2007, 12, 31)  # type: ignore[operator]


def test_the_lists_hold_nothing_twice() -> None:
    given = [name for name, _ in data_lines("given_names.csv")]
    surnames = [name for (name,) in data_lines("surnames.csv")]

    assert len(set(given)) == len(given) >= 200
    assert len(set(surnames)) == len(surnames) >= 400

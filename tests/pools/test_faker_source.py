"""Pools that Faker fills: reproducible, of several locales, and nothing but values."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import polars as pl
import pytest
from faker.config import AVAILABLE_LOCALES
from faker.factory import Factory

from pools.definition import read_pool
from pools.fakes.calls import REFUSED, Call, Fakes
from pools.loading import load
from sdg_project.errors import Invalid

LOCALES = ["de_DE", "fr_FR", "zh_CN", "ru_RU"]
PERSON = {"name": "person.name", "first": "person.firstName", "last": "person.lastName", "mail": "person.email"}


def faked(columns: dict[str, Any], *, rows: int = 50, **source: Any) -> pl.DataFrame:
    document = {"type": "FAKER", "rows": rows, "columns": columns, **source}
    return load(read_pool({"name": "fakes", "source": document}), base=Path()).records


def refused(columns: dict[str, Any], **source: Any) -> list[tuple[str, str, str, str]]:
    with pytest.raises(Invalid) as caught:
        faked(columns, **source)
    return [(issue.code, issue.path, issue.message, issue.hint or "") for issue in caught.value.issues]


def test_equal_seeds_give_equal_rows_and_others_give_others() -> None:
    columns = {"name": "name", "city": "city", "price": {"provider": "pyfloat", "args": {"min_value": 1}}}

    first, again, other = (faked(columns, locales=LOCALES, seed=seed) for seed in (1, 1, 2))

    assert first.equals(again)
    assert not first.equals(other)


def test_a_value_depends_on_its_row_and_column_alone() -> None:
    many = faked({"name": "name", "city": "city"}, rows=40, locales=LOCALES, seed=7)
    few = faked({"city": "city"}, rows=10, locales=LOCALES, seed=7)

    assert few["city"].equals(many["city"].head(10))


def test_a_row_is_of_one_locale() -> None:
    records = faked({"locale": "row.locale", "city": "city", "zip": "postcode"}, rows=400, locales=["zh_CN", "en_US"])

    chinese = records["locale"] == "zh_CN"
    # A binomial count of 400 at one half lies within 6 standard deviations, but for 2 times in 10^9.
    assert 140 < chinese.sum() < 260
    assert (records["city"].str.contains("[\u4e00-\u9fff]") == chinese).all()


def test_names_and_mail_of_a_person_fit_each_other() -> None:
    records = faked(PERSON, rows=200, locales=["de_DE", "en_US"])

    for name, first, last, mail in records.rows():
        assert name == f"{first} {last}"
        letters = mail.partition("@")[0]
        assert letters.isascii()
        if first.isascii() and first.isalpha():
            assert letters.startswith(first.lower())
    assert records["mail"].str.contains(r"@example\.(com|net|org)$").all()


def test_a_chinese_name_is_written_as_there() -> None:
    records = faked(PERSON, locales=["zh_CN"])

    assert (records["last"] + records["first"] == records["name"]).all()


@pytest.mark.parametrize("locale", sorted(AVAILABLE_LOCALES))
def test_every_locale_has_persons(locale: str) -> None:
    fakes, call = Fakes(locale, 1), Call("mail", "person", "email")

    assert all("@example." in fakes.value(call, row, {}) for row in range(5))


def test_parts_come_from_one_thing_and_equal_providers_are_drawn_apart() -> None:
    records = faked({"a": "simple_profile.name", "b": "simple_profile.name", "c": "pyint", "d": "pyint"}, rows=20)

    assert records["a"].equals(records["b"])
    assert not records["c"].equals(records["d"], check_names=False)


def test_values_have_their_types() -> None:
    records = faked(
        {
            "text": "postcode",
            "whole": "pyint",
            "number": "pyfloat",
            "flag": "pybool",
            "day": "date_object",
            "at": "date_time",
        },
        seed=3,
    )

    assert records.dtypes == [pl.String, pl.Int64, pl.Float64, pl.Boolean, pl.Date, pl.Datetime("ms", "UTC")]


def test_everything_that_is_wrong_with_a_source_is_told_at_once() -> None:
    issues = refused(
        {
            "a": "nmae",
            "b": "zip",
            "c": {"provider": "pyint", "args": {"mn_value": 3}},
            "d": {"provider": "text", "args": {"max_nb_chars": 10**9}},
            "e": {"provider": "pystr_format", "args": {"string_format": "{{zip}}"}},
        }
    )

    assert [(code, path) for code, path, _, _ in issues] == [
        ("INVALID_VALUE", "/source/columns/a/provider"),
        ("PROPERTY_NOT_ALLOWED", "/source/columns/b/provider"),
        ("UNKNOWN_PROPERTY", "/source/columns/c/args/mn_value"),
        ("INVALID_VALUE", "/source/columns/d/args/max_nb_chars"),
        ("INVALID_VALUE", "/source/columns/e/args/string_format"),
    ]
    assert issues[0][3] == 'did you mean "name"?'
    assert issues[2][3] == 'did you mean "min_value"?'


def test_a_locale_that_faker_does_not_have_is_refused_with_a_close_one() -> None:
    assert refused({"a": "name"}, locales=["de_DE", "fr-FR"]) == [
        ("INVALID_VALUE", "/source/locales/1", 'Faker has no locale "fr-FR"', 'did you mean "fr_FR"?')
    ]


def test_a_provider_must_be_known_in_every_locale() -> None:
    [(_, path, message, _)] = refused({"a": "siren"}, locales=["de_DE", "fr_FR"])

    assert (path, message) == ("/source/columns/a/provider", 'Faker has no provider "siren" in de_DE')


@pytest.mark.parametrize("name", ["seed", "seed_instance", "add_provider", "parse", "format", "random", "provider"])
def test_what_is_no_provider_of_values_cannot_be_called(name: str) -> None:
    [(code, path, _, _)] = refused({"a": name})

    assert (code, path) == ("INVALID_VALUE", "/source/columns/a/provider")


@pytest.mark.parametrize("name", sorted(REFUSED))
def test_providers_of_files_and_collections_are_refused(name: str) -> None:
    assert hasattr(Factory.create("en_US"), name)
    assert [code for code, *_ in refused({"a": name})] == ["PROPERTY_NOT_ALLOWED"]


@pytest.mark.parametrize(
    ("column", "message"),
    [
        ("words", "row 1: it gives a list, which cannot be a value of a pool"),
        ("simple_profile", "row 1: it gives an object with the parts username, name, sex, address, mail, birthdate"),
        ("simple_profile.nam", 'row 1: simple_profile has no part "nam": did you mean "name"?'),
        ("name.first", "row 1: name gives a str, which has no parts"),
        ({"provider": "pyint", "args": {"min_value": 9, "max_value": 1}}, "row 1: pyint does not work so: "),
        ({"provider": "random_number", "args": {"digits": 9000}}, "row 1: it gives a number of about "),
    ],
)
def test_what_no_pool_can_hold_is_refused(column: Any, message: str) -> None:
    [(code, path, text, _)] = refused({"a": column})

    assert (code, path) == ("INVALID_VALUE", "/source/columns/a")
    assert text.startswith(message)


def test_limits_hold_while_rows_are_made() -> None:
    long = {"provider": "pystr", "args": {"min_chars": 5_000, "max_chars": 5_000}}
    source = {"type": "FAKER", "rows": 100_000, "columns": {"a": long}}
    pool = read_pool({"name": "fakes", "source": source, "limits": {"maxBytes": 100_000}})

    with pytest.raises(Invalid, match=r"Faker has [0-9,]+ bytes, and the pool may hold 100,000"):
        load(pool, base=Path())


def test_what_would_take_very_long_is_refused() -> None:
    [(code, path, _, _)] = refused({f"c{number}": "name" for number in range(6)}, rows=1_000_000)

    assert (code, path) == ("POOL_TOO_LARGE", "/source/rows")

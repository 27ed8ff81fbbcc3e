"""The built-in pools: what they state is right, fits together, and leads to nobody."""

from __future__ import annotations

import re
from ipaddress import ip_address, ip_network
from zoneinfo import ZoneInfo

import polars as pl
import pytest

from pools.builtin.base import builtin_pools, data_lines
from pools.snapshot import content_hash, snapshot_of

PEOPLE = ["people-de", "people-es", "people-fr", "people-gb", "people-pl", "people-us"]
POSTCODES = {
    "DE": r"\d{5}",
    "ES": r"(0[1-9]|[1-4]\d|5[0-2])\d{3}",
    "FR": r"\d{5}",
    "GB": r"[A-Z]{1,2}\d[A-Z\d]? \d[ABD-HJLNP-UW-Z]{2}",
    "PL": r"\d{2}-\d{3}",
    "US": r"\d{5}",
}
FICTION = {
    "DE": r"\+49 ((30 23125|40 66969|89 99998|221 4710|69 90009) \d{3}|171 39200\d\d|176 040690\d\d)",
    "ES": r"\+34 555 \d{3} \d{3}",
    "FR": r"\+33 (1 99 00|2 61 91|3 53 01|4 65 71|5 36 49) \d\d \d\d",
    "GB": r"\+44 (20 7946 0\d{3}|(11[3-8]|121|131|141|151|161) 496 0\d{3}|191 498 0\d{3}|28 9649 6\d{3}|29 2018 0\d{3}"
    r"|1632 960\d{3}|7700 900\d{3})",
    "PL": r"\+48 100 \d{3} \d{3}",
    "US": r"\+1 [2-9]\d\d-555-01\d\d",
}
FIRST_PARTS = {
    "Berlin": "1[0-4]",
    "Hamburg": "2[0-2]",
    "München": "8[01]",
    "Köln": "5[01]",
    "Leipzig": "04",
    "Dresden": "01",
    "Paris": "75",
    "Marseille": "13",
    "Lyon": "69",
    "Nice": "06",
    "Madrid": "28",
    "Barcelona": "08",
    "Sevilla": "41",
    "Bilbao": "48",
    "London": "(E|EC|N|NW|SE|SW|W|WC)[0-9]",
    "Leeds": "LS[0-9]",
    "Glasgow": "G[0-9]",
    "Belfast": "BT",
    "Warszawa": "0[0-4]-",
    "Kraków": "3[01]-",
    "Łódź": "9[0-4]-",
    "Gdańsk": "80-",
    "New York": "10",
    "Chicago": "606",
    "Boston": "02",
}
"""How the postcodes of some cities begin, from outside of the lists."""


@pytest.fixture(scope="module")
def tables() -> dict[str, pl.DataFrame]:
    return {name: kind.records() for name, kind in builtin_pools.items()}


@pytest.mark.parametrize("name", list(builtin_pools))
def test_a_built_in_pool_always_comes_out_the_same(name: str, tables: dict[str, pl.DataFrame]) -> None:
    assert content_hash(tables[name]) == content_hash(builtin_pools[name].records()) == builtin_pools[name].content_hash


@pytest.mark.parametrize("name", list(builtin_pools))
def test_a_built_in_pool_tells_in_one_line_what_it_holds(name: str) -> None:
    description = builtin_pools[name].description

    assert 20 < len(description) <= 100
    assert "\n" not in description


@pytest.mark.parametrize("name", list(builtin_pools))
def test_every_column_is_of_a_type_that_pools_have_and_holds_something(
    name: str, tables: dict[str, pl.DataFrame]
) -> None:
    table = tables[name]

    snapshot_of(table, pool=name, version=0)  # hashes each type by a name of its own
    assert table.height > 10
    assert [column for column in table.columns if table[column].null_count() == table.height] == []
    texts = table.select(pl.col(pl.String))
    assert [column for column in texts.columns if (texts[column] != texts[column].str.strip_chars()).any()] == []


@pytest.mark.parametrize("name", [name for name, kind in builtin_pools.items() if kind.weight_column])
def test_weights_are_numbers_above_0_for_every_row(name: str, tables: dict[str, pl.DataFrame]) -> None:
    column = builtin_pools[name].weight_column
    assert column is not None
    weights = tables[name][column]

    assert weights.dtype.is_numeric()
    assert weights.null_count() == 0
    assert weights.min() > 0  # type: ignore[operator]


@pytest.mark.parametrize("name", list(builtin_pools))
def test_mail_leads_nowhere(name: str, tables: dict[str, pl.DataFrame]) -> None:
    for column in tables[name].select(pl.col(pl.String)):
        mail = column.filter(column.str.contains("@", literal=True).fill_null(value=False))

        assert mail.str.contains(r"^[a-z0-9.-]+@(example\.(com|org|net)|[a-z-]+\.example)$").all()


@pytest.mark.parametrize("name", PEOPLE)
class TestPeople:
    def test_addresses_of_mail_are_there_once(self, name: str, tables: dict[str, pl.DataFrame]) -> None:
        assert tables[name]["email"].is_unique().all()
        assert tables[name]["id"].to_list() == list(range(1, 5_001))

    def test_phone_numbers_are_of_ranges_that_nobody_has(self, name: str, tables: dict[str, pl.DataFrame]) -> None:
        [country] = tables[name]["country"].unique()

        assert tables[name]["phone"].str.contains(f"^{FICTION[country]}$").all()

    def test_postcodes_are_of_the_form_of_the_country_and_of_the_city(
        self, name: str, tables: dict[str, pl.DataFrame]
    ) -> None:
        [country] = tables[name]["country"].unique()
        lines = data_lines(f"{country.lower()}/cities.csv")
        cities = {(city, region): codes.split() for city, region, _, _, codes in lines}

        for postcode, city, region in tables[name].select("postcode", "city", "region").unique().rows():
            assert re.fullmatch(POSTCODES[country], postcode)
            first_part = postcode.split(" ")[0] if country == "GB" else postcode
            assert any(re.fullmatch(code.replace("#", r"\d"), first_part) for code in cities[city, region])
            assert re.match(FIRST_PARTS.get(city, ""), postcode)

    def test_large_cities_and_frequent_names_come_more_often(self, name: str, tables: dict[str, pl.DataFrame]) -> None:
        folder = name.partition("-")[2]
        cities = data_lines(f"{folder}/cities.csv")
        surnames = data_lines(f"{folder}/surnames.csv")
        largest = max(cities, key=lambda line: float(line[3]))
        expected = 5_000 * float(largest[3]) / sum(float(line[3]) for line in cities)
        commonest = max(surnames, key=lambda line: float(line[-1]))
        names = 5_000 * float(commonest[-1]) / sum(float(line[-1]) for line in surnames)

        # Binomial: 4.5 standard deviations; the pool is fixed, so this cannot fail by chance.
        assert (tables[name]["city"] == largest[0]).sum() == pytest.approx(expected, abs=4.5 * expected**0.5)
        assert tables[name]["lastName"].str.contains(f"^{commonest[0]}( |$)").sum() == pytest.approx(
            names, abs=4.5 * names**0.5
        )

    def test_a_person_was_born_when_the_given_name_was_given(self, name: str, tables: dict[str, pl.DataFrame]) -> None:
        lines = {line[0]: line for line in data_lines(f"{name.partition('-')[2]}/given_names.csv")}

        for first_name, gender, born in tables[name].select("firstName", "gender", "birthDate").unique().rows():
            assert gender == lines[first_name][1]
            assert abs(born.year - int(lines[first_name][3])) <= 12
            assert 1940 < born.year < 2008

    def test_the_lists_hold_nothing_twice(self, name: str) -> None:
        folder = name.partition("-")[2]

        for part in ("given_names", "surnames", "streets", "cities"):
            lines = data_lines(f"{folder}/{part}.csv")
            keys = [tuple(line[:2]) if part in {"given_names", "cities"} else line[0] for line in lines]
            assert len(set(keys)) == len(keys)


def test_names_keep_their_marks_and_mail_does_without(tables: dict[str, pl.DataFrame]) -> None:
    german, polish = tables["people-de"], tables["people-pl"]

    assert "mueller" in german.filter(pl.col("lastName") == "Müller")["email"][0]
    assert set(polish.filter(pl.col("lastName").str.ends_with("ska"))["gender"]) == {"F"}
    assert set(polish.filter(pl.col("lastName").str.ends_with("ski"))["gender"]) == {"M"}
    assert "Łódź" in polish["city"]
    assert (tables["people-es"]["lastName"].str.split(" ").list.len() == 2).all()


def test_every_currency_of_a_country_is_a_currency(tables: dict[str, pl.DataFrame]) -> None:
    assert set(tables["countries"]["currency"]) <= set(tables["currencies"]["code"])


@pytest.mark.parametrize("name", ["airports", "companies", "banks", "bank-accounts", "time-zones", *PEOPLE])
def test_every_country_is_a_country(name: str, tables: dict[str, pl.DataFrame]) -> None:
    assert set(tables[name]["country"]) <= set(tables["countries"]["alpha2"])


@pytest.mark.parametrize(
    ("name", "columns"),
    [
        ("countries", {"alpha2": r"[A-Z]{2}", "alpha3": r"[A-Z]{3}", "numeric": r"\d{3}", "callingCode": r"\+\d{1,4}"}),
        ("currencies", {"code": r"[A-Z]{3}", "numeric": r"\d{3}"}),
        ("airports", {"iata": r"[A-Z]{3}", "icao": r"[A-Z]{4}"}),
        ("ip-addresses", {"address": r"(192\.0\.2|198\.51\.100|203\.0\.113)\.\d+|2001:db8:[0-9a-f:]+"}),
        ("colors", {"hex": r"#[0-9A-F]{6}"}),
        ("products", {"sku": r"[A-Z]{3}-\d{5}", "ean": r"20\d{11}"}),
        ("payment-cards", {"number": r"\d{14,16}"}),
        ("mime-types", {"mediaType": r"[a-z]+/[a-z0-9.+-]+", "extension": r"[a-z0-9]+"}),
        ("companies", {"domain": r"[a-z-]+\.example"}),
        ("banks", {"bic": r"[A-Z]{6}[A-Z2-9]0XXX"}),
    ],
)
def test_codes_have_their_form(name: str, columns: dict[str, str], tables: dict[str, pl.DataFrame]) -> None:
    for column, form in columns.items():
        assert tables[name][column].str.contains(f"^({form})$").all()
        if column != "callingCode":
            assert tables[name][column].is_unique().all()


def test_time_zones_are_known_and_have_their_offsets(tables: dict[str, pl.DataFrame]) -> None:
    from datetime import datetime

    for zone, winter, summer in tables["time-zones"].select("zone", "offsetMinutes", "summerOffsetMinutes").rows():
        offsets = [datetime(2026, month, 15, tzinfo=ZoneInfo(zone)).utcoffset() for month in (1, 7)]
        assert sorted(offset.total_seconds() / 60 for offset in offsets if offset is not None) == [winter, summer]
    for zone in tables["airports"]["timeZone"].unique():
        ZoneInfo(zone)


def test_airports_lie_on_the_globe_and_near_where_their_clocks_say(tables: dict[str, pl.DataFrame]) -> None:
    from datetime import datetime

    for code, latitude, longitude, zone in (
        tables["airports"].select("iata", "latitude", "longitude", "timeZone").rows()
    ):
        offset = datetime(2026, 1, 15, tzinfo=ZoneInfo(zone)).utcoffset()
        assert -60 < latitude < 80, code
        # The sun: 15 degrees an hour. No state keeps its clock more than three hours and a half from it.
        assert offset is not None
        assert abs((longitude / 15 - offset.total_seconds() / 3600 + 12) % 24 - 12) < 3.5, code


def test_cards_have_the_check_digit_of_luhn(tables: dict[str, pl.DataFrame]) -> None:
    for number, masked in tables["payment-cards"].select("number", "masked").rows():
        digits = [int(digit) for digit in reversed(number)]
        doubled = [sum(divmod(2 * digit, 10)) for digit in digits[1::2]]
        assert (sum(digits[::2]) + sum(doubled)) % 10 == 0
        assert masked[-4:] == number[-4:]


def test_ibans_have_their_check_digits_and_their_bank(tables: dict[str, pl.DataFrame]) -> None:
    banks = {
        name: (country, code) for name, country, code in tables["banks"].select("name", "country", "bankCode").rows()
    }
    lengths = {"DE": 22, "FR": 27, "ES": 24, "GB": 22, "PL": 28}

    for iban, bank in tables["bank-accounts"].select("iban", "bank").rows():
        country, code = banks[bank]
        assert iban[:2] == country
        assert iban[4:].startswith(code)
        assert len(iban) == lengths[country]
        assert int("".join(str(int(sign, 36)) for sign in iban[4:] + iban[:4])) % 97 == 1
    assert tables["bank-accounts"]["iban"].is_unique().all()


def test_a_product_costs_more_than_the_shop_pays_and_its_bar_code_is_right(tables: dict[str, pl.DataFrame]) -> None:
    products = tables["products"]

    assert (products["price"] > products["cost"]).all()
    assert (products["cost"] > 0).all()
    assert products["name"].n_unique() == products.height
    for code in products["ean"]:
        assert sum(int(digit) * (3 if place % 2 else 1) for place, digit in enumerate(code)) % 10 == 0


def test_a_diagnosis_is_there_for_each_gender_that_can_have_it(tables: dict[str, pl.DataFrame]) -> None:
    diagnoses = tables["diagnoses"]

    assert diagnoses["code"].str.contains(r"^[A-Z]\d\d(\.\d)?$").all()
    assert diagnoses.select("code", "sex").is_unique().all()
    assert set(diagnoses.filter(pl.col("code") == "O80")["sex"]) == {"F"}
    assert set(diagnoses.filter(pl.col("code") == "I10")["sex"]) == {"F", "M"}


def test_addresses_are_of_the_networks_that_they_name(tables: dict[str, pl.DataFrame]) -> None:
    for address, version, network in tables["ip-addresses"].select("address", "version", "network").rows():
        assert ip_address(address).version == version
        assert ip_address(address) in ip_network(network)


def test_sensors_are_of_the_known_models(tables: dict[str, pl.DataFrame]) -> None:
    known = set(tables["device-models"].select("model", "manufacturer", "kind", "unit").rows())

    assert set(tables["sensors"].select("model", "manufacturer", "kind", "unit").rows()) <= known


def test_readings_salaries_and_ages_are_ranges(tables: dict[str, pl.DataFrame]) -> None:
    for name, low, high in (
        ("device-models", "minReading", "maxReading"),
        ("job-titles", "minSalary", "maxSalary"),
        ("diagnoses", "minAge", "maxAge"),
    ):
        assert (tables[name][low] < tables[name][high]).all()


def test_user_agents_name_the_browser_that_they_are_of(tables: dict[str, pl.DataFrame]) -> None:
    agents = tables["user-agents"]

    assert agents["userAgent"].is_unique().all()
    assert agents["weight"].sum() == pytest.approx(100, abs=5)  # shares in percent; Linux has no Edge
    for agent, browser, version in agents.select("userAgent", "browser", "browserVersion").rows():
        mark = {"Edge": "Edg", "Safari": "Version"}.get(browser, browser)
        assert f"{mark}/{version}" in agent

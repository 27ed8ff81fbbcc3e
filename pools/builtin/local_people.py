"""What the pools of people have in common: persons with addresses of one country, drawn from that country's lists."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping, Sequence
from datetime import date
from typing import ClassVar

import numpy as np
import polars as pl

from engine.draws import bounded_each
from pools.builtin.base import BuiltinPool, data_lines
from pools.builtin.seeded import Draws, Numbers, taken

COUNT = 5_000

_SPREAD_DAYS = 11 * 365
_MAIL = {"example.com": 6.0, "example.org": 3.0, "example.net": 1.0}
_EPOCH = date(1970, 1, 1)
_WITHOUT_MARKS = {"ß": "ss", "ł": "l", "ı": "i", "œ": "oe"}
"""Letters whose marks are no characters of their own in Unicode's decomposition."""


class LocalPeople(BuiltinPool):
    """Persons whose name, age and address fit each other, none of whom exists.

    Given names, surnames and cities come by their weights. Birth dates lie within 11 years of the one around which most
    bearers of the given name were born, the likelier the nearer. Phone numbers are of ranges that are kept free for
    fiction, or that nobody has; mail goes to example.com, .org and .net (RFC 2606), each address once.
    """

    country: ClassVar[str]
    """ISO 3166-1 alpha-2; in small letters the folder of its lists."""
    phone: ClassVar[str]
    """A phone number with ``{}`` where the city's own pattern goes."""
    street: ClassVar[str]
    """How ``{street}`` and ``{number}`` are written."""
    largest_number: ClassVar[int] = 180
    """The largest number of a house."""
    postcode: ClassVar[str] = "{}"
    """A postcode with ``{}`` where the city's own pattern goes."""
    surname_count: ClassVar[int] = 1
    """How many surnames a person has."""
    spellings: ClassVar[Mapping[str, str]] = {}
    """How letters are written in addresses of mail, where it is not usual to leave their marks away."""

    @classmethod
    def records(cls) -> pl.DataFrame:
        draws = Draws(cls.kind, COUNT)
        given, surnames, cities, streets = (
            data_lines(f"{cls.country.lower()}/{name}.csv") for name in ("given_names", "surnames", "cities", "streets")
        )
        name = draws.places("given name", [float(line[2]) for line in given])
        city = draws.places("city", [float(line[3]) for line in cities])
        street = draws.places("street", [float(line[1]) for line in streets])
        gender = taken([line[1] for line in given], name)
        last_names = [
            _surnames(surnames, draws.places(f"surname {count}", [float(line[-1]) for line in surnames]), gender)
            for count in range(1, cls.surname_count + 1)
        ]
        postcodes = [[cls.postcode.format(code) for code in line[4].split()] for line in cities]
        drawn = pl.DataFrame(
            {
                "id": np.arange(1, COUNT + 1, dtype=np.int64),
                "firstName": taken([line[0] for line in given], name),
                "surname": last_names[0],
                "lastName": pl.select(pl.concat_str(last_names, separator=" ")).to_series(),
                "gender": gender,
                "birthDate": _births([int(line[3]) for line in given], name, draws),
                "domain": taken(list(_MAIL), draws.places("mail", list(_MAIL.values()))),
                "phone": draws.filled("phone", taken([cls.phone.format(line[2]) for line in cities], city)),
                "line": pl.Series([cls.street]).new_from_index(0, COUNT),
                "street": taken([line[0] for line in streets], street),
                "number": pl.Series(draws.small("house number", cls.largest_number) + 1).cast(pl.String),
                "postcode": draws.filled("postcode", _postcodes(postcodes, city, draws)),
                "city": taken([line[0] for line in cities], city),
                "region": taken([line[1] for line in cities], city),
            }
        )
        street_line = pl.col("line")
        for part in ("street", "number"):
            street_line = street_line.str.replace(f"{{{part}}}", pl.col(part), literal=True)
        return drawn.select(
            "id",
            pl.concat_str("firstName", "lastName", separator=" ").alias("name"),
            "firstName",
            "lastName",
            "gender",
            "birthDate",
            cls._mail(drawn).alias("email"),
            "phone",
            street_line.alias("street"),
            "postcode",
            "city",
            "region",
            pl.lit(cls.country).alias("country"),
        )

    @classmethod
    def _mail(cls, drawn: pl.DataFrame) -> pl.Series:
        """Addresses by first name and first surname; whose name has come before gets a number."""
        first, last = (_ascii(drawn[name], cls.spellings) for name in ("firstName", "surname"))
        named = pl.DataFrame({"local": first + "." + last, "domain": drawn["domain"]})
        turn = pl.int_range(pl.len()).over("local", "domain") + 1
        numbered = pl.when(turn > 1).then(pl.format("{}{}@{}", "local", turn, "domain"))
        return named.select(numbered.otherwise(pl.format("{}@{}", "local", "domain"))).to_series()


def _surnames(lines: Sequence[Sequence[str]], places: Numbers, gender: pl.Series) -> pl.Series:
    """Surnames in the form of each person's gender: a line holds one form for both, or that of men and of women."""
    of_men, of_women = (taken([line[form] for line in lines], places) for form in (0, -2))
    return of_women.zip_with(gender == "F", of_men)


def _births(years: Sequence[int], places: Numbers, draws: Draws) -> pl.Series:
    middles = np.array([(date(year, 7, 1) - _EPOCH).days for year in years])[places]
    return pl.Series((middles + draws.peaked("birth date", _SPREAD_DAYS)).astype(np.int32)).cast(pl.Date)


def _postcodes(of_cities: Sequence[Sequence[str]], city: Numbers, draws: Draws) -> pl.Series:
    """One of the patterns of each person's city."""
    counts = np.array([len(patterns) for patterns in of_cities], np.uint64)
    starts = np.cumsum(counts) - counts
    chosen = starts[city] + bounded_each(draws.words("postcode"), counts[city])
    return taken([pattern for patterns in of_cities for pattern in patterns], chosen.astype(np.int64))


def _ascii(names: pl.Series, spellings: Mapping[str, str]) -> pl.Series:
    """Names as they are written in addresses of mail: small letters of ASCII."""
    known = {name: _ascii_name(name.lower(), spellings) for name in names.unique()}
    return names.replace_strict(list(known), list(known.values()), return_dtype=pl.String)


def _ascii_name(name: str, spellings: Mapping[str, str]) -> str:
    written = "".join(spellings.get(letter, _WITHOUT_MARKS.get(letter, letter)) for letter in name)
    return "".join(letter for letter in unicodedata.normalize("NFKD", written) if letter.isascii() and letter.isalpha())

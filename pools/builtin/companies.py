"""companies: businesses that do not exist, in the countries of the pools of people."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
import polars as pl

from engine.permutation import Permutation
from pools.builtin.base import BuiltinPool, builtin_pools, data_lines
from pools.builtin.seeded import Draws, taken

COUNT = 800

_COUNTRIES = {"US": 30.0, "DE": 24.0, "GB": 18.0, "FR": 14.0, "ES": 8.0, "PL": 6.0}
_LEGAL_FORMS = {
    "US": {"Inc.": 6.0, "LLC": 5.0, "Corp.": 2.0},
    "DE": {"GmbH": 9.0, "AG": 2.0, "GmbH & Co. KG": 3.0},
    "GB": {"Ltd": 9.0, "plc": 2.0, "LLP": 1.0},
    "FR": {"SAS": 6.0, "SARL": 6.0, "SA": 2.0},
    "ES": {"S.L.": 9.0, "S.A.": 3.0},
    "PL": {"sp. z o.o.": 9.0, "S.A.": 2.0},
}
_SIZES = {4: 30.0, 12: 26.0, 35: 18.0, 90: 12.0, 240: 8.0, 700: 4.0, 2200: 1.5, 9000: 0.5}
"""Middles of classes of size, by employees, with their weights."""
_FIRST_YEAR, _LAST_YEAR = 1920, 2024


@builtin_pools.register("companies")
class Companies(BuiltinPool):
    """A name is an invented beginning, a word of the industry and the legal form of the country; each pair comes once.

    Domains end in .example, which leads nowhere (RFC 2606).
    """

    description: ClassVar[str] = "companies with industry, legal form, domain and size, all invented"
    weight_column: ClassVar[str | None] = "employees"
    content_hash: ClassVar[str] = "468840e8083bf30d33081271aec252b4"

    @classmethod
    def records(cls) -> pl.DataFrame:
        draws = Draws(cls.kind, COUNT)
        beginnings = [line[0] for line in data_lines("company_names.csv")]
        industries = data_lines("industries.csv")
        pairs = Permutation(draws.stream("name"), len(beginnings) * len(industries))(draws.numbers())
        beginning, industry = (part.astype(np.int64) for part in np.divmod(pairs, np.uint64(len(industries))))
        country = draws.places("country", list(_COUNTRIES.values()))
        form = np.choose(country, [draws.places("legal form", list(forms.values())) for forms in _LEGAL_FORMS.values()])
        lists = [data_lines(f"{code.lower()}/cities.csv") for code in _COUNTRIES]
        places = [draws.places("city", [float(line[3]) for line in cities]) for cities in lists]
        starts = np.cumsum([0, *map(len, lists)])
        city = np.choose(country, [start + place for start, place in zip(starts, places, strict=False)])
        first_form = np.cumsum([0, *map(len, _LEGAL_FORMS.values())])
        size = draws.places("size", list(_SIZES.values()))
        parts = pl.DataFrame(
            {
                "id": np.arange(1, COUNT + 1, dtype=np.int64),
                "beginning": taken(beginnings, beginning),
                "word": taken([line[1] for line in industries], industry),
                "legalForm": taken(
                    [form for forms in _LEGAL_FORMS.values() for form in forms], first_form[country] + form
                ),
                "industry": taken([line[0] for line in industries], industry),
                "country": taken(list(_COUNTRIES), country),
                "city": taken([line[0] for cities in lists for line in cities], city),
                "region": taken([line[1] for cities in lists for line in cities], city),
                "employees": np.array(list(_SIZES))[size] * (60 + draws.below("employees", 90)) // 100 + 1,
                "foundedYear": _LAST_YEAR - draws.small("founded", _LAST_YEAR - _FIRST_YEAR + 1),
            }
        )
        host = pl.concat_str("beginning", pl.lit(" "), "word").str.to_lowercase().str.replace_all("[^a-z]+", "-")
        domain = pl.concat_str(host, pl.lit(".example"))
        return parts.select(
            "id",
            pl.concat_str("beginning", "word", "legalForm", separator=" ").alias("name"),
            "legalForm",
            "industry",
            domain.alias("domain"),
            pl.concat_str(pl.lit("info@"), domain).alias("email"),
            "city",
            "region",
            "country",
            "employees",
            "foundedYear",
        )

"""people: 10,000 persons of the United States with different names and addresses of mail, none of whom exists."""

from __future__ import annotations

from datetime import date
from typing import ClassVar

import numpy as np
import polars as pl
from numpy.typing import NDArray

from engine.choice import WeightedChoice, weight_tables
from engine.draws import bounded, bounded_each
from engine.permutation import Permutation
from engine.span import Span
from engine.stream import Source, Stream
from pools.builtin.base import BuiltinPool, builtin_pools, data_lines

COUNT = 10_000
FIRST_BIRTH, LAST_BIRTH = date(1941, 1, 1), date(2007, 12, 31)

_PERSONS = Span(0, COUNT)


@builtin_pools.register("people")
class People(BuiltinPool):
    """Names combine given names and surnames, each pair once; a city is drawn by its size, and a postcode of it.

    Phone numbers are 555-0100 to 555-0199, which are kept free for fiction; mail goes to example.com (RFC 2606).
    """

    description: ClassVar[str] = "persons of the United States, each name and address of mail once"
    content_hash: ClassVar[str] = "44e755ec365f5f32d967d293fee51b58"

    @classmethod
    def records(cls) -> pl.DataFrame:
        given, surnames, cities = (data_lines(f"{name}.csv") for name in ("given_names", "surnames", "us/cities"))
        pairs = Permutation(_stream("name"), len(given) * len(surnames))(_PERSONS.numbers())
        first, last = np.divmod(pairs, np.uint64(len(surnames)))
        first_names = _taken([name for name, _ in given], first)
        last_names = _taken([name for (name,) in surnames], last)
        place = _sizes_choice([float(city[3]) for city in cities])
        postcodes = [city[4].split() for city in cities]
        births = bounded(_words("birthDate"), (LAST_BIRTH - FIRST_BIRTH).days + 1).astype(np.int32)
        first_birth = (FIRST_BIRTH - date(1970, 1, 1)).days
        line_numbers = pl.Series(bounded(_words("phone"), 100).astype(np.int64)).cast(pl.String).str.pad_start(2, "0")
        letters = pl.select((first_names + "." + last_names).str.to_lowercase().str.replace_all("'", "")).to_series()
        return pl.DataFrame(
            {
                "name": first_names + " " + last_names,
                "firstName": first_names,
                "lastName": last_names,
                "gender": _taken([gender for _, gender in given], first),
                "email": letters + "@example.com",
                "phone": "+1 " + _taken([city[2] for city in cities], place) + "-555-01" + line_numbers,
                "city": _taken([city[0] for city in cities], place),
                "region": _taken([city[1] for city in cities], place),
                "country": pl.Series(["US"]).new_from_index(0, COUNT),
                "postcode": _postcodes(postcodes, place),
                "birthDate": pl.Series(births + np.int32(first_birth)).cast(pl.Date),
            }
        )


def _stream(purpose: str) -> Stream:
    return Source(0, "built-in pools", "people").stream(purpose)


def _words(purpose: str) -> NDArray[np.uint64]:
    return _stream(purpose).words(_PERSONS)


def _sizes_choice(sizes: list[float]) -> NDArray[np.int64]:
    """A city for each person, in proportion to the sizes: shape ``(COUNT,)``."""
    return WeightedChoice(weight_tables(sizes))(_words("city"))


def _taken(texts: list[str], indices: NDArray[np.uint64] | NDArray[np.int64]) -> pl.Series:
    return pl.Series(texts).gather(indices.astype(np.int64))


def _postcodes(postcodes: list[list[str]], place: NDArray[np.int64]) -> pl.Series:
    """One of the postcodes of each person's city."""
    counts = np.array([len(of_city) for of_city in postcodes], np.uint64)
    starts = np.cumsum(counts) - counts
    chosen = starts[place] + bounded_each(_words("postcode"), counts[place])
    return _taken([postcode for of_city in postcodes for postcode in of_city], chosen)

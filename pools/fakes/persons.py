"""person: a provider of ours for Faker, whose parts fit each other: the name is made of the first and the last one."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from faker.generator import Generator
from faker.providers import BaseProvider
from faker.providers.internet import Provider as Internet
from faker.providers.person import Provider as Person

_TOKEN = re.compile(r"\{\{(\w+)\}\}")
_UNFIT = re.compile(r"[^a-z0-9-]+")
_DOMAINS = ("example.com", "example.net", "example.org")
"""Kept free for examples (RFC 2606): nobody gets this mail."""


class Persons(BaseProvider):
    """Somebody of the generator's locale."""

    def __init__(self, generator: Generator) -> None:
        super().__init__(generator)
        self._person = next(one for one in generator.get_providers() if isinstance(one, Person))
        self._internet = next(one for one in generator.get_providers() if isinstance(one, Internet))

    def person(self) -> dict[str, Any]:
        """firstName, lastName, name, gender (female or male), userName and email."""
        gender = ("female", "male")[self.generator.random.randrange(2)]
        first, last = self._call("first_name", gender), self._call("last_name", gender)
        user_name = ".".join(filter(None, map(self._plain, (first, last)))) or self.generator.user_name()
        return {
            "firstName": first,
            "lastName": last,
            "name": self._pattern(gender).format(first=first, last=last),
            "gender": gender,
            "userName": user_name,
            "email": f"{user_name}@{_DOMAINS[self.generator.random.randrange(len(_DOMAINS))]}",
        }

    def _call(self, part: str, gender: str) -> str:
        """A name of that gender, where the locale tells them apart."""
        return str(getattr(self._person, f"{part}_{gender}")())

    def _pattern(self, gender: str) -> str:
        """In which order the locale writes the two names, and what stands between them."""
        return _plainest([*getattr(self._person, f"formats_{gender}", ()), *self._person.formats])

    def _plain(self, name: str) -> str:
        return _UNFIT.sub("-", self._internet._to_ascii(name).lower()).strip("-")


def _plainest(formats: Iterable[str]) -> str:
    """The first pattern that consists of one first and one last name, as one of Python's."""
    for pattern in formats:
        parts = [token.removesuffix("_female").removesuffix("_male") for token in _TOKEN.findall(pattern)]
        if sorted(parts) == ["first_name", "last_name"]:
            return _TOKEN.sub(lambda token: "{first}" if token[1].startswith("first") else "{last}", pattern)
    return "{first} {last}"

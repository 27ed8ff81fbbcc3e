"""Calls of Faker's providers: which are allowed, with which arguments, and what they give."""

from __future__ import annotations

import hashlib
import inspect
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time
from decimal import Decimal
from functools import cache
from typing import Any

from faker.config import AVAILABLE_LOCALES, DEFAULT_LOCALE
from faker.factory import Factory
from faker.generator import Generator

from engine.issues import Issue, did_you_mean, pointer
from pools.fakes.persons import Persons
from sdg_project.text import quoted, readable, shown

REFUSED = frozenset(
    {
        "binary", "csv", "dsv", "enum", "fixed_width", "image", "json", "json_bytes", "psv", "pydict", "pyiterable",
        "pylist", "pyobject", "pyset", "pystruct", "pytuple", "tar", "time_series", "tsv", "xml", "zip",
    }
)  # fmt: skip
"""What makes whole files and collections, or calls whatever an argument names. Faker has none that reads files."""

_MAX_COUNT = 10_000
_LARGE = 2**63
_VALUES = frozenset({"min", "max", "min_value", "max_value", "step", "multiple_of"})
"""Arguments that are values; all other numbers say how many, or how long."""
_MAX_BITS = 1_000
_CALLS_OTHERS = "{{"


@dataclass(frozen=True)
class Call:
    """A column: a provider by its name, its arguments, and the part of what it gives, if that has parts."""

    column: str
    provider: str
    part: str | None
    args: Mapping[str, Any] = field(default_factory=dict)

    @property
    def at(self) -> str:
        """Where it stands in the pool's definition."""
        return pointer("source", "columns", self.column)

    @property
    def identity(self) -> str:
        """Equal for columns that take parts of one and the same thing."""
        own = "" if self.part else self.column
        return json.dumps([self.provider, own, self.args], sort_keys=True, default=str)


class Unusable(Exception):
    """A provider has failed, or has given what no pool can hold."""


class Fakes:
    """Faker in one locale, whose every value is a function of the seed, the row and the call."""

    def __init__(self, locale: str, seed: int) -> None:
        self._locale, self._seed = locale, seed
        self._generator: Generator = Factory.create(locale)
        self._generator.add_provider(Persons)

    def value(self, call: Call, row: int, whole: dict[str, Any]) -> Any:
        """The value of a column in a row; `whole` keeps what has parts, for the other columns of the row."""
        if call.part is None:
            return _plain(self._called(call, row))
        if call.identity not in whole:
            whole[call.identity] = self._called(call, row)
        parts = whole[call.identity]
        if not isinstance(parts, Mapping):
            raise Unusable(f"{call.provider} gives {_kind(parts)}, which has no parts")
        if call.part not in parts:
            hint = did_you_mean(call.part, parts) or f"there are {', '.join(map(str, parts))}"
            raise Unusable(f"{call.provider} has no part {quoted(call.part)}: {hint}")
        return _plain(parts[call.part])

    def _called(self, call: Call, row: int) -> Any:
        text = f"{self._seed}\0{self._locale}\0{row}\0{call.identity}"
        self._generator.seed_instance(int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest()))
        try:
            return getattr(self._generator, call.provider)(**call.args)
        except Exception as error:  # whatever a provider raises when its arguments do not suit it
            raise Unusable(
                f"{call.provider} does not work so: {readable(str(error) or type(error).__name__)}"
            ) from error


def locale_issue(locale: str, at: str) -> Issue | None:
    """What is wrong with a locale, if anything is."""
    if locale in AVAILABLE_LOCALES:
        return None
    hint = did_you_mean(locale, sorted(AVAILABLE_LOCALES)) or "such as en_US, de_DE or fr_FR"
    return Issue("INVALID_VALUE", at, f"Faker has no locale {quoted(locale)}", hint)


def call_issues(call: Call, locales: list[str]) -> Iterator[Issue]:
    """What is wrong with a call as far as can be said without making it."""
    at = call.at + "/provider"
    if call.provider in REFUSED:
        message = f"{call.provider} is refused: it makes files or collections, or calls what its arguments name"
        yield Issue("PROPERTY_NOT_ALLOWED", at, message, "a column takes a provider of single values")
        return
    lacking = [locale for locale in locales if call.provider not in _providers(locale)]
    if lacking:
        where = "" if len(lacking) == len(locales) and locales == [DEFAULT_LOCALE] else f" in {', '.join(lacking)}"
        known = sorted(set.intersection(*(set(_providers(locale)) for locale in locales)) - REFUSED)
        hint = did_you_mean(call.provider, known) or "such as name, city, company, person.name or pyint"
        yield Issue("INVALID_VALUE", at, f"Faker has no provider {quoted(call.provider)}{where}", hint)
        return
    parameters = _providers(locales[0])[call.provider]
    for name, value in call.args.items():
        place = call.at + pointer("args", name)
        if name not in parameters:
            there = f"accepted are {', '.join(parameters)}" if parameters else "it takes no arguments"
            message = f"{call.provider} has no argument {quoted(name)}"
            yield Issue("UNKNOWN_PROPERTY", place, message, did_you_mean(name, parameters) or there)
        elif fault := _fault(name, value):
            yield Issue("INVALID_VALUE", place, fault)


@cache
def _providers(locale: str) -> dict[str, list[str]]:
    """The names of all providers of a locale, and the arguments of each."""
    generator = Factory.create(locale)
    generator.add_provider(Persons)
    return {
        name: [*inspect.signature(getattr(provider, name)).parameters]
        for provider in generator.get_providers()
        for name in dir(type(provider))
        if not name.startswith("_") and inspect.isroutine(getattr(type(provider), name))
    }


def _fault(name: str, value: Any) -> str | None:
    """Why an argument would take too much time or room, or would call other providers."""
    if isinstance(value, str):
        if _CALLS_OTHERS in value:
            return f"{name} must not call other providers by {_CALLS_OTHERS}"
        return f"{name} must have at most {_MAX_COUNT:,} characters" if len(value) > _MAX_COUNT else None
    if isinstance(value, bool) or value is None:
        return None
    if isinstance(value, (int, float, Decimal)):
        most = _LARGE if name in _VALUES else _MAX_COUNT
        return None if -most <= value <= most else f"{name} must be at most {most:,}, not {shown(value)}"
    if isinstance(value, Mapping):
        value = [*value, *value.values()]
    if len(value) > _MAX_COUNT:
        return f"{name} must have at most {_MAX_COUNT:,} elements"
    return next((fault for one in value if (fault := _fault(name, one))), None)


def _plain(value: Any) -> Any:
    """A value as a row of JSON holds it; instants without a zone are in UTC."""
    if isinstance(value, int) and value.bit_length() > _MAX_BITS:
        raise Unusable(f"it gives {shown(value)}, which cannot be a value of a pool")
    if value is None or isinstance(value, (str, bool, int, float, Decimal)):
        return value
    if isinstance(value, datetime):
        return (value if value.tzinfo else value.replace(tzinfo=UTC)).isoformat(timespec="milliseconds")
    if isinstance(value, (date, time)):
        return value.isoformat()
    raise Unusable(f"it gives {_kind(value)}, which cannot be a value of a pool")


def _kind(value: Any) -> str:
    if isinstance(value, Mapping):
        return f"an object with the parts {', '.join(map(str, value))}"
    return "a list" if isinstance(value, (list, tuple, set)) else f"a {type(value).__name__}"

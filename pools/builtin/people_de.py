"""people-de: persons of Germany with their addresses."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from pools.builtin.base import builtin_pools
from pools.builtin.local_people import LocalPeople


@builtin_pools.register("people-de")
class PeopleDe(LocalPeople):
    description: ClassVar[str] = "persons of Germany with addresses"
    content_hash: ClassVar[str] = "b75bee7025fd6cae53af4cb7f50ff7dd"
    country: ClassVar[str] = "DE"
    phone: ClassVar[str] = "+49 {}"
    street: ClassVar[str] = "{street} {number}"
    spellings: ClassVar[Mapping[str, str]] = {"ä": "ae", "ö": "oe", "ü": "ue"}

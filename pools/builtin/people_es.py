"""people-es: persons of Spain, with two surnames, and their addresses."""

from __future__ import annotations

from typing import ClassVar

from pools.builtin.base import builtin_pools
from pools.builtin.local_people import LocalPeople


@builtin_pools.register("people-es")
class PeopleEs(LocalPeople):
    description: ClassVar[str] = "persons of Spain with two surnames and addresses"
    content_hash: ClassVar[str] = "8e97ca4ec95778798c535ff0a922b6a8"
    country: ClassVar[str] = "ES"
    phone: ClassVar[str] = "+34 {}"
    street: ClassVar[str] = "{street}, {number}"
    surname_count: ClassVar[int] = 2

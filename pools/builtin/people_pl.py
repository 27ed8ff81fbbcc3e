"""people-pl: persons of Poland with their addresses."""

from __future__ import annotations

from typing import ClassVar

from pools.builtin.base import builtin_pools
from pools.builtin.local_people import LocalPeople


@builtin_pools.register("people-pl")
class PeoplePl(LocalPeople):
    description: ClassVar[str] = "persons of Poland with addresses"
    content_hash: ClassVar[str] = "155e1ae85823cdaf963109417bcd7586"
    country: ClassVar[str] = "PL"
    phone: ClassVar[str] = "+48 {}"
    street: ClassVar[str] = "ul. {street} {number}"

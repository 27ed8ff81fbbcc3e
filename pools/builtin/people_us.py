"""people-us: persons of the United States with their addresses."""

from __future__ import annotations

from typing import ClassVar

from pools.builtin.base import builtin_pools
from pools.builtin.local_people import LocalPeople


@builtin_pools.register("people-us")
class PeopleUs(LocalPeople):
    description: ClassVar[str] = "persons of the United States with addresses"
    content_hash: ClassVar[str] = "5a93a981003dd4287f5c7956b08acb55"
    country: ClassVar[str] = "US"
    phone: ClassVar[str] = "+1 {}-555-01##"
    street: ClassVar[str] = "{number} {street}"
    largest_number: ClassVar[int] = 4_999

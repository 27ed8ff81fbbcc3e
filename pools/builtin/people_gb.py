"""people-gb: persons of the United Kingdom with their addresses."""

from __future__ import annotations

from typing import ClassVar

from pools.builtin.base import builtin_pools
from pools.builtin.local_people import LocalPeople


@builtin_pools.register("people-gb")
class PeopleGb(LocalPeople):
    description: ClassVar[str] = "persons of the United Kingdom with addresses"
    content_hash: ClassVar[str] = "3b3fa16cca24d5c7dbd9ef0b55966a57"
    country: ClassVar[str] = "GB"
    phone: ClassVar[str] = "+44 {}"
    street: ClassVar[str] = "{number} {street}"
    postcode: ClassVar[str] = "{} #@@"

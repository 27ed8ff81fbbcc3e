"""people-fr: persons of France with their addresses."""

from __future__ import annotations

from typing import ClassVar

from pools.builtin.base import builtin_pools
from pools.builtin.local_people import LocalPeople


@builtin_pools.register("people-fr")
class PeopleFr(LocalPeople):
    description: ClassVar[str] = "persons of France with addresses"
    content_hash: ClassVar[str] = "df8d0108848eda71566d8e6c87debb2f"
    country: ClassVar[str] = "FR"
    phone: ClassVar[str] = "+33 {}"
    street: ClassVar[str] = "{number} {street}"

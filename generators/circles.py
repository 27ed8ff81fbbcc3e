"""Circles: generators use pools, and a pool may be made of a generator; none may depend on itself."""

from __future__ import annotations

from collections.abc import Iterable
from uuid import UUID

from generators.models import Generator
from pools.models import Pool


def find_generator(reference: str) -> Generator | None:
    """The generator of an id, or of a name without regard to case."""
    try:
        found = Generator.objects.filter(pk=UUID(reference)).first()
    except ValueError:
        found = None
    return found or Generator.objects.filter(name_key=reference.casefold()).first()


def way_to_pool(name: str, generator: Generator) -> list[str] | None:
    """How a generator depends on a pool: the names on the way; None when it does not."""
    return _way(generator.pool_fields, pool=name.lower(), generator=None)


def way_to_generator(name_key: str, pools: Iterable[str]) -> list[str] | None:
    """How pools depend on a generator: the names on the way; None when none does."""
    return _way(pools, pool=None, generator=name_key)


def _way(pools: Iterable[str], *, pool: str | None, generator: str | None) -> list[str] | None:
    """The names from one of the pools, given in lower case, to what is looked for."""
    made_of = {
        stored.name.lower(): str(stored.source.get("generator"))
        for stored in Pool.objects.filter(source__type="GENERATOR")
    }
    ways = [[name] for name in sorted(pools)]
    seen: set[str] = set()
    while ways:
        way = ways.pop()
        name = way[-1]
        if name == pool:
            return way
        if name in seen or name not in made_of:
            continue
        seen.add(name)
        source = find_generator(made_of[name])
        key = source.name_key if source is not None else made_of[name].casefold()
        if key == generator:
            return [*way, made_of[name]]
        if source is not None:
            ways += [[*way, source.name, further] for further in sorted(source.pool_fields)]
    return None

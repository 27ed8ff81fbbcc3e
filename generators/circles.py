"""Circles: generators use pools, and a pool may be made of a generator; none may depend on itself."""

from __future__ import annotations

from collections.abc import Iterable
from uuid import UUID

from generators.models import Generator
from pools.models import Pool
from sdg_project.database import has_table


def find_generator(reference: str) -> Generator | None:
    """The stored generator of an id, or of a name without regard to case."""
    if not has_table(Generator._meta.db_table):
        return None
    key = _id_in(reference)
    found = Generator.objects.filter(pk=key).first() if key is not None else None
    return found or Generator.objects.filter(name_key=reference.casefold()).first()


def generator_names() -> list[str]:
    """The names of the stored generators."""
    return list(Generator.objects.values_list("name", flat=True)) if has_table(Generator._meta.db_table) else []


def pools_made_of(generator: Generator, *, by_name_only: bool = False) -> list[str]:
    """The names of the pools that are made of a generator's records; or only of those that know it by its name."""
    return [
        name
        for name, reference in _made_of().items()
        if reference.casefold() == generator.name_key or (_id_in(reference) == generator.pk and not by_name_only)
    ]


def way_to_pool(name: str, generator: Generator) -> list[str] | None:
    """How a generator depends on a pool: the names on the way; None when it does not."""
    return _way(generator.pool_fields, pool=name.lower(), generator=None)


def way_to_generator(name_key: str, pools: Iterable[str]) -> list[str] | None:
    """How pools depend on a generator: the names on the way; None when none does."""
    return _way(pools, pool=None, generator=name_key)


def _way(pools: Iterable[str], *, pool: str | None, generator: str | None) -> list[str] | None:
    """The names from one of the pools, given in lower case, to what is looked for."""
    made_of = {name.lower(): reference for name, reference in _made_of().items()}
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


def _id_in(reference: str) -> UUID | None:
    try:
        return UUID(reference)
    except ValueError:
        return None


def _made_of() -> dict[str, str]:
    """The pools that are made of generators, with the id or the name that each of them says."""
    pools = Pool.objects.filter(source__type="GENERATOR").order_by("name")
    return {pool.name: str(pool.source.get("generator")) for pool in pools}

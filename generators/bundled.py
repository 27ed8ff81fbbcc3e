"""Generators that stand in a bundle, beside pools that are made of them: nothing of them is stored."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import datetime
from typing import Any

from engine.issues import Issue
from generators.definition import Definition, read_definition
from generators.models import Generator
from sdg_project.documents import Document

_beside: ContextVar[Mapping[str, Generator] | None] = ContextVar("generators_beside", default=None)


@contextmanager
def generators_beside(documents: Sequence[Document], *, updated_at: datetime) -> Iterator[None]:
    """Within it the generators of a bundle, by their names, win over the stored ones."""
    token = _beside.set({one.name_key: one for one in _generators(documents, updated_at)})
    try:
        yield
    finally:
        _beside.reset(token)


def bundled_generator(name: str) -> Generator | None:
    """The generator of a name that stands in the bundle which is being read; it is not stored."""
    return (_beside.get() or {}).get(name.casefold())


def pools_in_order(pools: Sequence[Document]) -> tuple[list[Document], list[Issue]]:
    """The pools of a bundle so that each comes behind those that it is made of, by way of the bundle's generators.

    With the issues of those that are made of themselves, which are left out.
    """
    by_name = {name.lower(): pool for pool in pools if (name := _text(pool.value, "name"))}
    ordered: list[Document] = []
    issues: list[Issue] = []
    for pool in pools:
        _put(pool, by_name, ordered, issues, way=[])
    return ordered, issues


def used_pools(definition: Definition) -> dict[str, list[str]]:
    """The fields that use pools, by the names of these in lower case."""
    found: dict[str, list[str]] = {}
    for mapping in definition.mappings:
        for pool in mapping.kind.pool_names(mapping.params):
            fields = found.setdefault(pool.lower(), [])
            if mapping.shape.field_name not in fields:
                fields.append(mapping.shape.field_name)
    return found


def _put(
    pool: Document, by_name: Mapping[str, Document], ordered: list[Document], issues: list[Issue], *, way: list[str]
) -> None:
    """Append a pool behind those that it needs, unless it is there."""
    if any(pool is other for other in ordered):
        return
    name = _text(pool.value, "name")
    source = pool.value.get("source") if isinstance(pool.value, dict) else None
    generator = bundled_generator(_text(source, "generator")) if _text(source, "type") == "GENERATOR" else None
    for needed in () if generator is None else sorted(generator.pool_fields):
        further = [*way, name.lower(), generator.name if generator is not None else ""]
        if needed in further[::2]:
            message = f"the pool is made of itself: {' → '.join([*further, needed])}"
            issues += pool.placed([Issue("DEPENDENCY_CYCLE", "/source/generator", message)])
            return
        if needed in by_name:
            _put(by_name[needed], by_name, ordered, issues, way=further)
    ordered.append(pool)


def _generators(documents: Sequence[Document], updated_at: datetime) -> Iterator[Generator]:
    """What could be read of the generators of a bundle."""
    for document in documents:
        definition = read_definition(document.value).definition
        if definition is not None and definition.shape.name:
            yield Generator(
                name=definition.shape.name,
                name_key=definition.shape.name.casefold(),
                definition=definition.document,
                pool_fields=used_pools(definition),
                updated_at=updated_at,
            )


def _text(value: Any, name: str) -> str:
    """A property that is a text; empty when there is none."""
    found = value.get(name) if isinstance(value, dict) else None
    return found if isinstance(found, str) else ""

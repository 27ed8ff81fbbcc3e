"""Staged pools: read and loaded, but not stored yet; then all of them are stored at once, or none."""

from __future__ import annotations

import filecmp
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from time import monotonic
from typing import Any
from uuid import UUID

from django.db import transaction

from engine.issues import Issue
from pools import services, store
from pools.beside import pools_beside
from pools.definition import read_pool
from pools.loading import Loaded, first_snapshot, load
from pools.models import Pool
from pools.snapshot import Snapshot
from sdg_project.documents import Document
from sdg_project.errors import Invalid, NotFound


@dataclass(frozen=True, slots=True)
class StagedPool:
    """A pool as it would be stored; `current` is the stored one of its name, if there is one."""

    name: str
    definition: dict[str, Any]
    loaded: Loaded
    load_duration_ms: int
    snapshot: Snapshot
    current: Pool | None

    @property
    def has_other_rows(self) -> bool:
        """Whether the stored pool holds another table."""
        if self.current is None:
            return True
        version = self.current.versions.filter(version=self.current.version).first()
        return version is None or version.content_hash != self.snapshot.content_hash

    @property
    def is_new_or_changed(self) -> bool:
        return self.has_other_rows or any(getattr(self.current, key) != part for key, part in self.definition.items())


def stage_pools(documents: Sequence[Document], *, base: Path) -> tuple[list[StagedPool], list[Issue]]:
    """The pools of a bundle in turn, and everything that is wrong with them; relative paths are below `base`."""
    staged: list[StagedPool] = []
    issues: list[Issue] = []
    tables: dict[str, Snapshot] = {}
    with pools_beside(tables):
        for document in documents:
            try:
                pool = _stage(document.value, base=base)
                if pool.name.lower() in {name.lower() for name in tables}:
                    raise Invalid([Issue("DUPLICATE_VALUE", "/name", f'there are two pools "{pool.name}"')])
            except Invalid as error:
                issues += document.placed(error.issues)
                continue
            tables[pool.name] = pool.snapshot
            staged.append(pool)
    return staged, issues


def store_pools(staged: Sequence[StagedPool], *, then: Callable[[], None]) -> None:
    """Store pools, and do what follows in the same transaction; when anything fails, nothing has changed."""
    made: list[UUID] = []
    try:
        with ExitStack() as locks, transaction.atomic():
            for pool in staged:
                stored = _row(pool)
                if pool.current is None:
                    made.append(stored.pk)
                locks.enter_context(store.loading_lock(stored.pk))
                services.publish(stored.pk, pool.loaded, duration_ms=pool.load_duration_ms, changes=pool.definition)
            then()
    except BaseException:
        for pool_id in made:
            store.remove_pool_folder(pool_id)
        raise


def _stage(document: Any, *, base: Path) -> StagedPool:
    definition = read_pool(document)
    shape = definition.shape
    started = monotonic()
    loaded = load(definition, base=base)
    try:
        current = services.get_pool(shape.name)
    except NotFound:
        current = None
    source = services.absolute_source(document["source"], base=base)
    if current is not None and _is_what_was_uploaded(source, current):
        source = current.source
    return StagedPool(
        name=current.name if current is not None else shape.name,
        definition=services.stored_definition(shape, source),
        loaded=loaded,
        load_duration_ms=int((monotonic() - started) * 1000),
        snapshot=first_snapshot(shape, loaded.records),
        current=current,
    )


def _is_what_was_uploaded(source: Mapping[str, Any], pool: Pool) -> bool:
    """Whether a source is a copy of what was uploaded for a pool, as an export writes it beside its bundle."""
    kept = pool.source
    if (source["type"], kept["type"]) != ("FILE", "UPLOAD"):
        return False
    reading = [
        {name: part for name, part in one.items() if name not in {"type", "path", "file"}} for one in (source, kept)
    ]
    ours = store.pool_folder(pool.pk) / kept["file"]
    return reading[0] == reading[1] and ours.is_file() and filecmp.cmp(source["path"], ours, shallow=False)


def _row(pool: StagedPool) -> Pool:
    if pool.current is not None:
        return services.get_pool(pool.name)  # NotFound when it has been removed meanwhile
    return Pool.objects.create(name=pool.name, **pool.definition)

"""What can be done with pools: add, refresh, list, look up, open, prune, remove."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from itertools import pairwise
from pathlib import Path
from time import monotonic
from typing import IO, Any, Protocol
from uuid import UUID

from django.db import IntegrityError, transaction
from django.db.models.functions import Lower
from django.utils import timezone

from engine.issues import Issue, did_you_mean, issue_from_json, told_apart
from pools import store
from pools.builtin.base import VERSION as BUILTIN_VERSION
from pools.builtin.base import builtin_pools
from pools.definition import STRATEGY_PARAMS, PoolDefinition, PoolShape, read_pool
from pools.enums import PoolStatus
from pools.files.options import Progress, unseen
from pools.limits import FEWER_BYTES
from pools.loading import Loaded, load
from pools.models import Pool, PoolVersion
from pools.snapshot import Snapshot, content_hash, table_bytes
from pools.uses import pinned_versions, uses_of
from sdg_project.database import has_table
from sdg_project.errors import Conflict, Invalid, NotFound, TooLarge, Unavailable
from sdg_project.text import amount

_TELL_S = 0.5
_STARTING = timedelta(hours=1)
"""How long a run may take from its first look at a pool to its row in the database, at the very most."""


class Loader(Protocol):
    """How a source is read: `pools.loading.load`, or in a process of its own."""

    def __call__(self, definition: PoolDefinition, *, base: Path, progress: Progress) -> Loaded: ...


def add_pool(
    document: Mapping[str, Any],
    *,
    base: Path,
    content: IO[bytes] | None = None,
    loader: Loader = load,
    progress: Progress = unseen,
) -> Pool:
    """Make a pool from its definition and load its first version; relative paths are below `base`.

    `content` is that of a source of type UPLOAD, and kept. Raises Invalid with every fault of the definition or the
    source, Conflict when the name is taken. No pool is left then.
    """
    definition = read_pool(document)
    shape = definition.shape
    source = absolute_source(document["source"], base=base)
    try:
        with transaction.atomic():
            pool = Pool.objects.create(name=shape.name, **stored_definition(shape, source))
    except IntegrityError as error:
        there = _stored(shape.name)
        name = shape.name if there is None else there.name  # it may have been removed just now
        hint = f"sdg pool refresh {name} reads it anew, sdg pool remove {name} removes it"
        raise Conflict("NAME_TAKEN", f'there is a pool "{name}" already', hint=hint) from error
    try:
        if content is not None:
            path = store.pool_folder(pool.pk) / source["file"]
            try:
                store.receive(content, path, max_bytes=shape.limits.max_bytes)
            except TooLarge as error:
                raise Invalid([Issue("POOL_TOO_LARGE", "/source", str(error), FEWER_BYTES)]) from error
        return refresh_pool(pool.name, loader=loader, progress=progress)
    except BaseException:
        _remove(pool)
        raise


def refresh_pool(name: str, *, loader: Loader = load, progress: Progress = unseen) -> Pool:
    """Read the source of a pool anew. Equal content keeps the version; else there is a new one for runs to come.

    Who asks while the pool is being read waits for that reading and has its outcome. Raises Invalid when the source
    cannot be loaded: the version in use stays, and `last_error` holds the issues.
    """
    pool = get_pool(name)
    with store.loading_lock(pool.pk) as has_waited:
        before = (pool.loaded_at, pool.last_error)
        pool = _still_there(pool)
        if has_waited and (pool.loaded_at, pool.last_error) != before:
            if pool.last_error:
                raise Invalid([issue_from_json(issue) for issue in pool.last_error])
            return pool
        started = monotonic()
        try:
            loaded = _load(pool, read_pool(pool_document(pool)), loader, progress)
        except Invalid as error:
            _failed(pool, [issue.as_json() for issue in told_apart(error.issues)])
            raise
        except Unavailable as error:
            _failed(pool, [Issue(error.code, "/source", str(error), error.hint).as_json()])
            raise
        except BaseException:
            _failed(pool, [])
            raise
        published = publish(pool.pk, loaded, duration_ms=int((monotonic() - started) * 1000))
    _drop_versions(published)
    return published


def replace_pool(name: str, document: Mapping[str, Any], *, loader: Loader = load) -> Pool:
    """Give a pool another definition, whose source is loaded first.

    Raises Invalid when that fails; nothing changes then. Relative paths are below the pool's own folder in the store.
    """
    pool = get_pool(name)
    definition = read_pool(document)
    shape = definition.shape
    if shape.name.lower() != pool.name.lower():
        message = f'the name must be "{pool.name}", as in the address: pools are not renamed'
        raise Invalid([Issue("INVALID_VALUE", "/name", message)])
    with store.loading_lock(pool.pk):
        pool = _still_there(pool)
        started = monotonic()
        try:
            loaded = _load(pool, definition, loader, unseen)
        except BaseException:
            _failed(pool, pool.last_error or [])
            raise
        changes = stored_definition(shape, document["source"])
        return publish(pool.pk, loaded, duration_ms=int((monotonic() - started) * 1000), changes=changes)


def claim_due_pools(now: datetime) -> list[str]:
    """The names of the pools that are to be read anew, which nobody else is told then: the next time is set."""
    due = Pool.objects.filter(refresh_due_at__lte=now)
    return [
        pool.name
        for pool in due
        if pool.interval is not None and due.filter(pk=pool.pk).update(refresh_due_at=now + pool.interval)
    ]


def mend_interrupted() -> list[str]:
    """Give pools their status back whose reader has died; their names."""
    names = []
    for pool in Pool.objects.filter(status=PoolStatus.LOADING):
        if not store.is_being_loaded(pool.pk):
            message = f'reading the source of pool "{pool.name}" was interrupted'
            _failed(pool, [Issue("POOL_NOT_READY", "", message, f"sdg pool refresh {pool.name}").as_json()])
            names.append(pool.name)
    return names


def get_pool(name: str) -> Pool:
    """The stored pool of a name, without regard to case; raises NotFound with a close name."""
    pool = _stored(name)
    if pool is None:
        hint = did_you_mean(name, pool_names())
        if name in builtin_pools:
            hint = f'"{name}" is built in, so it can be used but not changed'
        raise NotFound(f'there is no stored pool "{name}"', hint=hint)
    return pool


def list_pools() -> list[Pool]:
    """The stored pools, by name."""
    return list(Pool.objects.all()) if has_table(Pool._meta.db_table) else []


def pool_names() -> list[str]:
    """The names of all pools that a definition may use: the stored and the built-in ones."""
    stored = [pool.name for pool in list_pools()]
    taken = {name.lower() for name in stored}
    return [*stored, *(name for name in builtin_pools if name.lower() not in taken)]


def uses_of_connection(name: str) -> list[dict[str, str]]:
    """The pools that are read over a connection."""
    pools = [pool for pool in list_pools() if str(pool.source.get("connection", "")).lower() == name.lower()]
    return [{"kind": "pool", "name": pool.name} for pool in pools]


def remove_pool(name: str) -> None:
    """Remove a pool with all its versions; raises Conflict when something still uses it."""
    pool = get_pool(name)
    if used_by := uses_of(pool.name):
        message = f'pool "{pool.name}" is used by {amount(len(used_by), "generator")}'
        raise Conflict("IN_USE", message, hint="change these first", details={"usedBy": used_by})
    with store.loading_lock(pool.pk):
        _remove(pool)


def pool_document(pool: Pool) -> dict[str, Any]:
    """The definition of a stored pool, as `add_pool` takes it."""
    return {
        "name": pool.name,
        "source": pool.source,
        "loadStrategy": pool.load_strategy,
        **pool.strategy_params,
        "columns": pool.declared_columns,
        "weightColumn": pool.weight_column or None,
        "refresh": pool.refresh,
        "limits": pool.limits,
    }


def publish(pool_id: UUID, loaded: Loaded, *, duration_ms: int, changes: Mapping[str, Any] | None = None) -> Pool:
    """Make a loaded table the pool's version in use, by one transaction behind the written file.

    The caller holds its loading lock. `changes` are those of `stored_definition`.
    """
    digest = content_hash(loaded.records)
    pool = Pool.objects.get(pk=pool_id)
    for name, value in (changes or {}).items():
        setattr(pool, name, value)
    current = pool.versions.filter(version=pool.version).first()
    same = current is not None and current.content_hash == digest and _is_there(pool, current)
    if not same:
        pool.version += 1
        indexed = pool.strategy_params.get("indexColumns", ())
        path, size = store.write_version(pool_id, pool.version, loaded.records, index_columns=indexed)
    elif current is not None:
        store.add_indexes(pool, current)
    pool.status, pool.last_error = PoolStatus.READY if loaded.records.height else PoolStatus.EMPTY, None
    pool.row_count, pool.source_row_count = loaded.records.height, loaded.source_row_count
    pool.columns, pool.notes = loaded.columns, loaded.notes
    pool.memory_bytes = table_bytes(loaded.records)
    pool.loaded_at, pool.load_duration_ms = timezone.now(), duration_ms
    pool.refresh_due_at = None if pool.interval is None else pool.loaded_at + pool.interval
    with transaction.atomic():
        if not same:
            PoolVersion.objects.create(
                pool=pool,
                version=pool.version,
                content_hash=digest,
                path=path,
                row_count=loaded.records.height,
                bytes=size,
            )
        pool.save()
    return pool


def stored_definition(shape: PoolShape, source: Mapping[str, Any]) -> dict[str, Any]:
    """What is stored of a pool's definition beside its name, by the names of the columns."""
    given = shape.model_dump(mode="json", by_alias=True, exclude_none=True)
    return {
        "source": dict(source),
        "load_strategy": shape.load_strategy.value,
        "strategy_params": {name: given[name] for names in STRATEGY_PARAMS.values() for name in names if name in given},
        "refresh": shape.refresh.model_dump(mode="json", by_alias=True, exclude_defaults=True),
        "declared_columns": [column.model_dump(mode="json", exclude_defaults=True) for column in shape.columns],
        "weight_column": shape.weight_column or "",
        "limits": shape.limits.model_dump(mode="json", by_alias=True, exclude_defaults=True),
    }


def absolute_source(source: Mapping[str, Any], *, base: Path) -> dict[str, Any]:
    """A source whose file is named so that the working folder does not matter."""
    path = source.get("path")
    return {**source, "path": str((base / path).absolute())} if isinstance(path, str) else dict(source)


# Tables.


def find_snapshot(name: str, version: int | None = None) -> Snapshot | None:
    """The table of a pool in its version in use, or in an earlier one; None when there is none of that name or version.

    A stored pool wins over the built-in one of its name, whose version is 0. Raises Invalid when nothing has been
    loaded, or when the table cannot be read.
    """
    pool = _stored(name) if version != BUILTIN_VERSION else None
    if pool is None:
        kind = builtin_pools.get(name)
        return store.open_builtin(kind) if kind is not None and version in {None, BUILTIN_VERSION} else None
    if not pool.version:
        message = f'pool "{pool.name}" is {pool.status}: no version has been loaded'
        raise Invalid([Issue("POOL_NOT_READY", "", message, f"sdg pool refresh {pool.name}")])
    found = pool.versions.filter(version=version or pool.version).first()
    return None if found is None else store.open_version(pool, found)


def versions_in_use(names: Iterable[str]) -> dict[str, int]:
    """The versions in use of those of some pools that are stored and have been loaded."""
    wanted = {name.lower(): name for name in names}
    stored = Pool.objects.annotate(key=Lower("name")).filter(key__in=wanted, version__gt=0)
    return {wanted[pool.key]: pool.version for pool in stored}


def snapshots_for(names: Iterable[str]) -> dict[str, Snapshot]:
    """The tables of several pools; raises Invalid with an issue for every one that is missing or not ready."""
    found: dict[str, Snapshot] = {}
    issues: list[Issue] = []
    for name in names:
        try:
            snapshot = find_snapshot(name)
        except Invalid as error:
            issues += error.issues
            continue
        if snapshot is None:
            known = pool_names()
            hint = did_you_mean(name, known) or f"pools are {', '.join(known)}"
            issues.append(Issue("POOL_NOT_FOUND", "", f'there is no pool "{name}"', hint))
        else:
            found[name] = snapshot
    if issues:
        raise Invalid(issues)
    return found


def prune_versions(keep: set[tuple[UUID, int]]) -> int:
    """Remove all versions but those in use and those to keep, given as pool and version; how many are gone."""
    removed = 0
    for pool in list_pools():
        with store.loading_lock(pool.pk), transaction.atomic():
            current = Pool.objects.select_for_update().get(pk=pool.pk).version
            old = [
                version
                for version in pool.versions.all()
                if version.version != current and (pool.pk, version.version) not in keep
            ]
            PoolVersion.objects.filter(pk__in=[version.pk for version in old]).delete()
        store.remove_versions(pool, old)
        removed += len(old)
    return removed


def _load(pool: Pool, definition: PoolDefinition, loader: Loader, progress: Progress) -> Loaded:
    """Load a definition for a pool, whose row tells meanwhile how much has been read."""
    rows = Pool.objects.filter(pk=pool.pk)
    rows.update(status=PoolStatus.LOADING, rows_read=0, bytes_read=0)
    told_at = monotonic()

    def tell(rows_read: int, bytes_read: int) -> None:
        nonlocal told_at
        progress(rows_read, bytes_read)
        if monotonic() - told_at >= _TELL_S:
            told_at = monotonic()
            rows.update(rows_read=rows_read, bytes_read=bytes_read)

    return loader(definition, base=store.pool_folder(pool.pk), progress=tell)


def _still_there(pool: Pool) -> Pool:
    """The pool as it is now: another process may have loaded or removed it while this one waited."""
    found = Pool.objects.filter(pk=pool.pk).first()
    if found is None:
        store.remove_pool_folder(pool.pk)
        raise NotFound(f'pool "{pool.name}" has just been removed')
    return found


def _drop_versions(pool: Pool) -> None:
    """Remove the versions that no run holds any more; not those that a run may just be starting with."""
    versions = list(pool.versions.all())
    limit, pinned = timezone.now() - _STARTING, pinned_versions(pool.name)
    old = [
        version
        for version, following in pairwise(versions)
        if following.created_at < limit and version.version not in pinned and version.version != pool.version
    ]
    PoolVersion.objects.filter(pk__in=[version.pk for version in old]).delete()
    store.remove_versions(pool, old)


def _is_there(pool: Pool, version: PoolVersion) -> bool:
    try:
        store.open_version(pool, version)
    except Invalid:
        return False
    return True


def _remove(pool: Pool) -> None:
    pool_id = pool.pk  # which Django forgets
    pool.delete()
    store.remove_pool_folder(pool_id)


def _failed(pool: Pool, issues: list[dict[str, str | int | None]]) -> None:
    status = PoolStatus.FAILED
    if pool.version:
        status = PoolStatus.READY if pool.row_count else PoolStatus.EMPTY
    Pool.objects.filter(pk=pool.pk).update(status=status, last_error=issues or None)


def _stored(name: str) -> Pool | None:
    return Pool.objects.filter(name__iexact=name).first() if has_table(Pool._meta.db_table) else None

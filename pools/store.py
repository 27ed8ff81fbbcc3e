"""The store: where the tables of pools lie, ``$SDG_HOME/pools/<pool id>/<version>.arrow``."""

from __future__ import annotations

import fcntl
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO
from uuid import UUID, uuid4

import polars as pl
from django.conf import settings

from engine.issues import Issue
from pools.builtin.base import VERSION, BuiltinPool
from pools.enums import PoolLoadStrategy
from pools.models import Pool, PoolVersion
from pools.snapshot import (
    Snapshot,
    content_hash,
    index_files,
    open_snapshot,
    snapshot_of,
    sync_folder,
    write_indexes,
    write_snapshot,
)
from sdg_project.errors import Invalid, SdgError, TooLarge

UPLOAD_SUFFIX = ".upload"
_CHUNK = 2**20


def store_folder() -> Path:
    """The folder of the store; not made by this call."""
    return Path(settings.SDG_HOME) / "pools"


def pool_folder(pool_id: UUID) -> Path:
    """Where the tables and the uploaded content of a pool lie; not made by this call."""
    return store_folder() / str(pool_id)


@contextmanager
def loading_lock(pool_id: UUID) -> Iterator[bool]:
    """Held while a pool is loaded, so that a pool is loaded by one process at a time; ends with the process.

    Gives whether somebody else had to be waited for.
    """
    with _lock_file(pool_id) as lock:
        is_free = _is_taken_at_once(lock)
        if not is_free:
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield not is_free


def is_being_loaded(pool_id: UUID) -> bool:
    """Whether some process holds the loading lock of a pool."""
    with _lock_file(pool_id) as lock:
        return not _is_taken_at_once(lock)


def _lock_file(pool_id: UUID) -> IO[str]:
    folder = store_folder() / str(pool_id)
    folder.mkdir(parents=True, exist_ok=True)
    return (folder / "lock").open("w")


def _is_taken_at_once(lock: IO[str]) -> bool:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def upload_name() -> str:
    """A new name for uploaded content in a pool's folder."""
    return f"{uuid4().hex}{UPLOAD_SUFFIX}"


def receive(stream: IO[bytes], path: Path, *, max_bytes: int) -> None:
    """Write uploaded content to a new file of a pool's folder; raises TooLarge."""
    path.parent.mkdir(parents=True, exist_ok=True)
    size = 0
    with path.open("xb") as file:
        while chunk := stream.read(_CHUNK):
            size += len(chunk)
            if size > max_bytes:
                raise TooLarge(f"the content has more than {max_bytes:,} bytes")
            file.write(chunk)


def write_version(
    pool_id: UUID, version: int, records: pl.DataFrame, *, index_columns: Sequence[str] = ()
) -> tuple[str, int]:
    """Write the table of a version and its indexes; its path relative to the store, and its size in bytes."""
    relative = f"{pool_id}/{version}.arrow"
    path = store_folder() / relative
    write_snapshot(records, path, index_columns=index_columns)
    sync_folder(store_folder())
    return relative, path.stat().st_size


def add_indexes(pool: Pool, version: PoolVersion) -> None:
    """Write the indexes that a version lacks, because they were not wanted when it was loaded."""
    snapshot = open_version(pool, version)
    write_indexes(snapshot.records, store_folder() / version.path, snapshot.index_columns)


def open_version(pool: Pool, version: PoolVersion) -> Snapshot:
    """The table of a version, mapped; raises Invalid when its file is not there or has been damaged."""
    try:
        return open_snapshot(
            store_folder() / version.path,
            pool=pool.name,
            version=version.version,
            content_hash=version.content_hash,
            weight_column=pool.weight_column or None,
            load_strategy=PoolLoadStrategy(pool.load_strategy),
            index_columns=pool.strategy_params.get("indexColumns", ()),
        )
    except (OSError, ValueError) as error:
        message = f'version {version.version} of pool "{pool.name}" cannot be read: {error}'
        raise Invalid([Issue("POOL_NOT_READY", "", message, f"sdg pool refresh {pool.name}")]) from error


def open_builtin(kind: type[BuiltinPool]) -> Snapshot:
    """The table of a built-in pool: made once per SDG_HOME, then mapped; made in memory where there is no SDG_HOME."""
    folder = store_folder() / "builtin"
    path = folder / f"{kind.kind}-{kind.content_hash}.arrow"
    try:
        return _open_builtin(kind, path)
    except (OSError, ValueError):
        records = kind.records()
    if content_hash(records) != kind.content_hash:
        raise SdgError(f'the built-in pool "{kind.kind}" does not come out as it should; please install sdg anew')
    try:
        # Looking at pools leaves no trace where nothing has been set up.
        if Path(settings.SDG_HOME).is_dir():
            folder.mkdir(parents=True, exist_ok=True)
            write_snapshot(records, path)
            return _open_builtin(kind, path)
    except OSError:  # it may be read-only
        pass
    return snapshot_of(records, pool=kind.kind, version=VERSION, weight_column=kind.weight_column)


def _open_builtin(kind: type[BuiltinPool], path: Path) -> Snapshot:
    hashed, weights = kind.content_hash, kind.weight_column
    return open_snapshot(path, pool=kind.kind, version=VERSION, content_hash=hashed, weight_column=weights)


def remove_versions(pool: Pool, versions: list[PoolVersion]) -> None:
    """Remove the files of versions; who has mapped one goes on reading it."""
    for version in versions:
        path = store_folder() / version.path
        for file in (path, *index_files(path)):
            file.unlink(missing_ok=True)
    sync_folder(store_folder() / str(pool.pk))


def remove_pool_folder(pool_id: UUID) -> None:
    """Remove all that lies in the store for a pool."""
    shutil.rmtree(store_folder() / str(pool_id), ignore_errors=True)

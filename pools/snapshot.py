"""Snapshots: one version of a pool as an immutable table, memory-mapped from a file that all processes share."""

from __future__ import annotations

import hashlib
import os
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl

from pools.arrow_map import map_table
from pools.enums import PoolLoadStrategy
from pools.key_index import KeyIndex

_INLINE = 12


@dataclass(frozen=True, slots=True)
class Snapshot:
    """One version of a pool. `content_hash` is equal when the columns, their types and their values are.

    Columns are String, Int64, Float64, Boolean, Date, Datetime("ms", "UTC") or Decimal(18, s). `index_columns` are
    those that keys are looked up in, `path` is the mapped file.
    """

    pool: str
    version: int
    content_hash: str
    records: pl.DataFrame
    weight_column: str | None = None
    load_strategy: PoolLoadStrategy = PoolLoadStrategy.FULL
    index_columns: tuple[str, ...] = ()
    path: Path | None = None

    def key_index(self, column: str) -> KeyIndex | None:
        """The stored index of all rows by a column, mapped; None when there is none that can be used here."""
        if self.path is None:
            return None
        try:
            return KeyIndex.open(_index_path(self.path, self.records, column), self.records[column])
        except (OSError, ValueError):  # it can be made anew from the table
            return None


def snapshot_of(
    records: pl.DataFrame,
    *,
    pool: str,
    version: int,
    weight_column: str | None = None,
    load_strategy: PoolLoadStrategy = PoolLoadStrategy.FULL,
    index_columns: Sequence[str] = (),
) -> Snapshot:
    """A snapshot of a table that lies in memory."""
    digest = content_hash(records)
    return Snapshot(pool, version, digest, records, weight_column, load_strategy, tuple(index_columns))


def write_snapshot(records: pl.DataFrame, path: Path, *, index_columns: Sequence[str] = ()) -> None:
    """Write a table so that it is there whole or not at all, also after a power cut and when several write at once.

    The indexes of its columns are there before it is.
    """
    for left_over in index_files(path):  # of somebody who came to nothing
        left_over.unlink(missing_ok=True)
    write_indexes(records, path, index_columns)
    with _replacing(path) as temporary, temporary.open("xb") as file:
        # One record batch, so that each column of the mapped table is one piece.
        records.rechunk().write_ipc(file, compression="uncompressed", record_batch_size=max(records.height, 1))
        file.flush()
        os.fsync(file.fileno())


def write_indexes(records: pl.DataFrame, path: Path, index_columns: Sequence[str]) -> None:
    """Write the indexes of some columns beside the table at a path, but for those that are there."""
    for column in index_columns:
        place = _index_path(path, records, column)
        if not place.exists():
            with _replacing(place) as temporary:
                KeyIndex(records[column]).write(temporary)


def index_files(path: Path) -> list[Path]:
    """The files of the indexes of the table at a path."""
    return sorted(path.parent.glob(f"{path.stem}.*.index"))


def _index_path(path: Path, records: pl.DataFrame, column: str) -> Path:
    return path.with_name(f"{path.stem}.{records.get_column_index(column)}.index")


@contextmanager
def _replacing(path: Path) -> Iterator[Path]:
    """A temporary path whose file takes the place of another one when all has gone well."""
    temporary = path.with_name(f"{path.name}.{uuid.uuid4().hex}.new")
    try:
        yield temporary
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
    sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """Make the names in a folder survive a power cut."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def open_snapshot(
    path: Path,
    *,
    pool: str,
    version: int,
    content_hash: str,
    weight_column: str | None = None,
    load_strategy: PoolLoadStrategy = PoolLoadStrategy.FULL,
    index_columns: Sequence[str] = (),
) -> Snapshot:
    """Map a written table into memory; its pages are read when they are used, and shared by all who map it.

    Raises OSError when the file is not there, ValueError when it is not what `write_snapshot` writes.
    """
    records = map_table(path)
    return Snapshot(pool, version, content_hash, records, weight_column, load_strategy, tuple(index_columns), path)


def table_bytes(records: pl.DataFrame) -> int:
    """How much memory a table takes, or of its file when it is mapped."""
    return sum(map(_column_bytes, records))


def _column_bytes(column: pl.Series) -> int:
    if column.dtype != pl.String:
        return int(column.estimated_size())
    # A view of 16 bytes for each text, which holds it if it is short.
    lengths = column.str.len_bytes()
    return 16 * len(column) + int(lengths.filter(lengths > _INLINE).sum())


def content_hash(records: pl.DataFrame) -> str:
    """32 hex digits of all columns, types and values in order; independent of chunks and of library versions."""
    digest = hashlib.blake2b(f"{records.height}".encode(), digest_size=16)
    for name, dtype in records.schema.items():
        column = records[name]
        digest.update(f"\0{len(name.encode())}:{name}\0{_type_name(dtype)}\0".encode())
        digest.update(np.packbits(column.is_null().to_numpy()).tobytes())
        if dtype == pl.String:
            texts = column.fill_null("")
            digest.update(texts.str.len_bytes().cast(pl.Int64).to_numpy().tobytes())
            digest.update(texts.str.join("").cast(pl.Binary).item() if len(texts) else b"")
        elif dtype == pl.Float64:
            digest.update((column.fill_null(0.0).to_numpy() + 0.0).tobytes())  # -0.0 is 0.0
        else:
            digest.update(column.to_physical().cast(pl.Int64).fill_null(0).to_numpy().tobytes())
    return digest.hexdigest()


def _type_name(dtype: pl.DataType) -> str:
    """Our own word for a type: what polars prints may change."""
    if isinstance(dtype, pl.Decimal):
        return f"DECIMAL {dtype.scale}"
    names = {
        pl.String: "STRING",
        pl.Int64: "LONG",
        pl.Float64: "DOUBLE",
        pl.Boolean: "BOOLEAN",
        pl.Date: "DATE",
        pl.Datetime: "TIMESTAMP",
    }
    return names[dtype.base_type()]

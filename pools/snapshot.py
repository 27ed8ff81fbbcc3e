"""Snapshots: one version of a pool as an immutable table, memory-mapped from a file that all processes share."""

from __future__ import annotations

import hashlib
import os
import uuid
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl

from pools.arrow_map import map_table

_INLINE = 12


@dataclass(frozen=True, slots=True)
class Snapshot:
    """One version of a pool. `content_hash` is equal when the columns, their types and their values are.

    Columns are String, Int64, Float64, Boolean, Date, Datetime("ms", "UTC") or Decimal(18, s).
    """

    pool: str
    version: int
    content_hash: str
    records: pl.DataFrame
    weight_column: str | None = None


def snapshot_of(records: pl.DataFrame, *, pool: str, version: int, weight_column: str | None = None) -> Snapshot:
    """A snapshot of a table that lies in memory."""
    return Snapshot(pool, version, content_hash(records), records, weight_column)


def write_snapshot(records: pl.DataFrame, path: Path) -> None:
    """Write a table so that it is there whole or not at all, also after a power cut and when several write at once."""
    temporary = path.with_name(f"{path.name}.{uuid.uuid4().hex}.new")
    try:
        with temporary.open("xb") as file:
            # One record batch, so that each column of the mapped table is one piece.
            records.rechunk().write_ipc(file, compression="uncompressed", record_batch_size=max(records.height, 1))
            file.flush()
            os.fsync(file.fileno())
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
    path: Path, *, pool: str, version: int, content_hash: str, weight_column: str | None = None
) -> Snapshot:
    """Map a written table into memory; its pages are read when they are used, and shared by all who map it.

    Raises OSError when the file is not there, ValueError when it is not what `write_snapshot` writes.
    """
    return Snapshot(pool, version, content_hash, map_table(path), weight_column)


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

"""Snapshots: one version of a pool as an immutable table, memory-mapped from a file that all processes share."""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl


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
    """Write a table so that it is there whole or not at all, also after a power cut."""
    temporary = path.with_name(f"{path.name}.{os.getpid()}.new")
    with temporary.open("wb") as file:
        records.rechunk().write_ipc(file, compression="uncompressed")
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def open_snapshot(
    path: Path, *, pool: str, version: int, content_hash: str, weight_column: str | None = None
) -> Snapshot:
    """Map a written table into memory; its pages are read when they are used, and shared by all who map it."""
    return Snapshot(pool, version, content_hash, pl.read_ipc(path), weight_column)


def content_hash(records: pl.DataFrame) -> str:
    """32 hex digits of all columns, types and values in order; independent of chunks and of library versions."""
    digest = hashlib.blake2b(f"{records.height}".encode(), digest_size=16)
    for name, dtype in records.schema.items():
        column = records[name]
        digest.update(f"\0{len(name.encode())}:{name}\0{dtype}\0".encode())
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

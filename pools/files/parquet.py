"""Parquet files: their columns have types already."""

from __future__ import annotations

from pathlib import Path

import polars as pl

from pools.limits import MAX_COLUMNS, PoolLimits
from pools.raw import RawTable, raw_table_of, unreadable

_ROWS = 65_536


def read_parquet(path: Path, *, origin: str, limits: PoolLimits) -> RawTable:
    """The columns of a Parquet file; stops when they are larger than the limits. Raises Invalid."""
    try:
        scan = pl.scan_parquet(path, glob=False)
        if len(scan.collect_schema()) > MAX_COLUMNS:
            raise unreadable(origin, f"there are more than {MAX_COLUMNS:,} columns")
        limits.check_rows(scan.select(pl.len()).collect().item(), origin)
        parts, size = [scan.head(0).collect()], 0
        for part in scan.collect_batches(chunk_size=_ROWS, maintain_order=True):
            size += int(part.estimated_size())
            limits.check_bytes(size, origin)
            parts.append(part)
    except (pl.exceptions.PolarsError, OSError) as error:
        raise unreadable(origin, f"this is no Parquet file that can be read: {str(error).splitlines()[0]}") from error
    return raw_table_of(pl.concat(parts), origin)

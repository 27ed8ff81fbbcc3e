"""Parquet files: their columns have types already."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import polars as pl

from engine.issues import Issue
from pools.files.options import Chooser, Progress, unseen
from pools.limits import MAX_ROW_BYTES, PoolLimits, check_columns
from pools.raw import RawTable, raw_table_of, unreadable
from sdg_project.errors import Invalid
from sdg_project.text import quoted

_ROWS = 65_536


def read_parquet(
    path: Path, *, origin: str, limits: PoolLimits, choose: Chooser | None = None, progress: Progress = unseen
) -> RawTable:
    """The columns of a Parquet file; stops when they are larger than the limits. Raises Invalid."""
    try:
        scan = pl.scan_parquet(path, glob=False)
        check_columns(len(scan.collect_schema()), origin)
        count = scan.select(pl.len()).collect().item()
        kept = None if choose is None else choose(count)
        limits.check_rows(count if kept is None else len(kept), origin)
        parts, size = [scan.head(0).collect()], 0
        for first, whole in _batches(scan):
            _check_values(whole, origin)
            part = whole
            if kept is not None:
                low, high = np.searchsorted(kept, [first, first + whole.height])
                part = whole[kept[low:high] - first]
            size += int(part.estimated_size())
            limits.check_bytes(size, origin)
            parts.append(part)
            progress(first + whole.height, size)
    except (pl.exceptions.PolarsError, OSError) as error:
        raise unreadable(origin, f"this is no Parquet file that can be read: {str(error).splitlines()[0]}") from error
    except BaseException as error:
        if type(error).__name__ != "PanicException":  # of polars, which is no Exception
            raise
        raise unreadable(origin, "this Parquet file is damaged") from error
    table = raw_table_of(pl.concat(parts), origin)
    return RawTable(
        origin, table.columns, table.row_count, source_row_count=count, is_chosen=choose is not None, rows=kept
    )


def _batches(scan: pl.LazyFrame) -> Iterator[tuple[int, pl.DataFrame]]:
    """The parts of a file, each with the number of its first row."""
    first = 0
    for part in scan.collect_batches(chunk_size=_ROWS, maintain_order=True):
        yield first, part
        first += part.height


def _check_values(part: pl.DataFrame, origin: str) -> None:
    for column in part:
        if column.dtype == pl.String and (column.str.len_bytes() > MAX_ROW_BYTES).any():
            message = f"{origin}: column {quoted(column.name)} has a value of more than {MAX_ROW_BYTES:,} bytes"
            raise Invalid([Issue("POOL_TOO_LARGE", "/source", message)])

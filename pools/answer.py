"""A pool as the API and ``--json`` show it."""

from __future__ import annotations

from typing import Any

from pools.builtin.base import VERSION, BuiltinPool
from pools.column_types import column_metadata, typed_columns
from pools.enums import LoadStrategy, PoolStatus
from pools.models import Pool
from pools.snapshot import Snapshot, table_bytes


def pool_answer(pool: Pool) -> dict[str, Any]:
    """A stored pool."""
    current = pool.versions.filter(version=pool.version).first()
    return {
        "name": pool.name,
        "source": pool.source,
        "status": pool.status,
        "loadStrategy": pool.load_strategy,
        "version": pool.version,
        "contentHash": current.content_hash if current else None,
        "rowCount": pool.row_count,
        "memoryBytes": pool.memory_bytes,
        "columns": pool.columns,
        "weightColumn": pool.weight_column or None,
        "limits": pool.limits,
        "loadedAt": pool.loaded_at.strftime("%Y-%m-%dT%H:%M:%SZ") if pool.loaded_at else None,
        "loadDurationMs": pool.load_duration_ms,
        "lastError": pool.last_error,
    }


def builtin_answer(kind: type[BuiltinPool], snapshot: Snapshot) -> dict[str, Any]:
    """A built-in pool, in the same words."""
    records = snapshot.records
    return {
        "name": kind.kind,
        "source": {"type": "BUILTIN", "pool": kind.kind},
        "status": PoolStatus.READY.value,
        "loadStrategy": LoadStrategy.FULL.value,
        "version": VERSION,
        "contentHash": kind.content_hash,
        "rowCount": records.height,
        "memoryBytes": table_bytes(records),
        "columns": [column_metadata(column, None) for column in typed_columns(records)],
        "weightColumn": snapshot.weight_column,
        "limits": {},
        "loadedAt": None,
        "loadDurationMs": 0,
        "lastError": None,
    }

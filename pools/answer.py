"""A pool as the API and ``--json`` show it."""

from __future__ import annotations

import json
import os
from typing import Any

from django.utils import timezone

from pools import services
from pools.builtin.base import VERSION, BuiltinPool, builtin_pools
from pools.column_types import column_metadata, typed_columns
from pools.enums import PoolLoadStrategy, PoolStatus
from pools.models import Pool
from pools.snapshot import Snapshot, table_bytes
from pools.uses import uses_of


def pool_answer(pool: Pool) -> dict[str, Any]:
    """A stored pool."""
    current = next((version for version in pool.versions.all() if version.version == pool.version), None)
    return {
        "name": pool.name,
        "description": None,
        "source": pool.source,
        "status": pool.status_at(timezone.now()).value,
        "progress": _progress(pool),
        "loadStrategy": pool.load_strategy,
        **pool.strategy_params,
        "version": pool.version,
        "contentHash": current.content_hash if current else None,
        "rowCount": pool.row_count,
        "sourceRowCount": pool.source_row_count,
        "memoryBytes": pool.memory_bytes,
        "columns": pool.columns,
        "weightColumn": pool.weight_column or None,
        "refresh": pool.refresh,
        "limits": pool.limits,
        "notes": pool.notes,
        "loadedAt": pool.loaded_at.strftime("%Y-%m-%dT%H:%M:%SZ") if pool.loaded_at else None,
        "loadDurationMs": pool.load_duration_ms,
        "lastError": pool.last_error,
    }


def _progress(pool: Pool) -> dict[str, int] | None:
    """How much of the source has been read while it is being read."""
    is_loading = pool.status == PoolStatus.LOADING
    return {"rows": pool.rows_read, "bytes": pool.bytes_read} if is_loading else None


def builtin_answer(kind: type[BuiltinPool], snapshot: Snapshot) -> dict[str, Any]:
    """A built-in pool, in the same words."""
    records = snapshot.records
    return {
        "name": kind.kind,
        "description": kind.description,
        "source": {"type": "BUILTIN", "pool": kind.kind},
        "status": PoolStatus.READY.value,
        "progress": None,
        "loadStrategy": PoolLoadStrategy.FULL.value,
        "version": VERSION,
        "contentHash": kind.content_hash,
        "rowCount": records.height,
        "sourceRowCount": records.height,
        "memoryBytes": table_bytes(records),
        "columns": [column_metadata(column, None) for column in typed_columns(records)],
        "weightColumn": snapshot.weight_column,
        "refresh": {},
        "limits": {},
        "notes": [],
        "loadedAt": None,
        "loadDurationMs": 0,
        "lastError": None,
    }


# For the API, which tells nobody where files lie on the server.


def public_answers() -> list[dict[str, Any]]:
    """All pools, by name, the built-in ones too."""
    stored = {pool.name.lower(): pool for pool in Pool.objects.prefetch_related("versions")}
    names = [*(pool.name for pool in stored.values()), *(name for name in builtin_pools if name not in stored)]
    return [
        public_answer(stored[name.lower()]) if name.lower() in stored else _builtin(name)
        for name in sorted(names, key=str.lower)
    ]


def public_answer_of(name: str) -> dict[str, Any]:
    """One pool with what uses it; raises NotFound."""
    is_stored = name not in builtin_pools or Pool.objects.filter(name__iexact=name).exists()
    answer = public_answer(services.get_pool(name)) if is_stored else _builtin(name)
    return {**answer, "usedBy": uses_of(answer["name"])}


def public_answer(pool: Pool) -> dict[str, Any]:
    """A stored pool without the folders of its file."""
    answer = {**pool_answer(pool), "source": public_source(pool)}
    folder = os.path.dirname(str(pool.source.get("path", "")))
    if folder and pool.last_error:
        answer["lastError"] = json.loads(json.dumps(pool.last_error).replace(json.dumps(f"{folder}/")[1:-1], ""))
    return answer


def public_source(pool: Pool) -> dict[str, Any]:
    """The source of a stored pool without the folders of its file."""
    if pool.source.get("type") == "FILE":
        return {**pool.source, "path": os.path.basename(str(pool.source["path"]))}
    return dict(pool.source)


def _builtin(name: str) -> dict[str, Any]:
    [snapshot] = services.snapshots_for([name]).values()
    return builtin_answer(builtin_pools[name], snapshot)

"""What is wrong with a pool that a field looks at, or with the name of a column of it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from engine.issues import Issue, did_you_mean
from generators.fields.base import FieldType
from pools.builtin.base import VERSION as BUILTIN_VERSION
from pools.builtin.base import builtin_pools
from pools.snapshot import Snapshot
from sdg_project.errors import Invalid


def pool_issues(field: FieldType[Any], name: str) -> Iterator[Issue]:
    """Why a field finds no rows in the pool that its parameter ``pool`` names."""
    pools = field.scope.pools
    try:
        snapshot = pools.get(name)
    except Invalid as error:
        yield from (field.issue(one.code, one.message, at="/pool", hint=one.hint) for one in error.issues)
        return
    if snapshot is None:
        hint = did_you_mean(name, pools) or f"pools are {', '.join(pools)}"
        yield field.issue("POOL_NOT_FOUND", f'there is no pool "{name}"', at="/pool", hint=hint)
    elif not snapshot.records.height:
        hidden = f'it hides the built-in pool "{name}"' if hides_builtin(snapshot) else None
        yield field.issue("POOL_EMPTY", f'pool "{name}" has no rows', at="/pool", hint=hidden)


def hides_builtin(snapshot: Snapshot) -> bool:
    """Whether a pool stands in place of a built-in one."""
    return snapshot.version != BUILTIN_VERSION and snapshot.pool.lower() in builtin_pools


def no_column(field: FieldType[Any], snapshot: Snapshot, name: str, at: str) -> Issue:
    """That a pool has no column of that name."""
    names = snapshot.records.columns
    hint = did_you_mean(name, names) or f"columns are {', '.join(names)}"
    return field.issue("COLUMN_NOT_FOUND", f'pool "{snapshot.pool}" has no column "{name}"', at=at, hint=hint)

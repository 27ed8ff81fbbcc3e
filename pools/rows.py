"""Rows of a pool as JSON: names as they are, numbers with all their digits."""

from __future__ import annotations

import json
from datetime import datetime
from decimal import Decimal
from typing import Any

from pools.snapshot import Snapshot


def rows_json(snapshot: Snapshot, page: slice) -> bytes:
    """Some rows as a JSON array of objects."""
    part = snapshot.records.slice(page.start, page.stop - page.start)
    names = [json.dumps(name, ensure_ascii=False) for name in part.columns]
    rows = (
        "{" + ",".join(f"{name}:{_value(value)}" for name, value in zip(names, row, strict=True)) + "}"
        for row in part.iter_rows()
    )
    return f"[{','.join(rows)}]".encode()


def _value(value: Any) -> str:
    if isinstance(value, Decimal):
        return f"{value:f}"
    if isinstance(value, datetime):
        return f'"{value.isoformat(timespec="milliseconds").replace("+00:00", "Z")}"'
    return json.dumps(value, ensure_ascii=False, default=str)

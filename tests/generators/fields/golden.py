"""Golden values of every other kind: what a seed makes, for all time.

When other values are meant, write the files anew with ``python -m tests.generators.fields.golden`` and say in the
commit which values change and why. Nothing else writes them.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import polars as pl

from tests.generators.fields.examples import COUNT, UNIQUE, examples, plan_of, values_of

FOLDER = Path(__file__).with_name("golden")
KINDS = ("COMPUTED", "CONSTANT", "ENUM_RANDOM", "NUMERIC_RANGE", "POOL_DERIVED", "POOL_REFERENCE", "SEQUENCE")
PLACES = (0, 10**9, COUNT - 2)


def golden(kind: str) -> list[dict[str, Any]]:
    """A few values for each example of a kind: the first ones, far ones and the last ones."""
    made: list[dict[str, Any]] = []
    for params in examples()[kind]:
        plan = plan_of(kind, params)
        column = pl.concat([values_of(plan, place, 4 if place == 0 else 2) for place in PLACES])
        made.append({"params": _shown(params), "values": _texts(column)})
    for params in UNIQUE[kind]:
        plan = plan_of(kind, params, unique=True, record_count=1)
        [planned] = plan.fields
        values = values_of(plan, 0, min(4, planned.field.capacity() or 0))
        made.append({"params": _shown(params), "unique": True, "values": _texts(values)})
    return made


def _shown(params: dict[str, Any]) -> str:
    text = json.dumps(params, ensure_ascii=False)
    return text if len(text) <= 200 else f"{text[:200]} …"


def _texts(column: pl.Series) -> list[str | None]:
    return [None if value is None else str(value) for value in column]


def file(kind: str) -> Path:
    """Where the values of a kind stand."""
    return FOLDER / f"{kind.lower()}.json"


if __name__ == "__main__":
    for kind in KINDS:
        file(kind).write_text(json.dumps(golden(kind), indent=1, ensure_ascii=False) + "\n", "utf-8")
        print(f"wrote {file(kind)}")

"""Pools and fields of runs, and runs that were interrupted."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from generators.models import Run
from generators.services.runs import progress_of
from tests.support.runs import FRAME, Workshop

NUMBER: dict[str, Any] = {"fieldName": "n", "type": "SEQUENCE"}
THING: dict[str, Any] = {
    "fieldName": "thing",
    "type": "POOL_REFERENCE",
    "params": {"pool": "things", "column": "thing"},
}
FIRST = "thing,weight\n" + "".join(f"thing {number},{number % 3}\n" for number in range(50))
SECOND = "thing,weight\n" + "".join(f"other {number},1\n" for number in range(40))
COUNT = 3 * FRAME + 10
UPDATED_AT = datetime(2026, 5, 1, tzinfo=UTC)


def interrupted(workshop: Workshop, *mappings: dict[str, Any], **changes: Any) -> Run:
    """A run that stands at its first commits."""
    run = workshop.carry(workshop.start(*mappings, recordCount=COUNT, **changes), until=FRAME)
    assert run.status == "PAUSED"
    assert FRAME <= progress_of(run)["records"] < COUNT
    return run

"""The digest of a run, computed from its plan: purity makes a look at the destination needless."""

from __future__ import annotations

from engine.cuts import FRAME_RECORDS
from engine.digest import digest_of
from engine.span import Span
from generators.plan import Plan


def run_digest(plan: Plan, count: int) -> str:
    """The digest of the first `count` records of a plan."""
    spans = (Span(start, min(FRAME_RECORDS, count - start)) for start in range(0, count, FRAME_RECORDS))
    return digest_of(plan.schema, map(plan.batch, spans))

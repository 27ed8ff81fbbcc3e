"""The digest of a run, computed from its plan: purity makes a look at the destination needless."""

from __future__ import annotations

from collections.abc import Iterable

from engine.cuts import FRAME_RECORDS
from engine.digest import digest_of
from engine.span import Span
from generators.plan import Plan


def run_digest(plan: Plan, spans: Iterable[Span]) -> str:
    """The digest of a plan's records in some spans."""
    frames = (
        Span(start, min(FRAME_RECORDS, span.end - start))
        for span in spans
        for start in range(span.start, span.end, FRAME_RECORDS)
    )
    return digest_of(plan.schema, map(plan.batch, frames))

"""The digest of a run, computed from its plan: purity makes a look at the destination needless."""

from __future__ import annotations

from engine.cuts import FRAME_RECORDS
from engine.digest import digest_of
from engine.span import Span
from generators.plan import Plan
from generators.runs.salvage import salvaged


def run_digest(plan: Plan, count: int, *, without_rejected: bool = False) -> str:
    """The digest of the first `count` records of a plan; raises RecordInvalid for one that cannot be made, unless such
    records are to be left out.
    """
    spans = (Span(start, min(FRAME_RECORDS, count - start)) for start in range(0, count, FRAME_RECORDS))
    if without_rejected:
        return digest_of(plan.schema, (salvaged(plan, span)[0] for span in spans))
    return digest_of(plan.schema, map(plan.batch, spans))

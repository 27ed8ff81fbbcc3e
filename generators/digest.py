"""The digest of a run, computed from its plan: purity makes a look at the destination needless."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from engine.cuts import FRAME_RECORDS
from engine.digest import digest_of
from engine.issues import Issue
from engine.span import Span
from generators.definition import fields_made_anew
from generators.plan import Plan
from generators.runs.salvage import Salvage
from sdg_project.errors import Conflict


def digest_obstacles(document: Mapping[str, Any]) -> list[Issue]:
    """Why no digest of a definition's records can be computed: an issue for each field that is made anew each time."""
    return [
        Issue("NON_DETERMINISTIC", at, f"{name} is made anew each time, so that the records have no digest", field=name)
        for name, at in fields_made_anew(document)
    ]


def run_digest(plan: Plan, spans: Iterable[Span], *, skipped: Sequence[int] = ()) -> str:
    """The digest of a plan's records in some spans, without those that a person has given up.

    Raises Conflict when made again they would be others.
    """
    for obstacle in digest_obstacles(plan.definition.document):
        raise Conflict(obstacle.code, obstacle.message)
    frames = (
        Span(start, min(FRAME_RECORDS, span.end - start))
        for span in spans
        for start in range(span.start, span.end, FRAME_RECORDS)
    )
    source = Salvage.of(plan, skipped) or plan
    return digest_of(plan.schema, map(source.batch, frames))

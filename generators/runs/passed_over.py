"""Keys without rows: how often records have taken any row of a pool instead, counted exactly once.

The count of a shard belongs to the position that stands beside it in the shard's row. What was written by somebody who
died before saying so is counted when the next one finds it: records are pure, so they need only be looked at again.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

from engine.cuts import FRAME_RECORDS
from engine.errors import RecordInvalid
from engine.span import Span
from generators.plan import Plan


def moved(plan: Plan, counts: Mapping[str, int], start: int, end: int) -> dict[str, int]:
    """The counts of the records before `end`, from those before `start`, which may be behind it."""
    if not plan.may_pass_over:
        return dict(counts)
    found = Counter(counts)
    low, high = min(start, end), max(start, end)
    for first in range(low, high, FRAME_RECORDS):
        between = _counted(plan, Span(first, min(FRAME_RECORDS, high - first)))
        if end > start:
            found.update(between)
        else:
            found.subtract(between)
    return dict(found)


def _counted(plan: Plan, span: Span) -> Counter[str]:
    """The counts of a span; a record whose key cannot be made has none."""
    found: Counter[str] = Counter()
    waiting = [span]
    while waiting:
        piece = waiting.pop()
        try:
            found.update(plan.passed_over(piece))
        except RecordInvalid as error:
            number = error.record_number
            around = Span(piece.start, number - piece.start), Span(number + 1, piece.end - number - 1)
            waiting += [part for part in around if part.count]
    return found

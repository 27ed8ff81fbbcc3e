"""Salvage: the records of a span that can be made, beside those that cannot."""

from __future__ import annotations

from dataclasses import dataclass, field

from engine.batch import Batch, joined
from engine.errors import RecordInvalid
from engine.span import Span
from generators.plan import Plan


@dataclass
class Salvage:
    """A plan that leaves out the records that cannot be made, and keeps their numbers."""

    plan: Plan
    numbers: list[int] = field(default_factory=list)

    def batch(self, span: Span) -> Batch:
        """The records of a span that can be made."""
        batch, errors = salvaged(self.plan, span)
        self.numbers += [error.record_number for error in errors]
        return batch


def salvaged(plan: Plan, span: Span) -> tuple[Batch, list[RecordInvalid]]:
    """A batch of what can be made of a span, and an error for each of its `rejected` records, in their order.

    Pure: which records are rejected, and for what, does not depend on how a run is cut into spans. For the plan makes
    field after field, so an error says of its record that no field before the one that it names fails there.
    """
    made: list[Batch] = []
    errors: list[RecordInvalid] = []
    ahead: list[RecordInvalid] = []  # known already, the nearest last
    start, reach = span.start, span.count
    while start < span.end:
        stop = ahead[-1].record_number if ahead else span.end
        if start == stop:
            errors.append(ahead.pop())
            start += 1
            continue
        piece = Span(start, min(reach, stop - start))
        try:
            made.append(plan.batch(piece))
        except RecordInvalid as error:
            if not piece.start <= error.record_number < piece.end:
                raise
            # Other fields may still fail before it. Behind it, we look no further at once than it was good for, and
            # twice as far with every success: few bad records cost a few calls, many cost one or two each.
            ahead.append(error)
            reach = max(1, error.record_number - piece.start)
        else:
            start, reach = piece.end, reach * 2
    if errors:
        nothing = plan.batch(Span(0, 0))  # no records, but all columns
        rejected = [error.record_number for error in errors]
        made += [Batch(Span(number, 1), nothing.records, nothing.missing, (number,)) for number in rejected]
        made.sort(key=lambda batch: batch.span.start)
    return joined(made or [plan.batch(span)]), errors

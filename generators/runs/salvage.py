"""Salvage: the records of a span that can be made, without those that cannot, or that a person has given up."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass, field

from engine.batch import Batch, joined
from engine.errors import RecordInvalid
from engine.span import Span
from generators.enums import OnError
from generators.plan import Plan


@dataclass
class Salvage:
    """A plan that leaves out records: those that cannot be made, whose `errors` it keeps, or those that are `skipped`.

    With skipped records, whose numbers ascend, any other one that cannot be made is an error as ever.
    """

    plan: Plan
    skipped: Sequence[int] | None = None
    errors: list[RecordInvalid] = field(default_factory=list)

    @classmethod
    def of(cls, plan: Plan, skipped: Sequence[int] = ()) -> Salvage | None:
        """That of a plan, as its definition wants it; None when there is nothing to leave out."""
        if plan.definition.shape.on_error is OnError.CONTINUE:
            return cls(plan)
        return cls(plan, skipped) if skipped else None

    def batch(self, span: Span) -> Batch:
        """The records of a span that are not left out. Raises RecordInvalid for the first other one that is bad."""
        if self.skipped is not None:
            return without(self.plan, span, self.skipped)
        batch, errors = salvaged(self.plan, span)
        self.errors += errors
        return batch


def without(plan: Plan, span: Span, skipped: Sequence[int]) -> Batch:
    """A batch of a span without some records, which are not tried: so it does not matter whether they can be made."""
    inside = skipped[bisect_left(skipped, span.start) : bisect_left(skipped, span.end)]
    pieces, start = list[Batch](), span.start
    for number in inside:
        pieces += [plan.batch(Span(start, number - start)), _rejected(plan, number)]
        start = number + 1
    return joined([*pieces, plan.batch(Span(start, span.end - start))])


def salvaged(plan: Plan, span: Span) -> tuple[Batch, list[RecordInvalid]]:
    """A batch of what can be made of a span, and an error for each of its `rejected` records, in their order.

    Pure: which records are rejected, and for what, does not depend on how a run is cut into spans. For the plan makes
    field after field, so an error says of its record that no field before the one that it names fails there. Most
    fields that cannot make a record give the others at once; only for those that do not is a span cut around it.
    """
    made: list[Batch] = []
    errors: list[RecordInvalid] = []
    ahead: list[RecordInvalid] = []  # known already, the nearest last
    start, reach = span.start, span.count
    while start < span.end:
        stop = ahead[-1].record_number if ahead else span.end
        if start == stop:
            errors.append(ahead.pop())
            made.append(_rejected(plan, start))
            start += 1
            continue
        piece = Span(start, min(reach, stop - start))
        try:
            batch, found = plan.salvaged(piece)
        except RecordInvalid as error:
            if not piece.start <= error.record_number < piece.end:
                raise
            # Other fields may still fail before it. Behind it, we look no further at once than it was good for, and
            # twice as far with every success: few bad records cost a few calls, many cost one or two each.
            ahead.append(error)
            reach = max(1, error.record_number - piece.start)
        else:
            made.append(batch)
            errors += found
            start, reach = piece.end, reach * 2
    return joined(made or [plan.batch(span)]), errors


def _rejected(plan: Plan, number: int) -> Batch:
    """The batch of a record that is left out: no row, but all columns."""
    nothing = plan.batch(Span(0, 0))
    return Batch(Span(number, 1), nothing.records, nothing.missing, (number,))

"""Rejects: with onError CONTINUE what cannot be made becomes dead letters, each once however often it is tried."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from django.utils import timezone

from engine.batch import Batch
from engine.errors import RecordInvalid
from engine.span import Span
from generators.enums import ErrorClass, OnError
from generators.error_handling import ErrorHandlingShape
from generators.models import DeadLetter, Shard
from generators.plan import Plan
from generators.runs.salvage import salvaged
from generators.runs.thresholds import exceeded, reach


@dataclass
class Rejects:
    """A plan that leaves out the records that cannot be made, and keeps account of them for one shard."""

    plan: Plan
    shard: Shard
    handling: ErrorHandlingShape
    _waiting: list[RecordInvalid] = field(default_factory=list)

    @classmethod
    def of(cls, plan: Plan, shard: Shard) -> Rejects | None:
        """Those of a shard; None when the definition does not want to go on without bad records."""
        shape = plan.definition.shape
        if shape.on_error is not OnError.CONTINUE:
            return None
        return cls(plan, shard, shape.error_handling or ErrorHandlingShape())

    def batch(self, span: Span) -> Batch:
        """The records of a span that can be made."""
        batch, errors = salvaged(self.plan, span)
        self._waiting += errors
        return batch

    def keep(self, next_record: int) -> None:
        """Write down the bad records before one, before the good ones around them become durable."""
        kept = [error for error in self._waiting if error.record_number < next_record]
        self._waiting = [error for error in self._waiting if error.record_number >= next_record]
        now = timezone.now()
        DeadLetter.objects.bulk_create(
            (
                DeadLetter(
                    run_id=self.shard.run_id,
                    record_number=error.record_number,
                    error_class=ErrorClass.GENERATION,
                    code=error.code,
                    message=str(error),
                    field=error.field,
                    occurred_at=now,
                )
                for error in kept
            ),
            ignore_conflicts=True,
            batch_size=500,
        )

    def count(self, next_record: int) -> int:
        """How many of the shard's records before one are dead letters."""
        return int(self._letters().filter(record_number__lt=next_record).count())

    def excess(self, next_record: int) -> str | None:
        """Why the run must not go on; None when it may."""
        later = {"pk__gt": self.shard.run.accepted_letter}
        total = DeadLetter.objects.filter(run=self.shard.run_id, **later).count()
        near = self._letters().filter(
            **later, record_number__gte=self.shard.next_record - reach(self.handling), record_number__lt=next_record
        )
        return exceeded(self.handling, total=total, numbers=list(near.values_list("record_number", flat=True)))

    def _letters(self) -> Any:
        shard = self.shard
        return DeadLetter.objects.filter(run=shard.run_id, record_number__gte=shard.first_record)

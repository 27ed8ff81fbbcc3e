"""Rejects: what cannot be made, or is given up by a person, is a dead letter, once however often it is tried."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.utils import timezone

from engine.errors import RecordInvalid
from engine.span import Span
from generators.enums import ErrorClass, OnError
from generators.error_handling import ErrorHandlingShape
from generators.models import DeadLetter, Run, Shard
from generators.plan import Plan
from generators.planning import plan_of_run
from generators.runs.salvage import Salvage
from generators.runs.thresholds import exceeded, reach
from sdg_project.errors import Conflict
from sdg_project.exact_json import VerbatimDecoder
from sinks.destinations.base import Refused, Sink
from sinks.encoding.base import encoders
from sinks.encoding.compression import Compression

KEPT_CHARACTERS = 1_000
"""So much of each text is kept in a dead letter."""
KEPT_RECORDS = 100
"""Of so many dead letters of one commit it is kept what could be made of them, which takes some milliseconds each."""


@dataclass
class Rejects:
    """Keeps account of the records that one shard leaves out; `source` makes the others."""

    source: Salvage
    shard: Shard
    handling: ErrorHandlingShape

    @classmethod
    def of(cls, plan: Plan, shard: Shard) -> Rejects | None:
        """Those of a shard; None when it leaves out none, because the definition does not want it and no person has."""
        source = Salvage.of(plan, skipped_records(shard.run))
        if source is None:
            return None
        return cls(source, shard, plan.definition.shape.error_handling or ErrorHandlingShape())

    def keep(self, next_record: int) -> None:
        """Write down the bad records before one, before the good ones around them become durable."""
        kept = [error for error in self.source.errors if error.record_number < next_record]
        self.source.errors = [error for error in self.source.errors if error.record_number >= next_record]
        post(self.shard.run, self.source.plan, kept)

    def refused(self, records: Sequence[Refused]) -> None:
        """Write down records that the destination does not take, before the others become durable."""
        errors = [
            RecordInvalid(one.code, one.message, field=one.field, record_number=one.record_number) for one in records
        ]
        post(self.shard.run, self.source.plan, errors, error_class=ErrorClass.DELIVERY)

    def count(self, next_record: int) -> int:
        """How many of the shard's records before one are dead letters."""
        return int(self._letters().filter(record_number__lt=next_record).count())

    def excess(self, next_record: int) -> str | None:
        """Why the run must not go on; None when it may."""
        if self.source.skipped is not None:
            return None
        later = {"pk__gt": self.shard.run.accepted_letter}
        total = DeadLetter.objects.filter(run=self.shard.run_id, **later).count()
        near = self._letters().filter(
            **later, record_number__gte=self.shard.next_record - reach(self.handling), record_number__lt=next_record
        )
        return exceeded(self.handling, total=total, numbers=list(near.values_list("record_number", flat=True)))

    def _letters(self) -> Any:
        shard = self.shard
        return DeadLetter.objects.filter(run=shard.run_id, record_number__gte=shard.first_record)


def watch_over(sink: Sink, rejects: Rejects | None) -> None:
    """Let a sink tell of records that its destination does not take, if the run is to go on without them."""
    goes_on = rejects is not None and rejects.source.skipped is None
    sink.refuse = rejects.refused if rejects is not None and goes_on else None


def post(
    run: Run, plan: Plan, errors: Sequence[RecordInvalid], *, error_class: ErrorClass = ErrorClass.GENERATION
) -> None:
    """Write down records that cannot be made or written; those that are written down already stay as they are."""
    now = timezone.now()
    DeadLetter.objects.bulk_create(
        (
            DeadLetter(
                run=run,
                record_number=error.record_number,
                error_class=error_class,
                code=error.code,
                message=str(error),
                field=error.field,
                record=remnant(plan, error.record_number) if position < KEPT_RECORDS else None,
                occurred_at=now,
            )
            for position, error in enumerate(errors)
        ),
        ignore_conflicts=True,
        batch_size=500,
    )


def failed_records(run: Run) -> tuple[Plan, Sequence[RecordInvalid]]:
    """The plan of a run and the records at which it and its shards stand; raises Conflict when there is no such record.

    A record that has killed its workers is none: to look at it would end this process, too.
    """
    told = [run.error, *run.shards.values_list("last_error", flat=True)]
    found = {
        error["recordIndex"]: error
        for error in told
        if error and error["recordIndex"] is not None and error["code"] != "POISON"
    }
    if not found:
        message = "no record of the run has failed that could be skipped"
        raise Conflict("INVALID_TRANSITION", message, hint="resume it without skipping any")
    plan = plan_of_run(run)
    return plan, [_invalid(plan, number, error) for number, error in sorted(found.items())]


def _invalid(plan: Plan, number: int, told: Mapping[str, Any]) -> RecordInvalid:
    """Why a record cannot be made; what was told of it when by now it can be."""
    try:
        plan.batch(Span(number, 1))
    except RecordInvalid as error:
        return error
    name, _, message = str(told["message"]).partition(f", record {number}: ")
    return RecordInvalid(told["code"], message, field=name, record_number=number)


def remnant(plan: Plan, number: int) -> dict[str, Any]:
    """What can be made of a record, as JSON; fields that are not written are not shown either, and long texts cut."""
    schema, batch = plan.remnant(number)
    if not schema.columns:
        return {}
    kind = encoders["JSONL"]
    line = kind(schema, kind.Options(), Compression.NONE).frame(batch).payload
    shown: dict[str, Any] = _cut(json.loads(line, cls=VerbatimDecoder))
    return shown


def _cut(value: Any) -> Any:
    match value:
        case str() if len(value) > KEPT_CHARACTERS:
            return f"{value[:KEPT_CHARACTERS]}…"
        case dict():
            return {name: _cut(inner) for name, inner in value.items()}
        case list():
            return [_cut(inner) for inner in value]
    return value


def skipped_records(run: Run) -> list[int]:
    """The numbers of the records that a person has given up; none where the definition itself goes on without them."""
    if run.spec["document"].get("onError") == OnError.CONTINUE:
        return []
    return list(run.dead_letters.order_by("record_number").values_list("record_number", flat=True))

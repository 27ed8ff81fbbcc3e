"""Endings: a run that ends before its last record, because its time is over."""

from __future__ import annotations

from dataclasses import replace

from django.db import transaction

from generators.enums import EndReason
from generators.models import Run, Shard
from generators.run_spec import RunSpec


def end_early(shard: Shard, *, next_record: int, reason: EndReason) -> None:
    """Let the run of a shard, the only one it has, make no more records than it has committed.

    The shard is then to be opened once more, so that what depends on its end, such as a last part, gets one. Nothing
    happens when somebody else has the shard by now.
    """
    with transaction.atomic():
        if not Shard.objects.filter(pk=shard.pk, epoch=shard.epoch).update(end_record=next_record):
            return
        run = Run.objects.select_for_update().get(pk=shard.run_id)
        count = next_record - run.first_record
        spec = replace(RunSpec.from_json(run.spec), record_count=count, end_reason=reason)
        Run.objects.filter(pk=run.pk).update(spec=spec.to_json(), record_count=count)

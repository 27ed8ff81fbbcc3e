"""The dead letters of a generator's runs: the records that could not be made or written."""

from __future__ import annotations

from uuid import UUID

from django.db.models import F, QuerySet

from generators.models import DeadLetter
from generators.services.catalog import get_generator, run_of_generator


def dead_letters_of(generator_id: UUID, *, run_id: UUID | None = None) -> QuerySet[DeadLetter]:
    """Those of a generator's runs, or of one of them, newest run first; each with the type of its `destination`.

    Raises NotFound when there is no such generator, or the run is not one of its own.
    """
    generator = get_generator(generator_id)
    found = DeadLetter.objects.filter(run__generator=generator)
    if run_id is not None:
        found = found.filter(run=run_of_generator(generator, run_id))
    return found.annotate(destination=F("run__spec__document__destination__type")).order_by(
        "-run__number", "record_number"
    )

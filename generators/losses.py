"""Losses: the records of a span that cannot be made, while a plan makes the others."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import polars as pl
from numpy.typing import NDArray

from engine.batch import Batch
from engine.errors import Partial, RecordInvalid
from engine.span import Span


class Losses:
    """Which records of a span are given up, each with the first error that says so."""

    def __init__(self, span: Span) -> None:
        self._span = span
        self._errors: dict[int, RecordInvalid] = {}

    @property
    def errors(self) -> list[RecordInvalid]:
        """One for each record, in their order."""
        return [self._errors[number] for number in sorted(self._errors)]

    @property
    def are_all(self) -> bool:
        """Whether no record is left."""
        return len(self._errors) == self._span.count

    def made(self, values: Callable[[], pl.Series]) -> pl.Series:
        """The values of a field, of which those records are given up that it cannot make.

        Raises RecordInvalid when the field does not tell what it could make.
        """
        try:
            return values()
        except RecordInvalid as error:
            if error.partial is None:
                raise
            for place in np.flatnonzero(error.partial.failed).tolist():
                number, message = self._span.start + place, error.partial.message(place)
                self.lose(RecordInvalid(error.code, message, field=error.field, record_number=number))
            return stood_in(error.partial)

    def lose(self, error: RecordInvalid) -> None:
        """Give up a record, if it is not given up already."""
        self._errors.setdefault(error.record_number, error)

    def without(self, batch: Batch) -> Batch:
        """The records of the span that are left."""
        if not self._errors:
            return batch
        numbers = sorted(self._errors)
        is_left = np.ones(self._span.count, np.bool_)
        is_left[np.array(numbers, np.int64) - self._span.start] = False
        missing = {name: mask[is_left] for name, mask in batch.missing.items()}
        return Batch(self._span, batch.records.filter(pl.Series(is_left)), missing, tuple(numbers))


def stood_in(partial: Partial) -> pl.Series:
    """All values that a field has made, and one of them again in place of each that it has not.

    So whoever looks at the values finds none that could not be, null for example where there is no null.
    """
    made: NDArray[np.intp] = np.flatnonzero(~partial.failed)
    if not len(made):
        return partial.values
    places = np.where(partial.failed, made[0], np.arange(len(partial.failed)))
    return partial.values.gather(pl.Series(places))

"""What the engine raises while it makes records."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Partial:
    """What a field could make of a span of which it cannot make every record.

    `values` has one value for each record of the span, whatever it is where `failed` is True; `failed` is of shape
    ``(values.len(),)``. `message` says what is wrong at such a place of the span.
    """

    values: pl.Series
    failed: NDArray[np.bool_]
    message: Callable[[int], str]


class RecordInvalid(Exception):
    """A record cannot be made; `record_number` is the first such one of the span that was asked for.

    With a `partial` whoever can do without this record, and the others that the field cannot make, need not ask again
    for the rest.
    """

    def __init__(
        self, code: str, message: str, *, field: str, record_number: int, partial: Partial | None = None
    ) -> None:
        super().__init__(f"{field}, record {record_number}: {message}")
        self.code, self.message, self.field, self.record_number = code, message, field, record_number
        self.partial = partial

    @classmethod
    def of(cls, code: str, partial: Partial, *, field: str, start: int) -> RecordInvalid:
        """The error of a field that has made a part of a span, which begins at record `start`."""
        first = int(np.argmax(partial.failed))
        return cls(code, partial.message(first), field=field, record_number=start + first, partial=partial)

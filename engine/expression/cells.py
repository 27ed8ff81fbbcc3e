"""Cells: the values of one part of an expression for all records of a batch, and which of them failed."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING

import numpy as np
import polars as pl
from numpy.typing import NDArray

from engine.span import Span
from engine.stream import Stream

if TYPE_CHECKING:
    from engine.expression.functions import Node


@dataclass(frozen=True, slots=True)
class Cells:
    """A column of a value for each record, or one row that stands for all.

    `failures` holds, where anything failed, the number of the reason for each record: shape ``(n,)``, 0 where there is
    a value. A failed value is null.
    """

    values: pl.Series
    failures: NDArray[np.uint16] | None = None


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What a formula may look at beside fields: all of it is fixed when a run starts."""

    streams: Callable[[int], Stream]
    """The stream of each place at which something is drawn, counted from 0."""
    run_id: str
    started_at: datetime


@dataclass(slots=True)
class Work:
    """One evaluation: the fields' columns in the forms that were promised, and the reasons of failures met so far."""

    span: Span
    columns: Mapping[str, pl.Series]
    surroundings: Surroundings
    reasons: list[str] = field(default_factory=list)
    lengths: Mapping[str, NDArray[np.int64]] = field(default_factory=dict)
    """How many elements each record has in an array, by its path; columns of elements hold those of all records."""
    _shared: dict[int, Cells] = field(default_factory=dict)
    _elements: dict[str, ElementWork] = field(default_factory=dict)

    def cells(self, node: Node) -> Cells:
        """The cells of a part; of one that stands in several places, worked out once."""
        if not node.is_shared:
            return node.cells(self)
        if id(node) not in self._shared:
            self._shared[id(node)] = node.cells(self)
        return self._shared[id(node)]

    def elements(self, path: str) -> ElementWork:
        """The evaluation of what has a value for each element of an array."""
        if path not in self._elements:
            self._elements[path] = ElementWork(self, self.lengths[path])
        return self._elements[path]

    def full(self, values: pl.Series) -> pl.Series:
        """A column of all records."""
        return values if len(values) == self.span.count else values.new_from_index(0, self.span.count)

    def mask(self, truths: pl.Series) -> NDArray[np.bool_]:
        """Where a truth value is true: shape ``(n,)``."""
        return self.full(truths).fill_null(value=False).to_numpy()

    def reason(self, sentence: str) -> int:
        """The number of a reason."""
        if sentence not in self.reasons:
            self.reasons.append(sentence)
        return self.reasons.index(sentence) + 1


class ElementWork(Work):
    """The evaluation of parts that have a value for each element; one of the record is the same for all of them."""

    def __init__(self, record: Work, lengths: NDArray[np.int64]) -> None:
        count = int(lengths.sum())
        super().__init__(Span(0, count), record.columns, record.surroundings, record.reasons)
        self._record = record
        self._there = [lengths > place for place in range(max(1, int(lengths.max(initial=0))))]
        self._firsts = np.cumsum(lengths) - lengths
        self._rows = np.repeat(np.arange(len(lengths)), lengths)

    def cells(self, node: Node) -> Cells:
        if node.array is not None:
            return super().cells(node)
        cells = self._record.cells(node)
        if len(cells.values) == 1 and cells.failures is None:
            return cells
        values = self._record.full(cells.values).gather(pl.Series(self._rows))
        return Cells(values, None if cells.failures is None else cells.failures.take(self._rows))

    def slots(self, values: pl.Series) -> list[pl.Series]:
        """The first elements of all records, their second ones and so on: null where a record has no such element."""
        if not self.span.count:
            return [values.clear(len(self._firsts))]
        places = (np.minimum(self._firsts + place, self.span.count - 1) for place in range(len(self._there)))
        return [
            pl.select(pl.when(pl.Series(there)).then(values.gather(pl.Series(at)))).to_series()
            for there, at in zip(self._there, places, strict=True)
        ]

    def first_failures(self, failures: NDArray[np.uint16] | None) -> NDArray[np.uint16] | None:
        """Of each record the failure of its first element that has one; as `failures` are of each element."""
        if failures is None or not len(failures):
            return None
        return first_failures(
            [
                np.where(there, failures.take(self._firsts + place, mode="clip"), np.uint16(0))
                for place, there in enumerate(self._there)
            ]
        )


class Alarms:
    """Collects what fails while a column is worked out."""

    def __init__(self, work: Work, position: int) -> None:
        self._work, self._position = work, position
        self._failures: NDArray[np.uint16] | None = None

    @property
    def work(self) -> Work:
        return self._work

    def raise_where(self, bad: pl.Series | NDArray[np.bool_], reason: str) -> None:
        """The values for which this is true have none, and why."""
        truths = bad if isinstance(bad, pl.Series) else pl.Series(bad)
        if not truths.any():
            return
        number = self._work.reason(f"{reason}, at character {self._position + 1}")
        mask = self._work.mask(truths)
        codes = np.where(mask, np.uint16(number), np.uint16(0))
        self._failures = codes if self._failures is None else first_failures([self._failures, codes])

    def settled(self, values: pl.Series, before: Sequence[Cells] = ()) -> Cells:
        """The cells of these values, with what has failed here and in what they were made from."""
        failures = first_failures([*(cells.failures for cells in before), self._failures])
        if failures is None:
            return Cells(values)
        return Cells(without(self._work.full(values), failures > 0), failures)

    def forgive_null(self, given: Sequence[Cells]) -> None:
        """Where an argument is null there is no value, but nothing has failed either."""
        if self._failures is None:
            return
        for cells in given:
            if cells.values.null_count():
                null = self._work.mask(cells.values.is_null())
                self._failures = np.where(null, np.uint16(0), self._failures)


def first_failures(failures: Sequence[NDArray[np.uint16] | None]) -> NDArray[np.uint16] | None:
    """Of each record the first failure."""
    found: NDArray[np.uint16] | None = None
    for one in failures:
        if one is not None:
            found = one if found is None else np.where(found > 0, found, one)
    return found


def without(values: pl.Series, gone: NDArray[np.bool_]) -> pl.Series:
    """The values, null where they are gone."""
    return pl.select(pl.when(pl.Series(~gone)).then(values)).to_series() if gone.any() else values


def chosen(condition: NDArray[np.bool_], then: pl.Series, otherwise: pl.Series) -> pl.Series:
    """The one value where the condition is true, the other one elsewhere; both may be of one row."""
    return pl.select(pl.when(pl.Series(condition)).then(then).otherwise(otherwise)).to_series()

"""Timetables: when each record of a run is planned, by a rate curve and the way records arrive."""

from __future__ import annotations

from dataclasses import dataclass

from engine.arrivals import BLOCK, Arrival
from engine.lap_pieces import UNITS, Int64s
from engine.rates import RateCurve
from engine.span import MAX_RECORDS, Span

_MOST = (MAX_RECORDS + BLOCK) * UNITS
"""No record of a run stands above this place."""


@dataclass(frozen=True, slots=True)
class Timetable:
    """The planned times of records, in microseconds from the beginning of a run: never less for a later record."""

    curve: RateCurve
    arrival: Arrival

    def times(self, span: Span) -> Int64s:
        """When the records of a span are planned: shape ``(span.count,)``, in ``[0, FAR]``."""
        return self.curve.times(self.arrival.places(span))

    def count_before(self, time_us: int) -> int:
        """How many records are planned before a time, at least up to ``10**12``: the exact inverse of `times`."""
        return self.arrival.count_below(min(self.curve.units_at(time_us), _MOST))

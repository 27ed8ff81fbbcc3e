"""Rates: how fast the records of a REALTIME run are meant to come."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal
from enum import StrEnum
from fractions import Fraction
from typing import Any

from numpy.typing import NDArray
from pydantic import Field

from engine.arrivals import Arrival, Even, Jitter, Poisson
from engine.choice import Tables
from engine.issues import Issue
from engine.span import MAX_RECORDS
from engine.stream import Source
from engine.timetable import Timetable
from generators.rates.patterns import Constant, Pattern
from generators.rates.quantities import Length, Rate
from sdg_project.shapes import Params, Share


class ArrivalKind(StrEnum):
    """How records follow each other at a given rate."""

    EVEN = "EVEN"
    POISSON = "POISSON"
    JITTER = "JITTER"


class CatchUp(StrEnum):
    """What becomes of the records that were due while nothing could be written."""

    SKIP = "SKIP"
    BURST = "BURST"
    SPREAD = "SPREAD"


class RateShape(Params):
    """How many records a second, in which pattern, and what happens after a delay."""

    records_per_second: Rate | None = Field(
        default=None, description="Rate of CONSTANT, and what CALENDAR multiplies; 0.1 is one in 10 s.", examples=[200]
    )
    arrival: ArrivalKind = Field(default=ArrivalKind.EVEN, description="How records follow each other.")
    jitter_ratio: Share | None = Field(
        default=None, description="JITTER: by which part of the distance to the next a record may be late."
    )
    pattern: Pattern = Field(default=Constant(type="CONSTANT"), description="How the rate changes over time.")
    burst: int | None = Field(
        default=None, ge=1, le=MAX_RECORDS, description="Records that may be owed, or sent at once; else one second's."
    )
    catch_up: CatchUp = Field(
        default=CatchUp.SKIP,
        description="After a delay of more than burst: SKIP forgets what is owed and goes on later, BURST sends burst "
        "records more a second, SPREAD sends them evenly over catchUpSeconds.",
    )
    catch_up_seconds: Length | None = Field(default=None, description="SPREAD: over how long.", examples=[60])

    def issues(self) -> Iterator[Issue]:
        """What is wrong among the parameters; paths begin at the rate."""
        kind = self.pattern.type
        found = [
            *_applies("recordsPerSecond", self.records_per_second, self.pattern.scaled, f"pattern {kind}"),
            *_applies("jitterRatio", self.jitter_ratio, self.arrival is ArrivalKind.JITTER, f"arrival {self.arrival}"),
            *_applies(
                "catchUpSeconds", self.catch_up_seconds, self.catch_up is CatchUp.SPREAD, f"catchUp {self.catch_up}"
            ),
        ]
        yield from found
        for name, value in (("recordsPerSecond", self.records_per_second), ("jitterRatio", self.jitter_ratio)):
            if value == 0:
                yield Issue("INVALID_VALUE", f"/{name}", f'"{name}" must be above 0')
        if not found:
            for issue in self.pattern.issues(self._base):
                yield replace(issue, path=f"/pattern{issue.path}")

    def tables(self) -> dict[str, NDArray[Any]]:
        """Arrays that may differ between machines: made once per run."""
        return self.pattern.tables()

    def timetable(self, source: Source, *, start_ms: int, tables: Tables) -> Timetable:
        """When records are planned, from an instant on; for a rate without issues."""
        return Timetable(self.pattern.curve(self._base, start_ms=start_ms, tables=tables), self._arrival(source))

    def _arrival(self, source: Source) -> Arrival:
        match self.arrival:
            case ArrivalKind.POISSON:
                return Poisson(source.stream("time"))
            case ArrivalKind.JITTER:
                return Jitter(source.stream("time"), self.jitter_ratio or 1.0)
        return Even()

    @property
    def _base(self) -> Fraction:
        return Fraction(self.records_per_second or 1)


def _applies(name: str, value: int | float | Decimal | None, wanted: bool, where: str) -> Iterator[Issue]:
    """An error when a parameter is missing where it is needed, or given where it means nothing."""
    if wanted and value is None:
        yield Issue("MISSING_PARAM", f"/{name}", f'"{name}" is required with {where}')
    if not wanted and value is not None:
        message = f'"{name}" does not apply to {where}'
        yield Issue("PROPERTY_NOT_ALLOWED", f"/{name}", message, f'remove "{name}"')

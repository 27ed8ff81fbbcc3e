"""Seasonality: how much likelier some hours of the day, days of the week and months are than others."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import reduce
from typing import Annotated, Any

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from engine.choice import weight_tables
from engine.issues import Issue
from engine.laws import coarse
from engine.zones import Period, Zone
from sdg_project.shapes import Params

Int64s = NDArray[np.int64]
Floats = NDArray[np.float64]
Mass = Callable[[Int64s, Int64s], Floats]
"""How much of a distribution lies in each of the stretches ``[start, end)``."""

MAX_CELLS = 2_000_000
_HOUR_MS, _DAY_MS = 3_600_000, 86_400_000
Multiplier = Annotated[float, Field(ge=0)]


class Seasonality(Params):
    """Multipliers of local hours, days and months, which apply together; 0 means never."""

    hour_of_day: list[Multiplier] | None = Field(
        None, min_length=24, max_length=24, description="One for each hour, from midnight on."
    )
    day_of_week: list[Multiplier] | None = Field(
        None, min_length=7, max_length=7, description="One for each day, Monday first."
    )
    month_of_year: list[Multiplier] | None = Field(
        None, min_length=12, max_length=12, description="One for each month, January first."
    )

    def issues(self) -> Iterator[Issue]:
        """What is wrong with the multipliers; paths begin at the seasonality."""
        given = {"hourOfDay": self.hour_of_day, "dayOfWeek": self.day_of_week, "monthOfYear": self.month_of_year}
        if all(multipliers is None for multipliers in given.values()):
            yield Issue("MISSING_PARAM", "", f"a seasonality needs one of {', '.join(given)}")
        for name, multipliers in given.items():
            if multipliers is not None and not any(multipliers):
                yield Issue("INVALID_WEIGHTS", f"/{name}", f'the multipliers of "{name}" are all 0')

    def multipliers(self, local: Int64s) -> Floats:
        """The product of the multipliers at local times (milliseconds since 1970): shape of `local`, float64."""
        days = local // _DAY_MS
        factors = [np.ones(local.shape)]
        if self.hour_of_day is not None:
            factors.append(_shares(self.hour_of_day).take(local // _HOUR_MS % 24))
        if self.day_of_week is not None:
            factors.append(_shares(self.day_of_week).take((days + 3) % 7))  # 1970-01-01 was a Thursday
        if self.month_of_year is not None:
            months = days.astype("datetime64[D]").astype("datetime64[M]").astype(np.int64)
            factors.append(_shares(self.month_of_year).take(months % 12))
        return reduce(np.multiply, factors)


@dataclass(frozen=True, slots=True)
class SeasonCells:
    """Stretches ``[start, start + size)`` of at most one local hour, each with its weight; shape ``(n,)``."""

    starts: Int64s
    sizes: Int64s
    weights: Floats


def season_tables(cells: SeasonCells, start: int) -> dict[str, NDArray[Any]]:
    """The cells that can be drawn, counted from an instant, and what is needed to choose among them."""
    drawn = cells.weights > 0
    weights = coarse(cells.weights[drawn] / cells.weights.max())
    sizes = cells.sizes[drawn].astype(np.uint64)
    return {"cell_first": cells.starts[drawn] - start, "cell_sizes": sizes, **weight_tables(weights)}


def season_cells(seasonality: Seasonality, zone: Zone, start: int, end: int, mass: Mass) -> SeasonCells:
    """The cells of ``[start, end)`` with their weights: multiplier times mass.

    A local hour that the clocks leave out gives its weight to the time that it moves forward to, unless nothing is to
    lie there; of a local hour that comes twice, the second one has weight 0.
    """
    cells = [_period_cells(seasonality, period) for period in zone.periods(start, end)]
    starts, multipliers = (np.concatenate(parts) for parts in zip(*cells, strict=True))
    ends = np.append(starts[1:], end)
    return SeasonCells(starts, ends - starts, multipliers * mass(starts, ends))


def _period_cells(seasonality: Seasonality, period: Period) -> tuple[Int64s, Floats]:
    """Where the cells of a period begin, and their multipliers."""
    shift = period.offset - period.offset_before
    shadow = min(period.since + abs(shift), period.end)
    """Until then, local times are also those left out, or come for the second time."""
    starts = _hours(period.start, period.end, period.offset)
    if shadow > period.start:
        former = _hours(period.start, shadow, period.offset_before)
        starts = np.unique(np.concatenate([starts, former, [shadow] if shadow < period.end else []])).astype(np.int64)
    multipliers = seasonality.multipliers(starts + period.offset)
    shadowed = starts < shadow
    if shift < 0:
        multipliers[shadowed] = 0.0
    else:
        moved = seasonality.multipliers(starts[shadowed] + period.offset_before)
        multipliers[shadowed] += np.where(multipliers[shadowed] > 0, moved, 0.0)
    return starts, multipliers


def _hours(start: int, end: int, offset: int) -> Int64s:
    """`start`, and where local hours begin before `end`."""
    following = start + _HOUR_MS - (start + offset) % _HOUR_MS
    return np.append(np.int64(start), np.arange(following, end, _HOUR_MS, dtype=np.int64))


def _shares(multipliers: list[float]) -> Floats:
    """The multipliers by the greatest, so that no product can overflow."""
    shares: Floats = np.array(multipliers) / max(multipliers)
    return shares

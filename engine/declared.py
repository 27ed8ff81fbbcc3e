"""What every distribution declares and can say about itself on a range."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from enum import StrEnum

from numpy.typing import ArrayLike
from pydantic import BaseModel, ConfigDict
from pydantic.alias_generators import to_camel

from engine.issues import Issue, Severity
from engine.laws import Floats
from engine.ranges import Range

_LEAST_MASS, _LITTLE_MASS = 1e-6, 0.05


class OutOfBounds(StrEnum):
    """What becomes of the part of a distribution outside the range."""

    TRUNCATE = "TRUNCATE"
    CLAMP = "CLAMP"


class DistributionBase(BaseModel, ABC):
    """What every distribution can say about itself on a range."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", strict=True, allow_inf_nan=False, alias_generator=to_camel, serialize_by_alias=True
    )

    type: str

    def issues(self, over: Range) -> Iterator[Issue]:
        """What is wrong with this distribution on this range; paths begin at the distribution."""
        found = list(self._constraints(over))
        yield from found
        if any(issue.severity is Severity.ERROR for issue in found) or over.low == over.high:
            return
        mass = self.mass(over)
        if not mass >= _LITTLE_MASS:
            share = "nothing" if not mass > 0.0 else f"only {mass:.1g}"
            yield Issue(
                "DISTRIBUTION_OUTSIDE_RANGE",
                "",
                f"{share} of the {self.type} distribution lies between {over.minimum} and {over.maximum}",
                hint="widen the range or move the distribution into it",
                severity=Severity.WARNING if mass >= _LEAST_MASS else Severity.ERROR,
            )

    def mass(self, over: Range) -> float:
        """The probability that the distribution itself, before it is cut to the range, gives to the range."""
        return 1.0

    @abstractmethod
    def cumulative(self, over: Range, values: ArrayLike, out_of_bounds: OutOfBounds) -> Floats:
        """``P(X <= value)`` for values drawn on the range: offsets of a lattice, numbers of a continuum."""

    def _constraints(self, over: Range) -> Iterator[Issue]:
        return iter(())

"""Lists of values with weights: one for a field, or one for each case of another field's value."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from engine.issues import Issue, Severity, pointer
from engine.ranges import exact
from generators.values.listed_values import Scalar, WeightedValue, identity
from sdg_project.text import shown


@dataclass(frozen=True, slots=True)
class ValueList:
    """Values in their order, each with a weight; `weighted` tells whether weights were given."""

    values: tuple[Scalar, ...]
    weights: tuple[float, ...]
    weighted: bool

    @classmethod
    def of(cls, entries: Sequence[Scalar | WeightedValue], weights: Sequence[float] | None = None) -> ValueList:
        """The list of entries as they were declared; a plain scalar has the weight 1."""
        values = tuple(entry.value if isinstance(entry, WeightedValue) else entry for entry in entries)
        own = tuple(entry.weight if isinstance(entry, WeightedValue) else 1.0 for entry in entries)
        weighted = weights is not None or any(isinstance(entry, WeightedValue) for entry in entries)
        return cls(values, own if weights is None else tuple(weights), weighted)

    @property
    def drawn(self) -> list[int]:
        """The places of the values that can be drawn."""
        return [place for place, weight in enumerate(self.weights) if weight > 0]

    def quotas(self, block: int) -> NDArray[np.int64]:
        """How often each value stands in a block of records, by largest remainder, the first of equal ones first."""
        total = sum(Fraction(exact(weight)) for weight in self.weights)
        shares = [Fraction(exact(weight)) * block / total for weight in self.weights]
        counts = [math.floor(share) for share in shares]
        by_remainder = sorted(range(len(shares)), key=lambda place: counts[place] - shares[place])
        for place in by_remainder[: block - sum(counts)]:
            counts[place] += 1
        return np.array(counts, np.int64)

    def issues(self, at: str, weights_at: str) -> Iterator[Issue]:
        """What is wrong with the list alone: values are at `at`, weights at `weights_at`."""
        seen: dict[object, int] = {}
        for place, value in enumerate(self.values):
            first = seen.setdefault(identity(value), place)
            if first != place:
                message = f"{shown(value)} is listed twice, first at {first}"
                yield Issue("DUPLICATE_VALUE", at + pointer(place), message, "give it once, with a greater weight")
            if value is None:
                hint = "nullRate says the same, and keeps the other values as they are"
                yield Issue(
                    "INVALID_VALUE", at + pointer(place), "null is a value here", hint, severity=Severity.WARNING
                )
        if not any(self.weights):
            yield Issue("INVALID_WEIGHTS", weights_at, "the weights are all 0", "give a value a weight above 0")
        elif not math.isfinite(sum(self.weights)):
            yield Issue("INVALID_WEIGHTS", weights_at, "the sum of the weights is not finite", "use smaller weights")
        else:
            for place, weight in enumerate(self.weights):
                if weight == 0:
                    yield never_emitted(at + pointer(place), self.values[place], "its weight is 0")


def never_emitted(at: str, value: Scalar, reason: str) -> Issue:
    """The warning that a value cannot occur."""
    return Issue("NEVER_EMITTED", at, f"{shown(value)} never occurs: {reason}", severity=Severity.WARNING)

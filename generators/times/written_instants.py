"""Instants as people write them: absolute or relative, with or without a time zone."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime

import numpy as np

from engine.zones import Zone
from generators.facts import epoch_ms, parse_instant


@dataclass(frozen=True, slots=True)
class WrittenInstant:
    """An instant of a definition; one without a zone means a local time of whatever zone it is put in."""

    text: str
    moment: datetime

    @property
    def is_relative(self) -> bool:
        return self.text.startswith("now")

    @property
    def is_naive(self) -> bool:
        """Whether it is absolute and without a zone."""
        return not self.is_relative and self.moment.tzinfo is None

    def in_zone(self, zone: Zone) -> int:
        """The milliseconds since 1970 (UTC)."""
        written = epoch_ms(self.moment)
        return int(zone.instants(np.array([written]))[0]) if self.is_naive else written


class WrittenInstants:
    """Instants by their names, as far as they can be read."""

    def __init__(self, texts: Mapping[str, str | None], *, started_at: datetime) -> None:
        """Read the texts that there are: ISO 8601, or ``now-30d`` relative to the start of the run."""
        self._read: dict[str, WrittenInstant] = {}
        self.problems: dict[str, str] = {}
        """What is wrong with those that cannot be read."""
        for name, text in texts.items():
            if text is not None:
                try:
                    self._read[name] = WrittenInstant(text, parse_instant(text, started_at=started_at))
                except ValueError as error:
                    self.problems[name] = str(error)

    def get(self, name: str) -> WrittenInstant | None:
        """An instant that could be read."""
        return self._read.get(name)

    def pair(self, first: str, second: str) -> tuple[WrittenInstant, WrittenInstant] | None:
        """Two instants, if both could be read."""
        return (self._read[first], self._read[second]) if {first, second} <= self._read.keys() else None

    def __iter__(self) -> Iterator[WrittenInstant]:
        return iter(self._read.values())

    @property
    def are_relative(self) -> bool:
        """Whether any of them counts from the start of the run."""
        return any(instant.is_relative for instant in self)

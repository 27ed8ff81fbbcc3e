"""The facts of a run that its records may depend on, frozen when it starts."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

_RELATIVE = re.compile(r"now(?:(?P<sign>[+-])(?P<amount>\d{1,9})(?P<unit>[smhdw]))?")
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class RunFacts:
    """What is fixed once per run beside its definition and its pools.

    `started_at_given` says that a person fixed the start (``--started-at``), so that it can be repeated. `entropy` was
    drawn from the operating system at start, for fields that ask for values nobody can reproduce; `earlier_records` is
    how many record numbers earlier runs of the same generator have used.
    """

    seed: int
    started_at: datetime
    started_at_given: bool = False
    record_count: int | None = None
    run_id: str = "preview"
    entropy: str = ""
    earlier_records: int = 0


def epoch_ms(instant: datetime) -> int:
    """Milliseconds since 1970, rounded down; an instant without a zone is taken for UTC."""
    aware = instant if instant.tzinfo else instant.replace(tzinfo=UTC)
    return (aware - _EPOCH) // timedelta(milliseconds=1)


def parse_instant(text: str, *, started_at: datetime) -> datetime:
    """An ISO 8601 date or date-time, or ``now``, ``now-30d``, ``now+12h`` relative to the start of the run.

    Raises ValueError with a sentence that says what would be accepted.
    """
    relative = _RELATIVE.fullmatch(text)
    try:
        if relative is None:
            return datetime.fromisoformat(text)
        if relative["sign"] is None:
            return started_at
        distance = timedelta(**{_UNITS[relative["unit"]]: int(relative["amount"])})
        return started_at + distance if relative["sign"] == "+" else started_at - distance
    except (ValueError, OverflowError) as error:
        raise ValueError(
            f'"{text}" is no instant between the years 1 and 9999; accepted are ISO 8601 such as '
            "2026-01-31T12:00:00Z, and now, now-30d, now+12h (units s, m, h, d, w)"
        ) from error

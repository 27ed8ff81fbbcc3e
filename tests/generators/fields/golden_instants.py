"""Golden values of UUIDs and instants: what a seed makes, for all time.

When other values are meant, write the files anew with ``python -m tests.generators.fields.golden_instants`` and say in
the commit which values change and why. Nothing else writes them.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from engine.span import Span
from tests.generators.fields.examined import NAME, made, mapping

FOLDER = Path(__file__).with_name("golden")
SPANS = (Span(0, 4), Span(10**9, 2))
UUIDS: tuple[dict[str, Any], ...] = (
    {},
    {"uppercase": True},
    {"format": "COMPACT"},
    {"format": "URN"},
    {"format": "BRACED", "uppercase": True},
    {"prefix": "kö-"},
    {"shortForm": 4},
    {"shortForm": 12, "prefix": "c_", "uppercase": True},
    {"deterministic": False},
    {"version": 7},
    {"version": 7, "monotonic": False},
    {"version": 7, "timestampField": "other"},
    {"version": 5, "namespace": "URL", "nameTemplate": "customer/${other}"},
    {"version": 5, "namespace": "12345678-1234-5678-1234-567812345678", "nameTemplate": "${other}"},
)
_YEAR = {"mode": "RANGE", "from": "2025-01-01", "to": "2026-01-01"}
_BERLIN = {"timezone": "Europe/Berlin"}
TIMESTAMPS: tuple[dict[str, Any], ...] = (
    {},
    _YEAR,
    {**_YEAR, **_BERLIN},
    {**_YEAR, **_BERLIN, "granularity": "SECOND"},
    {**_YEAR, **_BERLIN, "granularity": "MINUTE"},
    {**_YEAR, **_BERLIN, "granularity": "HOUR"},
    {**_YEAR, **_BERLIN, "granularity": "DAY"},
    {**_YEAR, "from": "now-30d", "to": "now+1w"},
    {**_YEAR, "distribution": {"type": "NORMAL"}},
    {**_YEAR, "distribution": {"type": "NORMAL", "mean": 0, "stdDev": 86_400_000}},
    {**_YEAR, "distribution": {"type": "EXPONENTIAL", "mean": 86_400_000}},
    {**_YEAR, "distribution": {"type": "TRIANGULAR"}},
    {**_YEAR, **_BERLIN, "seasonality": {"hourOfDay": [0] * 8 + [1, 2, 3, 4] * 4}},
    {**_YEAR, **_BERLIN, "seasonality": {"dayOfWeek": [1, 1, 1, 1, 1, 0, 0.5], "monthOfYear": list(range(12))}},
    {**_YEAR, "seasonality": {"dayOfWeek": [1] * 7}, "distribution": {"type": "EXPONENTIAL", "mean": 86_400_000}},
    {"mode": "SEQUENTIAL"},
    {"mode": "SEQUENTIAL", "start": "2026-03-29T02:30:00", **_BERLIN, "stepMs": -60_000, "jitterMs": 10_000},
    {"mode": "OFFSET", "baseField": "other", "minOffsetMs": -5, "maxOffsetMs": 3_600_000},
    {
        "mode": "OFFSET",
        "baseField": "other",
        "minOffsetMs": 1,
        "maxOffsetMs": 10**9,
        "distribution": {"type": "LOGNORMAL", "median": 10**6, "sigma": 1},
    },
    {**_YEAR, "format": "EPOCH_SECONDS"},
    {**_YEAR, "format": "EPOCH_MILLIS"},
    {**_YEAR, "format": "EPOCH_MICROS"},
    {**_YEAR, "format": "EPOCH_NANOS"},
    {**_YEAR, **_BERLIN, "format": "DATE"},
    {**_YEAR, **_BERLIN, "format": "PATTERN", "pattern": "%Y-%m-%dT%H:%M:%S.%3f%z"},
    {
        **_YEAR,
        "timezone": "America/New_York",
        "format": "PATTERN",
        "pattern": "%A, %d. %B %y, %j %I:%M:%S.%f %p %a %b %%",
    },
)
UNIQUE: tuple[dict[str, Any], ...] = (
    {**_YEAR, **_BERLIN, "granularity": "DAY"},
    {**_YEAR, "to": "2100-01-01", "granularity": "SECOND"},
    {**_YEAR, **_BERLIN, "format": "DATE"},
)


def uuids() -> list[dict[str, Any]]:
    return [_values("UUID_GENERATED", params) for params in UUIDS] + [
        _values("UUID_GENERATED", {"shortForm": 8}, unique=True)
    ]


def timestamps() -> list[dict[str, Any]]:
    return [_values("TIMESTAMP_GENERATED", params) for params in TIMESTAMPS] + [
        _values("TIMESTAMP_GENERATED", params, unique=True) for params in UNIQUE
    ]


def _values(kind: str, params: dict[str, Any], **more: Any) -> dict[str, Any]:
    other = mapping("TIMESTAMP_GENERATED", {"mode": "SEQUENTIAL", "start": "2020-01-01T00:00:00Z"}, name="other")
    spans = SPANS if not more else SPANS[:1]
    columns = [made(mapping(kind, params, **more), other, span=span, count=4, name=NAME) for span in spans]
    values = [str(value) for column in columns for value in column]
    return {"params": params, **more, "values": values}


FILES = {"uuid_generated.json": uuids, "timestamp_generated.json": timestamps}

if __name__ == "__main__":
    for name, make in FILES.items():
        (FOLDER / name).write_text(json.dumps(make(), indent=1, ensure_ascii=False) + "\n", "utf-8")
        print(f"wrote {FOLDER / name}")

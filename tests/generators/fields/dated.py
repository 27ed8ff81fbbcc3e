"""Definitions with one field of instants, and how a person writes these."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import polars as pl

from tests.engine.test_zones import of_package
from tests.generators.fields.examined import mapping

KIND = "TIMESTAMP_GENERATED"
PARAMS = "/fieldMappings/0/params"
EPOCH, MS = datetime(1970, 1, 1, tzinfo=UTC), timedelta(milliseconds=1)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
YEAR = {"mode": "RANGE", "from": "2026-01-01T00:00:00Z", "to": "2027-01-01T00:00:00Z"}
OTHER = mapping(KIND, {"mode": "SEQUENTIAL", "start": "2020-01-01T00:00:00Z"}, name="other")


def field(params: dict[str, Any], **more: Any) -> dict[str, Any]:
    return mapping(KIND, params, **more)


def local(values: pl.Series, zone: str) -> list[datetime]:
    known = of_package(zone)
    return [known.fromutc(value.replace(tzinfo=known)) for value in values]

"""The parameters of TIMESTAMP_GENERATED, and which of them apply to which mode."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

from pydantic import AfterValidator, Field

from engine.distributions import Distribution, Uniform
from engine.time_pattern import TimePattern
from engine.zones import MAX_MS, MIN_MS
from generators.times.granularity import Granularity
from generators.times.instants import InstantFormat
from generators.times.seasonality import Seasonality
from generators.times.zone_name import ZoneName
from sdg_project.shapes import FieldName, Params
from sdg_project.text import UNSTORABLE

_SPAN_MS = MAX_MS - MIN_MS


class TimeMode(StrEnum):
    """Where an instant comes from."""

    NOW = "NOW"
    CLOCK = "CLOCK"
    RANGE = "RANGE"
    SEQUENTIAL = "SEQUENTIAL"
    OFFSET = "OFFSET"


APPLY = {
    TimeMode.NOW: (),
    TimeMode.CLOCK: (),
    TimeMode.RANGE: ("from_", "to", "seasonality", "distribution"),
    TimeMode.SEQUENTIAL: ("start", "step_ms", "jitter_ms"),
    TimeMode.OFFSET: ("base_field", "min_offset_ms", "max_offset_ms", "distribution"),
}
REQUIRED = {TimeMode.RANGE: ("from_", "to"), TimeMode.OFFSET: ("base_field", "min_offset_ms", "max_offset_ms")}
INSTANTS = ("from_", "to", "start")
RANGE_DISTRIBUTIONS = ("UNIFORM", "NORMAL", "EXPONENTIAL", "TRIANGULAR")


def _readable_pattern(text: str) -> str:
    if UNSTORABLE.search(text):
        raise ValueError("must not hold NUL or half a surrogate pair")
    TimePattern(text)
    return text


class TimestampGeneratedParams(Params):
    mode: TimeMode = Field(default=TimeMode.CLOCK, description="Where the instant comes from.")
    from_: str | None = Field(
        default=None, alias="from", description="RANGE: first instant possible.", examples=["2026-01-01", "now-30d"]
    )
    to: str | None = Field(default=None, description="RANGE: first instant behind those possible.", examples=["now"])
    start: str | None = Field(
        default=None, description="SEQUENTIAL: the first record; by default the start of the run.", examples=["now-1d"]
    )
    step_ms: int = Field(
        default=1000, ge=-_SPAN_MS, le=_SPAN_MS, description="SEQUENTIAL: from one record to the next; not 0."
    )
    jitter_ms: int = Field(
        default=0, ge=0, le=_SPAN_MS, description="SEQUENTIAL: by how much each may be earlier or later."
    )
    base_field: FieldName | None = Field(
        default=None, description="OFFSET: the instant to start from; null makes null.", examples=["createdAt"]
    )
    min_offset_ms: int | None = Field(
        default=None, ge=-_SPAN_MS, le=_SPAN_MS, description="OFFSET: least distance.", examples=[3_600_000]
    )
    max_offset_ms: int | None = Field(
        default=None, ge=-_SPAN_MS, le=_SPAN_MS, description="OFFSET: greatest distance.", examples=[259_200_000]
    )
    seasonality: Seasonality | None = Field(default=None, description="RANGE: likelier hours, days and months.")
    distribution: Distribution = Field(
        default=Uniform(type="UNIFORM"),
        description="OFFSET: of the distance. RANGE: UNIFORM, NORMAL, TRIANGULAR, whose mean and mode are milliseconds "
        "after from, or EXPONENTIAL, whose mean is milliseconds before to.",
    )
    format: InstantFormat | None = Field(
        default=None,
        description="What is written; by default ISO_8601, or DATE or EPOCH_MILLIS if the schema says DATE or LONG.",
    )
    pattern: Annotated[str, AfterValidator(_readable_pattern)] | None = Field(
        default=None,
        min_length=1,
        max_length=200,
        description="PATTERN: text with the directives of strftime.",
        examples=["%Y-%m-%d %H:%M:%S"],
    )
    timezone: ZoneName = Field(
        default="UTC", description="Where local times, dates, hours and days are.", examples=["Europe/Berlin"]
    )
    granularity: Granularity = Field(
        default=Granularity.MILLI, description="Cut to the beginning of the second, or local minute, hour or day."
    )

"""Values that must be distinct are distinct as they are written, or the definition is refused."""

from __future__ import annotations

from typing import Any

import polars as pl
import pytest

from engine.schema import OutputType
from engine.span import Span
from generators.casts import Cast
from generators.distinctness import merging
from generators.fields.base import Output
from tests.generators.fields.examined import NAME, examined, made, mapping

T = OutputType
RANGE, ENUM, SEQUENCE, TIME = "NUMERIC_RANGE", "ENUM_RANDOM", "SEQUENCE", "TIMESTAMP_GENERATED"
DAY = {"mode": "RANGE", "from": "2026-01-01T00:00:00Z", "to": "2026-01-02T00:00:00Z"}
STEPS = {"mode": "SEQUENTIAL", "start": "2026-01-01T00:00:00Z", "stepMs": 1000}


def unique(kind: str, params: dict[str, Any], **more: Any) -> dict[str, Any]:
    return mapping(kind, params, unique=True, **more)


def declared(**field: Any) -> dict[str, Any]:
    return {"fields": [{"name": NAME, **field}]}


@pytest.mark.parametrize(
    ("mapped", "field", "says"),
    [
        (unique(ENUM, {"values": ["1", "01"]}, outputType="INTEGER"), None, 'text "1" and text "01" both become 1'),
        (unique(ENUM, {"values": ["true", "TRUE"]}, outputType="BOOLEAN"), None, "both become true"),
        (unique(SEQUENCE, {"template": "{seq:05d}"}, outputType="LONG"), None, '"1" and "01" are one number'),
        (unique(SEQUENCE, {"start": 2**53}, outputType="DOUBLE"), None, "numbers are rounded"),
        (unique(RANGE, {"min": 0, "max": 10**6, "scale": 10}, outputType="DOUBLE"), None, "numbers are rounded"),
        (
            unique(RANGE, {"min": 0, "max": 10**4, "scale": 2, "numericType": "DOUBLE"}),
            {"type": "DECIMAL", "scale": 1},
            "numbers are rounded",
        ),
        (unique(TIME, STEPS | {"format": "ISO_8601"}, outputType="DATE"), None, "instants of a day have one date"),
        (unique(TIME, STEPS, outputType="TIME"), None, "have one time of day"),
        (unique("UUID_GENERATED", {"uppercase": True}, outputType="UUID"), None, "upper and lower case"),
    ],
)
def test_a_cast_that_may_make_two_values_one_is_refused(
    mapped: dict[str, Any], field: dict[str, Any] | None, says: str
) -> None:
    more = {} if field is None else {"schema": declared(**field)}
    count = 2 if mapped["type"] == ENUM else 100_000

    [issue] = [one for one in examined(mapped, count=count, **more).errors if one.code == "UNIQUE_IMPOSSIBLE"]

    assert issue.path == "/fieldMappings/0/unique"
    assert says in issue.message


@pytest.mark.parametrize(
    ("mapped", "count"),
    [
        (unique(ENUM, {"values": ["1", "02", "3"]}, outputType="INTEGER"), 3),
        (unique(ENUM, {"values": ["2026-01-31T12:00:00Z", "2026-01-31T12:00:00+01:00"]}, outputType="TIMESTAMP"), 2),
        (unique(SEQUENCE, {"start": -(2**53)}, outputType="DOUBLE"), 1_000),
        (unique(SEQUENCE, {"template": "2026-01-{seq:02d}"}, outputType="DATE"), 31),
        (unique(RANGE, {"min": 0, "max": 10, "scale": 4}, outputType="DOUBLE"), 50_000),
        (unique(RANGE, {"min": 0, "max": 10, "scale": 4}, outputType="STRING"), 50_000),
        (unique(TIME, DAY, outputType="TIME"), 50_000),
        (unique(TIME, STEPS, outputType="STRING"), 50_000),
        (unique(TIME, {"mode": "RANGE", "from": "1900-01-01", "to": "2100-01-01"}, outputType="DATE"), 50_000),
        (unique("UUID_GENERATED", {}, outputType="STRING"), 50_000),
    ],
)
def test_a_cast_that_keeps_values_apart_is_taken(mapped: dict[str, Any], count: int) -> None:
    values = made(mapped, count=count, span=Span(0, count))

    assert values.n_unique() == count


def test_decimals_of_a_smaller_scale_are_refused_before_they_merge() -> None:
    mapped = unique(RANGE, {"min": 0, "max": 100, "scale": 2})

    told = {(issue.code, issue.path) for issue in examined(mapped, schema=declared(type="DECIMAL", scale=0)).errors}

    assert told == {("TYPE_MISMATCH", "/schema/fields/0/scale")}


def test_values_of_a_pool_are_compared_after_the_cast() -> None:
    def of_pool(*texts: str | None) -> str | None:
        held = pl.Series(texts, dtype=pl.String)
        return merging(Cast.of(Output(T.STRING), T.INTEGER, None, lambda: held))

    assert of_pool("1", "2", None, "3", "2") is None
    assert of_pool("1", "2", "+2", None) == 'text "2" and text "+2" both become 2'


def test_without_unique_values_may_merge() -> None:
    assert made(mapping(ENUM, {"values": ["1", "01"]}, outputType="INTEGER")).unique().to_list() == [1]

"""A shop's pool, and definitions of fields that copy from it: what the tests of POOL_REFERENCE share."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime
from functools import cache
from typing import Any

import polars as pl

from engine.issues import Issue
from engine.span import Span
from generators.definition import read_definition
from generators.examination import Examination, examine
from generators.facts import RunFacts
from generators.fields.base import Output
from generators.plan import Plan
from pools.snapshot import Snapshot, snapshot_of
from tests.generators.fields.examined import NAME, STARTED_AT, mapping

AT = "/fieldMappings/0/params"
SELECTIONS: list[dict[str, Any]] = [
    {},
    {"selection": "WEIGHTED", "weightColumn": "weight"},
    {"selection": "SEQUENTIAL"},
    {"selection": "SHUFFLE"},
    {"selection": "ZIPF", "exponent": 0.7},
]
KEYED: dict[str, Any] = {"keyField": "key", "keyColumn": "color"}


@cache
def shop() -> Snapshot:
    """Eight rows with a column of each type, most with a null."""
    records = pl.DataFrame(
        {
            "sku": [f"sku-{number}" for number in range(8)],
            "color": ["red", "blue", None, "red", "green", "blue", "red", "Ä"],
            "price": pl.Series(["1.50", "2.00", None, "-3.25", "0.00", "9.99", "9.99", "100.00"]).cast(
                pl.Decimal(18, 2)
            ),
            "weight": [0.5, 3.0, None, 0.0, 1.0, 1.0, 2.0, 0.25],
            "stock": [5, 7, 7, None, 0, -4, 2**40, 5],
            "shelf": [1, 2, 3, 4, 5, 6, 7, 8],
            "active": [True, False, None, True, True, False, True, True],
            "since": [date(2020, 1, day) for day in (1, 2, 3, 4)] + [None, date(1960, 5, 5), *[date(2021, 1, 1)] * 2],
            "seen": pl.Series([datetime(2026, 3, day, 12, tzinfo=UTC) for day in range(1, 8)] + [None]).cast(
                pl.Datetime("ms", "UTC")
            ),
            "empty": pl.Series([None] * 8, dtype=pl.String),
        }
    )
    return snapshot_of(records, pool="shop", version=1)


@cache
def codes(count: int) -> Snapshot:
    """A pool of one text column with distinct values."""
    return snapshot_of(pl.select(code=pl.concat_str([pl.lit("code "), pl.int_range(count)])), pool="codes", version=1)


def field(column: str | None = "sku", name: str = NAME, **params: Any) -> dict[str, Any]:
    """A mapping; keys of the mapping itself end in an underscore."""
    keys = {key[:-1]: params.pop(key) for key in list(params) if key.endswith("_")}
    return mapping(
        "POOL_REFERENCE", {"pool": "shop", **({} if column is None else {"column": column}), **params}, name, **keys
    )


def examined(
    *mappings: dict[str, Any],
    pools: Mapping[str, Snapshot] | None = None,
    count: int | None = None,
    seed: int = 1,
    **more: Any,
) -> Examination:
    document = {"name": "orders", "fieldMappings": list(mappings), **more}
    facts = RunFacts(seed, STARTED_AT, True, record_count=count)
    return examine(read_definition(document), facts=facts, pools={"shop": shop()} if pools is None else pools)


def planned(*mappings: dict[str, Any], **more: Any) -> Plan:
    examination = examined(*mappings, **more)
    assert examination.plan is not None, examination.errors
    return examination.plan


def records(*mappings: dict[str, Any], start: int = 0, count: int = 2_000, **more: Any) -> pl.DataFrame:
    return planned(*mappings, **more).batch(Span(start, count)).records


def issues(*mappings: dict[str, Any], **more: Any) -> list[Issue]:
    return list(examined(*mappings, **more).errors)


def found(*mappings: dict[str, Any], **more: Any) -> list[tuple[str, str]]:
    return [(issue.code, issue.path) for issue in issues(*mappings, **more)]


def output(*mappings: dict[str, Any], name: str = NAME, **more: Any) -> Output:
    [one] = [one for one in planned(*mappings, **more).fields if one.name == name]
    return one.output


def key(*values: Any, **more: Any) -> dict[str, Any]:
    return mapping("ENUM_RANDOM", {"values": list(values)}, "key", **more)

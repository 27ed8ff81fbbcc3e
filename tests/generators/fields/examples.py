"""Parameter sets of every field type, which together give every parameter; and plans with one of them.

The contract tests and ``make bench`` run through them. A new kind needs a list here.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache
from typing import Any

import polars as pl

from engine.span import MAX_RECORDS, Span
from generators.definition import read_definition
from generators.examination import compile_plan
from generators.facts import RunFacts
from generators.plan import Plan
from pools.snapshot import Snapshot, snapshot_of
from tests.generators.fields import golden_instants
from tests.generators.fields.examined import NAME, STARTED_AT, mapping

COUNT = MAX_RECORDS
"""As many records are planned as a run can have, so that far spans belong to it."""

ENUM_RANDOM: list[dict[str, Any]] = [
    {"values": ["NEW", "PAID", "SHIPPED", "FAILED"]},
    {"values": ["NEW", "PAID", "SHIPPED", "FAILED"], "weights": [50, 30, 0, 5]},
    {"values": [{"value": "Köln", "weight": 3}, "🦊", {"value": None, "weight": 0.5}, "a\nb"]},
    {"values": list(range(100)), "weights": list(range(100))},
    {"values": [-1, 2**40]},
    {"values": [0.25, 1.5, 3]},
    {"values": [1e300, 5e-324]},
    {"values": [True, False]},
    {"values": [1, "1", True, 1.5, None]},
    {"values": ["a", "b", "c"], "selection": "ROUND_ROBIN"},
    {"values": ["a", "b", "c", "d", "e"], "selection": "SHUFFLE"},
    {"values": ["a", "b", "c"], "weights": [1, 2, 3], "selection": "QUOTA"},
    {"values": ["a", {"value": "b", "weight": 6}], "selection": "QUOTA", "quotaBlock": 7},
    {"values": [f"value {rank}" for rank in range(1000)], "selection": "ZIPF"},
    {"values": ["a", "b", "c"], "selection": "ZIPF", "exponent": 2},
    {
        "conditionField": "country",
        "cases": {"DE": ["Berlin", "Köln"], "FR": [{"value": "Paris", "weight": 3}, "Lyon"]},
        "defaultCase": ["Other"],
    },
    {
        "conditionField": "country",
        "cases": {"DE": [1, 2], "FR": [3, 4, 5], "IT": [6]},
        "selection": "ZIPF",
        "exponent": 0.5,
    },
]
COMPUTED: list[dict[str, Any]] = [
    {"expression": "rand()"},
    {"expression": "RANDBETWEEN(1, 6) + RANDBETWEEN(1, 6)"},
    {"expression": "recordIndex() ** 2 % 97"},
    {"expression": "ROUND(quantity * unitPrice * (1 - 0.05), 2)"},
    {"expression": "quantity / 7", "resultType": "DECIMAL"},
    {"expression": "quantity * unitPrice", "onNull": "EVALUATE", "resultType": "DOUBLE"},
    {"expression": 'IF(quantity > 50, "big", "small")', "onNull": "EVALUATE"},
    {"expression": "IFS(ISBLANK(quantity), 'none', quantity < 10, 'few', true, 'many')"},
    {"expression": "lower(concat(slug(town), '.', recordIndex(), '@example.com'))"},
    {"expression": "PROPER(town) & ' ' & TEXT(quantity, '000')"},
    {"expression": "1000 / (quantity % 5)", "onEvalError": "NULL"},
    {"expression": "unitPrice // (quantity % 5)", "onEvalError": "DEFAULT", "default": -1},
    {"expression": "DATEADD(other, quantity, 'hour')"},
    {"expression": "WEEKDAY(other, 2) < 6 and 9 <= HOUR(other) < 18"},
    {"expression": "hashPick(town, ['red', 'green', 'blue'])"},
    {"expression": "sha256(town) & crc32(town)"},
    {"expression": "PADLEFT(TOSTRING(recordIndex()), 15, '0') & LUHN(PADLEFT(TOSTRING(recordIndex()), 15, '0'))"},
    {"expression": "case(town, {'Köln': 1.5, 'Oslo': 2}, 0)"},
    {"expression": "sqrt(quantity) + 2 ** -3"},
]
CONSTANT: list[dict[str, Any]] = [
    {"value": "EUR"},
    {"value": ""},
    {"value": None},
    {"value": 7},
    {"value": -(2**63)},
    {"value": 0.1},
    {"value": 1e300},
    {"value": True},
    {"value": ["a", {"b": 1.5, "ä": None}]},
    {"value": "${runId} of ${generatorName} at ${startedAt} for $$5", "interpolate": True},
]
SEQUENCE: list[dict[str, Any]] = [
    {},
    {"start": 1000, "step": 7},
    {"start": 0, "step": -3},
    {"start": -(2**63), "step": 9_000_000},
    {"start": 0, "end": 7, "onEnd": "WRAP"},
    {"start": 10, "end": -9, "step": -5, "onEnd": "WRAP", "repeatEach": 3},
    {"start": 1, "end": 500, "onEnd": "CLAMP"},
    {"start": 1, "end": 10**12, "onEnd": "STOP"},
    {"start": 1, "end": 2**60, "onEnd": "ERROR", "order": "SHUFFLED"},
    {"start": 5, "end": 95, "step": 10, "onEnd": "WRAP", "order": "SHUFFLED"},
    {"template": "INV-{seq:08d}"},
    {"template": "{{{seq}}}", "start": -5},
    {"template": "№ {seq:14d}/26", "scope": "GENERATOR", "repeatEach": 2},
    {"template": "{seq:020d}", "start": 2**62},
]
NUMERIC_RANGE: list[dict[str, Any]] = [
    {"min": 1, "max": 6},
    {"min": -(2**63), "max": 2**63 - 1},
    {"min": -7, "max": 10**10, "step": 3},
    {"min": 0, "max": 100, "numericType": "DECIMAL", "scale": 1},
    {"min": 0.05, "max": 0.5, "step": 0.05, "scale": 2, "specialValues": [{"value": 0, "rate": 0.7}]},
    {"min": "-999999999999999999", "max": "999999999999999999", "scale": 0},
    {"min": 1e-18, "max": "0.999999999999999999", "scale": 18},
    {"min": -0.5, "max": 1.5},
    {"min": 0, "max": 1, "numericType": "DOUBLE", "scale": 3},
    {"min": 18, "max": 95, "distribution": {"type": "NORMAL", "mean": 42, "stdDev": 15}},
    {"min": 18, "max": 95, "distribution": {"type": "NORMAL", "stdDev": 40}, "outOfBounds": "CLAMP"},
    {"min": 1, "max": 500, "scale": 2, "distribution": {"type": "LOGNORMAL", "median": 40, "sigma": 0.8}},
    {"min": 0.5, "max": 500, "distribution": {"type": "GAMMA", "shape": 2, "scaleParam": 9}},
    {"min": 0, "max": 9, "distribution": {"type": "POISSON", "lambda": 3}},
    {"min": 100_001, "max": 200_000, "distribution": {"type": "ZIPF", "exponent": 1.1}},
    {
        "min": 0,
        "max": 50,
        "scale": 1,
        "distribution": {
            "type": "HISTOGRAM",
            "bins": [{"from": 0, "to": 5, "weight": 3}, {"from": 9, "to": 50, "weight": 1}],
        },
    },
    {
        "min": 0,
        "max": 100,
        "specialValues": [{"value": -1, "rate": 0.1}, {"value": 9999, "rate": 0.05}],
        "outliers": {"rate": 0.02, "min": 10**6, "max": 10**7},
        "edgeCaseRate": 0.05,
    },
    {"min": 0, "max": 1.5, "edgeCaseRate": 0.2, "outliers": {"rate": 0.1, "min": -1e9, "max": -1e6}},
    {"min": 1, "max": 2, "scale": 4, "edgeCaseRate": 0.2, "renderAs": "STRING"},
    {"min": -100, "max": 100, "renderAs": "STRING"},
    {"min": 0, "max": 1, "numericType": "DOUBLE", "renderAs": "STRING"},
]
POOL_REFERENCE: list[dict[str, Any]] = [
    {"pool": "people", "column": "name"},
    {"pool": "people", "column": "age", "selection": "SEQUENTIAL"},
    {"pool": "people", "column": "name", "selection": "SHUFFLE", "rowBinding": "person", "skipNulls": True},
    {"pool": "people", "column": "city", "selection": "WEIGHTED", "weightColumn": "age"},
    {"pool": "people", "column": "balance", "selection": "ZIPF", "exponent": 1.5},
    {"pool": "people", "column": "born", "filter": [{"column": "age", "op": "GE", "value": 40}]},
    {"pool": "people", "column": "name", "keyField": "town", "keyColumn": "city", "onMissing": "NULL"},
    {
        "pool": "people",
        "column": "city",
        "selection": "WEIGHTED",
        "weightColumn": "balance",
        "keyField": "town",
        "keyColumn": "city",
        "onMissing": "DEFAULT",
        "default": "nowhere",
    },
    {
        "pool": "people",
        "column": "balance",
        "selection": "ZIPF",
        "exponent": 0.8,
        "refreshPolicy": "PIN",
        "keyField": "town",
        "keyColumn": "city",
        "onMissing": "ANY",
    },
]
POOL_DERIVED: list[dict[str, Any]] = [
    {"mode": "DISTRIBUTION", "pool": "people", "column": "balance"},
    {"mode": "DISTRIBUTION", "pool": "people", "column": "age", "noise": 0.1},
    {"mode": "DISTRIBUTION", "pool": "people", "column": "city", "minCount": 200, "otherValue": "elsewhere"},
    {"mode": "DISTRIBUTION", "pool": "people", "column": "born", "method": "HISTOGRAM", "minCount": 2},
    {"mode": "DISTRIBUTION", "pool": "people", "column": "balance", "method": "NORMAL_FIT", "noise": 0.5},
    {"mode": "DISTRIBUTION", "pool": "people", "column": "weight", "method": "HISTOGRAM"},
    {"mode": "DISTRIBUTION", "pool": "people", "column": "weight", "method": "NORMAL_FIT"},
    {"mode": "DISTRIBUTION", "pool": "people", "column": "weight", "noise": 0.01},
    {"sourceField": "customer", "column": "name"},
    {"mode": "COLUMN", "sourceField": "customer", "column": "balance"},
    {"sourceField": "neighbour", "column": "born"},
    {"mode": "TEMPLATE", "sourceField": "customer", "template": "${pool.name}, born ${pool.born}: $$${pool.balance}"},
    {"mode": "TEMPLATE", "sourceField": "neighbour", "template": "lives in ${pool.city}"},
    {"mode": "EXPRESSION", "sourceField": "customer", "expression": "ROUND(row.balance * 1.19, 2)"},
    {
        "mode": "EXPRESSION",
        "sourceField": "neighbour",
        "expression": "100 / (row.age % 3)",
        "onEvalError": "DEFAULT",
        "default": 0,
        "resultType": "DOUBLE",
        "onNull": "EVALUATE",
    },
    {"mode": "EXPRESSION", "sourceField": "customer", "expression": "YEAR(row.born) + quantity"},
    {"mode": "AGGREGATE", "pool": "people", "column": "age", "aggregate": "AVG"},
    {"mode": "AGGREGATE", "pool": "people", "aggregate": "COUNT"},
    {
        "mode": "AGGREGATE",
        "pool": "people",
        "column": "balance",
        "aggregate": "MEDIAN",
        "groupBy": "city",
        "keyField": "town",
        "onMissing": "ANY",
    },
    {
        "mode": "AGGREGATE",
        "pool": "people",
        "column": "name",
        "aggregate": "MAX",
        "groupBy": "city",
        "keyField": "town",
        "onMissing": "DEFAULT",
        "default": "nobody",
    },
]
TIMESTAMP_GENERATED: list[dict[str, Any]] = [
    *(params for params in golden_instants.TIMESTAMPS if params.get("mode") != "SEQUENTIAL"),
    # A millisecond, so that as many records as a run can have end before the year 9999.
    {"mode": "SEQUENTIAL", "stepMs": 1},
    {
        "mode": "SEQUENTIAL",
        "start": "2026-03-29T02:30:00",
        "timezone": "Europe/Berlin",
        "stepMs": -2,
        "jitterMs": 10_000,
    },
]
UNIQUE: dict[str, list[dict[str, Any]]] = {
    "COMPUTED": [],
    "CONSTANT": [{"value": 1}],
    "ENUM_RANDOM": [
        {"values": [f"value {n}" for n in range(2_000)]},
        {"values": list(range(500)), "selection": "SHUFFLE"},
        {"values": list(range(500)), "selection": "ROUND_ROBIN"},
        {"values": [1, 2, 3, 4], "weights": [1, 0, 1, 1]},
    ],
    "NUMERIC_RANGE": [
        {"min": 1, "max": 2_000},
        {"min": 0, "max": 1, "scale": 6},
        {"min": 0, "max": 2**62 + 5},
        {"min": -(2**63), "max": 2**63 - 1},
        {"min": 0, "max": 9, "scale": 3, "renderAs": "STRING"},
    ],
    "POOL_DERIVED": [],
    "POOL_REFERENCE": [{"pool": "people", "column": "name", "onExhausted": "STOP"}],
    "SEQUENCE": [
        {},
        {"end": 900, "onEnd": "STOP", "order": "SHUFFLED"},
        {"start": 9, "end": -990, "step": -1, "onEnd": "WRAP", "template": "{seq:02d}"},
        {"end": 700, "onEnd": "WRAP", "order": "SHUFFLED", "scope": "GENERATOR"},
    ],
    "TIMESTAMP_GENERATED": list(golden_instants.UNIQUE),
    "UUID_GENERATED": [{}, {"version": 7}, {"shortForm": 8}],
}
"""Parameter sets with which each kind promises distinct values."""

_SIBLINGS: dict[str, dict[str, Any]] = {
    "country": mapping("ENUM_RANDOM", {"values": ["DE", "FR", "IT"]}, name="country", nullRate=0.1),
    "town": mapping("ENUM_RANDOM", {"values": ["Köln", "Turku", "Oslo"]}, name="town", nullRate=0.1),
    "quantity": mapping("NUMERIC_RANGE", {"min": 1, "max": 99}, name="quantity", nullRate=0.1),
    "unitPrice": mapping("NUMERIC_RANGE", {"min": 0, "max": 500, "scale": 2}, name="unitPrice", nullRate=0.1),
    "customer": mapping("POOL_REFERENCE", {"pool": "people", "column": "name"}, name="customer", nullRate=0.1),
    "neighbour": mapping(
        "POOL_REFERENCE",
        {"pool": "people", "column": "name", "keyField": "town", "keyColumn": "city", "onMissing": "DEFAULT"}
        | {"default": "nobody"},
        name="neighbour",
    ),
    "other": mapping("TIMESTAMP_GENERATED", {"mode": "SEQUENTIAL", "start": "2020-01-01", "stepMs": 2}, name="other"),
}
"""Fields that some examples refer to, by name."""


def examples() -> dict[str, list[dict[str, Any]]]:
    """For each kind its parameter sets."""
    return {
        "COMPUTED": COMPUTED,
        "CONSTANT": CONSTANT,
        "ENUM_RANDOM": ENUM_RANDOM,
        "NUMERIC_RANGE": NUMERIC_RANGE,
        "POOL_DERIVED": POOL_DERIVED,
        "POOL_REFERENCE": POOL_REFERENCE,
        "SEQUENCE": SEQUENCE,
        "TIMESTAMP_GENERATED": TIMESTAMP_GENERATED,
        "UUID_GENERATED": list(golden_instants.UUIDS),
    }


def plan_of(kind: str, params: Mapping[str, Any], *more: Mapping[str, Any], **changes: Any) -> Plan:
    """A plan whose field `NAME` is made so, without other written fields but `more`.

    Changes are keys of the mapping, facts of the run or properties of the definition, by their names.
    """
    facts = {
        name: changes.pop(name) for name in ("seed", "run_id", "record_count", "earlier_records") if name in changes
    }
    top = {name: changes.pop(name) for name in ("name", "streamName") if name in changes}
    text = json.dumps(params)
    if "neighbour" in text:
        text += "town"
    siblings = [sibling | {"omit": True} for name, sibling in _SIBLINGS.items() if name in text]
    mappings = [mapping(kind, params, **changes), *siblings, *more]
    document = {"name": "orders", "clock": {"stepMs": 1}, "fieldMappings": mappings, **top}
    run = RunFacts(**{"seed": 1, "started_at": STARTED_AT, "started_at_given": True, "record_count": COUNT, **facts})
    return compile_plan(read_definition(document), facts=run, pools={"people": people()})


def values_of(plan: Plan, start: int, count: int) -> pl.Series:
    """The values of the field `NAME`."""
    return plan.batch(Span(start, count)).records[NAME]


@cache
def people() -> Snapshot:
    """A pool of 1,000 rows with a column of each type."""
    numbers = pl.Series(range(1_000))
    records = pl.select(
        name=pl.concat_str([pl.lit("Name "), numbers]),
        city=pl.Series(["Köln", "Lyon", None, "Porto", "Turku"]).gather(numbers % 5),
        age=20 + numbers * 7 % 60,
        balance=(numbers * 37 % 1_009).cast(pl.Decimal(18, 2)),
        born=pl.date(1970, 1, 1) + pl.duration(days=numbers),
        weight=50 + numbers * 271 % 997 / 32,
    )
    return snapshot_of(records, pool="people", version=1)

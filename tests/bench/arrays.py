"""What arrays cost: elements a second, beside the same fields in records of their own."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from engine.span import Span
from generators.definition import read_definition
from generators.examination import compile_plan
from generators.facts import RunFacts
from generators.plan import Plan

RECORDS = 65_536
MOST = 5
STARTED_AT = datetime(2026, 1, 1, tzinfo=UTC)
FIELDS: dict[str, dict[str, Any]] = {
    "whole number": {"type": "NUMERIC_RANGE", "params": {"min": 1, "max": 9}},
    "decimal": {"type": "NUMERIC_RANGE", "params": {"min": 0, "max": 500, "scale": 2}},
    "double": {"type": "NUMERIC_RANGE", "params": {"min": 0.5, "max": 80.5}},
    "word": {"type": "ENUM_RANDOM", "params": {"values": ["red", "green", "blue"]}},
    "uuid": {"type": "UUID_GENERATED", "params": {}},
}


def bench_arrays(rounds: int) -> None:
    """Each kind of field alone in arrays of no to five elements, and flat."""
    from tests.bench.__main__ import median_seconds

    print(
        f"\n== arrays: values a second and core, in arrays of 0 to {MOST} elements and flat; all that may be are made"
    )
    for name, mapping in FIELDS.items():
        shape = {"arrays": [{"path": "items", "min": 0, "max": MOST}]}
        flat, nested = _plan({**mapping, "fieldName": "x"}), _plan({**mapping, "fieldName": "items[].x"}, **shape)
        contestants: dict[str, Callable[[], object]] = {
            "flat": lambda plan=flat: plan.batch(Span(10**6, RECORDS)),  # type: ignore[misc]
            "nested": lambda plan=nested: plan.batch(Span(10**6, RECORDS)),  # type: ignore[misc]
        }
        seconds = median_seconds(contestants, rounds, clock=time.process_time)
        there = int(nested.batch(Span(10**6, RECORDS)).records["items[].x"].list.len().sum())
        rates = RECORDS / seconds["flat"], there / seconds["nested"]
        print(f"  {rates[1]:>14,.0f}  nested  {rates[0]:>14,.0f}  flat  ratio {rates[1] / rates[0]:5.2f}  {name}")


def _plan(mapping: dict[str, Any], **more: Any) -> Plan:
    reading = read_definition({"name": "arrays", "fieldMappings": [mapping], **more})
    return compile_plan(reading, facts=RunFacts(1, STARTED_AT, record_count=10**9), pools={})

"""How many operations a second formulas do: operators and functions, each for a whole batch of records."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from engine.expression.cells import Surroundings
from engine.expression.folds import Fold
from engine.expression.formula import Expression, evaluate
from engine.expression.functions import Application
from engine.span import Span
from engine.stream import Source
from generators.definition import read_definition
from generators.examination import compile_plan
from generators.facts import RunFacts
from generators.fields.computed import Computed

RECORDS = 65_536
STARTED_AT = datetime(2026, 1, 1, tzinfo=UTC)
FIELDS: list[dict[str, Any]] = [
    {"fieldName": "quantity", "type": "NUMERIC_RANGE", "params": {"min": 1, "max": 20}},
    {"fieldName": "unitPrice", "type": "NUMERIC_RANGE", "params": {"min": 1, "max": 500, "scale": 2}},
    {"fieldName": "discount", "type": "NUMERIC_RANGE", "params": {"min": 0, "max": 0.5, "scale": 2}},
    {"fieldName": "maybe", "type": "NUMERIC_RANGE", "params": {"min": 0, "max": 9}, "nullRate": 0.2},
    {"fieldName": "amount", "type": "NUMERIC_RANGE", "params": {"min": -(9 * 10**14), "max": 9 * 10**14, "scale": 2}},
    {"fieldName": "weight", "type": "NUMERIC_RANGE", "params": {"min": 0.5, "max": 80.5}},
    {"fieldName": "firstName", "type": "ENUM_RANDOM", "params": {"values": ["Ada", "Grace", "Jürgen", "Zoë"]}},
    {"fieldName": "createdAt", "type": "TIMESTAMP_GENERATED", "params": {}},
    {"fieldName": "items[].quantity", "type": "NUMERIC_RANGE", "params": {"min": 1, "max": 20}},
    {"fieldName": "items[].unitPrice", "type": "NUMERIC_RANGE", "params": {"min": 1, "max": 500, "scale": 2}},
    {"fieldName": "items[].sku", "type": "ENUM_RANDOM", "params": {"values": ["A-1", "B-22", "C-333"]}},
]
ARRAYS = [{"path": "items", "min": 1, "max": 5}]
FORMULAS = (
    "quantity + 1",
    "quantity * 3 - 1",
    "ROUND(quantity * unitPrice * (1 - discount), 2)",
    "quantity * unitPrice * (1 - COALESCE(discount, 0)) * 1.19",
    "(quantity + maybe) * (quantity - maybe) + maybe * maybe",
    "MAX(quantity, maybe) + MIN(quantity, 7) + ABS(quantity - 10)",
    'IF(unitPrice > 100 and quantity > 2, "big", "small")',
    "IFS(quantity < 5, 1, quantity < 10, 2, true, 3)",
    "quantity // 3 + quantity % 3",
    "unitPrice / quantity",
    "amount * 3 / 7",
    "(amount * 3 + unitPrice) * 2 - amount",
    "weight * 1.5 + weight / 3 - 2",
    "SQRT(weight) * weight ** 2",
    'CONCAT(LOWER(firstName), "@example.com")',
    'firstName & " " & quantity',
    "PADLEFT(TOSTRING(quantity), 6, '0')",
    "YEAR(createdAt) * 100 + MONTH(createdAt)",
    "DATEADD(createdAt, quantity, 'hour')",
    "HASHPICK(firstName, ['red', 'green', 'blue'])",
    "RAND() < 0.5",
    "MD5(firstName)",
)
OF_ELEMENTS = (
    "SUM(items[].quantity)",
    "SUM(items[].quantity * items[].unitPrice)",
    "AVERAGE(items[].unitPrice)",
    "MAX(items[].unitPrice)",
    "COUNT(items[].sku)",
    "JOIN(', ', items[].sku)",
)
"""What is made of arrays of three elements each: operations on them count once for each element."""


def bench_formulas(rounds: int) -> None:
    """Operations a second of formulas alone, on columns that are there; and values a second with the field around."""
    from tests.bench.__main__ import median_seconds

    print(f"\n== formulas: operations a second and core, values a second (batches of {RECORDS:,})")
    for text in (*FORMULAS, *OF_ELEMENTS):
        mapping = {"fieldName": "it", "type": "COMPUTED", "params": {"expression": text}}
        reading = read_definition({"name": "formulas", "arrays": ARRAYS, "fieldMappings": [*FIELDS, mapping]})
        plan = compile_plan(reading, facts=RunFacts(1, STARTED_AT, record_count=10**9), pools={})
        [field] = [planned.field for planned in plan.fields if planned.name == "it"]
        if not isinstance(field, Computed):
            raise TypeError("the field is no formula")
        span = Span(10**6, RECORDS)
        columns = plan.batch(span).records

        def values(field: Computed = field, columns: Any = columns, span: Span = span) -> object:
            return field.values(span, columns)

        operations = formula_of(field, columns, span)
        contestants: dict[str, Callable[[], object]] = {"formula": operations[1], "values": values}
        seconds = median_seconds(contestants, rounds, clock=time.process_time)
        rate = operations[0] * RECORDS / seconds["formula"]
        print(f"  {rate / 1e6:>7.1f} M operations/s  {RECORDS / seconds['values'] / 1e6:>6.1f} M values/s  {text}")


def formula_of(field: Computed, columns: Any, span: Span) -> tuple[float, Callable[[], object]]:
    """How many operations a formula has, and how they are done without reading and writing columns of decimals.

    The operations on the elements of an array count as often as a record has elements on average.
    """
    root = Expression.parse(field.params.expression).compile(field.operand_forms, elements=field.elements).root
    if root is None:
        raise ValueError("the formula is faulty")
    operands, lengths = field.operands(columns)
    streams = Source(1, "formulas", "it")
    surroundings = Surroundings(lambda site: streams.stream("rand", site), run_id="", started_at=STARTED_AT)
    parts = [part for part in root.parts() if isinstance(part, (Application, Fold))]
    each = {path: counts.mean() for path, counts in lengths.items()}
    count = sum(each[part.over.path] if isinstance(part, Fold) else _times(part, each) for part in parts)
    return count, lambda: evaluate(root, operands, span, surroundings, lengths)


def _times(part: Application, each: Mapping[str, float]) -> float:
    return 1.0 if part.array is None else each[part.array.path]

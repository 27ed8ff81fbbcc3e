"""Filters of pools: every operator on every type of column against Python's own comparison."""

from __future__ import annotations

import operator
from collections.abc import Callable
from datetime import UTC, date, datetime
from decimal import Decimal
from fractions import Fraction
from typing import Any

import polars as pl
import pytest

from generators.picks.pool_filters import FILTERS, filter_mask

OPERATORS: dict[str, Callable[[Any, Any], bool]] = {
    "EQ": operator.eq,
    "NE": operator.ne,
    "GT": operator.gt,
    "GE": operator.ge,
    "LT": operator.lt,
    "LE": operator.le,
    "IN": lambda value, wanted: value in wanted,
}
INSTANT = datetime(2026, 3, 29, 12, 0, 0, 500_000, tzinfo=UTC)
COLUMNS: dict[str, tuple[pl.Series, list[Any], Callable[[Any], Any]]] = {
    "STRING": (pl.Series(["b", "", None, "a", "B", "ä", "ba", "007"]), ["b", "", "B", "ä", "7"], str),
    "BOOLEAN": (pl.Series([True, None, False, True]), [True, False], bool),
    "LONG": (
        pl.Series([3, None, -7, 2**53 + 1, 2**63 - 1, -(2**63), 0], dtype=pl.Int64),
        [3, 2.5, -7.0, 2**53, 2**53 + 1, str(2**53 + 1), 2**63 - 1, -(2**63), 2**70, -(2**70), "3.0000000000000000001"],
        Fraction,
    ),
    "DECIMAL": (
        pl.Series(
            [Decimal("0.10"), Decimal("12.50"), None, Decimal("-3.00"), Decimal(10) ** 15 + Decimal("0.01")]
        ).cast(pl.Decimal(18, 2)),
        [0.1, 0.105, 12.5, -3, "1000000000000000.01", 10**39],
        lambda value: Fraction(repr(value) if isinstance(value, float) else value),
    ),
    "DOUBLE": (
        pl.Series([0.1, None, 0.30000000000000004, -0.0, 1e300, -5.0]),
        [0.1, 0.3, 0, -5, 1e300, 10**30],
        float,
    ),
    "DATE": (
        pl.Series([date(2026, 3, 29), None, date(1969, 12, 31), date(9999, 12, 31)]),
        ["2026-03-29", "1969-12-31", "0001-01-01"],
        date.fromisoformat,
    ),
    "TIMESTAMP": (
        pl.Series([INSTANT, None, datetime(1969, 12, 31, tzinfo=UTC), datetime(2026, 3, 29, tzinfo=UTC)]).cast(
            pl.Datetime("ms", "UTC")
        ),
        [
            "2026-03-29T12:00:00.500Z",
            "2026-03-29T14:00:00.5+02:00",
            "2026-03-29T12:00:00.500001Z",
            "2026-03-29",
            "1969-12-31T00:00:00",
            "0001-01-01T00:00:00+14:00",
        ],
        lambda text: (instant := datetime.fromisoformat(text)).replace(tzinfo=instant.tzinfo or UTC),
    ),
}


@pytest.mark.parametrize("op", list(OPERATORS))
@pytest.mark.parametrize("kind", list(COLUMNS))
def test_rows_pass_as_python_compares_and_null_never_does(kind: str, op: str) -> None:
    column, literals, read = COLUMNS[kind]
    if kind == "TIMESTAMP":
        literals = [literal for literal in literals if not literal.startswith("0001")]

    for literal in literals:
        value = [literal, literals[0]] if op == "IN" else literal
        wanted = [read(one) for one in value] if op == "IN" else read(literal)
        expected = [one is not None and OPERATORS[op](one, wanted) for one in column.to_list()]

        assert filter_mask(column, op, value).to_list() == expected, literal  # type: ignore[arg-type]


def test_every_operator_has_words() -> None:
    assert set(FILTERS) == set(OPERATORS)


def test_a_column_of_nulls_lets_nothing_pass() -> None:
    for kind, (column, literals, _) in COLUMNS.items():
        nulls = column.clear().extend_constant(None, 3)

        for op in ("EQ", "NE", "GT", "LE"):
            assert filter_mask(nulls, op, literals[0]).to_list() == [False] * 3, kind  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        ("STRING", 1),
        ("STRING", True),
        ("STRING", None),
        ("BOOLEAN", 1),
        ("BOOLEAN", "true"),
        ("LONG", "forty"),
        ("LONG", "40"),  # what a number can say is said by a number
        ("LONG", True),
        ("LONG", float("nan")),
        ("LONG", {"a": 1}),
        ("DECIMAL", "12.50"),
        ("DECIMAL", float("inf")),
        ("DOUBLE", False),
        ("DOUBLE", 10**400),
        ("DATE", 20_000),
        ("DATE", "29.03.2026"),
        ("DATE", "2026-02-30"),
        ("DATE", "2026-03-29T12:00:00Z"),
        ("TIMESTAMP", 1_774_000_000),
        ("TIMESTAMP", "now-30d"),
        ("TIMESTAMP", "0001-01-01T00:00:00+14:00"),
    ],
)
def test_what_cannot_be_compared_is_told_with_what_can(kind: str, value: Any) -> None:
    column, literals, _ = COLUMNS[kind]

    with pytest.raises(ValueError, match=rf"{kind}"):
        filter_mask(column, "GE", value)
    with pytest.raises(ValueError, match=rf"{kind}"):
        filter_mask(column.clear(), "IN", [literals[0], value])


@pytest.mark.parametrize("op", list(OPERATORS))
def test_lists_are_for_in_and_only_for_it(op: str) -> None:
    value = 3 if op == "IN" else [3]

    with pytest.raises(ValueError, match="list"):
        filter_mask(COLUMNS["LONG"][0], op, value)  # type: ignore[arg-type]


def test_an_empty_list_is_refused() -> None:
    with pytest.raises(ValueError, match="at least one"):
        filter_mask(COLUMNS["LONG"][0], "IN", [])

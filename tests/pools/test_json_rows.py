"""JSON Lines and rows in definitions: exact values, nothing nested."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from pools.definition import read_pool
from pools.loading import Loaded, load
from sdg_project.errors import Invalid


def load_rows(rows: Any, **properties: Any) -> Loaded:
    return load(read_pool({"name": "x", "source": {"type": "INLINE", "rows": rows}, **properties}), base=Path())


def load_lines(load_file: Any, *lines: str, **properties: Any) -> Loaded:
    return load_file("\n".join(lines) + "\n", name="things.jsonl", **properties)


def test_json_values_keep_their_kinds(load_file: Any) -> None:
    loaded = load_lines(
        load_file,
        '{"s": "1", "i": 1, "f": 1.0, "b": true, "d": "2026-01-31", "mixed": 1}',
        '{"s": "007", "i": null, "f": 2, "b": false, "d": "2026-02-01", "mixed": 2.5}',
        "",
        '{"s": null, "i": -5}',
    )

    assert {column["name"]: column["type"] for column in loaded.columns} == {
        "s": "STRING",
        "i": "LONG",
        "f": "DOUBLE",
        "b": "BOOLEAN",
        "d": "DATE",
        "mixed": "DOUBLE",
    }
    assert loaded.records["s"].to_list() == ["1", "007", None]
    assert loaded.records["i"].to_list() == [1, None, -5]
    assert loaded.records["b"].to_list() == [True, False, None]


def test_large_integers_stay_exact(load_file: Any) -> None:
    loaded = load_lines(load_file, f'{{"a": {2**63 - 1}, "b": {10**30}}}')

    assert loaded.records.row(0) == (2**63 - 1, str(10**30))


def test_a_column_that_appears_late_is_null_before(load_file: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pools.json_rows._CHUNK", 2)

    loaded = load_lines(load_file, *(f'{{"a": {n}}}' for n in range(5)), '{"b": "x"}', '{"a": 1.5, "b": "y"}')

    assert loaded.records["a"].to_list() == [0.0, 1.0, 2.0, 3.0, 4.0, None, 1.5]
    assert loaded.records["b"].to_list() == [None] * 5 + ["x", "y"]


def test_every_faulty_line_is_told(load_file: Any) -> None:
    with pytest.raises(Invalid) as error:
        load_lines(
            load_file,
            '{"a": 1}',
            '{"a": 1, "a": 2}',
            "[1]",
            '{"a": NaN}',
            '{"a": 1,}',
            '{"a": "\\ud800"}',
            '{"a": {"b": 1}}',
            "[" * 100_000,
        )

    told = [issue.message for issue in error.value.issues]
    assert sorted(message.split(":")[0] for message in told) == [f"things.jsonl, line {n}" for n in range(2, 9)]
    assert any('"a" stands twice' in message for message in told)
    assert any("an object cannot be a value of a pool" in message for message in told)


def test_an_array_is_told_once_and_not_line_by_line(load_file: Any) -> None:
    with pytest.raises(Invalid) as error:
        load_lines(load_file, "[", *['{"a": 1},'] * 50, "{}]")

    assert [issue.hint for issue in error.value.issues] == ["jq -c '.[]' things.jsonl makes lines of it"]


def test_bytes_that_are_no_utf_8_are_told_with_their_line(load_file: Any) -> None:
    with pytest.raises(Invalid, match=r"line 2: the byte 0xFF is no UTF-8"):
        load_file(b'{"a": 1}\n{"a": "\xff"}\n', name="things.jsonl")


def test_a_numeric_overflow_is_not_infinity(load_file: Any) -> None:
    with pytest.raises(Invalid, match='line 1 has "1e999"'):
        load_lines(load_file, '{"a": 1e999}')


def test_kinds_are_not_mixed_in_silence(load_file: Any) -> None:
    with pytest.raises(Invalid, match='column "a" mixes'):
        load_lines(load_file, '{"a": 1}', '{"a": "x"}')

    loaded = load_lines(load_file, '{"a": 1}', '{"a": "x"}', '{"a": true}', columns=[{"name": "a", "type": "STRING"}])

    assert loaded.records["a"].to_list() == ["1", "x", "true"]


def test_nul_cannot_be_stored(load_file: Any) -> None:
    with pytest.raises(Invalid, match=r'line 1 has "a\\u0000": NUL cannot be stored'):
        load_lines(load_file, '{"a": "a\\u0000"}')


def test_a_decimal_may_be_written_with_an_exponent(load_file: Any) -> None:
    loaded = load_lines(load_file, '{"a": 1e-7}', '{"a": 2.5}', columns=[{"name": "a", "type": "DECIMAL"}])

    assert [str(value) for value in loaded.records["a"]] == ["1E-7", "2.5000000"]


def test_rows_in_a_definition_are_like_lines_of_json(load_file: Any) -> None:
    rows = [{"size": "S", "n": 1, "x": 0.1, "on": True}, {"size": "M", "n": None, "x": 2, "on": False}]

    inline = load_rows(rows, weightColumn="x")
    lines = load_lines(load_file, *map(json.dumps, rows))

    assert inline.records.equals(lines.records)
    assert inline.records.schema == lines.records.schema


def test_nothing_nested_and_nothing_infinite_stands_in_rows() -> None:
    with pytest.raises(Invalid) as error:
        load_rows([{"a": [1]}, {"a": float("nan")}])

    assert [(issue.code, issue.message.split(":")[0]) for issue in error.value.issues] == [
        ("INVALID_VALUE", "row 1"),
        ("NON_FINITE", "row 2"),
    ]


def test_too_many_lines_are_refused(load_file: Any) -> None:
    with pytest.raises(Invalid, match="has 5 rows, and the pool may hold 2"):
        load_lines(load_file, *['{"a": 1}'] * 5, limits={"maxRows": 2})


def test_a_decimal_keeps_the_digits_that_no_float_holds() -> None:
    rows = [{"n": Decimal("123456789012.345678")}, {"n": 1.5}]

    loaded = load_rows(rows, columns=[{"name": "n", "type": "DECIMAL", "scale": 6}])

    assert loaded.records["n"].to_list() == [Decimal("123456789012.345678"), Decimal("1.500000")]

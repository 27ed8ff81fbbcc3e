"""POOL_REFERENCE with a key: the stored index of a pool, and what is said of lookups without one."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from engine.span import Span
from generators.definition import read_definition
from generators.examination import compile_plan, examine
from generators.facts import RunFacts
from pools.enums import PoolLoadStrategy
from pools.key_index import KeyIndex
from pools.snapshot import Snapshot, open_snapshot, snapshot_of, write_snapshot

FACTS = RunFacts(seed=1, started_at=datetime(2026, 1, 1, tzinfo=UTC))
ROWS = 120_000


def shop(rows: int = ROWS, **properties: Any) -> Snapshot:
    number = pl.int_range(rows)
    records = pl.select(key=number % 1_000, sku=pl.concat_str([pl.lit("sku-"), number]), weight=number % 5 + 1)
    return snapshot_of(records, pool="shop", version=1, **properties)


def stored(snapshot: Snapshot, folder: Path, *columns: str) -> Snapshot:
    path = folder / "1.arrow"
    write_snapshot(snapshot.records, path, index_columns=columns)
    return open_snapshot(
        path,
        pool="shop",
        version=1,
        content_hash=snapshot.content_hash,
        load_strategy=PoolLoadStrategy.INDEXED,
        index_columns=columns,
    )


def document(**params: Any) -> dict[str, Any]:
    lookup = {"pool": "shop", "column": "sku", "keyField": "key", "keyColumn": "key", "onMissing": "NULL", **params}
    return {
        "name": "orders",
        "fieldMappings": [
            {"fieldName": "key", "type": "NUMERIC_RANGE", "params": {"min": 0, "max": 1_100}},
            {
                "fieldName": "sku",
                "type": "POOL_REFERENCE",
                "params": {name: value for name, value in lookup.items() if value is not None},
            },
        ],
    }


def made(pool: Snapshot, **params: Any) -> pl.DataFrame:
    plan = compile_plan(read_definition(document(**params)), facts=FACTS, pools={"shop": pool})
    return plan.batch(Span(0, 5_000)).records.select(pl.all().cast(pl.String))


def warnings(pool: Snapshot, **params: Any) -> list[tuple[str, str]]:
    examination = examine(read_definition(document(**params)), facts=FACTS, pools={"shop": pool})
    return [(issue.code, issue.path) for issue in examination.issues]


@pytest.mark.parametrize("params", [{}, {"selection": "WEIGHTED", "weightColumn": "weight"}, {"selection": "ZIPF"}])
def test_the_stored_index_chooses_the_rows_that_one_in_memory_chooses(tmp_path: Path, params: dict[str, Any]) -> None:
    assert made(stored(shop(), tmp_path, "key"), **params).equals(made(shop(), **params))


def test_no_index_is_made_where_one_is_stored(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pool, wanted = stored(shop(), tmp_path, "key"), made(shop())

    def refuse(*_: Any) -> None:
        raise AssertionError("an index was made")

    monkeypatch.setattr(KeyIndex, "__init__", refuse)

    assert made(pool).equals(wanted)


def test_rows_that_a_filter_leaves_out_are_not_taken_from_the_stored_index(tmp_path: Path) -> None:
    condition = {"filter": [{"column": "weight", "op": "EQ", "value": 3}]}

    assert made(stored(shop(), tmp_path, "key"), **condition).equals(made(shop(), **condition))


def test_an_index_that_is_gone_or_damaged_is_made_anew(tmp_path: Path) -> None:
    pool = stored(shop(), tmp_path, "key")
    (tmp_path / "1.0.index").write_bytes(b"{}\n")
    damaged = made(pool)
    (tmp_path / "1.0.index").unlink()

    assert damaged.equals(made(pool))


def test_a_large_pool_without_an_index_is_warned_of(tmp_path: Path) -> None:
    told = ("KEY_NOT_INDEXED", "/fieldMappings/1/params/keyColumn")

    assert warnings(shop()) == [told]
    assert warnings(shop(), keyColumn="weight") == [told]
    assert warnings(stored(shop(), tmp_path, "key")) == []
    assert warnings(replace(shop(), index_columns=("weight",))) == [told]
    assert warnings(shop(100_000)) == []


def test_keys_that_are_looked_up_in_a_sample_are_warned_of() -> None:
    pool = shop(100, load_strategy=PoolLoadStrategy.SAMPLED)

    assert warnings(pool) == [("KEY_LOOKUP_ON_SAMPLE", "/fieldMappings/1/params/keyField")]
    assert warnings(pool, keyField=None, keyColumn=None, onMissing=None) == []

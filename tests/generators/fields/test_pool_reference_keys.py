"""POOL_REFERENCE with a key: rows are looked up by another field of the record."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from scipy.stats import chi2

from engine.errors import RecordInvalid
from engine.issues import Severity
from engine.span import MAX_RECORDS, Span
from engine.stream import Source
from pools.snapshot import open_snapshot, snapshot_of, write_snapshot
from tests.generators.fields.examined import NAME, mapping
from tests.generators.fields.shop import KEYED, examined, field, found, key, output, planned, records, shop

CHOICES: list[dict[str, Any]] = [
    {},
    {"selection": "WEIGHTED", "weightColumn": "weight"},
    {"selection": "ZIPF", "exponent": 0.7},
]
MISSING: list[dict[str, Any]] = [
    {"onMissing": "NULL"},
    {"onMissing": "DEFAULT", "default": "none"},
    {"onMissing": "ANY"},
]


def rows_of(color: str | None) -> list[int]:
    return [row for row, other in enumerate(shop().records["color"]) if other == color and color is not None]


def word(number: int) -> int:
    return Source(1, "orders", NAME).stream("value").word(number)


# Values.


@pytest.mark.parametrize("start", [0, MAX_RECORDS - 500])
def test_a_row_of_the_key_is_drawn_by_the_record_s_word(start: int) -> None:
    made = records(key("red", "blue", "green", "Ä", nullRate=0.1), field(**KEYED), start=start, count=500)

    for number, color, sku in zip(range(start, start + 500), made["key"], made[NAME], strict=True):
        rows = rows_of(color)
        assert sku == (f"sku-{rows[word(number) * len(rows) >> 64]}" if color is not None else None)


def test_weights_hold_among_the_rows_of_the_key() -> None:
    """Of the red rows 0, 3 and 6 weigh 0.5, 0 and 2, of the blue ones 1 and 5 3 and 1."""
    made = records(key("red", "blue"), field(**KEYED, selection="WEIGHTED", weightColumn="weight"), count=40_000)

    for color, weights in {"red": {"sku-0": 0.5, "sku-6": 2.0}, "blue": {"sku-1": 3.0, "sku-5": 1.0}}.items():
        values = made.filter(made["key"] == color)[NAME].cast(pl.String)
        assert set(values) == set(weights)
        expected = {sku: weight / sum(weights.values()) * len(values) for sku, weight in weights.items()}
        distance = sum(((values == sku).sum() - count) ** 2 / count for sku, count in expected.items())
        assert distance < chi2.isf(1e-6, 1)  # fails for one seed in a million


def test_weighted_rows_are_those_of_a_slow_loop() -> None:
    weights = [number * 7919 % 13 * 0.25 for number in range(1_000)]
    pool = pl.DataFrame({"key": [1, 2] * 500, "row": range(1_000), "weight": weights})
    lookup = {"keyField": "key", "keyColumn": "key", "selection": "WEIGHTED", "weightColumn": "weight"}

    made = records(
        key(1, 2), field("row", **lookup), pools={"shop": snapshot_of(pool, pool="shop", version=1)}, count=300
    )

    for number, wanted, row in zip(range(300), made["key"], made[NAME], strict=True):
        group = range(wanted - 1, 1_000, 2)
        sums = [sum(weights[other] for other in group if other <= row - step) for step in (2, 0)]
        # Quarters are exact in a float, so that sums do not depend on their order.
        assert sums[0] <= (word(number) >> 11) / 2**53 * sum(weights[other] for other in group) < sums[1]


def test_zipf_prefers_the_first_rows_of_the_key() -> None:
    values = records(key("red"), field(**KEYED, selection="ZIPF", exponent=0.7), count=40_000)[NAME].cast(pl.String)

    weights = np.arange(1, 4) ** -0.7
    expected = weights / weights.sum() * 40_000
    counts = np.array([(values == sku).sum() for sku in ("sku-0", "sku-3", "sku-6")])
    assert float((np.square(counts - expected) / expected).sum()) < chi2.isf(1e-6, 2)  # one seed in a million


@pytest.mark.parametrize("choice", CHOICES)
@pytest.mark.parametrize("missing", MISSING)
def test_any_cut_and_order_of_batches_makes_the_same(choice: dict[str, Any], missing: dict[str, Any]) -> None:
    keys = key("red", "blue", "black", nullRate=0.2)
    plan = planned(keys, field(**KEYED, **choice, **missing), pools={"shop": shop()})
    whole = plan.batch(Span(65_000, 1_000)).records

    for size in (1, 7, 333):
        parts = [plan.batch(Span(at, min(size, 66_000 - at))).records for at in range(65_000, 66_000, size)]
        assert pl.concat(parts).equals(whole)
    assert plan.batch(Span(5, 0)).records.height == 0


def test_what_a_key_without_rows_does() -> None:
    keys = key("red", "black", nullRate=0.2)
    null, default, any_row = (records(keys, field(**KEYED, **missing)) for missing in MISSING)

    missing = null["key"].eq("black").fill_null(value=False)
    assert null[NAME].is_null().equals(missing | null["key"].is_null())
    assert set(default.filter(missing)[NAME]) == {"none"}
    assert set(any_row.filter(missing)[NAME]) == {f"sku-{row}" for row in range(8)}
    for made in (default, any_row):
        assert made.filter(~missing).cast(pl.String).equals(null.filter(~missing).cast(pl.String))


def test_a_key_without_rows_ends_the_run_at_its_record() -> None:
    plan = planned(key("red", "black", nullRate=0.5), field(**KEYED))
    colors = planned(key("red", "black", nullRate=0.5)).batch(Span(0, 50)).records["key"].to_list()

    with pytest.raises(RecordInvalid, match='no row in which "color" is text "black"') as caught:
        plan.batch(Span(0, 50))

    assert (caught.value.code, caught.value.field) == ("RECORD_INVALID", NAME)
    assert caught.value.record_number == colors.index("black")


def test_a_key_that_is_known_to_have_no_rows_is_told_before_the_run() -> None:
    told = examined(key("red", "black", "grey"), field(**KEYED)).issues

    assert [(issue.code, issue.path, issue.severity) for issue in told] == [
        ("CASE_NOT_COVERED", "/fieldMappings/1/params/keyColumn", Severity.WARNING)
    ]
    assert '"black", text "grey"' in told[0].message
    assert not examined(key("red"), field(**KEYED)).issues
    assert not examined(key("red", "black"), field(**KEYED, onMissing="NULL")).issues


def test_filters_and_skipped_nulls_hold_among_the_rows_of_the_key() -> None:
    kept = [{"column": "shelf", "op": "LE", "value": 4}]
    filtered = records(key("red"), field(**KEYED, filter=kept))[NAME]
    skipped = records(key("red"), field("stock", **KEYED, skipNulls=True))[NAME]

    assert set(filtered) == {"sku-0", "sku-3"}
    assert set(skipped) == {5, 2**40}


def test_fields_of_a_binding_look_up_one_row_each_with_its_own_default() -> None:
    made = records(
        field("sku", "a", rowBinding="b", **KEYED, onMissing="DEFAULT", default="none"),
        field("shelf", "b", rowBinding="b", default=-1),
        key("red", "blue", "black"),
    )

    missing = made["key"] == "black"
    there = made.filter(~missing)
    assert there["a"].cast(pl.String).to_list() == [f"sku-{shelf - 1}" for shelf in there["b"]]
    assert set(made.filter(missing).select("a", "b").rows()) == {("none", -1)}
    assert found(
        field("sku", "a", rowBinding="b", **KEYED, onMissing="DEFAULT", default="none"),
        field("shelf", "b", rowBinding="b"),
        key("red"),
    ) == [("MISSING_PARAM", "/fieldMappings/1/params/default")]


def test_a_chain_of_lookups_is_made_in_order() -> None:
    made = records(
        field("shelf", "third", keyField="second", keyColumn="color"),
        field("color", "second", keyField="first", keyColumn="sku", skipNulls=True, onMissing="NULL"),
        field("sku", "first"),
    )

    colors = dict(zip(shop().records["sku"], shop().records["color"], strict=True))
    assert made["second"].to_list() == [colors[sku] for sku in made["first"]]
    assert all(shelf - 1 in rows_of(color) for shelf, color in made.select("third", "second").drop_nulls().rows())
    assert made["third"].is_null().equals(made["second"].is_null())


# Keys.

SOURCES: dict[str, Any] = {
    "sku": field("sku", "key"),
    "price": field("price", "key"),
    "stock": field("stock", "key"),
    "shelf": mapping("NUMERIC_RANGE", {"min": 0, "max": 9}, "key"),
    "active": field("active", "key"),
    "since": field("since", "key"),
    "seen": field("seen", "key"),
}


@pytest.mark.parametrize("column", SOURCES)
@pytest.mark.parametrize("is_mapped", [False, True])
def test_keys_of_every_type_are_found_and_no_other(column: str, is_mapped: bool, tmp_path: Path) -> None:
    pool = shop()
    if is_mapped:
        write_snapshot(pool.records, tmp_path / "shop.arrow")
        pool = open_snapshot(tmp_path / "shop.arrow", pool="shop", version=1, content_hash=pool.content_hash)
    lookup = field("shelf", keyField="key", keyColumn=column, onMissing="NULL")
    made = records(SOURCES[column], lookup, pools={"shop": pool}, count=400)

    values = shop().records[column].to_list()
    for value, shelf in zip(made["key"], made[NAME], strict=True):
        if value is None or value not in values:
            assert shelf is None
        else:
            assert values[shelf - 1] == value
    assert made[NAME].n_unique() > 2


def test_decimals_and_whole_numbers_are_compared_as_numbers() -> None:
    pool = pl.DataFrame(
        {
            "name": ["one", "two and a half", "thousand"],
            "exact": pl.Series(["1.00", "2.50", "1000.00"]).cast(pl.Decimal(18, 2)),
            "whole": [1, 3, 1000],
        }
    )
    pools = {"shop": snapshot_of(pool, pool="shop", version=1)}
    fine = mapping("ENUM_RANDOM", {"values": [1, 2.5, 2.505, 1000]}, "key")
    wholes = mapping("ENUM_RANDOM", {"values": [1, 2, 2**62]}, "key")

    def names(keys: dict[str, Any], column: str) -> dict[Any, Any]:
        made = records(keys, field("name", keyField="key", keyColumn=column, onMissing="NULL"), pools=pools)
        return dict(made.rows())

    assert names(fine, "exact") == {
        Decimal(1): "one",
        Decimal("2.5"): "two and a half",
        Decimal("2.505"): None,
        Decimal(1000): "thousand",
    }
    assert names(fine, "whole") == {
        Decimal(1): "one", Decimal("2.5"): None, Decimal("2.505"): None, Decimal(1000): "thousand"
    }  # fmt: skip
    assert names(wholes, "exact") == {1: "one", 2: None, 2**62: None}


def test_a_uuid_finds_its_text() -> None:
    ids = records(mapping("UUID_GENERATED", {}, "key"), count=50)["key"]
    pool = snapshot_of(pl.DataFrame({"id": ids, "row": range(50)}), pool="shop", version=1)

    made = records(
        mapping("UUID_GENERATED", {}, "key"),
        field("row", keyField="key", keyColumn="id"),
        pools={"shop": pool},
        count=50,
    )

    assert made[NAME].to_list() == list(range(50))


# What is known.


def test_bounds_and_nulls_take_keys_and_the_default_into_account() -> None:
    covered, sure = {"keyField": "key", "keyColumn": "color"}, key("red", "blue")

    assert not output(sure, field("shelf", **covered)).nullable
    assert output(key("red", nullRate=0.1), field("shelf", **covered)).nullable
    assert output(sure, field("shelf", **covered, onMissing="NULL")).nullable
    default = output(sure, field("shelf", **covered, onMissing="DEFAULT", default=2**40))
    assert (default.type.value, default.minimum, default.maximum, default.nullable) == ("LONG", 1, 2**40, False)
    text = output(sure, field("sku", **covered, onMissing="DEFAULT", default="nothing at all"))
    assert text.max_length == len("nothing at all")
    assert "nothing at all" in (text.values or ())
    # The row without a color can be taken by ANY only.
    assert "sku-2" not in (output(sure, field("sku", **covered)).values or ())
    assert "sku-2" in (output(sure, field("sku", **covered, onMissing="ANY")).values or ())


@pytest.mark.parametrize(
    ("column", "default", "made"),
    [
        ("price", "0.25", Decimal("0.25")),
        ("price", 7, Decimal("7.00")),
        ("weight", 0.1, 0.1),
        ("stock", -(2**63), -(2**63)),
        ("active", False, False),
        ("since", "1999-12-31", date(1999, 12, 31)),
        ("seen", "2026-01-01T00:00:00.001Z", datetime(2026, 1, 1, 0, 0, 0, 1_000, tzinfo=UTC)),
        ("color", "black", "black"),
    ],
)
def test_a_default_is_of_the_column_s_type(column: str, default: Any, made: Any) -> None:
    given = default if default != "0.25" else 0.25
    lookup = field(column, **KEYED, onMissing="DEFAULT", default=given)

    assert records(key("black"), lookup, count=5)[NAME].to_list() == [made] * 5


def test_the_rows_of_a_key_are_part_of_the_tables_on_every_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    """The groups of texts are in the order of a hash, which another machine may compute in another way."""
    asked = [key("red", "blue"), field(**KEYED, selection="WEIGHTED", weightColumn="weight")]
    plan = planned(*asked)
    monkeypatch.setattr("pools.key_index._FIRST_SEED", 99)

    other = planned(*asked)

    assert other.tables_hash == plan.tables_hash
    assert other.batch(Span(0, 500)).records.equals(plan.batch(Span(0, 500)).records)


@pytest.mark.parametrize("of", ["numbers", "texts"])
def test_a_million_keys_are_found_where_they_stand(of: str) -> None:
    number = pl.int_range(1_000_000).reverse()
    keys = number * 7 if of == "numbers" else pl.concat_str([pl.lit("customer "), number])
    shop = snapshot_of(pl.select(key=keys, row=number), pool="shop", version=1)
    plan = planned(field("key", "key"), field("row", keyField="key", keyColumn="key"), pools={"shop": shop})

    made = plan.batch(Span(10**9, 65_536)).records

    assert shop.records["key"].gather(999_999 - made[NAME]).equals(made["key"])

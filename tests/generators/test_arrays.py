"""Arrays of a record: elements that are pure functions of their number, in every format that has arrays."""

from __future__ import annotations

import io
import json
from collections import Counter
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import fastavro
import polars as pl
import pyarrow.parquet as pq
import pytest
from scipy.stats import chisquare

from engine.batch import Batch, joined
from engine.digest import digest_of
from engine.errors import RecordInvalid
from engine.span import MAX_RECORDS, Span
from generators.plan import Plan
from generators.tables import show_records
from sinks.encoding.base import PlacedFrame, encoders
from sinks.encoding.compression import Compression
from tests.generators.fields.examined import mapping
from tests.generators.fields.shop import examined, field, found, planned, shop

ITEMS = {"path": "items", "min": 0, "max": 4}
ORDER = [
    mapping("SEQUENCE", {}, "id"),
    mapping("NUMERIC_RANGE", {"min": 1, "max": 9}, "items[].quantity", nullRate=0.2),
    field("sku", "items[].sku", rowBinding="item"),
    field("price", "items[].price.amount", rowBinding="item"),
    mapping("CONSTANT", {"value": "EUR"}, "items[].price.currency"),
    mapping("ENUM_RANDOM", {"values": ['a "b"', "ä\n", "c"]}, "tags[]"),
    mapping("NUMERIC_RANGE", {"min": 0, "max": 1, "scale": 3}, "total"),
]
ARRAYS = [ITEMS, {"path": "tags", "min": 1, "max": 3}]


def plan_of(*mappings: dict[str, Any], arrays: list[dict[str, Any]] | None = None, **more: Any) -> Plan:
    return planned(*(mappings or ORDER), arrays=ARRAYS if arrays is None else arrays, **more)


def objects(plan: Plan, span: Span) -> list[dict[str, Any]]:
    """The records as a JSON reader sees them."""
    kind = encoders["JSONL"]
    payload = kind(plan.schema, kind.Options(), Compression.NONE).frame(plan.batch(span)).payload
    return [json.loads(line, parse_float=Decimal) for line in payload.splitlines()]


def written(name: str, plan: Plan, spans: list[Span], compression: Compression = Compression.NONE) -> bytes:
    """A file of several frames."""
    encoder = encoders[name](plan.schema, encoders[name].Options(), compression)
    content, frames = encoder.header(), []
    for span in spans:
        frame = encoder.frame(plan.batch(span))
        frames.append(PlacedFrame(len(content), len(frame.payload), span.count, frame.index))
        content += frame.payload
    return content + encoder.footer(frames)


SPANS = [Span(0, 300), Span(300, 1), Span(301, 699)]


def expected() -> list[dict[str, Any]]:
    return objects(plan_of(), Span(0, 1_000))


# What is made.


def test_elements_lie_in_objects_of_an_array_where_the_first_of_them_stands() -> None:
    records = expected()

    assert all(list(record) == ["id", "items", "tags", "total"] for record in records)
    items = [item for record in records for item in record["items"]]
    assert all(list(item) == ["quantity", "sku", "price"] for item in items)
    assert {item["price"]["currency"] for item in items} == {"EUR"}
    assert {tag for record in records for tag in record["tags"]} == {'a "b"', "ä\n", "c"}
    assert 0.1 < sum(item["quantity"] is None for item in items) / len(items) < 0.3


def test_arrays_are_as_long_as_is_asked_for() -> None:
    lengths = Counter(len(record["items"]) for record in objects(plan_of(), Span(0, 20_000)))

    assert set(lengths) == set(range(5))
    assert chisquare(list(lengths.values())).pvalue > 1e-6  # fails for one seed in a million, and this one is fixed


def test_lengths_follow_a_distribution() -> None:
    arrays = [ITEMS | {"distribution": {"type": "ZIPF", "exponent": 1}}, ARRAYS[1]]

    lengths = Counter(len(record["items"]) for record in objects(plan_of(arrays=arrays), Span(0, 5_000)))

    shares = [1 / rank for rank in range(1, 6)]
    assert chisquare([lengths[n] for n in range(5)], [5_000 * share / sum(shares) for share in shares]).pvalue > 1e-6


@pytest.mark.parametrize("start", [0, 65_530, MAX_RECORDS - 1_000])
def test_cutting_a_run_changes_nothing(start: int) -> None:
    plan, again = plan_of(), plan_of()
    whole = plan.batch(Span(start, 1_000))

    parts = [again.batch(Span(start + at, count)) for at, count in ((700, 300), (0, 1), (1, 6), (7, 693))]
    parts.sort(key=lambda batch: batch.span.start)

    assert joined(parts).records.equals(whole.records)
    assert digest_of(plan.schema, parts) == digest_of(plan.schema, [whole])
    assert whole.slice(Span(start + 5, 10)).records.equals(plan.batch(Span(start + 5, 10)).records)


def test_element_j_of_record_i_has_the_number_i_times_max_plus_j() -> None:
    plan = plan_of(mapping("SEQUENCE", {"start": 0}, "items[].number"), arrays=[ITEMS])

    for number, record in enumerate(objects(plan, Span(0, 100))):
        assert [item["number"] for item in record["items"]] == [
            number * 4 + place for place in range(len(record["items"]))
        ]


def test_other_fields_and_longer_arrays_of_others_change_nothing() -> None:
    less = plan_of(*ORDER[1:4], arrays=[ITEMS])

    for one, other in zip(objects(less, Span(0, 200)), expected(), strict=False):
        for item, whole in zip(one["items"], other["items"], strict=True):
            assert item["sku"] == whole["sku"]
            assert item["quantity"] == whole["quantity"]


def test_elements_of_one_binding_copy_from_one_row_each() -> None:
    prices = dict(zip(shop().records["sku"], shop().records["price"], strict=True))
    items = [item for record in expected() for item in record["items"]]

    assert all(item["price"]["amount"] == prices[item["sku"]] for item in items)
    assert any(len({item["sku"] for item in record["items"]}) > 1 for record in expected())


def test_an_element_looks_at_its_siblings_and_at_the_record() -> None:
    plan = plan_of(
        mapping("NUMERIC_RANGE", {"min": 1, "max": 9}, "factor"),
        mapping("NUMERIC_RANGE", {"min": 1, "max": 9}, "items[].quantity"),
        mapping("COMPUTED", {"expression": 'factor * field("items[].quantity")'}, "items[].total"),
        field("sku", "main"),
        mapping("POOL_DERIVED", {"sourceField": "main", "column": "sku"}, "items[].main"),
        arrays=[ITEMS],
    )

    for record in objects(plan, Span(0, 200)):
        for item in record["items"]:
            assert item["total"] == record["factor"] * item["quantity"]
            assert item["main"] == record["main"]


def computed(expression: str, name: str, **more: Any) -> dict[str, Any]:
    return mapping("COMPUTED", {"expression": expression}, name, **more)


LINES = [
    mapping("NUMERIC_RANGE", {"min": 1, "max": 9}, "items[].quantity", nullRate=0.2),
    mapping("NUMERIC_RANGE", {"min": 0, "max": 99, "scale": 2}, "items[].unitPrice", omit=True),
    computed("ROUND(items[].quantity * items[].unitPrice, 2)", "items[].total"),
    mapping("ENUM_RANDOM", {"values": ["a", "ä", "b c"]}, "items[].sku"),
    computed("SUM(items[].total)", "total"),
    computed("items[].total / NULLIF(total, 0)", "items[].share"),
    computed("SUM(items[].share)", "shares"),
    computed("COUNT(items[].quantity) & '/' & COUNT(items[].sku)", "counts"),
    computed("AVG(items[].quantity)", "mean"),
    computed("MAX(items[].total, 5) - MIN(items[].total)", "spread"),
    computed("JOIN(', ', items[].sku)", "skus"),
    computed("SUM(items[].quantity * items[].unitPrice) + 4.95 * COUNT(tags[])", "again"),
    ORDER[5],
]


def test_totals_of_the_lines_of_a_record_are_exact() -> None:
    for record in objects(plan_of(*LINES), Span(0, 500)):
        lines = record["items"]
        totals = [line["total"] for line in lines if line["total"] is not None]
        assert record["total"] == sum(totals, Decimal("0.00"))
        assert record["again"] == record["total"] + Decimal("4.95") * len(record["tags"])
        assert record["counts"] == f"{len(totals)}/{len(lines)}"
        assert record["skus"] == ", ".join(line["sku"] for line in lines)
        quantities = [line["quantity"] for line in lines if line["quantity"] is not None]
        mean = sum(map(Decimal, quantities)) / len(quantities) if quantities else None
        assert record["mean"] == (None if mean is None else mean.quantize(record["mean"]))
        assert record["spread"] == (max(*totals, Decimal(5)) - min(totals) if totals else None)
        assert abs(record["shares"] - bool(record["total"])) <= Decimal("1e-9")


@pytest.mark.parametrize("start", [0, 65_530, MAX_RECORDS - 500])
def test_cutting_a_run_changes_no_total(start: int) -> None:
    whole, again = plan_of(*LINES).batch(Span(start, 500)), plan_of(*LINES)

    parts = [again.batch(Span(start + at, count)) for at, count in ((0, 1), (1, 1), (2, 298), (300, 0), (300, 200))]

    assert joined(parts).records.equals(whole.records)


def test_a_total_may_choose_a_row_of_a_pool_for_which_any_is_taken() -> None:
    key = computed("'sku-' & SUM(items[].n)", "key")
    row = field("sku", "main", keyField="key", keyColumn="sku", onMissing="ANY")
    plan = plan_of(mapping("NUMERIC_RANGE", {"min": 0, "max": 5}, "items[].n"), key, row, arrays=[ITEMS])

    missing = sum(record["key"] not in set(shop().records["sku"]) for record in objects(plan, Span(0, 200)))

    assert plan.passed_over(Span(0, 200)) == {"shop": missing}
    assert missing > 0


def test_an_element_that_fails_inside_a_total_fails_its_record() -> None:
    first = mapping("SEQUENCE", {"start": 0}, "items[].n")
    lengths = [len(record["items"]) for record in objects(plan_of(first, arrays=[ITEMS]), Span(0, 50))]
    plan = plan_of(first, computed("SUM(1 / (items[].n % 4 - 3))", "total"), arrays=[ITEMS])

    with pytest.raises(RecordInvalid, match="division by zero, at character 7") as caught:
        plan.batch(Span(0, 50))

    assert caught.value.record_number == lengths.index(4)


@pytest.mark.parametrize(
    ("expression", "position", "said"),
    [
        ("items[].a", 1, 'items[].a has a value for each element of "items", and the record needs one'),
        ("IF(items[].a > 1, 1, 0)", 4, "items[].a has a value for each element"),
        ("JOIN(', ', CONCAT(items[].a, tags[]))", 12, "are no pairs"),
        ("SUM(MAX(items[].a, 3))", 5, "items[].a has become one value here, so there is nothing for SUM to do"),
        ("SUM(items[].a * MAX(items[].a, 3))", 17, "MAX makes one value of all elements and what stands beside them"),
        ("AVG(items[].a, 1)", 1, "AVERAGE takes the elements of one array, and nothing beside them"),
        ("JOIN(items[].a, ', ')", 6, "TEXTJOIN takes a text as text"),
        ("JOIN(TOSTRING(items[].a), ', ')", 1, "the elements come last"),
        ("JOIN(word, items[].a)", 6, "what stands between the elements must be written out"),
        ("JOIN(', ', items[].long)", 1, "4 elements of 9,000 characters"),
        ("SUM(items[].aa)", 5, 'there is no field "items[].aa"'),
        ("SUM(other[].a)", 5, 'there is no field "other[].a"'),
    ],
)
def test_what_cannot_be_made_of_elements_is_told_with_its_place(expression: str, position: int, said: str) -> None:
    fields = [number("items[].a"), ORDER[5], mapping("CONSTANT", {"value": "x"}, "word")]
    long = mapping("CONSTANT", {"value": "x" * 9_000}, "items[].long")

    [issue] = examined(*fields, long, computed(expression, "it"), arrays=ARRAYS).errors

    assert issue.path == "/fieldMappings/4/params/expression"
    assert said in issue.message
    assert issue.message.endswith(f"at character {position}")
    assert issue.hint


def test_inside_an_element_a_sibling_is_one_value() -> None:
    [issue] = examined(number("items[].a"), computed("SUM(items[].a)", "items[].it"), arrays=[ITEMS]).errors

    assert "inside an element items[].a is one value, so there is nothing for SUM to do" in issue.message
    assert "make a field of the record, with omit: true" in str(issue.hint)


def test_totals_that_go_round_in_a_circle_are_named() -> None:
    told = examined(
        computed("SUM(items[].share)", "total"), computed("total / 2", "items[].share"), arrays=[ITEMS]
    ).errors

    assert [issue.message for issue in told if issue.code == "DEPENDENCY_CYCLE"] == [
        "fields depend on each other: total → items[].share → total"
    ]


def test_the_clock_of_the_record_is_that_of_its_elements_by_a_field_that_is_omitted() -> None:
    clock = mapping("TIMESTAMP_GENERATED", {"mode": "CLOCK"}, "at", omit=True)
    [refused] = examined({**clock, "fieldName": "items[].at", "omit": False}, arrays=[ITEMS]).errors

    plan = plan_of(clock, mapping("SEQUENCE", {}, "items[].n"), computed("at", "items[].at"), arrays=[ITEMS], count=50)
    again = planned(clock | {"omit": False}, count=50)

    assert "let a COMPUTED field of the element name that" in str(refused.hint)
    made, instants = plan.batch(Span(0, 50)).records, again.batch(Span(0, 50)).records["at"]
    for at, items in zip(instants, made["items[].at"], strict=True):
        assert set(items) <= {at}


def test_distinct_elements_are_distinct_in_all_records() -> None:
    unique = mapping("NUMERIC_RANGE", {"min": 1, "max": 400}, "items[].id", unique=True)

    items = [
        item["id"]
        for record in objects(plan_of(unique, arrays=[ITEMS], count=100), Span(0, 100))
        for item in record["items"]
    ]

    assert len(set(items)) == len(items)
    assert found(unique, arrays=[ITEMS], count=101) == [("UNIQUE_IMPOSSIBLE", "/fieldMappings/0/unique")]


def test_an_element_that_cannot_be_made_fails_its_record_and_one_that_is_not_there_fails_none() -> None:
    fields = [
        mapping("SEQUENCE", {"start": 0}, "items[].number"),
        mapping("COMPUTED", {"expression": '1 / (field("items[].number") % 4 - 3)'}, "items[].it"),
    ]
    plan = plan_of(*fields, arrays=[ITEMS])
    lengths = [len(record["items"]) for record in objects(plan_of(fields[0], arrays=[ITEMS]), Span(0, 50))]
    first = lengths.index(4)

    with pytest.raises(RecordInvalid, match="element 3: ") as caught:
        plan.batch(Span(0, 50))

    assert caught.value.record_number == first
    assert [len(record["items"]) for record in objects(plan, Span(0, first))] == lengths[:first]


def test_a_digest_tells_arrays_apart() -> None:
    schema = plan_of(ORDER[5], arrays=[ARRAYS[1]]).schema

    def digest(*tags: list[str | None]) -> str:
        records = pl.DataFrame({"tags[]": list(tags)}, schema={"tags[]": pl.List(pl.String)})
        return digest_of(schema, [Batch(Span(0, len(tags)), records)])

    different = [[["a", "b"]], [["b", "a"]], [["a"]], [[]], [["a", "a"]], [["ab"]], [[""]], [[None]], [["a"], ["b"]]]
    assert len({digest(*tags) for tags in different}) == len(different)
    assert digest(["a"], ["b"]) == digest(["b"], ["a"])


def test_a_table_on_the_terminal_shows_the_elements() -> None:
    plan, stream = plan_of(ORDER[0], ORDER[5], arrays=[ARRAYS[1]]), io.StringIO()
    stream.write = lambda text, ending="": io.StringIO.write(stream, text)  # type: ignore[method-assign, assignment]

    show_records(plan.schema, plan.batch(Span(0, 5)), stream)

    assert "tags[]" in stream.getvalue()
    assert '[a "b", a "b"]' in stream.getvalue()


# Formats.


def test_json_lines_are_read_by_polars_and_duckdb(tmp_path: Path) -> None:
    path = tmp_path / "orders.jsonl"
    path.write_bytes(written("JSONL", plan_of(), SPANS))

    read = pl.read_ndjson(path, infer_schema_length=None)
    sums = duckdb.sql(f"select sum(len(items)), count(*) from read_json('{path}')").fetchall()

    assert read["items"].list.len().to_list() == [len(record["items"]) for record in expected()]
    assert sums == [(sum(len(record["items"]) for record in expected()), 1_000)]


@pytest.mark.parametrize("compression", [Compression.NONE, Compression.GZIP])
def test_avro_has_arrays_of_records_and_of_values(compression: Compression) -> None:
    content = written("AVRO", plan_of(), SPANS, compression)

    assert list(fastavro.reader(io.BytesIO(content))) == expected()
    assert pl.read_avro(io.BytesIO(content))["tags"].to_list() == [record["tags"] for record in expected()]


@pytest.mark.parametrize("compression", [Compression.NONE, Compression.ZSTD])
def test_parquet_has_lists_of_structs_and_of_values(tmp_path: Path, compression: Compression) -> None:
    path = tmp_path / "orders.parquet"
    path.write_bytes(written("PARQUET", plan_of(), SPANS, compression))

    assert pq.read_table(path).to_pylist() == expected()
    assert pl.read_parquet(path).to_dicts() == expected()
    query = f"select count(*), sum(i.price.amount) from (select unnest(items) as i from '{path}')"
    amounts = [item["price"]["amount"] for record in expected() for item in record["items"]]
    assert duckdb.sql(query).fetchall() == [(len(amounts), sum(amount for amount in amounts if amount is not None))]


@pytest.mark.parametrize("name", ["JSONL", "AVRO", "PARQUET"])
def test_an_array_without_elements_is_written(name: str) -> None:
    nothing = {"type": "HISTOGRAM", "bins": [{"from": 0, "to": 0.5, "weight": 1}]}
    plan = plan_of(*ORDER[:6], arrays=[ITEMS | {"distribution": nothing}, ARRAYS[1]])

    content = written(name, plan, [Span(0, 2), Span(2, 0)])

    read = {"JSONL": pl.read_ndjson, "AVRO": pl.read_avro, "PARQUET": pl.read_parquet}[name](io.BytesIO(content))
    assert [len(items) for items in read["items"].to_list()] == [0, 0]


def test_a_csv_has_no_arrays() -> None:
    refused = encoders["CSV"].check(plan_of(*ORDER[:2], arrays=[ITEMS]).schema)

    assert [(one.code, one.as_issue().path) for one in refused] == [("DEST_SCHEMA", "/fieldMappings/1/fieldName")]
    assert "a CSV has no arrays" in refused[0].message


# What is wrong.


def number(name: str, **more: Any) -> dict[str, Any]:
    return mapping("NUMERIC_RANGE", {"min": 1, "max": 9}, name, **more)


@pytest.mark.parametrize(
    ("mappings", "arrays", "expected_issues"),
    [
        ([number("items[].a")], [], [("INVALID_VALUE", "/fieldMappings/0/fieldName")]),
        ([number("a")], [ITEMS], [("MISSING_PARAM", "/arrays/0/path")]),
        ([number("items[].a")], [{"path": "items"}], [("MISSING_PARAM", "/arrays/0/max")]),
        ([number("items[].a")], [ITEMS | {"min": 5}], [("RANGE_INVERTED", "/arrays/0/min")]),
        ([number("items[].a")], [ITEMS | {"max": 101}], [("INVALID_VALUE", "/arrays/0/max")]),
        ([number("items[].a")], [ITEMS, ITEMS], [("DUPLICATE_FIELD", "/arrays/1/path")]),
        ([number("items[].a"), number("items")], [ITEMS], [("PATH_CONFLICT", "/fieldMappings/0/fieldName")]),
        ([number("items[].a"), number("items.b")], [ITEMS], [("PATH_CONFLICT", "/fieldMappings/0/fieldName")]),
        ([number("items[].a"), number("items[]")], [ITEMS], [("PATH_CONFLICT", "/fieldMappings/0/fieldName")]),
        ([number("items[].a[].b")], [ITEMS], [("INVALID_VALUE", "/fieldMappings/0/fieldName")]),
        ([number("items[].a", missingRate=0.1)], [ITEMS], [("PROPERTY_NOT_ALLOWED", "/fieldMappings/0/missingRate")]),
        (
            [mapping("COMPUTED", {"expression": 'field("items[].a")'}, "sum"), number("items[].a")],
            [ITEMS],
            [("INVALID_VALUE", "/fieldMappings/0/params/expression")],
        ),
        (
            [mapping("COMPUTED", {"expression": 'field("items[].a")'}, "tags[]"), number("items[].a")],
            ARRAYS,
            [("INVALID_VALUE", "/fieldMappings/0/params/expression")],
        ),
        (
            [mapping("TIMESTAMP_GENERATED", {"mode": "CLOCK"}, "items[].at")],
            [ITEMS],
            [("INVALID_VALUE", "/fieldMappings/0")],
        ),
        (
            [mapping("SEQUENCE", {"end": 10, "onEnd": "STOP"}, "items[].n")],
            [ITEMS],
            [("INVALID_VALUE", "/fieldMappings/0")],
        ),
        (
            [field("sku", "items[].a", rowBinding="b"), field("sku", "tags[]", rowBinding="b")],
            ARRAYS,
            [("INVALID_VALUE", "/fieldMappings/0"), ("INVALID_VALUE", "/fieldMappings/1")],
        ),
    ],
)
def test_each_mistake_is_told_at_its_place(
    mappings: list[dict[str, Any]], arrays: list[dict[str, Any]], expected_issues: list[tuple[str, str]]
) -> None:
    told = [(issue.code, issue.path) for issue in examined(*mappings, arrays=arrays).errors]

    assert sorted(told) == sorted(expected_issues)


@pytest.mark.parametrize("key", ["items[].color", "color"])
def test_elements_that_take_any_row_for_want_of_their_own_are_counted_if_they_are_there(key: str) -> None:
    looked_up = field("sku", "items[].sku", keyField=key, keyColumn="color", onMissing="ANY")
    colors = {"values": ["red", "nowhere", "blue"]}
    plan = plan_of(mapping("ENUM_RANDOM", colors, key, nullRate=0.2), looked_up, arrays=[ITEMS])

    counted = sum((Counter(plan.passed_over(span)) for span in SPANS), Counter())

    orders = objects(plan, Span(0, 1_000))
    asked = [item.get("color", order.get("color")) for order in orders for item in order["items"]]
    assert plan.may_pass_over
    assert counted == {"shop": asked.count("nowhere")}
    assert 0 < asked.count("nowhere") < len(asked)

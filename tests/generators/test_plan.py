"""Plans: records as a function of their numbers, what tells runs apart, and the order of evaluation."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import polars as pl
import pytest

from engine.batch import Batch, joined
from engine.digest import digest_of
from engine.draws import happens
from engine.span import Span
from engine.stream import Source
from generators.definition import read_definition
from generators.examination import compile_plan
from generators.facts import RunFacts
from generators.plan import Plan
from pools.snapshot import Snapshot, snapshot_of
from tests.generators.fields.examined import STARTED_AT, examined, mapping, planned

PEOPLE = snapshot_of(pl.DataFrame({"name": ["Ada", "Bo", "Cy"], "city": ["Köln", "Lyon", None]}), pool="p", version=1)
ORDERS: list[dict[str, Any]] = [
    mapping("SEQUENCE", {}, name="no"),
    mapping("UUID_GENERATED", {}, name="id"),
    mapping(
        "ENUM_RANDOM",
        {"conditionField": "country", "cases": {"DE": ["Köln", "Ulm"]}, "defaultCase": ["else"]},
        name="city",
        nullRate=0.1,
    ),
    mapping("ENUM_RANDOM", {"values": ["DE", "FR"]}, name="country", missingRate=0.2),
    mapping("POOL_REFERENCE", {"pool": "p", "column": "name", "rowBinding": "person"}, name="person.name"),
    mapping("POOL_REFERENCE", {"pool": "p", "column": "city", "rowBinding": "person"}, name="person.city"),
    mapping("NUMERIC_RANGE", {"min": 0, "max": 100, "scale": 2, "distribution": {"type": "NORMAL"}}, name="price"),
]
"""Fields of all ranks, one of which depends on a later one."""


def plan_of(*mappings: Mapping[str, Any], pools: Mapping[str, Snapshot] | None = None, **changes: Any) -> Plan:
    facts = RunFacts(changes.pop("seed", 7), STARTED_AT, started_at_given=True, record_count=10**6)
    document = {"name": "orders", "fieldMappings": list(mappings or ORDERS), **changes}
    return compile_plan(read_definition(document), facts=facts, pools=pools or {"p": PEOPLE})


# Records.


def test_any_cut_makes_the_same_records() -> None:
    whole = plan_of().batch(Span(0, 1_000))

    for size in (1, 7, 333, 1_000):
        plan = plan_of()
        spans = [Span(start, min(size, 1_000 - start)) for start in range(0, 1_000, size)]
        parts = [plan.batch(span) for span in reversed(spans)][::-1]
        together = joined(parts)

        assert together.records.equals(whole.records)
        assert all(np.array_equal(together.missing[name], mask) for name, mask in whole.missing.items())


def test_columns_stand_in_the_order_of_the_mappings_without_those_omitted() -> None:
    mappings = [one | {"omit": one["fieldName"] == "country"} for one in ORDERS]
    plan = plan_of(*mappings)

    names = [one["fieldName"] for one in ORDERS if one["fieldName"] != "country"]
    assert plan.batch(Span(0, 5)).records.columns == names
    assert [column.name for column in plan.schema.columns] == names


def test_omitting_a_field_changes_no_other() -> None:
    shown = plan_of().batch(Span(0, 200)).records

    hidden = plan_of(*(one | {"omit": one["fieldName"] == "country"} for one in ORDERS)).batch(Span(0, 200)).records

    assert hidden.equals(shown.drop("country"))


def test_fields_come_after_those_that_they_depend_on_and_else_by_rank_and_place() -> None:
    order = [planned_field.name for planned_field in plan_of().fields]

    assert order == ["no", "id", "country", "city", "price", "person.name", "person.city"]


def test_an_empty_span_has_no_records() -> None:
    batch = plan_of().batch(Span(10**6, 0))

    assert batch.records.shape == (0, len(ORDERS))
    assert len(batch.missing["country"]) == 0


# Null and missing.


def test_null_is_drawn_by_a_stream_of_its_own() -> None:
    plan = planned(mapping("SEQUENCE", {}, name="a", nullRate=0.3), seed=5)

    nulls = plan.batch(Span(0, 10_000)).records["a"].is_null().to_numpy()

    words = Source(5, "orders", "a").stream("null").words(Span(0, 10_000))
    assert np.array_equal(nulls, happens(words, 0.3))


@pytest.mark.parametrize(("null_rate", "missing_rate"), [(0.2, 0.3), (0.0, 1.0), (1.0, 0.0), (0.5, 0.5)])
def test_both_rates_are_shares_of_all_records(null_rate: float, missing_rate: float) -> None:
    batch = planned(mapping("SEQUENCE", {}, name="a", nullRate=null_rate, missingRate=missing_rate)).batch(
        Span(0, 100_000)
    )

    missing = batch.missing["a"].mean() if missing_rate else 0.0
    null = batch.records["a"].is_null().mean() - missing
    # Five standard deviations: with a new seed, one of the eight fails by chance with probability 5e-6.
    assert abs(missing - missing_rate) <= 5 * (missing_rate * (1 - missing_rate) / 100_000) ** 0.5
    assert abs(null - null_rate) <= 5 * (null_rate * (1 - null_rate) / 100_000) ** 0.5


def test_a_missing_rate_does_not_move_the_nulls() -> None:
    only_null = planned(mapping("SEQUENCE", {}, name="a", nullRate=0.2)).batch(Span(0, 5_000))
    both = planned(mapping("SEQUENCE", {}, name="a", nullRate=0.2, missingRate=0.3)).batch(Span(0, 5_000))

    is_null = both.records["a"].is_null().to_numpy() & ~both.missing["a"]
    assert np.array_equal(is_null, only_null.records["a"].is_null().to_numpy())
    assert "a" not in only_null.missing


def test_a_field_that_looks_at_a_missing_one_sees_null() -> None:
    records = plan_of().batch(Span(0, 2_000)).records

    gone = records.filter(pl.col("country").is_null())["city"].drop_nulls()
    assert set(gone) == {"else"}
    assert len(gone) > 100


def test_the_schema_says_which_columns_can_be_null_or_missing() -> None:
    columns = {column.name: column for column in plan_of().schema.columns}

    assert {name for name, column in columns.items() if column.nullable} == {"city", "country", "person.city"}
    assert {name for name, column in columns.items() if column.may_be_missing} == {"country"}


# Bindings.


def test_fields_of_one_binding_copy_from_one_row() -> None:
    records = plan_of().batch(Span(0, 500)).records.select("person.name", "person.city")

    assert records.with_columns(pl.all().cast(pl.String)).unique().height == 3


# What tells runs apart.


def test_the_hash_of_a_spec_changes_with_what_changes_records_and_nothing_else() -> None:
    base = plan_of()
    other_pool = snapshot_of(PEOPLE.records.reverse(), pool="p", version=2)
    same_pool = replace(PEOPLE, version=9)

    assert plan_of().spec_hash == base.spec_hash
    assert plan_of(pools={"p": same_pool}).spec_hash == base.spec_hash
    assert plan_of(destination={"type": "FILE"}, batchSize=5, description="x").spec_hash == base.spec_hash
    assert plan_of(clock={"stepMs": 5}).spec_hash == base.spec_hash  # no field looks at the clock
    different = [
        plan_of(seed=8),
        plan_of(streamName="other"),
        plan_of(name="renamed"),
        plan_of(pools={"p": other_pool}),
        plan_of(*ORDERS[::-1]),
        plan_of(*ORDERS[:-1]),
    ]
    assert len({base.spec_hash, *(plan.spec_hash for plan in different)}) == len(different) + 1


def test_a_stream_name_keeps_the_records_when_the_generator_is_renamed() -> None:
    first, second = plan_of(name="a", streamName="s"), plan_of(name="b", streamName="s")

    assert first.batch(Span(0, 100)).records.equals(second.batch(Span(0, 100)).records)
    assert first.spec_hash == second.spec_hash


def test_a_field_can_draw_as_in_another_generator() -> None:
    price = ORDERS[-1]

    here = plan_of(price | {"streamName": "elsewhere"}).batch(Span(0, 100)).records
    there = plan_of(price, streamName="elsewhere").batch(Span(0, 100)).records

    assert here.equals(there)


def test_tables_can_be_handed_on() -> None:
    made = plan_of()
    document = read_definition({"name": "orders", "fieldMappings": ORDERS})

    given = compile_plan(document, facts=made.facts, pools={"p": PEOPLE}, tables=made.tables)

    assert set(made.tables) == {"price/left", "price/slope", "city/ends"}
    assert given.tables_hash == made.tables_hash
    assert given.batch(Span(0, 300)).records.equals(made.batch(Span(0, 300)).records)


def test_tables_of_a_field_whose_name_has_slashes_are_its_own() -> None:
    weights = {"values": ["a", "b", "c"], "weights": [1, 2, 3]}
    others = [mapping("ENUM_RANDOM", weights, name=name) for name in ("a", "a/thresholds", "/", "a/b/")]

    records = planned(*others).batch(Span(0, 100)).records

    for one in others:
        alone = planned(one).batch(Span(0, 100)).records
        assert records[one["fieldName"]].equals(alone[one["fieldName"]])


def test_a_changed_table_has_another_hash() -> None:
    plan = plan_of()
    changed = dict(plan.tables) | {"price/left": plan.tables["price/left"] + 1}

    assert replace(plan, tables=changed).tables_hash != plan.tables_hash


def test_the_digest_does_not_depend_on_cuts() -> None:
    plan = plan_of()
    batches: list[Batch] = [plan.batch(Span(start, 125)) for start in range(0, 1_000, 125)]

    assert digest_of(plan.schema, batches) == digest_of(plan.schema, [plan.batch(Span(0, 1_000))])
    assert digest_of(plan.schema, batches[1:]) != digest_of(plan.schema, batches)


# The end of a run.


def test_the_field_that_ends_first_ends_the_run() -> None:
    ends = [mapping("SEQUENCE", {"end": end, "onEnd": "STOP"}, name=f"s{end}") for end in (30, 10, 20)]

    assert planned(*ends).record_limit == (10, "SEQUENCE_END")
    assert planned(ORDERS[0]).record_limit is None


def test_reasons_name_the_field() -> None:
    constant = mapping("CONSTANT", {"value": "${runId}", "interpolate": True}, name="run")

    assert planned(constant, ORDERS[0]).reasons == ["run: ${runId} is another one in every run"]
    assert plan_of().reasons == []


def test_a_definition_with_errors_has_no_plan() -> None:
    assert examined(mapping("NUMERIC_RANGE", {"min": 2, "max": 1})).plan is None

"""Salvage: what can be made of a span, against a slow loop that makes one record after the other."""

from __future__ import annotations

import itertools
import random
from collections.abc import Sequence
from functools import cache
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.batch import Batch, joined
from engine.errors import RecordInvalid
from engine.span import Span
from generators.digest import run_digest
from generators.plan import Plan
from generators.runs.salvage import salvaged, without
from tests.support.file_runs import made_plan, plan_of

RECORDS = 300


def plan() -> Plan:
    """Two of its fields cannot be made for some records, which are not the same for both."""
    return plan_of(RECORDS, 1, missing=True, rejects=True)


@cache
def slowly(number: int) -> Batch | RecordInvalid:
    """The record, or why there is none."""
    try:
        return plan().batch(Span(number, 1))
    except RecordInvalid as error:
        return error


def told(errors: Sequence[RecordInvalid]) -> list[tuple[int, str, str, str]]:
    return [(error.record_number, error.code, error.field, str(error)) for error in errors]


def same(one: Batch, other: Batch) -> bool:
    masks = {name: mask.tolist() for name, mask in one.missing.items()}
    others = {name: mask.tolist() for name, mask in other.missing.items()}
    return (one.span, one.rejected, masks) == (other.span, other.rejected, others) and one.records.equals(other.records)


@settings(deadline=None, max_examples=25)
@given(st.integers(0, RECORDS), st.integers(0, RECORDS))
def test_a_span_is_salvaged_as_its_records_are_one_by_one(one: int, other: int) -> None:
    span = Span(min(one, other), abs(one - other))

    batch, errors = salvaged(plan(), span)

    alone = [slowly(number) for number in range(span.start, span.end)]
    expected = [error for error in alone if isinstance(error, RecordInvalid)]
    made = [record for record in alone if isinstance(record, Batch)]
    assert told(errors) == told(expected)
    assert batch.rejected == tuple(error.record_number for error in expected)
    assert batch.span == span
    assert batch.records.rows() == [record.records.row(0) for record in made]
    assert batch.records.schema == plan().batch(Span(0, 0)).records.schema
    for name, mask in batch.missing.items():
        assert mask.tolist() == [bool(record.missing[name][0]) for record in made]


def test_both_fields_fail_alone_and_together_and_somewhere_all_records_do() -> None:
    _, errors = salvaged(plan(), Span(0, RECORDS))

    assert {error.field for error in errors} == {"code", "other"}
    assert {error.record_number for error in errors} > set(range(64, 96))
    assert 40 < len(errors) < RECORDS / 4


@pytest.mark.parametrize("size", [1, 2, 7, 64, 299])
def test_cuts_do_not_show(size: int) -> None:
    whole, errors = salvaged(plan(), Span(0, RECORDS))

    spans = [Span(start, min(size, RECORDS - start)) for start in range(0, RECORDS, size)]
    parts = [salvaged(plan(), span) for span in spans]

    assert same(joined([batch for batch, _ in parts]), whole)
    assert told(list(itertools.chain.from_iterable(found for _, found in parts))) == told(errors)


def test_a_span_in_which_all_is_well_is_that_of_the_plan() -> None:
    good = [number for number in range(RECORDS) if isinstance(slowly(number), Batch)]
    span = next(Span(number, 3) for number in good if {number + 1, number + 2} <= set(good))

    batch, errors = salvaged(plan(), span)

    assert errors == []
    assert same(batch, plan().batch(span))


@settings(deadline=None, max_examples=25)
@given(st.integers(0, 60), st.integers(0, 60), st.sets(st.integers(0, 60)))
def test_a_span_without_some_records_is_that_of_the_others_and_an_error_where_one_of_them_is_bad(
    one: int, other: int, given_up: set[int]
) -> None:
    span = Span(min(one, other), abs(one - other))
    left = [number for number in range(span.start, span.end) if number not in given_up]
    alone = [slowly(number) for number in left]

    if any(isinstance(record, RecordInvalid) for record in alone):
        with pytest.raises(RecordInvalid):
            without(plan(), span, sorted(given_up))
        return
    batch = without(plan(), span, sorted(given_up))

    assert batch.span == span
    assert batch.rejected == tuple(number for number in range(span.start, span.end) if number in given_up)
    assert batch.records.rows() == [record.records.row(0) for record in alone if isinstance(record, Batch)]


def test_a_remnant_is_the_whole_record_or_the_fields_before_the_one_that_fails() -> None:
    for number in range(RECORDS):
        record, (schema, remnant) = slowly(number), plan().remnant(number)
        names = [column.name for column in schema.columns]
        if isinstance(record, Batch):
            assert remnant.records.equals(record.records)
        else:
            steps = [planned.name for planned in plan().fields]
            written = {column.name for column in plan().schema.columns}
            assert set(names) == written & set(steps[: steps.index(record.field)])
            assert remnant.span.count == (1 if names else 0)


def test_a_rejected_record_adds_nothing_to_the_digest() -> None:
    digests = [run_digest(plan(), [Span(0, count)]) for count in range(50, 71)]

    added = [number for number, pair in enumerate(itertools.pairwise(digests), start=50) if pair[0] != pair[1]]
    assert added == [number for number in range(50, 70) if isinstance(slowly(number), Batch)]
    assert 5 < len(added) < 20


# What it costs.


class Counting:
    """A plan that counts how many calls and records it has been asked for, and cannot make some of the records."""

    def __init__(self, bad: set[int]) -> None:
        self.bad, self.calls, self.records = bad, 0, 0
        document = {
            "name": "counting",
            "recordCount": 65_536,
            "fieldMappings": [{"fieldName": "id", "type": "SEQUENCE", "params": {}}],
        }
        self._plan = made_plan(document, pools={}, seed=1, records=65_536)

    def salvaged(self, span: Span) -> tuple[Batch, list[RecordInvalid]]:
        return self.batch(span), []  # it does not tell what it could make

    def batch(self, span: Span) -> Batch:
        self.calls += 1
        self.records += span.count
        for number in range(span.start, span.end):
            if number in self.bad:
                raise RecordInvalid("RECORD_INVALID", "bad", field="id", record_number=number)
        return self._plan.batch(span)


@pytest.mark.parametrize("share", [0.0001, 0.01, 0.5])
def test_bad_records_cost_a_few_calls_each_and_the_good_ones_are_not_made_over_and_over(share: float) -> None:
    count = 8_192
    bad = {number for number in range(count) if random.Random(number).random() < share}
    counting: Any = Counting(bad)

    batch, errors = salvaged(counting, Span(0, count))

    assert batch.rejected == tuple(sorted(bad)) == tuple(error.record_number for error in errors)
    # For each bad record one that finds it, one that makes what is before it, and those that go too short a way.
    assert counting.calls <= 4 * len(bad) + 16
    assert counting.records <= 6 * count


@pytest.mark.parametrize("name", ["pools", "formula", "cast", "elements"])
def test_fields_that_fail_often_are_salvaged_at_once_as_records_are_one_by_one(name: str) -> None:
    plan = plan_of(RECORDS, 1, missing=True, rejects=True) if name == "pools" else failing_plan(name)
    calls = list[Span]()

    class Counted:
        batch = plan.batch

        def salvaged(self, span: Span) -> tuple[Batch, list[RecordInvalid]]:
            calls.append(span)
            return plan.salvaged(span)

    counted: Any = Counted()
    batch, errors = salvaged(counted, Span(0, RECORDS))

    assert calls == [Span(0, RECORDS)]
    alone = [salvaged(plan, Span(number, 1)) for number in range(RECORDS)]
    assert same(batch, joined([one for one, _ in alone]))
    assert told(errors) == told(list(itertools.chain.from_iterable(found for _, found in alone)))
    for error in errors[:20]:
        with pytest.raises(RecordInvalid) as caught:
            plan.batch(Span(error.record_number, 1))
        assert told([caught.value]) == told([error])
    assert 10 < len(errors) < RECORDS


def failing_plan(name: str) -> Plan:
    """Whole numbers from 1 to 9, and something that cannot be made of some of them, and something made of that."""
    prefix = "items[]." if name == "elements" else ""
    failing = {
        "formula": {"type": "COMPUTED", "params": {"expression": "12 / (n - 7)"}},
        "cast": {"type": "COMPUTED", "outputType": "LONG", "params": {"expression": 'MID("12x4x6789", n, 1)'}},
        "elements": {
            "type": "COMPUTED",
            "params": {"expression": 'field("items[].n") - 7 + 12 / (field("items[].n") - 7)'},
        },
    }[name]
    result = {"type": "COMPUTED", "params": {"expression": f'1 / (field("{prefix}f") + 6)'}}
    document = {
        "name": "failing",
        "recordCount": RECORDS,
        "onError": "CONTINUE",
        "fieldMappings": [
            {"fieldName": f"{prefix}n", "type": "NUMERIC_RANGE", "params": {"min": 1, "max": 9}},
            {"fieldName": f"{prefix}f", **failing},
            {"fieldName": f"{prefix}g", "nullRate": 0.1, **result},
        ],
        **({"arrays": [{"path": "items", "min": 0, "max": 4}]} if prefix else {}),
    }
    return made_plan(document, pools={}, seed=1, records=RECORDS)


def test_elements_that_are_not_there_may_be_impossible_in_any_number() -> None:
    """The second element could be made in no record, and is there in none."""
    document = {
        "name": "sparse",
        "recordCount": 5_000,
        "arrays": [
            {"path": "items", "min": 1, "max": 2, "distribution": {"type": "NORMAL", "mean": 1, "stdDev": 0.001}}
        ],
        "fieldMappings": [
            {"fieldName": "items[].n", "type": "SEQUENCE", "params": {"start": 0, "end": 1, "onEnd": "WRAP"}},
            {"fieldName": "items[].q", "type": "COMPUTED", "params": {"expression": '1 / (1 - field("items[].n"))'}},
        ],
    }
    plan = made_plan(document, pools={}, seed=1, records=5_000)

    batch = plan.batch(Span(0, 5_000))

    assert batch.records.height == 5_000


def test_a_plan_that_blames_a_record_of_another_span_is_not_asked_for_ever() -> None:
    class Lying(Counting):
        def batch(self, span: Span) -> Batch:
            raise RecordInvalid("RECORD_INVALID", "bad", field="id", record_number=span.end)

    lying: Any = Lying(set())
    with pytest.raises(RecordInvalid):
        salvaged(lying, Span(0, 10))

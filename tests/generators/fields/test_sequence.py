"""SEQUENCE against plain integers, at both ends of 64 bits, and every error."""

from __future__ import annotations

from typing import Any

import polars as pl
import pytest

from engine.errors import RecordInvalid
from engine.schema import OutputType
from engine.span import MAX_RECORDS, Span
from tests.generators.fields.examined import NAME, found, issues, made, mapping, planned
from tests.generators.fields.examples import plan_of, values_of

KIND = "SEQUENCE"
AT = "/fieldMappings/0/params"


def sequence(params: dict[str, Any], span: Span, count: int | None = None, **more: Any) -> list[Any]:
    return made(mapping(KIND, params), span=span, count=count, **more).to_list()


def expected_number(params: dict[str, Any], record: int) -> int:
    """The slow definition."""
    start, step, end = params.get("start", 1), params.get("step", 1), params.get("end")
    place = record // params.get("repeatEach", 1)
    if end is not None:
        last = len(range(start, end + (1 if step > 0 else -1), step)) - 1
        place = min(place, last) if params.get("onEnd") == "CLAMP" else place % (last + 1)
    return int(start + step * place)


@pytest.mark.parametrize(
    "params",
    [
        {},
        {"start": -5, "step": 3},
        {"start": 7, "step": -11, "repeatEach": 3},
        {"start": 0, "end": 10, "onEnd": "WRAP"},
        {"start": 0, "end": 10, "step": 3, "onEnd": "WRAP", "repeatEach": 2},
        {"start": 10, "end": -10, "step": -7, "onEnd": "CLAMP"},
        {"start": 2**62, "step": -(2**23)},
        {"start": -(2**63), "end": 2**63 - 1, "step": 2**62, "onEnd": "WRAP"},
        {"start": 2**63 - 1, "end": -(2**63), "step": -(2**63) + 1, "onEnd": "CLAMP"},
    ],
)
@pytest.mark.parametrize("start", [0, 1, 995, 10**9 + 7, MAX_RECORDS - 100])
def test_numbers_are_those_of_plain_arithmetic(params: dict[str, Any], start: int) -> None:
    numbers = sequence(params, Span(start, 100), count=None)

    assert numbers == [expected_number(params, record) for record in range(start, start + 100)]


def test_the_last_number_of_64_bits_is_reached() -> None:
    up, down = {"start": 2**63 - 3}, {"start": -(2**63) + 2, "step": -1}

    assert sequence(up, Span(0, 3), count=3) == [2**63 - 3, 2**63 - 2, 2**63 - 1]
    assert sequence(down, Span(0, 3), count=3) == [-(2**63) + 2, -(2**63) + 1, -(2**63)]
    for params in (up, down):
        assert found(mapping(KIND, params), count=4) == {("SEQUENCE_OVERFLOW", f"{AT}/start")}


# What follows the end.


@pytest.mark.parametrize(
    ("params", "first"), [({"end": 10}, 10), ({"end": 10, "repeatEach": 3}, 30), ({"start": 2**63 - 4}, 4)]
)
def test_the_first_record_behind_the_end_is_refused(params: dict[str, Any], first: int) -> None:
    plan = planned(mapping(KIND, params), count=None)

    assert len(plan.batch(Span(0, first)).records) == first
    for span in (Span(0, first + 1), Span(first, 1), Span(first - 2, 50)):
        with pytest.raises(RecordInvalid) as raised:
            plan.batch(span)
        assert (raised.value.code, raised.value.record_number) == ("SEQUENCE_OVERFLOW", first)
    with pytest.raises(RecordInvalid) as raised:
        plan.batch(Span(10**6, 1))
    assert raised.value.record_number == 10**6


def test_stop_ends_the_run_behind_the_last_number() -> None:
    plan = planned(mapping(KIND, {"start": 5, "end": 9, "onEnd": "STOP", "repeatEach": 2}), count=1_000)

    assert plan.record_limit == (10, "SEQUENCE_END")
    assert plan.batch(Span(0, 10)).records[NAME].to_list() == [5, 5, 6, 6, 7, 7, 8, 8, 9, 9]
    with pytest.raises(RecordInvalid):
        plan.batch(Span(10, 1))


def test_a_sequence_without_stop_does_not_end_the_run() -> None:
    assert planned(mapping(KIND, {"end": 2000})).record_limit is None


# Order.


def test_a_shuffled_sequence_has_every_number_once_per_cycle_in_new_orders() -> None:
    params = {"start": 100, "end": 10, "step": -10, "onEnd": "WRAP", "order": "SHUFFLED"}

    numbers = sequence(params, Span(10**6, 100))

    cycles = [tuple(numbers[place : place + 10]) for place in range(0, 100, 10)]
    assert all(sorted(cycle) == list(range(10, 101, 10)) for cycle in cycles)
    assert len(set(cycles)) == 10


def test_another_seed_shuffles_in_another_way() -> None:
    params = {"end": 1_000, "order": "SHUFFLED"}

    assert sequence(params, Span(0, 1_000), seed=1) != sequence(params, Span(0, 1_000), seed=2)
    assert sequence({}, Span(0, 1_000), seed=1) == sequence({}, Span(0, 1_000), seed=2)


def test_a_huge_shuffle_is_distinct() -> None:
    numbers = sequence({"start": -(2**61), "end": 2**61 - 1, "order": "SHUFFLED"}, Span(0, 10_000))

    assert len(set(numbers)) == 10_000
    assert -(2**61) <= min(numbers) < -(2**60) < 2**60 < max(numbers) < 2**61


# Scope.


def test_the_scope_of_a_generator_goes_on_behind_earlier_runs() -> None:
    first = values_of(plan_of(KIND, {"scope": "GENERATOR", "repeatEach": 2}), 0, 10).to_list()

    later = plan_of(KIND, {"scope": "GENERATOR", "repeatEach": 2}, earlier_records=7)

    assert values_of(later, 0, 3).to_list() == first[7:]
    assert values_of(plan_of(KIND, {}, earlier_records=7), 0, 3).to_list() == [1, 2, 3]
    assert later.reasons == ["it: it goes on where the generator's last run ended"]
    assert later.spec_hash != plan_of(KIND, {"scope": "GENERATOR", "repeatEach": 2}).spec_hash


def test_earlier_runs_use_up_the_numbers() -> None:
    params = {"end": 100, "onEnd": "STOP", "scope": "GENERATOR"}

    assert plan_of(KIND, params, earlier_records=60).record_limit == (40, "SEQUENCE_END")
    assert plan_of(KIND, params, earlier_records=160).record_limit == (0, "SEQUENCE_END")


# Templates.


@pytest.mark.parametrize(
    ("template", "python"),
    [
        ("INV-{seq:08d}", "INV-{:08d}"),
        ("{seq}", "{}"),
        ("{seq:d}", "{:d}"),
        ("{seq:6}/x", "{:6}/x"),
        ("№{seq:06}", "№{:06}"),
        ("{{{seq:3d}}}", "{{{:3d}}}"),
        ("{seq:01d}", "{:01d}"),
        ("{seq:019d}", "{:019d}"),
        ("{seq:060d}x", "{:060d}x"),
        ("{seq:99d}", "{:99d}"),
    ],
)
@pytest.mark.parametrize("start", [1, -50, 9_995, 2**63 - 101, -(2**63)])
def test_templates_are_written_as_python_does(template: str, python: str, start: int) -> None:
    texts = sequence({"start": start, "template": template}, Span(0, 100))

    assert texts == [python.format(number) for number in range(start, start + 100)]


@pytest.mark.parametrize(
    "template",
    ["", "x", "{seq}{seq}", "{", "}", "{seq", "{SEQ}", "{seq:x}", "{seq:,}", "{seq:>8}", "{seq:0100d}", "{}", "{seq}}"],
)
def test_other_templates_are_refused(template: str) -> None:
    assert found(mapping(KIND, {"template": template})) == {("INVALID_SYNTAX", f"{AT}/template")}


@pytest.mark.parametrize(
    ("params", "count", "hint"),
    [
        ({"template": "{seq:04d}"}, 10_000, "write {seq:05d}"),
        ({"template": "{seq:04d}"}, 9_999, None),
        ({"template": "{seq:3d}", "start": -100}, 2, "write {seq:4d}"),
        ({"template": "{seq:02d}", "end": 100, "onEnd": "STOP"}, 50, None),
        ({"template": "{seq:02d}", "end": 100, "onEnd": "WRAP"}, 50, "write {seq:03d}"),
        ({"template": "{seq}"}, 10**6, None),
    ],
)
def test_numbers_that_outgrow_the_padding_are_told(params: dict[str, Any], count: int, hint: str | None) -> None:
    told = [issue for issue in issues(mapping(KIND, params), count=count) if issue.code == "PADDING_OVERFLOW"]

    assert [issue.hint for issue in told] == ([hint] if hint else [])


# Types.


@pytest.mark.parametrize(
    ("params", "type_", "dtype"),
    [
        ({}, OutputType.LONG, pl.Int64),
        ({"end": 2**31 - 1}, OutputType.INTEGER, pl.Int32),
        ({"end": 2**31}, OutputType.LONG, pl.Int64),
        ({"start": -(2**31) - 1, "end": 5}, OutputType.LONG, pl.Int64),
        ({"end": 5, "onEnd": "WRAP", "template": "{seq}"}, OutputType.STRING, pl.String),
    ],
)
def test_the_type_depends_on_the_ends_alone(params: dict[str, Any], type_: OutputType, dtype: Any) -> None:
    for count in (5, 100):
        plan = planned(mapping(KIND, params), count=min(count, params.get("end", count)))

        assert plan.schema.columns[0].type == type_
        assert plan.batch(Span(0, 3)).records[NAME].dtype == dtype


def test_a_planned_count_tells_whether_32_bits_are_enough() -> None:
    mapped = mapping(KIND, {}, outputType="INTEGER")

    assert not found(mapped, count=2**31 - 1)
    assert found(mapped, count=2**31) == {("TYPE_MISMATCH", "/fieldMappings/0/outputType")}
    assert found(mapped, count=None) == {("TYPE_MISMATCH", "/fieldMappings/0/outputType")}


# What is wrong.


@pytest.mark.parametrize(
    ("params", "expected"),
    [
        ({"step": 0}, ("INVALID_STEP", "/step")),
        ({"start": 2**63}, ("INVALID_VALUE", "/start")),
        ({"start": 1.0}, ("TYPE_MISMATCH", "/start")),
        ({"start": "1"}, ("TYPE_MISMATCH", "/start")),
        ({"start": 5, "end": 1}, ("RANGE_INVERTED", "/end")),
        ({"end": 5, "step": -1}, ("RANGE_INVERTED", "/end")),
        ({"onEnd": "WRAP"}, ("MISSING_PARAM", "/end")),
        ({"onEnd": "CLAMP"}, ("MISSING_PARAM", "/end")),
        ({"order": "SHUFFLED"}, ("MISSING_PARAM", "/end")),
        ({"end": 2**62 + 1, "order": "SHUFFLED"}, ("INVALID_VALUE", "/end")),
        ({"end": 2000, "order": "SHUFFLED", "onEnd": "CLAMP"}, ("INVALID_VALUE", "/onEnd")),
        ({"repeatEach": 0}, ("INVALID_VALUE", "/repeatEach")),
        ({"end": 999}, ("SEQUENCE_OVERFLOW", "/end")),
        ({"end": 500, "repeatEach": 2}, None),
        ({"end": 499, "repeatEach": 2}, ("SEQUENCE_OVERFLOW", "/end")),
        ({"end": 10_000, "step": 7}, ("INVALID_STEP", "/end")),
        ({"start": 0, "step": 2**54}, ("SEQUENCE_OVERFLOW", "/start")),
        ({"start": 0, "step": 9_000_000_000_000_000}, None),
        ({"loopAfter": 1}, ("UNKNOWN_PROPERTY", "/loopAfter")),
    ],
)
def test_every_wrong_parameter_is_told_at_its_place(params: dict[str, Any], expected: tuple[str, str] | None) -> None:
    assert found(mapping(KIND, params)) == ({(expected[0], f"{AT}{expected[1]}")} if expected else set())


@pytest.mark.parametrize(
    ("params", "count", "expected"),
    [
        ({}, 10**12, None),
        ({"end": 100, "onEnd": "WRAP"}, 101, ("UNIQUE_IMPOSSIBLE", "/unique")),
        ({"end": 100, "onEnd": "CLAMP"}, 101, ("UNIQUE_IMPOSSIBLE", "/unique")),
        ({"end": 100, "onEnd": "STOP"}, 101, ("UNIQUE_TIGHT", "/unique")),
        ({"end": 1_000, "onEnd": "WRAP"}, 900, None),
        ({"repeatEach": 2}, 1, ("UNIQUE_IMPOSSIBLE", "/params/repeatEach")),
    ],
)
def test_unique_needs_a_number_for_each_record(params: dict[str, Any], count: int, expected: Any) -> None:
    at = {(expected[0], f"/fieldMappings/0{expected[1]}")} if expected else set()

    assert found(mapping(KIND, params, unique=True), count=count) == at


def test_unique_ends_where_a_cycle_would_begin_anew() -> None:
    plan = planned(mapping(KIND, {"end": 100, "onEnd": "WRAP"}, unique=True), count=None)

    with pytest.raises(RecordInvalid) as raised:
        plan.batch(Span(90, 20))

    assert (raised.value.code, raised.value.record_number) == ("UNIQUE_EXHAUSTED", 100)

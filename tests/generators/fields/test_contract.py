"""What every field type promises: each registered kind runs through these tests with each of its examples."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from typing import Any, get_args

import jsonschema
import numpy as np
import polars as pl
import pytest
from pydantic import BaseModel

from engine.batch import Batch
from engine.digest import digest_of
from engine.span import MAX_RECORDS, Span
from generators.definition import read_definition
from generators.fields.base import field_types
from generators.json_schema import definition_schema
from tests.generators.fields.examined import NAME, mapping
from tests.generators.fields.examples import COUNT, UNIQUE, examples, plan_of, values_of

CASES = [
    pytest.param(kind, params, id=f"{kind}-{number}")
    for kind, parameter_sets in examples().items()
    for number, params in enumerate(parameter_sets)
]
UNIQUE_CASES = [
    pytest.param(kind, params, id=f"{kind}-{number}")
    for kind, parameter_sets in UNIQUE.items()
    for number, params in enumerate(parameter_sets)
]
every_example = pytest.mark.parametrize(("kind", "params"), CASES)
STARTS = [0, 1, 65_530, 2**32 - 3, COUNT - 10]
"""Beginnings of spans: the first records, a frame border, where 32 bits end, the last records."""
FROM_NOTHING = {"CONSTANT", "SEQUENCE"}
"""Kinds whose values may not depend on the seed or the names: SHUFFLED sequences have a test of their own."""


def is_drawn(kind: str, params: dict[str, Any]) -> bool:
    """Whether the values are drawn, so that another stream has others."""
    if kind == "COMPUTED":
        return any(word in params["expression"].lower() for word in ("rand", "quantity", "unitprice", "town"))
    if kind == "POOL_DERIVED" and params.get("mode") == "AGGREGATE":
        return "keyField" in params
    fixed = {"ROUND_ROBIN", "SEQUENTIAL", "NOW", "CLOCK"} & {params.get("selection"), params.get("mode", "RANGE")}
    clock = kind == "TIMESTAMP_GENERATED" and params.get("mode", "CLOCK") == "CLOCK"
    return not fixed and not clock and kind not in FROM_NOTHING and params.get("version") != 5


def test_every_kind_has_examples() -> None:
    assert set(examples()) == set(field_types)


def test_the_examples_give_every_parameter() -> None:
    missing = {
        kind: names
        for kind, parameter_sets in examples().items()
        if (
            names := {info.alias or name for name, info in field_types[kind].Params.model_fields.items()}
            - {name for params in [*parameter_sets, *UNIQUE[kind]] for name in params}
        )
    }

    assert not missing


@pytest.mark.parametrize("kind", list(field_types))
def test_every_parameter_is_described_and_required_unless_its_default_is_a_value_of_its_type(kind: str) -> None:
    for model in models(field_types[kind].Params):
        for name, info in model.model_fields.items():
            at = f"{model.__name__}.{name}"
            assert info.description or name == "type", at
            default = info.get_default(call_default_factory=True)
            assert info.is_required() or default is not None or type(None) in get_args(info.annotation), at


def models(model: type[BaseModel]) -> Iterator[type[BaseModel]]:
    """A model of parameters and all models inside it."""
    yield model
    for info in model.model_fields.values():
        for inner in model_types(info.annotation):
            yield from models(inner)


def model_types(annotation: Any) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for argument in getattr(annotation, "__args__", ()):
        yield from model_types(argument)


@pytest.fixture(scope="module")
def schema() -> jsonschema.Draft202012Validator:
    document = definition_schema()
    jsonschema.Draft202012Validator.check_schema(document)
    return jsonschema.Draft202012Validator(document)


@every_example
def test_the_json_schema_accepts_what_is_accepted(
    kind: str, params: dict[str, Any], schema: jsonschema.Draft202012Validator
) -> None:
    document = {"name": "orders", "fieldMappings": [mapping(kind, params)]}

    assert not [error.message for error in schema.iter_errors(json.loads(json.dumps(document)))]
    assert not read_definition(document).issues


@every_example
def test_any_cut_in_any_order_makes_the_same_values(kind: str, params: dict[str, Any]) -> None:
    plan = plan_of(kind, params)
    for start in STARTS:
        count = min(200, COUNT - start)

        whole = values_of(plan, start, count)
        size = [1, 7, 64][start % 3]
        places = list(range(0, count, size))[::-1]
        parts = {place: values_of(plan, start + place, min(size, count - place)) for place in places}

        assert pl.concat([parts[place] for place in sorted(parts)]).equals(whole)


@every_example
def test_another_process_with_the_same_tables_makes_the_same_values(kind: str, params: dict[str, Any]) -> None:
    first, second = plan_of(kind, params), plan_of(kind, params)

    assert first.tables_hash == second.tables_hash
    assert first.spec_hash == second.spec_hash
    assert values_of(first, 0, 100).equals(values_of(second, 0, 100))


@every_example
def test_no_records_are_no_values(kind: str, params: dict[str, Any]) -> None:
    plan = plan_of(kind, params)

    for start in (0, COUNT):
        assert len(values_of(plan, start, 0)) == 0


@every_example
def test_other_fields_change_nothing(kind: str, params: dict[str, Any]) -> None:
    neighbours = [
        mapping("SEQUENCE", {}, name="before"),
        mapping("ENUM_RANDOM", {"values": [1, 2, 3]}, name="after", nullRate=0.5),
    ]
    alone = plan_of(kind, params).batch(Span(0, 200)).records

    together = plan_of(kind, params, *neighbours)
    turned = plan_of(kind, params, *neighbours[::-1])

    assert together.batch(Span(0, 200)).records[NAME].equals(alone[NAME])
    for neighbour in ("before", "after"):
        batches = [plan.batch(Span(0, 200)).records[neighbour] for plan in (together, turned)]
        assert batches[0].equals(batches[1])


@every_example
def test_null_and_missing_rates_change_no_other_value(kind: str, params: dict[str, Any]) -> None:
    whole = values_of(plan_of(kind, params), 0, 400)

    some = plan_of(kind, params, nullRate=0.3, missingRate=0.2).batch(Span(0, 400))
    kept = values_of(plan_of(kind, params, nullRate=0.3), 0, 400).is_not_null()

    values = some.records[NAME]
    present = values.is_not_null()
    assert (~kept).sum() > 80
    assert 0 < some.missing[NAME].sum() < 200
    assert values.filter(present).equals(whole.filter(present))
    assert not (present & ~kept).any()  # missingRate leaves null what nullRate made null


@every_example
def test_the_columns_type_and_bounds_are_those_that_were_promised(kind: str, params: dict[str, Any]) -> None:
    plan = plan_of(kind, params)
    [planned] = [planned for planned in plan.fields if planned.name == NAME]
    output, column = planned.output, planned.column
    values = pl.concat([values_of(plan, start, min(2_000, COUNT - start)) for start in STARTS])

    assert values.dtype == column.dtype or (isinstance(values.dtype, pl.Enum) and column.dtype == pl.String)
    assert output.nullable or not values.null_count()
    present = values.drop_nulls()
    if not len(present):
        return
    if output.values is not None:
        assert set(present.unique().to_list()) <= {value for value in output.values if value is not None}
    if output.minimum is not None and present.dtype.is_numeric():
        assert present.min() >= float(output.minimum) if present.dtype.is_float() else present.min() >= output.minimum
    if output.maximum is not None and present.dtype.is_numeric():
        assert present.max() <= float(output.maximum) if present.dtype.is_float() else present.max() <= output.maximum
    if output.max_length is not None:
        assert present.cast(pl.String).str.len_chars().max() <= output.max_length


@every_example
def test_values_can_be_cast_to_text_and_have_a_digest(kind: str, params: dict[str, Any]) -> None:
    plan, as_text = plan_of(kind, params), plan_of(kind, params, outputType="STRING")
    span = Span(3, 100)

    batch = plan.batch(span)
    halves = [Batch(s, batch.records.slice(s.start - 3, s.count)) for s in (Span(3, 40), Span(43, 60))]

    assert as_text.schema.columns[0].type == "STRING"
    assert as_text.batch(span).records[NAME].null_count() == batch.records[NAME].null_count()
    assert digest_of(plan.schema, [batch]) == digest_of(plan.schema, halves)


@every_example
def test_another_seed_stream_name_or_field_name_makes_other_values(kind: str, params: dict[str, Any]) -> None:
    values = values_of(plan_of(kind, params), 0, 60)

    other_seed = values_of(plan_of(kind, params, seed=2), 0, 60)
    other_stream = values_of(plan_of(kind, params, streamName="other"), 0, 60)
    named = plan_of(kind, params, name="other", streamName="orders")

    drawn = is_drawn(kind, params) and not (kind == "UUID_GENERATED" and params.get("deterministic") is False)
    if drawn:
        assert not values.equals(other_seed)
        assert not values.equals(other_stream)
    if "interpolate" not in params and kind != "UUID_GENERATED":
        assert values.equals(values_of(named, 0, 60))


@pytest.mark.parametrize("kind", sorted(set(field_types) - FROM_NOTHING))
def test_two_fields_of_one_kind_differ(kind: str) -> None:
    params = next(params for params in examples()[kind] if is_drawn(kind, params))

    batch = plan_of(kind, params, mapping(kind, params, name="twin")).batch(Span(0, 60))

    assert not batch.records[NAME].equals(batch.records["twin"])


@pytest.mark.parametrize(("kind", "params"), UNIQUE_CASES)
def test_unique_values_are_distinct_up_to_the_capacity(kind: str, params: dict[str, Any]) -> None:
    [planned] = plan_of(kind, params, unique=True, record_count=1, earlier_records=100).fields
    capacity = planned.field.capacity()
    assert capacity is not None
    assert capacity > 0
    count = min(capacity, 5_000)

    plan = plan_of(kind, params, unique=True, record_count=count, earlier_records=100)
    values = values_of(plan, 0, count)

    assert values.n_unique() == count
    assert not values.null_count()
    far = min(capacity, MAX_RECORDS) - count
    assert pl.concat([values, values_of(plan, far, count)]).n_unique() == min(2 * count, far + count)


def test_every_kind_that_can_be_unique_is_tested() -> None:
    assert set(UNIQUE) == set(field_types)


@every_example
def test_far_records_cost_no_more_than_the_first(kind: str, params: dict[str, Any]) -> None:
    plan = plan_of(kind, params)

    def seconds(start: int) -> float:
        taken = []
        for _ in range(3):
            started = time.perf_counter()
            plan.batch(Span(start, 2_000))
            taken.append(time.perf_counter() - started)
        return min(taken)

    near, far = seconds(0), seconds(COUNT - 2_000)

    # A loop over the records before would take hours; the rest is leave for a busy machine.
    assert far < 20 * near + 0.05


@every_example
def test_values_do_not_look_at_anything_that_changes(kind: str, params: dict[str, Any]) -> None:
    plan = plan_of(kind, params)
    before = {name: table.copy() for name, table in plan.tables.items()}

    first = values_of(plan, 5, 50)
    for start in (10**9, 5, 0):
        values_of(plan, start, 50)

    assert values_of(plan, 5, 50).equals(first)
    assert all(np.array_equal(table, before[name]) for name, table in plan.tables.items())

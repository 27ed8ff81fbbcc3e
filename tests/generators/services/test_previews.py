"""Looking at definitions: validate and preview, without a run."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from engine.span import Span
from generators.models import Run
from generators.services.validation import MEASURED_RECORDS, preview_plan, validate_definition
from sdg_project.errors import Invalid
from tests.generators.services.things import FIRST, NUMBER, THING, UPDATED_AT
from tests.support.runs import Workshop

pytestmark = pytest.mark.django_db


def test_validate_estimates_what_a_run_writes(workshop: Workshop) -> None:
    workshop.add_pool(FIRST)
    document = workshop.document(NUMBER, THING, recordCount=5_000)

    validation = validate_definition(document, updated_at=UPDATED_AT, root=str(workshop.folder))
    run = workshop.make(NUMBER, THING, recordCount=5_000)

    assert validation.errors == ()
    assert validation.records == 5_000
    assert validation.bytes_per_record is not None
    assert abs(validation.bytes_per_record * 5_000 - run.outputs[0]["bytes"]) < 0.1 * run.outputs[0]["bytes"]
    assert validation.preview is not None
    assert validation.preview.records["n"].to_list() == [1, 2, 3, 4, 5]


def test_validate_and_preview_change_nothing_and_use_seed_0_and_the_definition_s_age(
    workshop: Workshop, sdg_home: Path
) -> None:
    moment = {"fieldName": "at", "type": "TIMESTAMP_GENERATED", "params": {"mode": "CLOCK"}}
    document = workshop.document(NUMBER, {"fieldName": "u", "type": "UUID_GENERATED"}, moment, seed=None)
    before = sorted(workshop.folder.rglob("*"))

    validation = validate_definition(document, updated_at=UPDATED_AT, root=str(workshop.folder))
    plan = preview_plan(document, updated_at=UPDATED_AT)
    zero = preview_plan(document, updated_at=UPDATED_AT, seed=0)
    other = preview_plan({**document, "seed": 5}, updated_at=UPDATED_AT, seed=7)

    assert sorted(workshop.folder.rglob("*")) == before
    assert not Run.objects.exists()
    assert validation.plan is not None
    assert validation.plan.facts.seed == 0
    assert plan.batch(Span(0, 10)).records.equals(zero.batch(Span(0, 10)).records)
    assert other.facts.seed == 7
    assert plan.batch(Span(9, 1)).records["at"].to_list() == [UPDATED_AT]


def test_a_pool_that_is_not_ready_is_one_issue_among_the_others(workshop: Workshop) -> None:
    pool = workshop.add_pool(FIRST)
    type(pool).objects.update(version=0, status="FAILED")
    mappings = [THING, {**NUMBER, "params": {"step": 0}}]
    document = workshop.document(*mappings)

    validation = validate_definition(document, updated_at=UPDATED_AT, root=str(workshop.folder))
    with pytest.raises(Invalid) as started:
        workshop.start(*mappings)
    with pytest.raises(Invalid) as previewed:
        preview_plan(document, updated_at=UPDATED_AT)

    expected = {("POOL_NOT_READY", "/fieldMappings/0/params/pool"), ("INVALID_STEP", "/fieldMappings/1/params/step")}
    for issues in (validation.issues, started.value.issues, previewed.value.issues):
        assert {(issue.code, issue.path) for issue in issues} == expected


def test_validate_tells_what_is_wrong_at_the_destination_beside_the_rest(workshop: Workshop) -> None:
    document = workshop.document({**NUMBER, "params": {"step": 0}}, path="a.jsonl")
    document["destination"]["config"]["rollrecords"] = 5

    validation = validate_definition(document, updated_at=UPDATED_AT, root=str(workshop.folder))

    assert {(issue.code, issue.path) for issue in validation.errors} == {
        ("INVALID_STEP", "/fieldMappings/0/params/step"),
        ("UNKNOWN_PROPERTY", "/destination/config/rollrecords"),
    }
    assert validation.plan is None


def test_what_the_first_records_show_is_told_at_its_field(workshop: Workshop) -> None:
    def told(mapping: dict[str, Any], **declared: Any) -> list[tuple[str, str, str]]:
        schema = {"fields": [{"name": "n", "type": "LONG"}, {"name": "x", **declared}]} if declared else None
        document = workshop.document(NUMBER, {"fieldName": "x"} | mapping, schema=schema, recordCount=50)
        issues = validate_definition(document, updated_at=UPDATED_AT, root=str(workshop.folder)).issues
        with pytest.raises(Invalid) as started:
            workshop.start(NUMBER, {"fieldName": "x"} | mapping, schema=schema, recordCount=50)
        assert [issue.id for issue in started.value.issues] == [issue.id for issue in issues]
        return [(issue.code, issue.path, issue.message) for issue in issues]

    sequence = {"type": "SEQUENCE", "params": {"template": "2026-01-{seq:02d}T12:00:00Z"}}
    number = {"type": "NUMERIC_RANGE", "params": {"min": 7, "max": 10_000}}
    code = {"type": "SEQUENCE", "params": {"template": "A{seq}"}}

    [(record_code, path, message)] = told(sequence | {"outputType": "TIMESTAMP"})
    assert (record_code, path) == ("RECORD_INVALID", "/fieldMappings/1")
    assert message.startswith('x, record 31: "2026-01-32T12:00:00Z" cannot be read as TIMESTAMP, which is an instant')
    [(enum_code, path, message)] = told(number, type="INTEGER", enum=[1, 2, 3])
    assert (enum_code, path) == ("INVALID_VALUE", "/schema/fields/1/enum")
    assert message.endswith("more values are not in the schema's enum")
    assert told(code, type="STRING", pattern="A[0-8]+") == [
        ("INVALID_VALUE", "/schema/fields/1/pattern", '"A9" does not match the pattern A[0-8]+')
    ]


def test_a_pool_s_column_is_checked_once_and_says_what_it_loses(workshop: Workshop) -> None:
    rows = [*map(str, range(20_000)), "many"]
    workshop.add_pool("thing,size\n" + "".join(f"{thing},1.25\n" for thing in rows))
    size = {"fieldName": "s", "type": "POOL_REFERENCE", "params": {"pool": "things", "column": "size"}}
    schema = {"fields": [{"name": "thing", "type": "INTEGER"}, {"name": "s", "type": "DECIMAL", "scale": 1}]}
    document = workshop.document(THING, size, schema=schema)

    issues = validate_definition(document, updated_at=UPDATED_AT, root=str(workshop.folder)).issues

    assert {(issue.code, issue.path) for issue in issues} == {
        ("TYPE_MISMATCH", "/schema/fields/0/type"),
        ("ROUNDED", "/fieldMappings/1"),
    }
    assert '"many" cannot be read as INTEGER' in str([issue.message for issue in issues])


def test_how_long_a_run_takes_is_measured_of_the_first_records(workshop: Workshop) -> None:
    ticks = iter([100.0, 102.0])
    document = workshop.document(recordCount=MEASURED_RECORDS * 1_000)

    validation = validate_definition(
        document, updated_at=UPDATED_AT, root=str(workshop.folder), monotonic=lambda: next(ticks)
    )

    assert validation.duration_seconds == pytest.approx(2_000)

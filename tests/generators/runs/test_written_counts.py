"""Runs that count what is written: they go on past their count until so many records could be made, and no further."""

from __future__ import annotations

import json
from typing import Any

import pytest

from engine.span import Span
from generators.models import Run
from generators.runs.ending import goes_on
from generators.services.catalog import digest_of_run
from generators.services.metrics import metrics_of
from tests.support.floor import Floor
from tests.support.runs import FRAME

pytestmark = pytest.mark.django_db

BAD_EVERY = 500
FORMULA = {"fieldName": "n", "type": "COMPUTED", "params": {"expression": f"1 // (RECORDINDEX() % {BAD_EVERY})"}}
NUMBER = {"fieldName": "i", "type": "SEQUENCE", "params": {"start": 0}}


def start(floor: Floor, count: int, name: str = "orders", **changes: Any) -> Run:
    given: dict[str, Any] = {
        "streamName": "orders",
        "fieldMappings": [NUMBER, FORMULA],
        "recordCount": count,
        "countBasis": "WRITTEN",
        "onError": "CONTINUE",
        "errorHandling": {"maxErrors": 10**6},
    }
    return floor.start(name, **given | changes)


def wanted(count: int) -> list[int]:
    """The first records that can be made, one by one."""
    numbers: list[int] = []
    number = 0
    while len(numbers) < count:
        if number % BAD_EVERY:
            numbers.append(number)
        number += 1
    return numbers


def numbers(floor: Floor) -> list[int]:
    return [json.loads(line)["i"] for line in floor.content().splitlines()]


@pytest.mark.parametrize("count", [1, 499, 500, 2_000, FRAME])
def test_so_many_are_written_and_not_one_more_is_tried(floor: Floor, count: int) -> None:
    run = floor.finish(start(floor, count))

    expected = wanted(count)
    assert (run.status, run.end_reason) == ("COMPLETED", "RECORD_COUNT")
    assert numbers(floor) == expected
    assert run.record_count == expected[-1] + 1
    assert run.dead_letters.count() == expected[-1] + 1 - count
    assert run.generator_id is not None
    metrics = metrics_of(run.generator_id)
    assert (metrics.written, metrics.failed) == (count, run.dead_letters.count())


def test_the_digest_is_of_what_was_written(floor: Floor) -> None:
    run = floor.finish(start(floor, 600))
    other = floor.finish(start(floor, wanted(600)[-1] + 1, "others", countBasis="GENERATED"))

    assert digest_of_run(run) == digest_of_run(other)


@pytest.mark.parametrize("step", ["ending.moved", "slice.before_release", "slice.committed", "slice.finalized"])
def test_deaths_change_nothing(floor: Floor, step: str) -> None:
    floor.finish(start(floor, FRAME + 100, "calm"))
    run = start(floor, FRAME + 100)

    assert floor.deaths_at(step, run, most=3, workers=8) == 3
    assert floor.finish(run).status == "COMPLETED"
    assert floor.content() == floor.content("calm")


def test_a_limit_of_records_ends_it_before(floor: Floor) -> None:
    run = floor.finish(start(floor, 2_000, safety={"maxRecords": 2_003}))

    assert (run.status, run.end_reason) == ("COMPLETED", "SAFETY_LIMIT")
    assert run.record_count == 2_003
    assert numbers(floor) == [number for number in range(2_003) if number % BAD_EVERY]


def test_too_many_bad_records_pause_it(floor: Floor) -> None:
    run = floor.finish(start(floor, 1_000, errorHandling={"maxErrors": 1}))

    assert (run.status, run.pause_reason) == ("PAUSED", "ERROR")


def test_another_run_does_not_go_on(floor: Floor) -> None:
    run = floor.start(recordCount=10)

    assert not goes_on(run.shards.get())
    assert Span(0, 10) == run.shards.get().wanted

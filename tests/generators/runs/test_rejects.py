"""Records that cannot be made: left out, paused at or failed at, as the definition says; each a dead letter once."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest

from engine.digest import digest_of
from engine.errors import RecordInvalid
from engine.span import Span
from generators.models import DeadLetter, Run
from generators.plan import Plan
from generators.planning import plan_of_run
from generators.report import run_report
from generators.runs import leases
from generators.runs.rejects import Rejects
from generators.runs.salvage import without
from generators.runs.slices import SliceWorker
from generators.services.catalog import digest_of_run
from generators.services.lifecycle import pause_generator, resume_generator
from generators.services.metrics import metrics_of
from sdg_project.errors import Conflict
from sdg_project.exact_json import VerbatimDecoder
from sdg_project.failpoints import set_failpoints
from tests.support.floor import Died, Floor
from tests.support.runs import FRAME, Workshop

pytestmark = pytest.mark.django_db
COUNT = 2 * FRAME + 10
BAD = (5_000, 5_001, FRAME, FRAME + 7)


@pytest.fixture(autouse=True)
def bad_records(monkeypatch: pytest.MonkeyPatch) -> None:
    """Some records cannot be made, wherever and however often that is tried."""

    def failing(made: Callable[[Plan, Span], Any]) -> Callable[[Plan, Span], Any]:
        def fails(plan: Plan, span: Span) -> Any:
            for number in BAD:
                if span.start <= number < span.end and plan.definition.name != "calm":
                    raise RecordInvalid("RECORD_INVALID", "so it is", field="id", record_number=number)
            return made(plan, span)

        return fails

    monkeypatch.setattr(Plan, "batch", failing(Plan.batch))
    monkeypatch.setattr(Plan, "salvaged", failing(Plan.salvaged))


@pytest.fixture
def expected(floor: Floor) -> bytes:
    """What is left without the bad records."""
    floor.finish(floor.start("calm", streamName="orders", recordCount=COUNT))
    lines = floor.content("calm").splitlines(keepends=True)
    return b"".join(line for number, line in enumerate(lines) if number not in BAD)


def start(floor: Floor, **changes: Any) -> Run:
    given = {"streamName": "orders", "recordCount": COUNT, "onError": "CONTINUE", **changes}
    return floor.start(**given)


def letters(run: Run) -> list[int]:
    return list(run.dead_letters.values_list("record_number", flat=True))


@pytest.mark.parametrize("shards", [1, 3])
@pytest.mark.parametrize("batch_size", [None, 1_000])
def test_b11_continue_leaves_them_out_and_keeps_each_as_a_dead_letter(
    floor: Floor, expected: bytes, shards: int, batch_size: int | None
) -> None:
    run = floor.finish(start(floor, shards=shards, batchSize=batch_size))

    assert run.status == "COMPLETED"
    assert floor.content() == expected
    assert letters(run) == list(BAD)
    assert sum(shard.rejected for shard in run.shards.all()) == len(BAD)
    assert sum(output["records"] for output in run.outputs) == COUNT - len(BAD)
    letter = run.dead_letters.first()
    assert letter is not None
    assert (letter.error_class, letter.code, letter.field) == ("GENERATION", "RECORD_INVALID", "id")


@pytest.mark.parametrize("step", ["keep", "count"])
def test_b11_a_death_between_the_letters_and_the_commit_doubles_none(floor: Floor, expected: bytes, step: str) -> None:
    healthy = getattr(Rejects, step)

    def deadly(self: Any, next_record: int) -> Any:
        answer = healthy(self, next_record)
        if next_record > 0:
            raise Died
        return answer

    run = start(floor)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Rejects, step, deadly)
        with pytest.raises(Died):
            floor.turn(SliceWorker("w1"), run)
    leases.release_dead(["w1"])

    assert floor.finish(run, SliceWorker("w2")).status == "COMPLETED"
    assert letters(run) == list(BAD)
    assert DeadLetter.objects.count() == len(BAD)
    assert floor.content() == expected


@pytest.mark.parametrize(("on_error", "status"), [("PAUSE", "PAUSED"), ("STOP", "FAILED")])
def test_b11_the_command_line_keeps_all_before_the_bad_record_and_stays_there(
    workshop: Workshop, on_error: str, status: str
) -> None:
    run = workshop.start(recordCount=10_000, onError=on_error)

    for _ in range(2):
        run = workshop.carry(run)

        report = run_report(run)
        assert (run.status, report["recordsWritten"]) == (status, 5_000)
        assert (report["lastError"]["code"], report["lastError"]["recordIndex"]) == ("RECORD_INVALID", 5_000)
        assert report["bytesWritten"] > 0


@pytest.mark.parametrize("on_error", ["PAUSE", "STOP"])
@pytest.mark.parametrize("step", ["slice.committed", "file.tail.written", "file.commit.checkpoint"])
def test_b11_a_death_at_the_bad_record_changes_nothing(workshop: Workshop, on_error: str, step: str) -> None:
    undisturbed = workshop.make(name="calm", recordCount=10_000, path="calm.jsonl.gz", streamName="orders")
    run = workshop.start(recordCount=10_000, onError=on_error, path="out.jsonl.gz", streamName="orders")
    set_failpoints(f"{step}=eio")
    with suppress(OSError):
        workshop.carry(run)
    set_failpoints("")

    run = workshop.carry(run)
    assert run_report(run)["recordsWritten"] == 5_000
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(globals(), "BAD", ())
        run = workshop.carry(run)

    assert run.status == undisturbed.status == "COMPLETED"
    assert workshop.content("out.jsonl.gz") == workshop.content("calm.jsonl.gz")


@pytest.mark.parametrize(("escalate", "status"), [("PAUSE", "PAUSED"), ("STOP", "FAILED")])
@pytest.mark.parametrize(
    "threshold", [{"maxErrors": 1}, {"maxErrorRate": 0.01, "rateWindow": 10}, {"maxConsecutiveErrors": 1}]
)
def test_too_many_bad_records_do_what_is_wanted(
    floor: Floor, threshold: dict[str, Any], escalate: str, status: str
) -> None:
    run = floor.finish(start(floor, errorHandling={**threshold, "escalateTo": escalate}))

    assert run.status == status
    assert run.error["code"] == "RECORD_INVALID"
    assert next(iter(threshold)) in run.error["message"]
    assert letters(run) == [5_000, 5_001]


def test_metrics_add_up_with_dead_letters(floor: Floor) -> None:
    run = start(floor)
    worker = SliceWorker("w1")
    floor.turn(worker, run)
    assert run.generator_id is not None

    found = metrics_of(run.generator_id)

    assert found.failed == 2
    assert found.written == FRAME - 2
    floor.finish(run, worker)


def test_whoever_lets_a_run_go_on_accepts_the_bad_records_that_it_has(floor: Floor, expected: bytes) -> None:
    run = floor.finish(start(floor, errorHandling={"maxErrors": 1}))
    assert (run.status, run.generator_id is None) == ("PAUSED", False)

    for _ in range(3):
        if run.status == "PAUSED":
            resume_generator(run.generator_id)  # type: ignore[arg-type]
            floor.finish(run)

    assert run.status == "COMPLETED"
    assert letters(run) == list(BAD)
    assert floor.content() == expected


def test_a_dead_letter_holds_what_could_be_made_of_the_record(floor: Floor, expected: bytes) -> None:
    run = floor.finish(start(floor))

    letter = run.dead_letters.get(record_number=5_001)
    assert letter.record == json.loads(floor.content("calm").splitlines()[5_001], cls=VerbatimDecoder)


@pytest.mark.parametrize(("on_error", "status"), [("PAUSE", "PAUSED"), ("STOP", "FAILED")])
@pytest.mark.parametrize("shards", [1, 2])
def test_a_failed_record_can_be_skipped_and_is_a_dead_letter_then(
    floor: Floor, expected: bytes, on_error: str, status: str, shards: int
) -> None:
    run = floor.finish(start(floor, onError=on_error, shards=shards))
    assert run.generator_id is not None
    skipped = 0
    while run.status == status:
        assert run.error["recordIndex"] in BAD
        resume_generator(run.generator_id)
        assert floor.finish(run).status == status  # it is tried again
        resume_generator(run.generator_id, skip_failed=True)
        skipped += 1
        floor.finish(run)

    assert (run.status, run.end_reason) == ("COMPLETED", "RECORD_COUNT")
    assert skipped <= len(BAD)
    assert letters(run) == list(BAD)
    assert floor.content() == expected
    found = metrics_of(run.generator_id)
    assert (found.written, found.failed) == (COUNT - len(BAD), len(BAD))


def test_a_skipped_record_stays_out_although_it_could_be_made_by_now(
    floor: Floor, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = floor.finish(start(floor, onError="PAUSE"))
    monkeypatch.setitem(globals(), "BAD", ())

    resume_generator(run.generator_id, skip_failed=True)  # type: ignore[arg-type]
    floor.finish(run)

    assert run.status == "COMPLETED"
    letter = run.dead_letters.get()
    assert (letter.record_number, letter.field, letter.message) == (5_000, "id", "id, record 5000: so it is")
    assert len(floor.content().splitlines()) == COUNT - 1
    assert digest_of_run(run) == digest_of(
        plan_of_run(run).schema, [without(plan_of_run(run), Span(0, COUNT), [5_000])]
    )


def test_where_no_record_has_failed_none_can_be_skipped(floor: Floor) -> None:
    run = start(floor)
    assert run.generator_id is not None
    pause_generator(run.generator_id)

    with pytest.raises(Conflict, match="no record of the run has failed"):
        resume_generator(run.generator_id, skip_failed=True)

    run.refresh_from_db()
    assert (run.status, run.dead_letters.exists()) == ("PAUSED", False)


def test_an_early_bad_record_does_not_stand_against_a_start(floor: Floor, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(globals(), "BAD", (3, 5_000))

    run = floor.finish(start(floor))

    assert run.status == "COMPLETED"
    assert letters(run) == [3, 5_000]

"""Runs of the command line that have failed or rest: ended where they stand, or carried on without the bad record."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from generators.enums import EndReason, RunStatus
from generators.models import Run
from generators.runs.local import Stop, carry_run, end_run
from sdg_project.errors import Conflict
from sdg_project.failpoints import set_failpoints
from tests.support.runs import FRAME, Workshop

pytestmark = pytest.mark.django_db
BAD = (FRAME + 10, FRAME + 20)
COUNT = FRAME + 100
FIELDS: list[dict[str, Any]] = [
    {"fieldName": "n", "type": "SEQUENCE", "params": {"start": 0}},
    {
        "fieldName": "q",
        "type": "COMPUTED",
        "params": {"expression": f"1 / (n - {BAD[0]}) + 1 / (n - {BAD[1]})"},
    },
]


@pytest.fixture(autouse=True)
def calm() -> Iterator[None]:
    yield
    set_failpoints("")


def failed(workshop: Workshop) -> Run:
    """A run that stands at its first bad record."""
    run = workshop.make(*FIELDS, recordCount=COUNT)
    assert (run.status, (run.error or {})["recordIndex"]) == (RunStatus.FAILED, BAD[0])
    return run


@pytest.fixture
def good(workshop: Workshop) -> bytes:
    """All records that can be made."""
    workshop.make(*FIELDS, recordCount=COUNT, onError="CONTINUE", path="good.jsonl")
    return workshop.content("good.jsonl")


def test_a_failed_run_that_is_stopped_shows_all_before_the_record(workshop: Workshop, good: bytes) -> None:
    run = failed(workshop)

    assert end_run(run) is None

    assert (run.status, run.end_reason) == (RunStatus.STOPPED, EndReason.USER)
    assert workshop.content() == b"".join(good.splitlines(keepends=True)[: BAD[0]])
    assert [(output["records"], output["bytes"]) for output in run.outputs] == [(BAD[0], len(workshop.content()))]
    assert sorted(path.name for path in workshop.folder.glob(".out*")) == []


def test_each_resumption_that_skips_leaves_out_the_record_at_which_the_run_stands(
    workshop: Workshop, good: bytes
) -> None:
    run = failed(workshop)

    carry_run(run, workers=1, stop=Stop(), on_progress=lambda: None, skip_failed=True)
    assert (run.status, (run.error or {})["recordIndex"]) == (RunStatus.FAILED, BAD[1])
    carry_run(run, workers=1, stop=Stop(), on_progress=lambda: None, skip_failed=True)

    assert run.status == RunStatus.COMPLETED
    assert workshop.content() == good
    assert list(run.dead_letters.order_by("record_number").values_list("record_number", flat=True)) == list(BAD)


def test_a_run_that_was_killed_while_it_was_stopped_is_stopped_the_next_time(workshop: Workshop) -> None:
    run = failed(workshop)
    set_failpoints("file.finalize.replacing=eio")
    with pytest.raises(OSError, match="Input/output error"):
        end_run(run)
    assert not (workshop.folder / "out.jsonl").exists()
    set_failpoints("")

    assert end_run(Run.objects.get(pk=run.pk)) is None

    assert workshop.content().count(b"\n") == BAD[0]


def test_a_run_without_a_record_leaves_what_an_earlier_one_has_written(workshop: Workshop) -> None:
    workshop.make(recordCount=5)
    before = workshop.content()
    run = workshop.start(recordCount=7)

    assert end_run(run) is None

    assert (run.status, run.outputs) == (RunStatus.STOPPED, [])
    assert workshop.content() == before


def test_what_is_in_the_way_is_told_and_the_run_is_stopped_when_it_is_gone(workshop: Workshop) -> None:
    run = failed(workshop)
    (workshop.folder / "out.jsonl").write_text("of somebody else", "utf-8")

    failure = end_run(run)
    assert failure is not None
    assert failure.code == "RERUN_WOULD_COLLIDE"
    (workshop.folder / "out.jsonl").unlink()

    assert end_run(run) is None
    assert workshop.content().count(b"\n") == BAD[0]


def test_a_run_that_has_ended_is_neither_stopped_nor_skipped_in(workshop: Workshop) -> None:
    complete, stopped = workshop.make(recordCount=5), failed(workshop)
    end_run(stopped)

    for run in (complete, stopped):
        with pytest.raises(Conflict, match="nothing follows that"):
            end_run(run)
    with pytest.raises(Conflict, match="no record of the run has failed"):
        carry_run(complete, workers=1, stop=Stop(), on_progress=lambda: None, skip_failed=True)

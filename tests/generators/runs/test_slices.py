"""Slices: whoever works, and whoever dies, every record is there once; people's wishes are followed at each commit."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.db.models import F
from django.utils import timezone

from engine.errors import RecordInvalid
from generators.enums import RunPhase, StartMode
from generators.models import Run, Shard
from generators.plan import Plan
from generators.runs import leases
from generators.runs.slices import SliceWorker
from generators.services import lifecycle
from generators.services.lifecycle import (
    StartOptions,
    pause_generator,
    resume_generator,
    start_generator,
    stop_generator,
)
from generators.services.metrics import metrics_of
from sinks.destinations.file import FileDestination
from sinks.errors import TerminalSinkError, TransientSinkError
from sinks.files.shard import ShardWriter
from tests.support.floor import Died, Floor
from tests.support.runs import FRAME

pytestmark = pytest.mark.django_db

COUNT = 3 * FRAME + 10


@pytest.fixture
def calm(floor: Floor) -> bytes:
    """What an undisturbed run writes."""
    run = floor.finish(floor.start("calm", streamName="orders", recordCount=COUNT))
    assert run.status == "COMPLETED"
    return floor.content("calm")


def start(floor: Floor, **changes: Any) -> Run:
    return floor.start(**{"streamName": "orders", "recordCount": COUNT, **changes})


def expire(run: Run) -> None:
    """Let a minute pass for the leases of a run."""
    run.shards.exclude(owner="").update(lease_until=timezone.now() - timedelta(seconds=1))


@pytest.mark.parametrize("workers", [1, 2, 3])
@pytest.mark.parametrize("shards", [1, 2, 7])
def test_any_number_of_workers_and_shards_makes_the_same_bytes(
    floor: Floor, calm: bytes, shards: int, workers: int
) -> None:
    run = floor.finish(start(floor, shards=shards), *(SliceWorker(f"w{number}") for number in range(workers)))

    assert run.status == "COMPLETED"
    assert run.phase == RunPhase.ENDED
    assert run.end_reason == "RECORD_COUNT"
    assert floor.content() == calm


def test_a_shard_belongs_to_one_owner_until_the_lease_is_over(floor: Floor) -> None:
    run = start(floor)
    shard = run.shards.get(number=0)
    mine = leases.claim(shard.pk, "w1")

    assert mine is not None
    assert leases.claim(shard.pk, "w2") is None
    expire(run)
    theirs = leases.claim(shard.pk, "w2")
    assert theirs is not None
    assert theirs.epoch == mine.epoch + 1
    with pytest.raises(leases.LeaseLost):
        leases.renew(mine)
    assert not leases.release(mine)
    leases.renew(theirs)


def test_an_owner_that_let_its_lease_pass_counts_as_lost_and_progress_forgets_it(floor: Floor) -> None:
    run = start(floor)
    worker = SliceWorker("w1")
    floor.turn(worker, run)
    shard = run.shards.get()
    leases.claim(shard.pk, "dead")
    expire(run)

    claimed = leases.claim(shard.pk, "w2")
    assert claimed is not None
    assert claimed.lost_claims == 1
    leases.release(claimed)
    floor.turn(worker, run)

    assert run.shards.get().lost_claims == 0


@pytest.mark.parametrize(
    ("owner", "step"),
    [(FileDestination, "prepare"), (ShardWriter, "open"), (ShardWriter, "write"), (ShardWriter, "commit")],
)
def test_a_worker_that_wakes_up_after_its_lease_writes_no_more_and_nothing_is_doubled(
    floor: Floor, calm: bytes, monkeypatch: pytest.MonkeyPatch, owner: type[Any], step: str
) -> None:
    run = start(floor)
    awake, slept = getattr(owner, step), []

    def sleeps(self: Any, *arguments: Any) -> Any:
        if not slept:  # meanwhile another worker takes over, and comes to the end
            slept.append(step)
            expire(run)
            assert floor.finish(run, SliceWorker("other")).status == "COMPLETED"
        return awake(self, *arguments)

    monkeypatch.setattr(owner, step, sleeps)
    floor.turn(SliceWorker("sleeper"), run)

    run.refresh_from_db()
    assert (slept, run.status) == ([step], "COMPLETED")
    assert floor.content() == calm


def test_pause_ends_the_slice_at_its_next_commit_and_resume_goes_on_exactly(floor: Floor, calm: bytes) -> None:
    run = start(floor)
    worker = SliceWorker("w1")
    floor.turn(worker, run)

    pause_generator(run.generator_id)  # type: ignore[arg-type]

    run.refresh_from_db()
    assert (run.status, run.pause_reason) == ("PAUSED", "USER")
    assert not floor.turn(worker, run)
    assert run.shards.get().next_record == FRAME
    resume_generator(run.generator_id)  # type: ignore[arg-type]
    assert floor.finish(run, worker).status == "COMPLETED"
    assert floor.content() == calm


def test_stop_shows_what_has_been_written_and_nothing_follows(floor: Floor, calm: bytes) -> None:
    run = start(floor)
    worker = SliceWorker("w1")
    floor.turn(worker, run)

    stop_generator(run.generator_id)  # type: ignore[arg-type]
    floor.finish(run, worker)

    assert (run.status, run.phase, run.end_reason) == ("STOPPED", RunPhase.ENDED, "USER")
    assert floor.content().splitlines() == calm.splitlines()[:FRAME]
    assert [output["records"] for output in run.outputs] == [FRAME]
    assert not leases.due_shards().exists()


@pytest.mark.parametrize("roll", [None, FRAME // 2])
def test_a_stopped_run_of_several_shards_leaves_the_beginning_of_the_whole_without_a_gap(
    floor: Floor, calm: bytes, roll: int | None
) -> None:
    config = {"path": "orders.jsonl"} | ({} if roll is None else {"rollRecords": roll})
    turn = roll or FRAME  # what a shard commits in its one turn
    run = start(floor, shards=3, recordCount=6 * FRAME, destination={"type": "FILE", "config": config})
    worker = SliceWorker("w1")
    floor.turn(worker, run)
    _, second, third = run.shards.all()
    for shard in (second, third):
        worker.work(shard.pk)
    assert [shard.next_record - shard.first_record for shard in run.shards.all()] == [turn] * 3

    stop_generator(run.generator_id)  # type: ignore[arg-type]
    floor.finish(run, worker)

    run.refresh_from_db()
    found = metrics_of(run.generator_id)  # type: ignore[arg-type]
    place = floor.out / "orders.jsonl"
    content = place.read_bytes() if roll is None else b"".join(path.read_bytes() for path in sorted(place.glob("p-*")))
    assert (run.status, run.phase, run.dropped) == ("STOPPED", RunPhase.ENDED, 2 * turn)
    assert content.splitlines() == calm.splitlines()[:turn]
    assert sum(output["records"] for output in run.outputs) == found.written == turn
    assert (found.dropped, found.generated) == (2 * turn, 3 * turn)
    assert [span.count for span in run.spans] == [turn, 0, 0]


def test_a_run_that_goes_on_behind_a_stopped_one_leaves_no_gap_either(floor: Floor) -> None:
    config = {"path": "orders.jsonl", "rollRecords": FRAME}
    run = start(floor, shards=3, recordCount=6 * FRAME, destination={"type": "FILE", "config": config})
    worker = SliceWorker("w1")
    floor.turn(worker, run)
    worker.work(run.shards.get(number=2).pk)
    stop_generator(run.generator_id)  # type: ignore[arg-type]
    floor.finish(run, worker)

    start_generator(run.generator_id, StartOptions(mode=StartMode.CONTINUE), by="tester")  # type: ignore[arg-type]

    following = floor.run_of(run.generator)  # type: ignore[arg-type]
    assert (following.first_record, following.record_count) == (FRAME, 6 * FRAME)


def test_a_run_that_is_stopped_before_it_has_begun_leaves_nothing(floor: Floor) -> None:
    run = start(floor)

    stop_generator(run.generator_id)  # type: ignore[arg-type]
    floor.finish(run)

    assert (run.status, run.phase) == ("STOPPED", RunPhase.ENDED)
    assert not (floor.out / "orders.jsonl").exists()


@pytest.mark.parametrize("action", ["stop", "resume", "start"])
def test_b7_who_still_drains_is_shut_out_before_anybody_else_writes(
    floor: Floor, calm: bytes, action: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lifecycle, "DRAIN_SECONDS", 0.0)
    monkeypatch.setattr(lifecycle, "FENCE_SECONDS", 0.0)
    run = start(floor)
    assert run.generator_id is not None
    floor.turn(SliceWorker("w1"), run)
    draining = leases.claim(run.shards.get().pk, "slow")
    assert draining is not None
    pause_generator(run.generator_id)

    if action == "resume":
        resume_generator(run.generator_id)
    else:
        stop_generator(run.generator_id)
        leases.renew(draining)  # it may come to its commit, which counts
    if action == "start":
        start_generator(run.generator_id, StartOptions(), by="tester")

    if action != "stop":
        with pytest.raises(leases.LeaseLost):
            leases.renew(draining)
        newest = floor.run_of(run.generator) if run.generator else run
        assert floor.finish(newest).status == "COMPLETED"
        assert floor.content() == calm
    else:
        leases.release(draining)
        floor.finish(run)
        assert (run.status, run.phase) == ("STOPPED", RunPhase.ENDED)
        assert floor.content().splitlines() == calm.splitlines()[:FRAME]


def test_b5_a_pause_inside_of_a_commit_lets_it_happen_as_a_whole(
    floor: Floor, calm: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lifecycle, "DRAIN_SECONDS", 0.0)
    run, commit = start(floor), ShardWriter.commit
    assert run.generator_id is not None
    floor.turn(SliceWorker("w1"), run)

    def paused(sink: ShardWriter, next_record: int) -> None:
        assert run.generator_id is not None
        pause_generator(run.generator_id)
        commit(sink, next_record)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ShardWriter, "commit", paused)
        floor.turn(SliceWorker("w2"), run)

    run.refresh_from_db()
    assert (run.status, run.shards.get().next_record) == ("PAUSED", 2 * FRAME)
    resume_generator(run.generator_id)
    assert floor.finish(run).status == "COMPLETED"
    assert floor.content() == calm


def test_c7_a_record_that_kills_worker_after_worker_is_found_and_named(floor: Floor) -> None:
    bad, made, tries, spans = FRAME + 60_777, Plan.batch, [], []

    def deadly(plan: Plan, span: Any) -> Any:
        spans.append(span)
        if span.start <= bad < span.end:
            tries.append(span.count)
            raise Died
        return made(plan, span)

    run = start(floor)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Plan, "batch", deadly)
        for number in range(20):
            try:
                if not floor.turn(SliceWorker(f"w{number}"), run):
                    break
            except Died:
                leases.release_dead([f"w{number}"])

    run.refresh_from_db()
    assert run.status == "FAILED"
    assert (run.error["code"], run.error["recordIndex"]) == ("POISON", bad)
    assert tries == [FRAME, FRAME, 4_096, 256, 16, 1]
    assert len(spans) < 5 * 16 * 4  # each claim looks closer only at what the last one died of


def test_records_too_many_for_the_memory_are_made_in_smaller_numbers(
    floor: Floor, calm: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    made, tries = Plan.batch, []

    def limited(plan: Plan, span: Any) -> Any:
        tries.append(span.count)
        if span.count > 5_000:
            raise MemoryError
        return made(plan, span)

    run = start(floor, recordCount=COUNT)
    with monkeypatch.context() as patch:
        patch.setattr(Plan, "batch", limited)
        for number in range(2):
            floor.turn(SliceWorker(f"w{number}"), run)
        held = run.shards.get()
        floor.turn(SliceWorker("w2"), run)

    assert (held.owner, held.lost_claims) == ("", 2)
    assert tries[:3] == [FRAME, FRAME, 4_096]
    assert floor.finish(run).status == "COMPLETED"
    assert floor.content() == calm


def test_a_destination_that_is_away_is_tried_again_and_the_run_pauses_when_the_budget_is_spent(
    floor: Floor, calm: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    commit = ShardWriter.commit

    def away(sink: ShardWriter, next_record: int) -> None:
        raise TransientSinkError("DEST_UNAVAILABLE", "nobody answers")

    run = start(floor)
    worker = SliceWorker("w1")
    monkeypatch.setattr(ShardWriter, "commit", away)

    floor.turn(worker, run)

    shard = run.shards.get()
    run.refresh_from_db()
    assert (run.status, shard.retries, shard.lost_claims) == ("RUNNING", 1, 0)
    assert shard.not_before is not None
    assert not floor.turn(worker, run)  # not before the wait is over
    run.shards.update(not_before=None, retrying_since=timezone.now() - timedelta(seconds=901))
    floor.turn(worker, run)
    run.refresh_from_db()
    assert (run.status, run.pause_reason, run.error["code"]) == ("PAUSED", "DEST_UNAVAILABLE", "DEST_UNAVAILABLE")
    assert not run.dead_letters.exists()
    monkeypatch.setattr(ShardWriter, "commit", commit)
    resume_generator(run.generator_id)  # type: ignore[arg-type]
    assert floor.finish(run).status == "COMPLETED"
    assert floor.content() == calm


def test_a_place_that_a_lost_owner_still_holds_is_waited_for(
    floor: Floor, calm: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    def held(destination: FileDestination) -> None:
        raise TerminalSinkError("RERUN_WOULD_COLLIDE", "another run is writing there now")

    run = start(floor)
    run.shards.update(lost_claims=1)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(FileDestination, "prepare", held)
        floor.turn(SliceWorker("w1"), run)

    run.refresh_from_db()
    assert (run.status, run.shards.get().retries) == ("RUNNING", 1)
    run.shards.update(not_before=None)
    assert floor.finish(run).status == "COMPLETED"
    assert floor.content() == calm


@pytest.mark.parametrize("step", ["slice.prepared", "slice.finalized"])
def test_what_fails_with_the_place_in_hand_lets_go_of_it(floor: Floor, calm: bytes, step: str) -> None:
    def fails(name: str) -> None:
        if name == step:
            raise TransientSinkError("DEST_UNAVAILABLE", "just now")

    run = start(floor)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("generators.runs.slices.failpoint", fails)
        floor.finish(run, SliceWorker("w1"))

    run.refresh_from_db()
    assert run.status == "RUNNING"
    run.shards.update(not_before=None)
    assert floor.finish(run, SliceWorker("w2")).status == "COMPLETED"
    assert floor.content() == calm


@pytest.mark.parametrize(("code", "status"), [("DEST_FULL", "PAUSED"), ("DEST_SCHEMA", "FAILED")])
def test_what_a_person_can_mend_pauses_and_what_nobody_can_fails(
    floor: Floor, calm: bytes, code: str, status: str
) -> None:
    def broken(sink: ShardWriter, next_record: int) -> None:
        raise TerminalSinkError(code, "so it is")

    run = start(floor)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ShardWriter, "commit", broken)
        floor.turn(SliceWorker("w1"), run)

    run.refresh_from_db()
    assert (run.status, run.error["code"]) == (status, code)
    resume_generator(run.generator_id)  # type: ignore[arg-type]
    assert floor.finish(run).status == "COMPLETED"
    assert floor.content() == calm


def test_c13_a_worker_that_would_make_other_records_refuses_and_another_one_goes_on(floor: Floor, calm: bytes) -> None:
    run = start(floor)
    right = run.spec_hash
    Run.objects.filter(pk=run.pk).update(spec_hash="0" * 32)

    floor.turn(SliceWorker("other version"), run)

    run.refresh_from_db()
    shard = run.shards.get()
    assert (run.status, shard.last_error["code"]) == ("RUNNING", "SPEC_VERSION")
    Run.objects.filter(pk=run.pk).update(spec_hash=right)
    run.shards.update(not_before=None)
    assert floor.finish(run).status == "COMPLETED"
    assert floor.content() == calm


def test_a_fault_of_ours_fails_the_run_with_a_code_and_not_with_a_traceback(floor: Floor) -> None:
    def broken(plan: Plan, span: Any) -> Any:
        raise ZeroDivisionError("secret detail")

    run = start(floor)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Plan, "batch", broken)
        floor.turn(SliceWorker("w1"), run)

    run.refresh_from_db()
    assert (run.status, run.error["code"]) == ("FAILED", "INTERNAL")
    assert "secret" not in str(run.error)


@pytest.mark.parametrize("bad", [0, 5_000, FRAME, 2 * FRAME + 5])
@pytest.mark.parametrize(("on_error", "status"), [("STOP", "FAILED"), ("PAUSE", "PAUSED")])
def test_b11_a_record_that_cannot_be_made_ends_or_pauses_the_run_at_that_record(
    floor: Floor, calm: bytes, on_error: str, status: str, bad: int
) -> None:
    made = Plan.batch

    def fails(plan: Plan, span: Any) -> Any:
        if span.start <= bad < span.end:
            raise RecordInvalid("RECORD_INVALID", "so it is", field="id", record_number=bad)
        return made(plan, span)

    run = start(floor, onError=on_error)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Plan, "batch", fails)
        floor.finish(run)
        assert (run.status, run.error["code"], run.error["recordIndex"]) == (status, "RECORD_INVALID", bad)
        assert run.shards.get().next_record == bad
        resume_generator(run.generator_id)  # type: ignore[arg-type]
        floor.finish(run)
        assert (run.status, run.error["recordIndex"]) == (status, bad)
        assert run.shards.get().next_record == bad

    resume_generator(run.generator_id)  # type: ignore[arg-type]
    assert floor.finish(run).status == "COMPLETED"
    assert floor.content() == calm


def test_a_run_that_is_stopped_at_a_bad_record_shows_all_before_it(floor: Floor, calm: bytes) -> None:
    made = Plan.batch

    def fails(plan: Plan, span: Any) -> Any:
        if span.start <= 5_000 < span.end:
            raise RecordInvalid("RECORD_INVALID", "so it is", field="id", record_number=5_000)
        return made(plan, span)

    run = start(floor, onError="PAUSE")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Plan, "batch", fails)
        floor.finish(run)

    stop_generator(run.generator_id)  # type: ignore[arg-type]
    floor.finish(run)

    assert run.status == "STOPPED"
    assert floor.content() == b"".join(calm.splitlines(keepends=True)[:5_000])


def test_ten_rings_for_one_shard_do_one_slice(floor: Floor) -> None:
    run = start(floor)
    shard = run.shards.get()
    leases.claim(shard.pk, "busy")

    assert [SliceWorker(f"w{number}").work(shard.pk) for number in range(10)] == [False] * 10
    assert Shard.objects.filter(pk=shard.pk, epoch=F("epoch")).count() == 1

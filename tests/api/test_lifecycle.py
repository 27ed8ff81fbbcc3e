"""POST /generators/{id}/start, pause, resume and stop, and DELETE of what runs."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from generators.enums import GeneratorStatus
from generators.models import Generator, Run, Shard, Worker
from generators.runs.leases import due_shards
from generators.runs.lifecycle import ACTIONS
from generators.runs.slices import SliceWorker
from sdg_project.roles import Role
from tests.support.api import Caller, assert_problem, definition, let_a_worker_beat, work

TABLE: Mapping[str, set[str]] = {
    "start": {"CREATED", "COMPLETED", "STOPPED", "FAILED"},
    "pause": {"RUNNING"},
    "resume": {"PAUSED", "FAILED"},
    "stop": {"RUNNING", "PAUSED"},
    "update": {"CREATED", "PAUSED", "COMPLETED", "STOPPED", "FAILED"},
    "delete": set(GeneratorStatus),
}
"""What is possible in which status, as the contract has it."""
BROKEN = [{"fieldName": "n", "type": "SEQUENCE", "params": {"start": 2**63 - 500}}]


@pytest.fixture
def stored(editor: Caller) -> dict[str, Any]:
    let_a_worker_beat()
    answer: dict[str, Any] = editor.post("/generators", definition()).json()
    return answer


def _path(stored: Mapping[str, Any]) -> str:
    return f"/generators/{stored['id']}"


def _bring_to(caller: Caller, status: str) -> dict[str, Any]:
    """A generator that has come to a status by what people and workers really do."""
    let_a_worker_beat()
    document = definition(fieldMappings=BROKEN, recordCount=200) if status == "FAILED" else definition()
    stored: dict[str, Any] = caller.post("/generators", document).json()
    path = _path(stored)
    if status != "CREATED":
        assert caller.post(f"{path}/start").status_code == 200
    if status == "FAILED":
        Run.objects.update(record_count=1_000)  # as if the run were longer than the sequence
        Shard.objects.update(end_record=1_000)
    if status in {"COMPLETED", "FAILED"}:
        work()
    if status in {"PAUSED", "STOPPED"}:
        assert caller.post(f"{path}/{'pause' if status == 'PAUSED' else 'stop'}").status_code == 200
    shown: dict[str, Any] = caller.get(path).json()
    assert shown["status"] == status
    return shown


def _rows() -> Any:
    return (
        list(Generator.objects.values()),
        list(Run.objects.values()),
        list(Shard.objects.order_by("pk").values()),
    )


def _act(caller: Caller, shown: Mapping[str, Any], action: str) -> Any:
    path = _path(shown)
    if action == "update":
        return caller.put(path, definition(recordCount=5))
    return caller.delete(path) if action == "delete" else caller.post(f"{path}/{action}")


@pytest.mark.parametrize("status", GeneratorStatus)
@pytest.mark.parametrize("action", TABLE)
def test_b2_each_action_is_possible_in_the_statuses_of_the_table_and_else_changes_nothing(
    editor: Caller, action: str, status: str
) -> None:
    shown = _bring_to(editor, status)
    before = _rows()

    response = _act(editor, shown, action)

    if status in TABLE[action]:
        assert response.status_code == 200, response.content
        assert _rows() != before
        return
    problem = assert_problem(response, 409, "INVALID_TRANSITION")
    assert (problem["generatorStatus"], problem["action"]) == (status, action)
    assert set(problem["allowed"]) == {one for one in ACTIONS if status in TABLE[one]}
    assert _rows() == before


def test_a_run_goes_from_start_to_its_end(editor: Caller, stored: dict[str, Any], home: Path) -> None:
    started = editor.post(f"{_path(stored)}/start").json()
    work()
    ended = editor.get(_path(stored)).json()

    assert (started["status"], started["inFlight"], started["runId"] is None) == ("RUNNING", 0, False)
    assert (ended["status"], ended["endReason"], ended["runId"]) == ("COMPLETED", "RECORD_COUNT", started["runId"])
    assert ended["finishedAt"] > ended["startedAt"]
    lines = (home / "out" / "orders.jsonl").read_text().splitlines()
    assert [json.loads(line)["id"] for line in lines] == list(range(1, 1001))


def test_a_run_that_was_paused_goes_on_exactly(editor: Caller, stored: dict[str, Any], home: Path) -> None:
    path = _path(stored)
    editor.put(path, definition(recordCount=200_000, seed=4, shards=2))
    editor.post(f"{path}/start")
    work()
    whole = (home / "out" / "orders.jsonl").read_bytes()

    editor.post(f"{path}/start")
    worker = SliceWorker("test")
    worker.work(due_shards().get().pk)  # the first of its two shards
    worker.let_go()
    paused = editor.post(f"{path}/pause").json()
    due = due_shards().count()
    resumed = editor.post(f"{path}/resume").json()
    work()

    assert (paused["status"], paused["pauseReason"], due) == ("PAUSED", "USER", 0)
    assert (resumed["status"], resumed["pauseReason"], resumed["runId"]) == ("RUNNING", None, paused["runId"])
    assert editor.get(path).json()["status"] == "COMPLETED"
    assert (home / "out" / "orders.jsonl").read_bytes() == whole


def test_a_stopped_run_shows_what_it_has_written(editor: Caller, stored: dict[str, Any]) -> None:
    path = _path(stored)
    editor.put(path, definition(recordCount=300_000, shards=3))
    editor.post(f"{path}/start")
    worker = SliceWorker("test")
    worker.work(Shard.objects.get(number=0).pk)
    worker.let_go()
    written = Shard.objects.get(number=0).next_record

    stopped = editor.post(f"{path}/stop").json()
    run = editor.get(f"/runs/{stopped['runId']}").json()
    [listed] = editor.get(f"{path}/runs").json()

    assert (stopped["status"], stopped["endReason"]) == ("STOPPED", "USER")
    assert (run["status"], run["recordsWritten"], run["recordsFailed"]) == ("STOPPED", written, 0)
    assert listed == run
    digest = editor.get(f"/runs/{stopped['runId']}/digest").json()
    assert digest["recordCount"] == written > 0
    assert editor.get(f"{path}/records?runId={stopped['runId']}").status_code == 200


def test_rejected_records_are_counted_as_failed_and_an_open_end_is_null(editor: Caller, stored: dict[str, Any]) -> None:
    started = editor.post(f"{_path(stored)}/start").json()
    Run.objects.update(record_count=None)
    Shard.objects.update(next_record=500, rejected=20)

    run = editor.get(f"/runs/{started['runId']}").json()
    [listed] = editor.get(f"{_path(stored)}/runs").json()

    assert (run["recordCount"], run["recordsWritten"], run["recordsFailed"]) == (None, 480, 20)
    assert listed == run


def test_a_changed_definition_is_for_the_next_start(editor: Caller) -> None:
    shown = _bring_to(editor, "PAUSED")
    path = _path(shown)

    changed = editor.put(path, definition(recordCount=7)).json()
    resumed = editor.post(f"{path}/resume").json()
    work()
    first = editor.get(f"/runs/{shown['runId']}").json()
    editor.post(f"{path}/start")
    work()
    second = editor.get(f"/runs/{editor.get(path).json()['runId']}").json()

    assert (shown["specChanged"], changed["specChanged"], resumed["specChanged"]) == (False, True, False)
    assert (first["recordsWritten"], second["recordsWritten"]) == (1000, 7)


# What a start is refused for.


def test_without_a_worker_nothing_is_started_or_resumed(editor: Caller) -> None:
    paused = _bring_to(editor, "PAUSED")
    created = editor.post("/generators", definition("other")).json()
    Worker.objects.all().delete()
    before = _rows()

    for response in (editor.post(f"{_path(created)}/start"), editor.post(f"{_path(paused)}/resume")):
        assert "sdg up" in assert_problem(response, 503, "NO_WORKER")["hint"]
    assert _rows() == before


def test_b9_a_destination_that_cannot_be_written_refuses_the_start(
    editor: Caller, stored: dict[str, Any], home: Path
) -> None:
    (home / "out").mkdir()
    (home / "out" / "orders.jsonl").write_text("somebody else's\n")
    before = _rows()

    problem = assert_problem(editor.post(f"{_path(stored)}/start"), 409, "RERUN_WOULD_COLLIDE")

    assert _rows() == before
    assert not Run.objects.exists()
    assert list((home / "runs").glob("*")) == []
    assert str(home) not in json.dumps(problem)
    assert "orders.jsonl" in problem["detail"]
    assert (home / "out" / "orders.jsonl").read_text() == "somebody else's\n"


def test_b9_a_pool_that_is_gone_refuses_the_start(editor: Caller, stored: dict[str, Any]) -> None:
    rows = [{"size": "S"}]
    editor.post("/pools", {"name": "sizes", "source": {"type": "INLINE", "rows": rows}})
    mapping = {"fieldName": "size", "type": "POOL_REFERENCE", "params": {"pool": "sizes", "column": "size"}}
    editor.put(_path(stored), definition(fieldMappings=[mapping]))
    from pools.models import Pool

    Pool.objects.all().delete()
    before = _rows()

    problem = assert_problem(editor.post(f"{_path(stored)}/start"), 409, "POOL_NOT_FOUND")

    assert problem["errors"][0]["path"] == "/fieldMappings/0/params/pool"
    assert _rows() == before


def test_two_live_runs_do_not_write_to_one_place(editor: Caller) -> None:
    _bring_to(editor, "RUNNING")
    other = editor.post("/generators", definition("other")).json()

    assert_problem(editor.post(f"{_path(other)}/start"), 409, "RERUN_WOULD_COLLIDE")
    assert Run.objects.count() == 1


def test_s24_a_token_has_so_many_live_runs_and_others_are_not_concerned(
    editor: Caller, settings: Any, operator: Caller
) -> None:
    settings.SDG_MAX_LIVE_RUNS = 2
    let_a_worker_beat()
    paths = []
    for number in range(4):
        destination = {"type": "FILE", "config": {"path": f"{number}.jsonl"}}
        paths.append(_path(editor.post("/generators", definition(f"n{number}", destination=destination)).json()))
    assert editor.post(f"{paths[0]}/start").status_code == 200
    assert editor.post(f"{paths[1]}/start").status_code == 200
    editor.post(f"{paths[1]}/pause")

    problem = assert_problem(editor.post(f"{paths[2]}/start"), 409, "QUOTA")

    assert "SDG_MAX_LIVE_RUNS" in problem["hint"]
    assert Run.objects.count() == 2
    assert operator.post(f"{paths[3]}/start").status_code == 200
    editor.post(f"{paths[1]}/stop")
    assert editor.post(f"{paths[2]}/start").status_code == 200


def test_a17_a_start_that_is_repeated_with_its_key_starts_once(editor: Caller, stored: dict[str, Any]) -> None:
    path = f"{_path(stored)}/start"

    first = editor.post(path, idempotency_key="k1")
    second = editor.post(path, idempotency_key="k1")
    third = editor.post(path)
    other = editor.post(path, {"seed": 3}, idempotency_key="k1")

    assert first.status_code == second.status_code == 200
    assert first.json() == second.json()
    assert second["Idempotent-Replayed"] == "true"
    assert_problem(third, 409, "INVALID_TRANSITION")
    assert_problem(other, 409, "IDEMPOTENCY_CONFLICT")
    assert Run.objects.count() == 1


# The body of a start.


def test_the_body_of_a_start_is_refused_with_every_place(editor: Caller, stored: dict[str, Any]) -> None:
    body = {"mode": "AGAIN", "beforeRun": "OVERWRITE", "seed": -1, "recordCount": 0, "recordcount": 5}

    problem = assert_problem(editor.post(f"{_path(stored)}/start", body), 400, "INVALID_REQUEST")

    assert {issue["path"] for issue in problem["errors"]} == {f"/{name}" for name in body}
    assert not Run.objects.exists()


@pytest.mark.parametrize("body", [b"[]", b'"x"', b"5", b"true", b"{", b'{"seed": 1, "seed": 2}'])
def test_a_body_that_is_no_object_is_refused(editor: Caller, stored: dict[str, Any], body: bytes) -> None:
    assert_problem(editor.post(f"{_path(stored)}/start", body), 400)
    assert not Run.objects.exists()


@pytest.mark.parametrize("action", ["pause", "resume", "stop"])
def test_the_other_actions_take_no_parameters(editor: Caller, action: str) -> None:
    shown = _bring_to(editor, "PAUSED")
    before = _rows()

    assert_problem(editor.post(f"{_path(shown)}/{action}", {"force": True}), 400, "UNKNOWN_PROPERTY")
    assert_problem(editor.post(f"{_path(shown)}/{action}?force=1"), 400, "UNKNOWN_PROPERTY")
    assert _rows() == before


@pytest.mark.parametrize("body", [None, {}, {"seed": None}])
def test_nothing_in_the_body_starts_as_defined(editor: Caller, stored: dict[str, Any], body: Any) -> None:
    assert editor.post(f"{_path(stored)}/start", body).status_code == 200


def test_seed_and_count_of_the_body_are_those_of_the_run_only(editor: Caller, stored: dict[str, Any]) -> None:
    started = editor.post(f"{_path(stored)}/start", {"seed": 11, "recordCount": 25}).json()
    work()
    run = editor.get(f"/runs/{started['runId']}").json()

    assert (run["effectiveSeed"], run["recordsWritten"]) == (11, 25)
    assert (started["seed"], started["recordCount"], started["effectiveSeed"]) == (None, 1000, 11)


def test_to_continue_needs_parts(editor: Caller, stored: dict[str, Any]) -> None:
    path = _path(stored)
    editor.post(f"{path}/start")
    work()

    problem = assert_problem(editor.post(f"{path}/start", {"mode": "CONTINUE"}), 409, "RERUN_WOULD_COLLIDE")

    assert [issue["path"] for issue in problem["errors"]] == ["/mode"]
    assert "one file has none" in problem["detail"]
    assert all(word in problem["hint"] for word in ("REPLACE", "FAIL", "rollRecords", "without mode"))
    assert editor.get(path).json()["status"] == "COMPLETED"
    assert Run.objects.count() == 1


def test_to_append_to_one_file_is_refused_with_the_choices_and_in_a_definition_it_is_a_mistake(
    editor: Caller, stored: dict[str, Any]
) -> None:
    let_a_worker_beat()
    destination = {"type": "FILE", "config": {"path": "orders.jsonl", "beforeRun": "APPEND"}}

    started = editor.post(f"{_path(stored)}/start", {"beforeRun": "APPEND"})
    created = editor.post("/generators", definition("other", destination=destination))

    problem = assert_problem(started, 409, "RERUN_WOULD_COLLIDE")
    assert [issue["path"] for issue in problem["errors"]] == ["/beforeRun"]
    assert "REPLACE or FAIL" in problem["hint"]
    problem = assert_problem(created, 400, "INVALID_VALUE")
    assert [issue["path"] for issue in problem["errors"]] == ["/destination/config/beforeRun"]


def test_to_continue_goes_on_behind_the_last_number(editor: Caller, stored: dict[str, Any], home: Path) -> None:
    path = _path(stored)
    editor.put(path, definition(destination={"type": "FILE", "config": {"path": "o/orders.jsonl", "rollRecords": 500}}))
    editor.post(f"{path}/start")
    work()

    started = editor.post(f"{path}/start", {"mode": "CONTINUE", "recordCount": 700})
    work()

    assert started.status_code == 200, started.content
    metrics = editor.get(f"{path}/metrics").json()
    assert (metrics["status"], metrics["recordsWritten"], metrics["nextIndex"]) == ("COMPLETED", 700, 1700)
    parts = [
        part for part in (home / "out" / "o").rglob("*") if part.is_file() and not part.name.startswith((".", "_"))
    ]
    lines = [line for part in parts if part.suffix == ".jsonl" for line in part.read_text().splitlines()]
    assert sorted(json.loads(line)["id"] for line in lines) == list(range(1, 1701))


def test_to_continue_does_not_replace(editor: Caller, stored: dict[str, Any]) -> None:
    body = {"mode": "CONTINUE", "beforeRun": "REPLACE"}

    problem = assert_problem(editor.post(f"{_path(stored)}/start", body), 400, "PROPERTY_NOT_ALLOWED")

    assert problem["errors"][0]["path"] == "/beforeRun"


# Delete.


def test_b6_a_running_generator_is_stopped_and_removed_and_its_runs_stay(editor: Caller, home: Path) -> None:
    shown = _bring_to(editor, "RUNNING")
    shard_id = due_shards().get().pk
    path = _path(shown)

    assert editor.delete(path).status_code == 200
    again = editor.delete(path)

    assert_problem(again, 404)
    run = editor.get(f"/runs/{shown['runId']}").json()
    assert (run["status"], run["endReason"], run["generatorId"]) == ("STOPPED", "USER", None)
    assert not due_shards().exists()
    assert SliceWorker("test").work(shard_id) is False
    assert not (home / "out" / "orders.jsonl").exists()


def test_b6_a_dead_worker_that_holds_a_shard_is_shut_out(editor: Caller, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("generators.services.lifecycle.FENCE_SECONDS", 0.1)
    shown = _bring_to(editor, "RUNNING")
    from generators.runs.leases import LeaseLost, claim, renew

    held = claim(due_shards().get().pk, "dead")
    assert held is not None

    assert editor.delete(_path(shown)).status_code == 200

    with pytest.raises(LeaseLost):
        renew(held)


@pytest.mark.parametrize("action", ["start", "pause", "resume", "stop"])
def test_an_unknown_generator_is_not_found(editor: Caller, action: str) -> None:
    assert_problem(editor.post(f"/generators/{uuid4()}/{action}"), 404, "NOT_FOUND")


@pytest.mark.parametrize("action", ["start", "pause", "resume", "stop"])
def test_s2_a_viewer_only_looks(action: str, viewer: Caller, make_stored: Callable[[], dict[str, Any]]) -> None:
    assert_problem(viewer.post(f"{_path(make_stored())}/{action}"), 403, "NOT_PERMITTED")


@pytest.fixture
def make_stored() -> Callable[[], dict[str, Any]]:
    return lambda: Caller.of(Role.EDITOR, "another").post("/generators", definition()).json()

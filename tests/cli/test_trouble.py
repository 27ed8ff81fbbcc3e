"""`sdg run` in trouble: no room, records that cannot be made, processes that die again and again."""

from __future__ import annotations

import json
import signal
import sqlite3
import subprocess
import time

import pytest

from tests.support.sdg import Sdg


def test_a_root_on_a_file_system_without_files_is_said_to_be_none(sdg: Sdg) -> None:
    path = sdg.definition(destination={"type": "FILE", "config": {"path": "o.jsonl"}})

    answer = sdg("run", path, SDG_OUTPUT_ROOT="/proc/q")

    assert answer.code == 3
    assert "DEST_UNAVAILABLE: /proc/q cannot be made or written" in answer.err
    assert "DEST_FULL" not in answer.err


def test_resuming_the_last_run_says_which_that_is(sdg: Sdg) -> None:
    first = sdg.definition("first.json", recordCount=10)
    run = sdg("run", first, "--to", "first.jsonl", "--json").json
    second = sdg.definition("second.json", recordCount=10)
    killed = sdg("run", second, "--to", "second.jsonl", SDG_FAILPOINTS="run.frozen=kill")

    resumed = sdg("run", "--resume", "last", "--json")

    assert killed.code == -9
    assert resumed.json["runId"] == run["runId"]
    assert f'run {run["runId"]} of "orders" to first.jsonl, started 20' in resumed.err
    assert "a later start came to nothing" in resumed.err


def test_resuming_a_complete_run_says_when_its_file_is_gone(sdg: Sdg) -> None:
    path = sdg.definition(recordCount=10)
    sdg("run", path, "--to", "o.jsonl")
    there = sdg("run", "--resume", "last")
    (sdg.folder / "o.jsonl").unlink()

    gone = sdg("run", "--resume", "last")

    assert there.code == 0
    assert gone.code == 3
    assert "DEST_REGRESSED" in gone.err
    assert "o.jsonl is not there any more" in gone.err


def test_a_full_disk_pauses_the_run_and_resuming_with_room_gives_the_undisturbed_bytes(sdg: Sdg) -> None:
    path = sdg.definition(recordCount=300_000)
    undisturbed = sdg("run", path, "--to", "a.jsonl", "--json").json

    full = sdg("run", path, "--to", "b.jsonl", "--json", SDG_FAILPOINTS="file.write.frame=enospc@3")
    torn = (sdg.folder / "b.jsonl").exists()
    listed = sdg("runs", "--json").out.splitlines()[0]
    resumed = sdg("run", "--resume", "last", "--json")

    assert full.code == 3
    assert full.json["status"] == "PAUSED"
    assert full.json["lastError"]["code"] == "DEST_FULL"
    assert "free some room" in full.err
    assert "sdg run --resume" in full.err
    assert not torn
    assert '"PAUSED"' in listed
    assert resumed.code == 0, resumed.err
    assert resumed.json["outputs"][0]["checksum"] == undisturbed["outputs"][0]["checksum"]


@pytest.mark.parametrize("workers", ["1", "2"])
def test_the_time_of_a_process_that_was_killed_counts(sdg: Sdg, workers: str) -> None:
    started_at = time.monotonic()
    process = sdg.start("run", sdg.definition(recordCount=20_000_000), "--to", "o.jsonl", "--workers", workers)
    begun_at = _begun(sdg, ".o.jsonl")
    time.sleep(4)
    process.kill()
    process.communicate()
    killed_at = time.monotonic()
    with sqlite3.connect(sdg.folder / "home" / "sdg.sqlite3") as database:
        [kept_s] = database.execute("select active_seconds from generators_run").fetchone()

    resumed = sdg("run", "--resume", "last", "--json", SDG_FAILPOINTS="file.write.frame=enospc@1")

    # It is kept with the progress, that is, once a second or, on a busy machine, as often as there is a commit.
    assert killed_at - begun_at - 3 < kept_s < killed_at - started_at
    assert resumed.json["lastError"]["code"] == "DEST_FULL"
    assert kept_s < resumed.json["activeSeconds"] < time.monotonic() - started_at


def _begun(sdg: Sdg, hidden: str) -> float:
    """The instant at which the run has begun to write."""
    deadline = time.monotonic() + 60
    while not list(sdg.folder.glob(f"{hidden}.sdg-*/shard-0.data")):
        assert time.monotonic() < deadline
        time.sleep(0.01)
    return time.monotonic()


def test_a_failed_fsync_is_survived_without_anybody_s_help(sdg: Sdg) -> None:
    path = sdg.definition(recordCount=200_000)
    undisturbed = sdg("run", path, "--to", "a.jsonl", "--json").json

    shaken = sdg("run", path, "--to", "b.jsonl", "--json", SDG_FAILPOINTS="file.fsync=eio@1")

    assert shaken.code == 0, shaken.err
    assert shaken.json["outputs"][0]["checksum"] == undisturbed["outputs"][0]["checksum"]


def test_children_that_die_again_and_again_fail_the_run_in_a_sentence(sdg: Sdg) -> None:
    path = sdg.definition(recordCount=200_000)

    answer = sdg("run", path, "--to", "o.jsonl", "--workers", "2", "--json", SDG_FAILPOINTS="slice.made=kill")

    assert answer.code == 1
    assert answer.json["status"] == "FAILED"
    assert answer.json["lastError"]["code"] == "POISON"
    assert "processes have died" in answer.err
    assert not (sdg.folder / "o.jsonl").exists()


@pytest.mark.parametrize("workers", ["1", "2"])
def test_a_record_that_cannot_be_made_fails_the_run_with_its_number(sdg: Sdg, workers: str) -> None:
    field = {"fieldName": "n", "type": "SEQUENCE", "params": {"start": 1, "end": 70_000}}
    whole = sdg.definition("whole.json", fieldMappings=[field], recordCount=70_000)
    beyond = sdg.definition("beyond.json", fieldMappings=[field], recordCount=70_001)

    done = sdg("run", whole, "--to", "w.csv", "--workers", workers, "--json")
    refused = sdg("run", beyond, "--to", "b.csv", "--workers", workers, "--json")

    assert done.code == 0, done.err
    assert refused.code == 2
    assert "SEQUENCE_OVERFLOW" in refused.err
    assert "70000" in refused.err.replace(",", "")


def test_a_failed_run_says_how_to_go_on_and_how_to_see_what_it_has_kept(sdg: Sdg) -> None:
    number = {"fieldName": "n", "type": "SEQUENCE", "params": {"start": 0}}
    quotient = {"fieldName": "q", "type": "COMPUTED", "params": {"expression": "1 / (n - 2000)"}}
    path = sdg.definition(fieldMappings=[number, quotient], recordCount=3_000)

    failed = sdg("run", path, "--to", "o.jsonl", "--json")
    number_of_run = failed.json["runId"]
    listed = sdg("runs")
    skipped = sdg("run", "--resume", "last", "--skip-failed", "--json")
    again = sdg("run", path, "--to", "p.jsonl", "--quiet")
    stopped = sdg("runs", "--json", "stop", "last")

    assert (failed.code, failed.json["status"], failed.json["recordsWritten"]) == (1, "FAILED", 2_000)
    for told in (failed.err, listed.err):
        assert f"sdg run --resume {number_of_run}" in told
        assert f"sdg runs stop {number_of_run}" in told
    assert (skipped.code, skipped.json["recordsWritten"], skipped.json["recordsFailed"]) == (1, 2_999, 1)
    assert (again.code, stopped.code) == (1, 0)
    assert (stopped.json["status"], stopped.json["endReason"]) == ("STOPPED", "USER")
    assert (sdg.folder / "p.jsonl").read_text("utf-8").count("\n") == stopped.json["recordsWritten"] == 2_000


def test_a_sequence_that_stops_ends_the_run_with_its_reason(sdg: Sdg) -> None:
    field = {"fieldName": "n", "type": "SEQUENCE", "params": {"start": 1, "end": 10, "onEnd": "STOP"}}
    path = sdg.definition(fieldMappings=[field], recordCount=1000)

    answer = sdg("run", path, "--to", "o.csv", "--json")

    assert answer.code == 0, answer.err
    assert answer.json["recordsWritten"] == 10
    assert answer.json["endReason"] == "SEQUENCE_END"


def test_hidden_shards_that_were_lost_are_made_again(sdg: Sdg) -> None:
    path = sdg.definition(recordCount=300_000)
    undisturbed = sdg("run", path, "--to", "a.jsonl", "--json").json
    killed = sdg("run", path, "--to", "b.jsonl", "--workers", "2", SDG_FAILPOINTS="run.finalize=kill")

    [work] = sdg.folder.glob(".b.jsonl.sdg-*")
    for hidden in work.glob("shard-0*"):
        hidden.unlink()
    resumed = sdg("run", "--resume", "last", "--json")

    assert killed.code == -9
    assert resumed.code == 0, resumed.err
    assert resumed.json["outputs"][0]["checksum"] == undisturbed["outputs"][0]["checksum"]


def test_a_foreign_file_that_appears_meanwhile_pauses_the_run_until_it_is_moved_away(sdg: Sdg) -> None:
    path = sdg.definition(recordCount=100_000)
    undisturbed = sdg("run", path, "--to", "a.jsonl", "--json").json
    sdg("run", path, "--to", "b.jsonl", SDG_FAILPOINTS="run.finalize=kill")
    foreign = sdg.folder / "b.jsonl"
    foreign.write_text("precious\n")

    refused = sdg("run", "--resume", "last", "--json")
    kept = foreign.read_text()
    foreign.unlink()
    resumed = sdg("run", "--resume", "last", "--json")

    assert (refused.code, refused.json["status"]) == (1, "PAUSED")
    assert "move it away, then resume the run" in refused.err
    assert "--overwrite" not in refused.err  # which a resumed run does not take
    assert kept == "precious\n"
    assert resumed.json["outputs"][0]["checksum"] == undisturbed["outputs"][0]["checksum"]


def test_names_with_brackets_are_shown_as_they_are(sdg: Sdg) -> None:
    field = {"fieldName": "x[/y]", "type": "CONSTANT", "params": {"value": "[bold]v"}}
    path = sdg.folder / "brackets.json"
    path.write_text(json.dumps({"name": "a[/b]", "seed": 1, "fieldMappings": [field], "recordCount": 1}))

    preview = sdg("preview", path, "--rows", "1")
    ran = sdg("run", path, "--to", "o.jsonl", "--quiet")
    listed = sdg("runs")

    assert preview.code == 0, preview.err
    assert "x[/y]" in preview.out
    assert "[bold]v" in preview.out
    assert ran.code == 0, ran.err
    assert "a[/b]" in listed.out


@pytest.mark.parametrize(
    "arguments", [["run", "orders.yaml", "--count", "1e8", "--to", "-"], ["demo", "--records", "2e7"]]
)
def test_ctrl_c_ends_every_command_with_130_and_without_a_traceback(sdg: Sdg, arguments: list[str]) -> None:
    sdg.definition()
    process = sdg.start(*arguments)
    if "-" in arguments:
        assert process.stdout is not None
        process.stdout.readline()
    else:
        _begun(sdg, "home/out/.orders.jsonl")
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)

    assert process.returncode == 130
    assert "Traceback" not in err
    assert "interrupted" in err


def test_a_full_standard_output_is_a_sentence(sdg: Sdg) -> None:
    with open("/dev/full", "w") as full:
        process = subprocess.run(
            sdg.command("run", sdg.definition(), "--to", "-"),
            cwd=sdg.folder,
            env=dict(sdg.environment),
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )

    assert process.returncode == 3
    assert "standard output cannot be written" in process.stderr
    assert "Traceback" not in process.stderr


def test_another_checksum_or_dialect_does_not_make_an_own_file_foreign(sdg: Sdg) -> None:
    path = sdg.definition()

    first = sdg("run", path, "--to", "c.csv", "--quiet")
    second = sdg("run", path, "--to", "c.csv", "--checksum", "NONE", "--quiet")

    assert (first.code, second.code) == (0, 0), second.err


@pytest.mark.parametrize("days", ["-1", "1e9"])
def test_prune_refuses_ages_that_mean_nothing(sdg: Sdg, days: str) -> None:
    answer = sdg("runs", "prune", "--days", days)

    assert answer.code == 2
    assert "between 0 and" in answer.err

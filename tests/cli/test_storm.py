"""SIGKILL `sdg run` at any moment, any number of times: the file is that of an undisturbed run, byte for byte."""

from __future__ import annotations

import contextlib
import os
import random
import signal
import time
from pathlib import Path

import pytest

from tests.support.sdg import Sdg, killed_after

CASES = [
    ("o.jsonl", "1", {}),
    ("o.jsonl.gz", "2", {}),
    ("o.parquet", "2", {}),
    ("parts", "2", {"format": "JSONL", "rollRecords": 200_000}),
]


@pytest.mark.parametrize("seed", [1, 2, 3])
@pytest.mark.parametrize(("name", "workers", "config"), CASES)
def test_a_storm_of_kills_changes_no_byte(
    sdg: Sdg, name: str, workers: str, config: dict[str, object], seed: int
) -> None:
    chance = random.Random(seed)
    count = 2_000_000 if name == "o.jsonl" else 600_000
    path = sdg.definition(recordCount=count, destination={"type": "FILE", "config": {"path": name, **config}})
    undisturbed = _sums(sdg("run", path, "--json", SDG_OUTPUT_ROOT=str(sdg.folder / "calm")).json)
    root = {"SDG_OUTPUT_ROOT": str(sdg.folder / "storm")}

    process = sdg.start("run", path, "--workers", workers, "--quiet", **root)
    kills = 0
    while killed_after(process, chance.uniform(0.3, 2.5)):
        kills += 1
        assert _visible(sdg.folder / "storm", name, config)
        process = sdg.start("run", "--resume", "last", "--workers", workers, "--quiet", **root)
        if kills == 8:
            process.communicate(timeout=120)
    final = sdg("run", "--resume", "last", "--json", **root)

    assert process.returncode == 0
    assert final.code == 0, final.err
    assert _sums(final.json) == undisturbed
    assert [entry.name for entry in (sdg.folder / "storm").rglob(".*")] == []


def _sums(report: dict[str, object]) -> list[tuple[object, object]]:
    outputs: list[dict[str, object]] = report["outputs"]  # type: ignore[assignment]
    return [(output["records"], output["checksum"]) for output in outputs]


def _visible(root: Path, name: str, config: dict[str, object]) -> bool:
    """Nothing torn: a single file is not there before it is complete, and no manifest before that."""
    if config:
        return not (root / name / "manifest.json").exists()
    return not (root / name).exists()


def test_a_child_that_is_killed_is_replaced(sdg: Sdg) -> None:
    path = sdg.definition(recordCount=1_500_000)
    undisturbed = sdg("run", path, "--to", "a.jsonl", "--json").json

    process = sdg.start("run", path, "--to", "b.jsonl", "--workers", "2", "--json")
    victims = 0
    while process.poll() is None and victims < 3:
        time.sleep(0.4)
        children = Path(f"/proc/{process.pid}/task/{process.pid}/children")
        pids = children.read_text().split() if children.exists() else []
        workers = [int(pid) for pid in pids if "spawn_main" in _command(pid)]
        if workers:
            _kill(workers[0])
            victims += 1
    out, err = process.communicate(timeout=120)

    assert victims
    assert process.returncode == 0, err
    assert undisturbed["outputs"][0]["checksum"] in out


def _command(pid: str) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_text()
    except OSError:
        return ""


def _kill(pid: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)


def test_no_child_outlives_its_parent(sdg: Sdg) -> None:
    process = sdg.start("run", sdg.definition(recordCount=20_000_000), "--to", "o.jsonl", "--workers", "2", "--quiet")
    deadline = time.monotonic() + 30
    pids: list[str] = []
    while len(pids) < 2 and time.monotonic() < deadline:
        time.sleep(0.05)
        children = Path(f"/proc/{process.pid}/task/{process.pid}/children")
        pids = [pid for pid in children.read_text().split() if "spawn_main" in _command(pid)]

    process.kill()
    process.communicate()
    time.sleep(1)

    assert len(pids) == 2
    assert [pid for pid in pids if _command(pid)] == []


def test_two_processes_cannot_carry_one_run(sdg: Sdg) -> None:
    process = sdg.start("run", sdg.definition(recordCount=20_000_000), "--to", "o.jsonl", "--quiet")
    deadline = time.monotonic() + 30
    while not list(sdg.folder.glob(".o.jsonl.sdg-*/shard-0.data")) and time.monotonic() < deadline:
        time.sleep(0.02)

    second = sdg("run", "--resume", "last")
    process.kill()
    process.communicate()

    assert second.code == 2
    assert "another process" in second.err

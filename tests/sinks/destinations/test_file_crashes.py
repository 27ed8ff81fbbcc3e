"""FILE: a process that dies at any step, and another that goes on: the files are as if nothing had happened."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Mapping
from functools import cache
from pathlib import Path

import pytest

from sdg_project import failpoints
from tests.sinks.destinations.scenarios import SCENARIOS, begun, torn, undisturbed
from tests.support.file_runs import carry, tree
from tests.support.nursery import ROOT, Nursery

_SOURCES = [*(ROOT / "sinks").rglob("*.py"), ROOT / "generators" / "runs" / "runner.py"]
FAILPOINTS = sorted(
    {name for path in _SOURCES for name in re.findall(r'failpoint\("((?:file|slice)\.[^"]+)"\)', path.read_text())}
)
"""All on the way to files, so that a new one is tried at once."""
_NEVER = 10**6


@cache
def passed(scenario: str) -> Mapping[str, int]:
    """How often a scenario's run comes past each failpoint."""
    with tempfile.TemporaryDirectory() as root:
        run = begun(scenario, Path(root))
        failpoints.set_failpoints(",".join(f"{name}=kill@{_NEVER}" for name in FAILPOINTS))
        try:
            carry(run)
            return dict(failpoints._passed)
        finally:
            failpoints.set_failpoints("")


def hits(scenario: str, name: str) -> list[int]:
    """The first and the last time that a scenario's run comes past a failpoint, and one in the middle."""
    times = passed(scenario).get(name, 0)
    middle = {times // 2 + 1} if scenario == "parts" else set()
    return sorted({1, times} | middle) if times else []


def test_every_failpoint_lies_on_the_way_of_some_scenario() -> None:
    on_the_way = {name for scenario in SCENARIOS for name in passed(scenario)}

    assert set(FAILPOINTS) == on_the_way
    assert len(FAILPOINTS) > 30


@pytest.mark.parametrize("name", FAILPOINTS)
def test_a_run_that_is_killed_and_carried_on_leaves_the_files_of_an_undisturbed_one(
    name: str, nursery: Nursery, root: Path
) -> None:
    tries = [(scenario, hit) for scenario in SCENARIOS for hit in hits(scenario, name)]
    for scenario, hit in tries:
        place = root / scenario / str(hit)
        run = begun(scenario, place)

        killed = nursery.run(run.but(failpoints=f"{name}=kill@{hit}"))

        assert killed.killed, (scenario, hit, killed)
        assert list(torn(scenario, tree(place))) == []
        again = nursery.run(run.but(epoch=2))
        assert again.done, (scenario, hit, again)
        assert tree(place) == undisturbed(scenario)
    assert tries


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_a_run_that_dies_again_and_again_comes_to_its_end(scenario: str, nursery: Nursery, root: Path) -> None:
    run = begun(scenario, root)
    deaths = 0
    for epoch, name in enumerate(FAILPOINTS, start=1):
        outcome = nursery.run(run.but(epoch=epoch, failpoints=f"{name}=kill"))
        deaths += outcome.killed
        assert list(torn(scenario, tree(root))) == []

    assert nursery.run(run.but(epoch=len(FAILPOINTS) + 1)).done
    assert tree(root) == undisturbed(scenario)
    assert deaths > 5


@pytest.mark.parametrize("scenario", SCENARIOS)
@pytest.mark.parametrize("action", ["eio", "enospc"])
def test_a_run_that_meets_an_error_and_is_carried_on_leaves_the_files_of_an_undisturbed_one(
    action: str, scenario: str, nursery: Nursery, root: Path
) -> None:
    named = {"eio": ("TransientSinkError", "DEST_UNAVAILABLE"), "enospc": ("TerminalSinkError", "DEST_FULL")}
    for name in ("file.fsync", "file.write.frame", "file.small.written", "file.join.sync", "file.finish.footer"):
        for hit in hits(scenario, name):
            place = root / name / str(hit)
            run = begun(scenario, place)

            failed = nursery.run(run.but(failpoints=f"{name}={action}@{hit}"))

            assert (failed.said["error"], failed.code) == named[action]
            assert list(torn(scenario, tree(place))) == []
            assert nursery.run(run.but(epoch=2)).done
            assert tree(place) == undisturbed(scenario)

"""FILE: whatever a power cut leaves of a run, nothing broken is shown, and the run carries on to the same bytes."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path

import pytest

from sinks.errors import SinkError
from tests.sinks.destinations.scenarios import SCENARIOS, begun, torn, undisturbed
from tests.support.file_runs import FileRun, carry, shown, tree
from tests.support.power_loss import Recorder, lay_out

_TRIES = 8
"""How often luck decides what is left at each moment."""


def found_after_power_loss(run: FileRun) -> Iterator[dict[str, bytes | None]]:
    """What may be there after a power cut at any moment of the run, each only once."""
    recorder = Recorder(Path(run.root))
    with recorder.recording():
        carry(run)
    seen = set()
    for moment, disk in enumerate(recorder.moments()):
        for luck in (None, *(random.Random(moment * _TRIES + number) for number in range(_TRIES))):
            found = disk.after_power_loss(luck)
            key = hash(frozenset(found.items()))
            if key not in seen:
                seen.add(key)
                yield found


def problems(scenario: str, found: dict[str, bytes | None], root: Path) -> Iterator[str]:
    """What is wrong with what was found below a root, or with what becomes of it."""
    files = {path: content for path, content in found.items() if content is not None}
    yield from torn(scenario, files)
    lay_out(found, root)
    try:
        carry(SCENARIOS[scenario][0].but(root=str(root), epoch=2))
    except SinkError as error:
        yield f"{error.code}: {error}"
    if tree(root) != undisturbed(scenario):
        yield "the run was not carried on exactly"


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_a_run_comes_to_the_same_bytes_after_a_power_cut_at_any_moment(scenario: str, root: Path) -> None:
    run = begun(scenario, root / "recorded")

    number = 0
    for number, found in enumerate(found_after_power_loss(run), start=1):
        assert list(problems(scenario, found, root / str(number))) == [], found.keys()

    assert number > 60


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_a_run_that_says_it_is_complete_is_there_after_a_power_cut(scenario: str, root: Path) -> None:
    run = begun(scenario, root)
    recorder = Recorder(root)
    with recorder.recording():
        carry(run)
    [*_, disk] = recorder.moments()

    found = disk.after_power_loss(None)

    files = {path: content for path, content in found.items() if content is not None}
    assert shown(files) == shown(undisturbed(scenario))


@pytest.mark.parametrize("scenario", ["jsonl", "parquet parts"])
def test_a_writer_that_does_not_sync_its_data_is_found_out(scenario: str, root: Path) -> None:
    run = begun(scenario, root / "recorded").but(broken="Unsynced")

    states = enumerate(found_after_power_loss(run))

    assert any(list(problems(scenario, found, root / str(number))) for number, found in states)

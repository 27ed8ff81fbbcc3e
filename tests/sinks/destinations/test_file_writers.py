"""FILE: writers that were believed dead, and hidden files that get lost while a run waits."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from engine.span import Span
from generators.plan import Plan
from generators.runs.salvage import salvaged
from sinks.destinations.base import Destination, Sink
from sinks.errors import Fenced, SinkError, TerminalSinkError
from tests.sinks.destinations.scenarios import SCENARIOS, begun, torn, undisturbed
from tests.support.file_runs import FileRun, carry, destination_of, plan_of_run, shard_of, tree


@dataclass
class Writer:
    """Writes a shard frame by frame, as far as a test wants."""

    sink: Sink
    plan: Plan
    destination: Destination[Any]
    shard: Span
    next_record: int = 0

    def open(self, epoch: int) -> Writer:
        self.next_record = self.sink.open(epoch)
        return self

    def write(self) -> bool:
        """One frame; False when there is none left."""
        if self.next_record >= self.shard.end:
            return False
        end = min(self.destination.delivery.cuts.frame_end(self.next_record), self.shard.end)
        self.sink.write(salvaged(self.plan, Span(self.next_record, end - self.next_record))[0])
        self.next_record = end
        return True

    def commit(self) -> None:
        if self.next_record == self.shard.end:
            self.sink.end(self.next_record)
        else:
            self.sink.commit(self.next_record)

    def write_all(self) -> None:
        while self.write():
            self.commit()


@pytest.fixture(params=SCENARIOS)
def scenario(request: pytest.FixtureRequest) -> str:
    return str(request.param)


class Shard:
    """The shard with number 1 of a scenario's run, the other shards of which are written."""

    def __init__(self, scenario: str, root: Path) -> None:
        self.scenario, self.root = scenario, root
        self.run = begun(scenario, root)
        self.plan = plan_of_run(self.run)
        self.destination = destination_of(self.run, self.plan)
        self.destination.prepare()
        for number, _ in enumerate(self.destination.delivery.shards):
            if number != 1:
                with_writer = self.writer(number).open(1)
                with_writer.write_all()
                with_writer.sink.close()

    def writer(self, number: int = 1) -> Writer:
        shard = shard_of(self.run, self.destination, number)
        return Writer(self.destination.sink(number), self.plan, self.destination, shard)

    def finalize(self) -> None:
        self.destination.finalize(ends=self.run.ends)

    def has_come_to_its_end(self) -> None:
        """Show the run, and compare it with one that nobody disturbed."""
        assert list(torn(self.scenario, tree(self.root))) == []
        self.finalize()
        self.destination.close()
        assert tree(self.root) == undisturbed(self.scenario)


@pytest.fixture
def shard(scenario: str, root: Path) -> Iterator[Shard]:
    shard = Shard(scenario, root)
    yield shard
    shard.destination.close()


# Two at a time.


@pytest.mark.parametrize("frames", range(6))
def test_a_late_writer_that_goes_on_does_no_harm(frames: int, shard: Shard) -> None:
    late = shard.writer().open(1)
    for _ in range(frames):
        if late.write():
            late.commit()
    late.write()

    writer = shard.writer().open(2)
    writer.write_all()
    with contextlib.suppress(SinkError):  # its part may have been taken from it
        late.write_all()

    shard.has_come_to_its_end()


@pytest.mark.parametrize("ahead", ["late", "new"])
def test_two_writers_in_step_write_the_same_bytes(ahead: str, shard: Shard) -> None:
    late, new = shard.writer().open(1), shard.writer().open(2)

    pair = (late, new) if ahead == "late" else (new, late)
    going = True
    while going:
        going = False
        for writer in pair:
            if writer.write():
                going = True
                assert list(torn(shard.scenario, tree(shard.root))) == []
                with contextlib.suppress(SinkError) if writer is late else contextlib.nullcontext():
                    writer.commit()
            assert list(torn(shard.scenario, tree(shard.root))) == []

    shard.has_come_to_its_end()


@pytest.mark.parametrize("scenario", ["parts", "parquet parts", "appended"])
def test_a_part_that_a_late_writer_shows_is_whole_though_a_new_one_has_begun_it(shard: Shard) -> None:
    late = shard.writer().open(1)
    roll = shard.destination.delivery.cuts.roll
    assert roll is not None
    while late.write() and late.next_record % roll:
        pass

    new = shard.writer().open(2)
    new.write()
    late.commit()

    assert list(torn(shard.scenario, tree(shard.root))) == []
    new.write_all()
    shard.has_come_to_its_end()


def test_a_late_writer_that_begins_a_part_anew_and_dies_leaves_nothing_torn(shard: Shard) -> None:
    late = shard.writer().open(1)
    new = shard.writer().open(2)
    new.write_all()
    new.sink.close()

    late.write()
    late.sink.close()
    last = shard.writer().open(3)
    last.write_all()

    shard.has_come_to_its_end()


def test_a_late_writer_that_was_opened_before_the_end_leaves_the_shown_files_alone(shard: Shard) -> None:
    late = shard.writer().open(1)
    late.write()
    new = shard.writer().open(2)
    new.write_all()
    shard.finalize()

    with pytest.raises(SinkError, match="gone"):
        late.write_all() if late.next_record < late.shard.end else late.commit()

    shard.destination.close()
    assert tree(shard.root) == undisturbed(shard.scenario)


def test_an_older_epoch_may_not_open_after_a_newer_one(shard: Shard) -> None:
    shard.writer().open(3).write()

    with pytest.raises(Fenced, match="shard 1 belongs to epoch 3, not 2"):
        shard.writer().open(2)

    writer = shard.writer().open(3)
    writer.write_all()
    shard.has_come_to_its_end()


def test_the_position_of_the_latest_epoch_counts(shard: Shard) -> None:
    late = shard.writer().open(1)
    new = shard.writer().open(2)
    new.write()
    new.commit()

    while late.write():
        late.commit()

    last = shard.writer().open(3)
    assert last.next_record == new.next_record
    last.write_all()
    shard.has_come_to_its_end()


def test_a_sink_that_could_not_be_opened_can_be_closed(shard: Shard) -> None:
    shard.writer().open(2).sink.close()
    sink = shard.writer().sink

    with pytest.raises(Fenced):
        sink.open(1)
    sink.close()
    sink.close()


def test_a_shard_of_a_run_that_is_complete_has_nothing_left_to_write(scenario: str, root: Path) -> None:
    run = begun(scenario, root)
    carry(run)
    destination = destination_of(run)
    destination.prepare()

    for number, _ in enumerate(destination.delivery.shards):
        assert destination.sink(number).open(2) == shard_of(run, destination, number).end

    destination.close()
    assert tree(root) == undisturbed(scenario)


# Losses.


def halfway(scenario: str, root: Path) -> FileRun:
    """A run whose first shard is written, whose second is written in part, and the rest not at all."""
    run = begun(scenario, root)
    plan = plan_of_run(run)
    destination = destination_of(run, plan)
    destination.prepare()
    for number in (0, 1):
        writer = Writer(destination.sink(number), plan, destination, shard_of(run, destination, number)).open(1)
        for _ in range(100 if number == 0 else 2):
            if writer.write():
                writer.commit()
        writer.sink.close()
    destination.close()
    return run


def work_folder(run: FileRun) -> Path:
    [folder] = [path for path in Path(run.root).rglob("*.sdg-*") if path.is_dir() or path.name.startswith(".sdg-")]
    return folder


def hidden_names(scenario: str, root: Path) -> list[str]:
    return sorted(path.name for path in work_folder(halfway(scenario, root)).iterdir())


@pytest.mark.parametrize("left", [None, 0, 0.5])
def test_whatever_hidden_file_is_lost_or_shortened_is_made_again(left: float | None, scenario: str, root: Path) -> None:
    names = [name for name in hidden_names(scenario, root / "names") if not name.startswith(("claim", "replaced"))]
    for name in names:
        run = halfway(scenario, root / name)
        path = work_folder(run) / name
        if left is None:
            path.unlink()
        else:
            with path.open("rb+") as file:
                file.truncate(int(left * path.stat().st_size))

        carry(run.but(epoch=2))

        assert tree(run.root) == undisturbed(scenario), name
    assert len(names) > 3


def test_a_work_folder_that_is_lost_is_made_again(scenario: str, root: Path) -> None:
    run = halfway(scenario, root)
    folder = work_folder(run)
    for path in folder.iterdir():
        if path.name != "claim":  # without it nobody would know whose the parts are that are shown already
            path.unlink()

    carry(run.but(epoch=2))

    assert tree(run.root) == undisturbed(scenario)


@pytest.mark.parametrize("left", [None, 0.5])
def test_a_part_that_is_lost_or_shortened_before_the_end_is_made_again(left: float | None, root: Path) -> None:
    for scenario in ("parts", "parquet parts", "appended"):
        run = halfway(scenario, root / scenario)
        parts = [path for path in (root / scenario / "out").glob("p-*") if path.name in new_parts(scenario)]
        for path in parts[:2]:
            if left is None:
                path.unlink()
            else:
                path.write_bytes(path.read_bytes()[: int(left * path.stat().st_size)])

        carry(run.but(epoch=2))

        assert parts
        assert tree(run.root) == undisturbed(scenario)


def new_parts(scenario: str) -> set[str]:
    """The names of the parts that the scenario's run itself writes."""
    document = json.loads(undisturbed(scenario)["out/manifest.json"])
    return {file["name"] for file in document["files"] if file["runId"] == document["runId"]}


def test_a_shown_part_that_is_lost_when_the_run_ends_is_named_and_nothing_is_shown(root: Path) -> None:
    run = begun("parquet parts", root)
    carry(run.but(finalize=False))
    victim = root / "out" / "p-0000000000070-0000000000140.parquet"
    victim.unlink()

    with pytest.raises(TerminalSinkError, match=victim.name) as raised:
        carry(run.but(only=[]))

    assert raised.value.code == "DEST_REGRESSED"
    assert not (root / "out" / "manifest.json").exists()
    carry(run.but(epoch=2))
    assert tree(root) == undisturbed("parquet parts")


@pytest.mark.parametrize("damage", ["lost", "shortened"])
def test_a_hidden_shard_that_is_lost_when_the_run_ends_is_named_and_nothing_is_shown(damage: str, root: Path) -> None:
    for number in range(3):
        run = begun("gzip", root / str(number))
        carry(run.but(finalize=False))
        path = work_folder(run) / f"shard-{number}.data"
        if damage == "lost":
            path.unlink()
        else:
            path.write_bytes(path.read_bytes()[:-1])

        with pytest.raises(TerminalSinkError, match=path.name) as raised:
            carry(run.but(only=[]))

        assert raised.value.code == "DEST_REGRESSED"
        assert list(torn("gzip", tree(run.root))) == []
        carry(run.but(epoch=2))
        assert tree(run.root) == undisturbed("gzip")


def test_a_finished_file_that_is_lost_before_it_is_shown_is_made_again(root: Path) -> None:
    run = begun("gzip", root)
    destination = destination_of(run)
    carry(run.but(finalize=False))
    destination.prepare()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("sinks.destinations.file.show_file", _interrupted)
        with pytest.raises(KeyboardInterrupt):
            destination.finalize()
    destination.close()
    (work_folder(run) / "whole.data").unlink()

    carry(run.but(epoch=2))

    assert tree(root) == undisturbed("gzip")


def _interrupted(*_: object) -> None:
    raise KeyboardInterrupt

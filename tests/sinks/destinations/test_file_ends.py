"""FILE: runs that end before their ranges do, anywhere: exactly what was committed is shown, also with late writers."""

from __future__ import annotations

import itertools
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from engine.span import MAX_RECORDS, Span
from generators.plan import Plan
from sdg_project import failpoints
from sinks.destinations.base import Destination, Sink
from sinks.errors import SinkError, TerminalSinkError
from tests.sinks.destinations.ends import FRAME, ROLL, expected, expected_parts, open_run, spans_of
from tests.support.file_runs import FileRun, carry, destination_of, plan_of_run, shown, tree, write_shard

# Ends and beginnings.


class Begun:
    """A run with an open sink for one of its shards."""

    def __init__(self, run: FileRun, shard: int = 0) -> None:
        self.run, self.shard = run, shard
        self.plan, self.destination = plan_of_run(run), destination_of(run)
        self.destination.prepare()

    def writer(self, epoch: int, *, upto: int | None = None) -> Sink:
        """A sink that has been opened, and has written and committed frames up to a record."""
        sink = self.destination.sink(self.shard)
        number = sink.open(epoch)
        if upto is not None:
            write_frames(sink, self.plan, self.destination, number, upto)
        return sink

    def finalize(self, *ends: int) -> dict[str, bytes]:
        self.destination.finalize(ends=ends)
        return self.shown()

    def shown(self) -> dict[str, bytes]:
        files = shown(tree(self.run.root))
        return {path: content for path, content in files.items() if not path.endswith("manifest.json")}

    def wanted(self, end: int) -> dict[str, bytes]:
        """What is to be shown of a run of one shard that has ended at a record."""
        if self.run.config.get("rollRecords"):
            return expected_parts(self.run, [Span(0, end)])
        return {"out": expected(self.run, [Span(0, end)])}


def write_frames(sink: Sink, plan: Plan, destination: Destination[Any], number: int, upto: int) -> None:
    """Write and commit frames from a record on; the last one is not committed if it is not whole."""
    while number < upto:
        border = destination.delivery.cuts.frame_end(number)
        end = min(border, upto)
        sink.write(plan.batch(Span(number, end - number)))
        number = end
        if number == border:
            sink.commit(number)


CONFIGS = {
    "jsonl": {"format": "JSONL"},
    "csv.gz": {"format": "CSV", "compression": "GZIP"},
    "parquet": {"format": "PARQUET"},
    "parts": {"format": "AVRO", "compression": "ZSTD", "rollRecords": ROLL},
    "parquet parts": {"format": "PARQUET", "rollRecords": ROLL},
}


@pytest.fixture(params=CONFIGS)
def begun(request: pytest.FixtureRequest, root: Path) -> Iterator[Begun]:
    begun = Begun(open_run(root, CONFIGS[request.param], end=0))
    yield begun
    begun.destination.close()


@pytest.mark.parametrize("end", [0, 31, 32, 40, 50, 90])
def test_a_shard_that_has_ended_says_so_and_takes_no_more(end: int, begun: Begun) -> None:
    sink = begun.writer(1, upto=end)
    sink.end(end)
    sink.end(end)
    written = sink.bytes_written
    sink.close()

    again = begun.destination.sink(0)

    assert again.open(2) == end
    assert again.bytes_written == written
    again.end(end)
    if end not in {0, 32, 50}:
        with pytest.raises(ValueError, match=f"shard 0 has ended at record {end}"):
            again.write(begun.plan.batch(Span(end, 1)))
    again.close()
    assert begun.finalize(end) == begun.wanted(end)
    assert begun.destination.sink(0).open(3) == end


@pytest.mark.parametrize("dies", [False, True])
@pytest.mark.parametrize("rest", [1, 40, 49, 64, 75])
def test_a_shard_that_has_rested_anywhere_goes_on_to_the_same_bytes(rest: int, dies: bool, begun: Begun) -> None:
    begun.writer(1, upto=rest).end(rest)
    sink = begun.writer(2)
    start = sink.go_on_from(rest)
    if dies:
        sink = begun.writer(3)
        assert sink.go_on_from(rest) == start

    write_frames(sink, begun.plan, begun.destination, start, 90)
    sink.end(90)

    assert start <= rest
    assert begun.finalize(90) == begun.wanted(90)


def test_a_shard_takes_no_records_of_another(root: Path) -> None:
    begun = Begun(FileRun(str(root), frame=FRAME, shards=2))
    sink = begun.writer(1, upto=160)

    with pytest.raises(ValueError, match="shard 0 ends at record 160, before 161"):
        sink.write(begun.plan.batch(Span(160, 1)))

    begun.destination.close()


def test_a_shard_can_only_end_where_it_stands(begun: Begun) -> None:
    sink = begun.writer(1, upto=40)

    for wrong in (0, 32, 39, 41):
        with pytest.raises(ValueError, match="record 40 is next"):
            sink.end(wrong)

    sink.end(40)
    assert begun.finalize(40) == begun.wanted(40)


@pytest.mark.parametrize("left", [None, 0, 0.5])
def test_the_last_records_are_made_again_when_their_file_is_lost(left: float | None, begun: Begun) -> None:
    begun.writer(1, upto=90).end(90)
    names = [Path(path) for path in tree(begun.run.root) if ".tail-" in path]
    assert names
    for name in names:
        path = Path(begun.run.root) / name
        if left is None:
            path.unlink()
        else:
            path.write_bytes(path.read_bytes()[: int(left * path.stat().st_size)])

    sink = begun.writer(2)
    assert sink.bytes_written > 0
    write_frames(sink, begun.plan, begun.destination, 82 if begun.run.config.get("rollRecords") else 64, 90)
    sink.end(90)

    assert begun.finalize(90) == begun.wanted(90)


@pytest.mark.parametrize("end", [0, 40, 63, 65, 100])
def test_a_run_that_has_not_what_it_should_have_shows_nothing(end: int, begun: Begun) -> None:
    begun.writer(1, upto=64 if not begun.run.config.get("rollRecords") else 82).close()

    with pytest.raises(TerminalSinkError, match=rf"holds shard 0 up to record \d+.*not .*to {end}\b") as raised:
        begun.finalize(end)

    assert raised.value.code == "DEST_REGRESSED"
    assert not [name for name in tree(begun.run.root) if name.endswith("manifest.json")]


def test_the_sinks_of_a_complete_run_say_where_its_shards_have_ended(root: Path) -> None:
    run = FileRun(str(root), path="out", config={"format": "CSV"}, frame=FRAME, shards=3, ends=(0, 96, 250))
    assert [span.start for span in spans_of(run)] == [0, 96, 192]
    for name in ("file.finalize.whole", "file.finalize.manifest", "file.finalize.shown", "file.finalize.done"):
        place = run.but(root=str(root / name))
        failpoints.set_failpoints(f"{name}=eio")
        with pytest.raises((SinkError, OSError)):
            carry(place)
        failpoints.set_failpoints("")

        destination = destination_of(place)
        for epoch in (2, 3):
            for number, end in enumerate((0, 96, 250)):
                sink = destination.sink(number)
                assert sink.open(epoch) == end
                sink.end(end)
                sink.close()
            destination.finalize(ends=run.ends)
        destination.close()
        assert shown(tree(place.root))["out"] == expected(place, spans_of(place))


# Late writers.


@pytest.mark.parametrize("end", [0, 32, 40, 50, 90])
@pytest.mark.parametrize("moment", ["before the other opens", "before the end", "after the end", "after it is shown"])
def test_a_late_writer_that_goes_on_behind_the_end_does_no_harm(moment: str, end: int, begun: Begun) -> None:
    late = begun.destination.sink(0)
    number = late.open(1)

    def go_on(upto: int) -> None:
        nonlocal number
        try:
            write_frames(late, begun.plan, begun.destination, number, upto)
        except SinkError:
            assert moment == "after it is shown"
        number = upto

    go_on(120 if moment == "before the other opens" else 20)
    if moment == "before the other opens":
        late.close()
        late = begun.destination.sink(0)
        number = late.open(1)
    writer = begun.writer(2) if end < number else begun.writer(2, upto=end)
    end = max(end, number if moment == "before the other opens" else 0)
    if moment == "before the end":
        go_on(150)
    writer.end(end)
    if moment == "after the end":
        go_on(150)
    begun.finalize(end)
    if moment == "after it is shown":
        go_on(150)
    late.close()

    assert begun.shown() == begun.wanted(end)
    begun.destination.finalize(ends=[end])
    assert begun.shown() == begun.wanted(end)


@pytest.mark.parametrize("first", ["late", "new"])
@pytest.mark.parametrize(("late_end", "end"), [(40, 45), (45, 40), (40, 64), (70, 90), (40, 200)])
def test_a_late_writer_that_lets_the_shard_end_elsewhere_does_no_harm(
    late_end: int, end: int, first: str, begun: Begun
) -> None:
    late = begun.writer(1, upto=late_end)
    writer = begun.destination.sink(0)
    write_frames(writer, begun.plan, begun.destination, writer.open(2), end)

    for sink, at in ((late, late_end), (writer, end)) if first == "late" else ((writer, end), (late, late_end)):
        sink.end(at)

    assert begun.finalize(end) == begun.wanted(end)


@pytest.mark.parametrize(
    "name", ["file.join.footer", "file.finalize.joined", "file.finalize.part", "file.folder.removing"]
)
def test_a_late_writer_in_the_middle_of_showing_does_no_harm(
    name: str, begun: Begun, monkeypatch: pytest.MonkeyPatch
) -> None:
    late = begun.writer(1, upto=32)
    begun.writer(2, upto=90).end(90)
    going = [True]

    def go_on(passed: str) -> None:
        if passed == name and going:
            going.clear()
            write_frames(late, begun.plan, begun.destination, 32, 200)

    for module in ("joining", "completion", "folder"):
        monkeypatch.setattr(f"sinks.files.{module}.failpoint", go_on)
    try:
        begun.finalize(90)
    except SinkError:  # it had made new files in the folder that was being removed
        begun.finalize(90)

    assert begun.shown() == begun.wanted(90)
    assert not [path for path in tree(begun.run.root) if ".sdg-" in path]


# Whose the files are.


@pytest.mark.parametrize("name", ["file.finalize.part", "file.finalize.manifest", "file.finalize.part_shown"])
def test_a_last_part_is_the_run_s_own_also_when_it_dies_while_it_shows_it(name: str, root: Path) -> None:
    run = open_run(root, CONFIGS["parts"], end=90)
    failpoints.set_failpoints(f"{name}=eio")
    with pytest.raises((SinkError, OSError)):
        carry(run)
    failpoints.set_failpoints("")

    abandoned = run.but(root=str(root / "abandoned"))
    shutil.copytree(root / "out", Path(abandoned.root) / "out")
    destination_of(abandoned).abandon()
    assert not list((Path(abandoned.root) / "out").glob("*"))
    following = run.but(run_id="22222222-bbbb", seed=2, ends=(40,))
    carry(following)

    files = shown(tree(root / "out"))
    assert [path for path in files if path.startswith("p-")] == ["p-0000000000000-0000000000040.avro"]


# While it takes long.


def test_who_waits_is_told_about_once_a_second_and_may_break_off(begun: Begun, monkeypatch: pytest.MonkeyPatch) -> None:
    class Lost(Exception):
        pass

    def lose() -> None:
        raise Lost

    def pass_time(seconds: float) -> None:
        ticks = itertools.count(step=seconds)
        monkeypatch.setattr("sinks.files.completion.time.monotonic", lambda: float(next(ticks)))

    begun.writer(1, upto=230).end(230)
    pass_time(1.0)
    with pytest.raises(Lost):
        begun.destination.finalize(ends=[230], on_progress=lose)
    assert not [name for name in tree(begun.run.root) if name.endswith("manifest.json")]
    told: list[None] = []
    pass_time(0.01)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("sinks.destinations.file.show_manifest", _broken_off)
        with pytest.raises(InterruptedError):
            begun.destination.finalize(ends=[230], on_progress=lambda: told.append(None))
    assert told == []

    begun.destination.finalize(ends=[230])

    assert begun.shown() == begun.wanted(230)


def _broken_off(*_: object, **__: object) -> None:
    raise InterruptedError


def test_the_room_that_an_end_may_need_is_asked_for(root: Path) -> None:
    free = [100]
    for run, times in (
        (FileRun(str(root), shards=1), 1),
        (FileRun(str(root), shards=2), 2),
        (FileRun(str(root), shards=1, records=MAX_RECORDS), 2),
        (FileRun(str(root), path="out", shards=1, records=MAX_RECORDS, config={"format": "CSV", "rollRecords": 5}), 1),
    ):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("sinks.files.folder.Folder.free_bytes", lambda _: free[0])
            destination = destination_of(run)
            assert not destination.preflight(estimated_bytes=100 // times)
            assert [issue.code for issue in destination.preflight(estimated_bytes=100 // times + 1)] == ["DEST_FULL"]


def test_write_shard_ends_where_it_is_told_to(root: Path) -> None:
    run = open_run(root, {"format": "CSV"}, end=77)
    plan, destination = plan_of_run(run), destination_of(run)
    destination.prepare()

    progress = write_shard(run, plan, destination, 0)

    assert progress.next_record == 77
    assert destination.sink(0).open(2) == 77
    destination.close()

"""Where runs are cut: every record lies in exactly one frame, part and shard, and each begins at a border."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.arrivals import Arrival, Even, Poisson
from engine.cuts import FRAME_BYTES, FRAME_RECORDS, Cuts, TimedCuts, frame_records
from engine.rates import MICROS
from engine.schedule import Schedule
from engine.span import Span
from engine.stream import Source
from engine.timetable import Timetable
from tests.engine.rate_curves import CURVES

counts = st.integers(1, 500)
cuts = st.builds(Cuts, frame=st.integers(1, 60), roll=st.none() | st.integers(1, 150))
rolling = st.builds(Cuts, frame=st.integers(1, 60), roll=st.integers(1, 150))


def frames(cuts: Cuts, count: int) -> list[range]:
    """The frames of a run, one after the other."""
    found, start = [], 0
    while start < count:
        end = min(cuts.frame_end(start), count)
        found.append(range(start, end))
        start = end
    return found


@given(cuts, counts)
def test_every_record_is_in_one_frame_and_all_of_a_frame_agree_on_its_end(cuts: Cuts, count: int) -> None:
    found = frames(cuts, count)

    assert [number for frame in found for number in frame] == list(range(count))
    assert all(1 <= len(frame) <= cuts.frame for frame in found)
    assert all({min(cuts.frame_end(number), count) for number in frame} == {frame.stop} for frame in found)


@given(rolling, counts)
def test_every_record_is_in_one_part_and_frames_are_counted_from_its_beginning(cuts: Cuts, count: int) -> None:
    parts = list(cuts.parts(Span(0, count)))

    assert cuts.roll is not None
    assert [number for part in parts for number in range(part.start, part.end)] == list(range(count))
    assert all(part.start % cuts.roll == 0 and 1 <= part.count <= cuts.roll for part in parts)
    for part in parts:
        alone = [(frame.start, frame.stop) for frame in frames(Cuts(cuts.frame), part.count)]
        inside = [frame for frame in frames(cuts, count) if part.start <= frame.start < part.end]
        assert [(frame.start - part.start, frame.stop - part.start) for frame in inside] == alone


@given(rolling, counts, st.integers(0, 300), st.integers(0, 300))
def test_the_parts_of_shards_are_those_of_the_run(cuts: Cuts, count: int, wanted: int, other: int) -> None:
    whole = list(cuts.parts(Span(0, count)))

    for number in (wanted, other):
        assert [part for shard in cuts.shards(Span(0, count), number) for part in cuts.parts(shard)] == whole


@given(cuts, st.integers(0, 500), st.integers(0, 40))
def test_shards_follow_each_other_cover_all_records_and_begin_at_borders(cuts: Cuts, count: int, wanted: int) -> None:
    shards = cuts.shards(Span(0, count), wanted)

    assert shards[0].start == 0
    assert shards[-1].end == count
    assert all(one.end == next_one.start for one, next_one in itertools.pairwise(shards))
    assert len(shards) <= max(1, wanted)
    assert all(shard.count for shard in shards) or count == 0
    for shard in shards:
        assert shard.start == 0 or cuts.frame_end(shard.start - 1) == shard.start
        assert cuts.roll is None or shard.start % cuts.roll == 0


@given(cuts, counts, st.integers(1, 40))
def test_shards_are_as_many_and_as_equal_as_borders_allow(cuts: Cuts, count: int, wanted: int) -> None:
    unit = cuts.roll or cuts.frame
    sizes = [-(-shard.count // unit) for shard in cuts.shards(Span(0, count), wanted)]

    assert len(sizes) == min(wanted, -(-count // unit))
    assert max(sizes) - min(sizes) <= 1


def test_a_large_run_is_cut_without_counting_its_records() -> None:
    shards = Cuts(65_536).shards(Span(0, 10**12), 512)

    assert len(shards) == 512
    assert shards[-1].end == 10**12
    assert all(shard.start % 65_536 == 0 for shard in shards)


def test_a_run_that_is_not_rolled_has_no_parts() -> None:
    with pytest.raises(ValueError, match="no parts"):
        list(Cuts(10).parts(Span(0, 100)))


@pytest.mark.parametrize(("frame", "roll"), [(0, None), (-1, None), (1, 0), (8, -4)])
def test_cuts_of_no_records_are_refused(frame: int, roll: int | None) -> None:
    with pytest.raises(ValueError, match="no such cuts"):
        Cuts(frame, roll)


@given(st.floats(0.1, 1e9))
def test_a_frame_is_the_largest_power_of_two_that_fits(size: float) -> None:
    records = frame_records(size)

    assert records & (records - 1) == 0
    assert 1 <= records <= FRAME_RECORDS
    assert records == 1 or records * size <= FRAME_BYTES
    assert records == FRAME_RECORDS or records * 2 * size > FRAME_BYTES


# Runs with a pace.


def paced(frame: int, roll: int | None = None, *, curve: str = "pauses", arrival: Arrival | None = None) -> TimedCuts:
    return TimedCuts(frame, roll, planned=Schedule(Timetable(CURVES[curve], arrival or Even())))


@pytest.mark.parametrize("roll", [None, 120])
@pytest.mark.parametrize("frame", [7, 50, 65_536])
@pytest.mark.parametrize("curve", CURVES)
@pytest.mark.parametrize("arrival", [Even(), Poisson(Source(1, "orders", "").stream("time"))])
def test_paced_frames_end_with_each_second(arrival: Arrival, curve: str, frame: int, roll: int | None) -> None:
    cuts, count = paced(frame, roll, curve=curve, arrival=arrival), 600
    seconds = (cuts.planned.due_one(number) // MICROS for number in range(count))
    by_second = [list(group) for _, group in itertools.groupby(range(count), key=list(seconds).__getitem__)]
    wanted = {second[0] + at for second in by_second for at in range(0, len(second), frame)}
    wanted |= set(range(0, count, roll)) if roll else set()

    assert [one.start for one in frames(cuts, count)] == sorted(wanted)
    for number in (599, 0, 300, 301, 42):  # in any order
        assert cuts.frame_end(number) == min((b for b in wanted if b > number), default=cuts.frame_end(number))


def test_a_paced_run_has_one_shard() -> None:
    assert paced(50).shards(Span(0, 10**12), 1) == [Span(0, 10**12)]

"""Time zones against zoneinfo, which is the slow definition."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta
from importlib import resources
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from engine.zone_rules import zone_names
from engine.zones import MAX_MS, MIN_MS, Zone

MS = timedelta(milliseconds=1)
NAIVE, AWARE = datetime(1970, 1, 1), datetime(1970, 1, 1, tzinfo=UTC)  # noqa: DTZ001
DAY = 86_400_000
SOME = ("Europe/Berlin", "America/New_York", "Asia/Katmandu", "Australia/Lord_Howe", "Pacific/Apia", "Europe/Dublin")


def of_package(name: str) -> ZoneInfo:
    """The zone by the rules of the package tzdata, whatever the machine has."""
    with resources.files("tzdata").joinpath("zoneinfo", *name.split("/")).open("rb") as file:
        return ZoneInfo.from_file(file, key=name)


def probes(zone: Zone, count: int) -> list[int]:
    """Instants in all years, in this century, and around the changes."""
    chance = random.Random(1)
    changes = zone.tables()["zone_changes"][1:].tolist()
    near = chance.sample(changes, min(len(changes), count))
    anywhere = [chance.randrange(MIN_MS + DAY, MAX_MS - DAY) for _ in range(count)]
    today = [chance.randrange(0, 4 * 10**12) for _ in range(count)]
    return anywhere + today + [change + step for change in near for step in (-1, 0, 1)]


@pytest.mark.parametrize("count", [12])
def test_every_zone_has_the_offsets_and_local_times_of_zoneinfo(count: int) -> None:
    for name in sorted(zone_names()):
        zone, known = Zone.named(name), of_package(name)
        instants = probes(zone, count)
        moments = [known.fromutc((AWARE + instant * MS).replace(tzinfo=known)) for instant in instants]

        offsets = zone.offsets(np.array(instants)).tolist()

        assert offsets == [moment.utcoffset() // MS for moment in moments], name
        assert len({one for one in offsets if one % 1_000}) == 0, name


@pytest.mark.parametrize("name", SOME)
def test_local_times_mean_what_fold_0_means(name: str) -> None:
    zone, known = Zone.named(name), of_package(name)
    around = zone.local(np.array(probes(zone, 200))).tolist()
    local = [time + step for time in around for step in (-3_600_000, -1_800_000, 0, 1, 1_800_000)]

    instants = zone.instants(np.array(local)).tolist()

    expected = [time - (NAIVE + time * MS).replace(tzinfo=known).utcoffset() // MS for time in local]
    assert instants == expected


@pytest.mark.parametrize(
    ("name", "local", "instant"),
    [
        ("Europe/Berlin", "2026-03-29T02:30", "2026-03-29T01:30"),  # left out: moves forward to 03:30
        ("Europe/Berlin", "2026-10-25T02:30", "2026-10-25T00:30"),  # twice: the first
        ("America/New_York", "2026-03-08T02:00", "2026-03-08T07:00"),
        ("America/New_York", "2026-11-01T01:59", "2026-11-01T05:59"),
        ("Asia/Katmandu", "2026-01-01T00:00", "2025-12-31T18:15"),
        ("Asia/Katmandu", "1985-12-31T23:59", "1985-12-31T18:29"),
        ("Pacific/Apia", "2011-12-30T12:00", "2011-12-30T22:00"),  # a day left out
    ],
)
def test_known_local_times(name: str, local: str, instant: str) -> None:
    written = (datetime.fromisoformat(local) - NAIVE) // MS

    found = int(Zone.named(name).instants(np.array([written]))[0])

    assert NAIVE + found * MS == datetime.fromisoformat(instant)


@pytest.mark.parametrize("name", SOME)
def test_tables_hold_the_whole_zone(name: str) -> None:
    zone = Zone.named(name)
    instants = np.array(probes(zone, 50))

    again = Zone.from_tables(zone.tables())

    assert np.array_equal(again.offsets(instants), zone.offsets(instants))
    assert np.array_equal(again.instants(instants), zone.instants(instants))
    assert again.longest_repeat == zone.longest_repeat


@pytest.mark.parametrize("name", SOME)
def test_periods_cover_a_range_and_have_one_offset_each(name: str) -> None:
    zone, start, end = Zone.named(name), 1_000_000_000_000, 1_400_000_000_000

    periods = zone.periods(start, end)

    assert [period.end for period in periods[:-1]] == [period.start for period in periods[1:]]
    assert (periods[0].start, periods[-1].end) == (start, end)
    for period in periods:
        ends = np.array([period.start, period.end - 1, period.since - 1])
        assert zone.offsets(ends).tolist() == [period.offset, period.offset, period.offset_before]


def test_an_unknown_zone_is_a_key_error() -> None:
    with pytest.raises(KeyError):
        Zone.named("Europe/../Berlin")

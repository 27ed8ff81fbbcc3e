"""Parts: their names say what they hold, and tell whose they are."""

from __future__ import annotations

from engine.span import MAX_RECORDS, Span
from sinks.files.parts import PartNames


def test_the_names_of_parts_are_those_of_the_run_and_no_others() -> None:
    names = PartNames("p-", ".csv.gz", roll=100, first=0, end=250)

    assert names.name(names.span_at(199)) == "p-0000000000100-0000000000200.csv.gz"
    assert names.name(names.span_at(249)) == "p-0000000000200-0000000000250.csv.gz"
    assert [
        name for name in (names.name(names.span_at(number)) for number in range(250)) if not names.covers(name)
    ] == []
    for stranger in (
        "p-0000000000000-0000000000099.csv.gz",
        "p-0000000000050-0000000000100.csv.gz",
        "p-0000000000200-0000000000300.csv.gz",
        "p-0000000000300-0000000000250.csv.gz",
        "p-0-100.csv.gz",
        "p-0000000000000-0000000000100.csv",
        "0000000000000-0000000000100.csv.gz",
        "p-p-0000000000000-0000000000100.csv.gz",
        "p-٠000000000000-0000000000100.csv.gz",
        "",
    ):
        assert not names.covers(stranger)


def test_a_part_that_a_shard_has_only_begun_is_named_by_what_it_holds() -> None:
    names = PartNames("p-", ".csv", roll=100, first=0, end=MAX_RECORDS)

    parts = list(names.spans_in(Span(200, 130)))

    assert [names.name(part) for part in parts] == [
        "p-0000000000200-0000000000300.csv",
        "p-0000000000300-0000000000330.csv",
    ]
    assert [names.covers(names.name(part)) for part in parts] == [True, False]
    assert names.covers(names.name(names.span_at(MAX_RECORDS - 1)))


def test_the_first_part_of_a_run_begins_where_the_run_does() -> None:
    names = PartNames("p-", ".csv", roll=100, first=130, end=350)

    assert [(part.start, part.end) for part in names.spans_in(Span(130, 220))] == [(130, 200), (200, 300), (300, 350)]
    assert names.covers("p-0000000000130-0000000000200.csv")
    assert not names.covers("p-0000000000100-0000000000200.csv")

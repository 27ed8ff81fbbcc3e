"""POSTGRES: what stands between records and a table is told before a run, all of it; bad rows are found on the way."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import polars as pl
import pytest

from engine.errors import RecordInvalid
from engine.span import Span
from sinks.destinations.base import Refused
from tests.support.table_runs import (
    TableRun,
    carry,
    destination_of,
    execute,
    expected_rows,
    plan_of,
    rows_of,
    server_at,
)

N = {"fieldName": "n", "type": "SEQUENCE", "params": {"start": 0}}


def constant(name: str, value: Any, **more: Any) -> dict[str, Any]:
    return {"fieldName": name, "type": "CONSTANT", "params": {"value": value}, **more}


def problems(run: TableRun) -> list[tuple[str, str, str]]:
    """Code, path and message of each problem."""
    return [(one.code, one.path, one.message) for one in destination_of(run).preflight(estimated_bytes=0)]


def test_all_that_does_not_fit_is_told_at_once(run: TableRun) -> None:
    execute(
        run.url,
        "CREATE TABLE strict (n uuid, amount smallint NOT NULL, made integer GENERATED ALWAYS AS (1) STORED,"
        " must integer NOT NULL, has integer NOT NULL DEFAULT 1, auto bigint GENERATED ALWAYS AS IDENTITY)",
    )
    mappings = [
        N,
        constant("amount", 1, nullRate=0.5),
        constant("made", 1),
        constant("amuont", 1),
    ]
    run = run.but(config={"table": "strict"}, mappings=mappings)

    found = problems(run)

    assert [(code, path) for code, path, _ in found] == [
        ("DEST_SCHEMA", "/fieldMappings/0"),
        ("DEST_SCHEMA", "/fieldMappings/1"),
        ("DEST_SCHEMA", "/fieldMappings/2"),
        ("DEST_SCHEMA", "/fieldMappings/3"),
        ("DEST_SCHEMA", "/fieldMappings"),
    ]
    words = ["takes no LONG", "must not be null", "generated", 'no column "amuont"', '"must"']
    assert all(word in message for word, (_, _, message) in zip(words, found, strict=True))


@pytest.mark.parametrize(
    ("config", "code", "path", "hint"),
    [
        ({"table": "tt"}, "DEST_SCHEMA", "/destination/config/table", 'did you mean "t"?'),
        ({"schema": "pubic"}, "DEST_SCHEMA", "/destination/config/schema", 'did you mean "public"?'),
        ({"table": "v"}, "DEST_SCHEMA", "/destination/config/table", None),
        (
            {"writeMode": "UPSERT", "conflictKeys": ["n"]},
            "DEST_SCHEMA",
            "/destination/config/conflictKeys",
            "there is one of (word)",
        ),
    ],
    ids=["table", "schema", "view", "key"],
)
def test_a_wrong_place_is_told_with_what_is_there(
    run: TableRun, config: dict[str, Any], code: str, path: str, hint: str | None
) -> None:
    execute(run.url, "CREATE VIEW v AS SELECT * FROM t", "ALTER TABLE t ADD UNIQUE (word)")

    [issue] = destination_of(run.but(config=config)).preflight(estimated_bytes=0)

    assert (issue.code, issue.path, issue.hint) == (code, path, hint)


def test_each_missing_right_is_told(run: TableRun) -> None:
    execute(
        run.url,
        "DROP ROLE IF EXISTS poor",
        "CREATE ROLE poor LOGIN",
        "GRANT USAGE ON SCHEMA public TO poor",
        "ALTER TABLE t ADD UNIQUE (n)",
    )
    config = {"writeMode": "UPSERT", "conflictKeys": ["n"], "beforeRun": "REPLACE"}
    poor = run.but(url=run.url.replace("sdg@", "poor@"), config=config)

    found = [(code, message) for code, _, message in problems(poor) if code == "DEST_AUTH"]

    rights = ["INSERT", "SELECT", "TRUNCATE", "UPDATE"]
    assert found == [("DEST_AUTH", f"the user has no right to {right} on table public.t") for right in rights]
    maker = poor.but(config={"table": "x", "tablePolicy": "CREATE"})
    assert ("DEST_AUTH", "/destination", 'the user has no right to make a table in schema "public"') in problems(maker)


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"port": 1}, "DEST_UNAVAILABLE"),
        ({"database": "nowhere"}, "DEST_SCHEMA"),
        ({"user": "nobody"}, "DEST_AUTH"),
        ({"host": "name.invalid"}, "DEST_UNAVAILABLE"),
        ({"tls": "VERIFY_FULL"}, "DEST_AUTH"),
    ],
    ids=["refused", "database", "user", "dns", "tls"],
)
def test_a_server_that_cannot_be_reached_is_told_apart(run: TableRun, change: dict[str, Any], code: str) -> None:  # D1
    destination = destination_of(run)
    destination.delivery = replace(destination.delivery, connect=lambda: server_at(run.url, **change))

    [issue] = destination.preflight(estimated_bytes=0)

    assert issue.code == code


_TRIGGER = """
CREATE FUNCTION no() RETURNS trigger LANGUAGE plpgsql AS
$$ BEGIN IF NEW.n IN (17, 101) THEN RAISE 'not this one'; END IF; RETURN NEW; END $$;
CREATE TRIGGER no BEFORE INSERT ON t FOR EACH ROW EXECUTE FUNCTION no()
"""
_FOREIGN_KEY = """
CREATE TABLE parent (n bigint PRIMARY KEY);
INSERT INTO parent SELECT generate_series(0, 298);
ALTER TABLE t ADD FOREIGN KEY (n) REFERENCES parent DEFERRABLE INITIALLY DEFERRED
"""
BAD = {
    "check": ("ALTER TABLE t ADD CHECK (n NOT IN (17, 100, 101))", [17, 100, 101]),
    "trigger": (_TRIGGER, [17, 101]),
    "unique": ("ALTER TABLE t ADD UNIQUE (n); INSERT INTO t VALUES (50, 0, 'mine')", [50]),
    "foreign key": (_FOREIGN_KEY, [299]),
}


@pytest.mark.parametrize("kind", list(BAD))
def test_bad_rows_are_left_out_and_told_and_all_others_are_there(run: TableRun, kind: str) -> None:  # D12
    statement, bad = BAD[kind]
    execute(run.url, statement)
    told: list[Refused] = []

    carry(run.but(shards=2), refuse=told.extend)

    assert [one.record_number for one in told] == bad
    assert all(one.code == "RECORD_INVALID" and one.message for one in told)
    good = [row for row in expected_rows(run) if row[0] not in bad]
    assert [row for row in rows_of(run) if row[2] != "mine"] == good


def test_the_first_bad_row_stops_a_run_right_before_it(run: TableRun) -> None:
    execute(run.url, BAD["check"][0])

    with pytest.raises(RecordInvalid, match="record 16") as caught:
        carry(run.but(mappings=[{**N, "params": {"start": 1}}, constant("amount", 1), constant("word", "")]))

    assert caught.value.record_number == 16
    assert len(rows_of(run)) == 16


@pytest.mark.parametrize(
    ("column", "values", "bad"),
    [
        ("word varchar(3)", ["abc", "abcd", "ab   "], "abcd"),
        ("word mood", ["glad", "mad"], "mad"),
    ],
    ids=["too long", "enum"],
)
def test_texts_that_cannot_be_there_are_found_before_they_travel(
    run: TableRun, column: str, values: list[str], bad: str
) -> None:
    execute(run.url, "CREATE TYPE mood AS ENUM ('glad', 'sad')", f"CREATE TABLE w (n bigint, {column})")
    word = {"fieldName": "word", "type": "ENUM_RANDOM", "params": {"values": values}}
    run = run.but(config={"table": "w"}, mappings=[N, word])
    told: list[Refused] = []

    carry(run, refuse=told.extend)

    expected = expected_rows(run)
    assert [one.record_number for one in told] == [n for n, text in expected if text == bad]
    assert {one.field for one in told} == {"word"}
    assert len(rows_of(run)) == 300 - len(told)


def test_numbers_out_of_range_are_found_before_they_travel(run: TableRun) -> None:
    execute(run.url, "CREATE TABLE w (n bigint, amount smallint, price numeric(4, 2))")
    numbers = [
        N,
        {"fieldName": "amount", "type": "NUMERIC_RANGE", "params": {"min": 32_700, "max": 32_800}},
        {"fieldName": "price", "type": "NUMERIC_RANGE", "params": {"min": 90, "max": 110, "scale": 2}},
    ]
    run = run.but(config={"table": "w"}, mappings=numbers)
    told: list[Refused] = []

    carry(run, refuse=told.extend)

    good = [row for row in expected_rows(run) if row[1] < 2**15 and row[2] < 100]
    assert rows_of(run) == good
    assert len(told) == 300 - len(good)


def test_a_text_with_nul_is_found_before_it_travels(run: TableRun) -> None:
    batch = plan_of(run).batch(Span(0, 3))
    words = pl.Series("word", ["a", "b\0", None])
    destination = destination_of(run)
    destination.prepare()
    sink, told = destination.sink(0), list[Refused]()
    sink.refuse = told.extend
    sink.open(1)

    sink.write(replace(batch, records=batch.records.with_columns(words)))
    sink.commit(3)
    sink.close()

    assert [(one.record_number, one.field) for one in told] == [(1, "word")]
    assert [row[2] for row in rows_of(run)] == ["a", None]

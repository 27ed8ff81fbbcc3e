"""POSTGRES: what comes to be in a table, by each way of writing and each policy."""

from __future__ import annotations

import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest

from engine.issues import Severity
from sinks.enums import DeliveryGuarantee
from sinks.errors import TerminalSinkError
from tests.support.table_runs import TableRun, carry, destination_of, execute, expected_rows, rows_of

UPSERT = {"writeMode": "UPSERT", "conflictKeys": ["n"], "tablePolicy": "CREATE", "table": "keyed"}


def test_a_table_without_a_key_gets_each_record_once(run: TableRun) -> None:
    run = run.but(shards=3)

    written = carry(run)

    assert rows_of(run) == expected_rows(run)
    assert [(one.path, one.records) for one in written] == [("public.t", 300)]
    assert written[0].bytes > 0


def test_doing_it_all_again_changes_nothing(run: TableRun) -> None:
    first = carry(run)

    again = carry(run.but(epoch=2))

    assert again == first
    assert rows_of(run) == expected_rows(run)


@pytest.mark.parametrize("mode", [{}, {"writeMode": "INSERT"}, UPSERT], ids=["COPY", "INSERT", "UPSERT"])
def test_every_way_of_writing_writes_the_same(run: TableRun, mode: dict[str, Any]) -> None:
    run = run.but(config=mode)

    carry(run)

    assert rows_of(run) == expected_rows(run)


def test_upsert_leaves_the_last_record_of_each_key(run: TableRun) -> None:
    key = {"fieldName": "n", "type": "NUMERIC_RANGE", "params": {"min": 0, "max": 9}}
    value = {"fieldName": "v", "type": "SEQUENCE", "params": {"start": 0}}
    run = run.but(config=UPSERT, mappings=[key, value])

    carry(run)

    last = dict(sorted(expected_rows(run), key=lambda row: row[1]))
    assert rows_of(run) == sorted(last.items())


def test_insert_can_pass_over_what_is_there(run: TableRun) -> None:
    execute(run.url, "ALTER TABLE t ADD UNIQUE (n)", "INSERT INTO t VALUES (5, -1, 'mine')")
    run = run.but(config={"writeMode": "INSERT", "onConflict": "IGNORE"})

    carry(run)

    assert rows_of(run) == sorted([*(row for row in expected_rows(run) if row[0] != 5), (5, -1, "mine")])


def test_a_definition_makes_a_table_of_its_types(run: TableRun) -> None:
    when = {"mode": "RANGE", "from": "2026-01-01T00:00:00Z", "to": "2026-02-01T00:00:00Z"}
    mappings = [
        {"fieldName": "id", "type": "UUID_GENERATED"},
        {"fieldName": "price", "type": "NUMERIC_RANGE", "params": {"min": 1, "max": 9, "scale": 2}},
        {"fieldName": "at", "type": "TIMESTAMP_GENERATED", "params": when},
        {"fieldName": "ok", "type": "CONSTANT", "params": {"value": True}},
        {"fieldName": "place.city", "type": "CONSTANT", "params": {"value": "Bonn"}},
    ]
    run = run.but(config={"tablePolicy": "CREATE", "table": "made"}, mappings=mappings, records=3)

    carry(run)

    types = "SELECT attname, format_type(atttypid, atttypmod), attnotnull FROM pg_attribute"
    found = execute(run.url, f"{types} WHERE attrelid = 'made'::regclass AND attnum > 0 ORDER BY attnum")
    assert found == [
        ("id", "uuid", True),
        ("price", "numeric(18,2)", True),
        ("at", "timestamp with time zone", True),
        ("ok", "boolean", True),
        ("place.city", "text", True),
    ]
    row = rows_of(run)[0]
    assert [type(value) for value in row] == [UUID, Decimal, datetime.datetime, bool, str]


def test_columns_of_many_types_take_texts_that_they_can_read(run: TableRun) -> None:
    execute(
        run.url,
        "CREATE TYPE mood AS ENUM ('glad', 'sad')",
        "CREATE DOMAIN small AS smallint CHECK (VALUE < 100)",
        "CREATE TABLE many (u uuid, j jsonb, i interval, a integer[], e mood, b bytea, ip inet, d small,"
        ' "x""y" char(3), nr integer GENERATED ALWAYS AS IDENTITY, twice integer GENERATED ALWAYS AS (nr * 2) STORED)',
    )
    texts = {
        "u": "6ba7b810-9dad-11d1-80b4-00c04fd430c8",
        "j": '{"a": [1, null]}',
        "i": "1 day 02:03:04",
        "a": "{1,NULL,3}",
        "e": "glad",
        "b": "\\x00ff",
        "ip": "10.0.0.1",
        "d": "42",
        'x"y': "äöü",
    }
    mappings = [
        {"fieldName": f"f{place}", "type": "CONSTANT", "params": {"value": text}}
        for place, text in enumerate(texts.values())
    ]
    columns = {f"f{place}": name for place, name in enumerate(texts)}
    run = run.but(config={"table": "many", "columns": columns}, mappings=mappings, records=2)

    issues = destination_of(run).preflight(estimated_bytes=0)
    carry(run)

    assert issues == []
    row = execute(
        run.url, 'SELECT u::text, j, i::text, a, e::text, b, ip::text, d, "x""y", twice FROM many ORDER BY nr'
    )
    assert row[0] == (
        texts["u"],
        {"a": [1, None]},
        "1 day 02:03:04",
        [1, None, 3],
        "glad",
        b"\x00\xff",
        "10.0.0.1/32",
        42,
        "äöü",
        2,
    )


def test_an_identity_goes_on_behind_the_numbers_that_were_loaded(run: TableRun) -> None:
    execute(run.url, "CREATE TABLE ids (n bigint GENERATED BY DEFAULT AS IDENTITY, amount bigint, word text)")
    run = run.but(config={"table": "ids"})

    carry(run)

    assert execute(run.url, "INSERT INTO ids (amount) VALUES (1) RETURNING n") == [(300,)]
    assert execute(run.url, "SELECT reltuples FROM pg_class WHERE relname = 'ids'") == [(300.0,)]


def test_an_identity_never_goes_back(run: TableRun) -> None:
    execute(run.url, "CREATE TABLE ids (n bigint GENERATED BY DEFAULT AS IDENTITY, amount bigint, word text)")
    execute(run.url, "SELECT setval('ids_n_seq', 5000)")

    carry(run.but(config={"table": "ids"}))

    assert execute(run.url, "INSERT INTO ids (amount) VALUES (1) RETURNING n") == [(5001,)]


def test_a_second_run_is_refused_until_it_says_what_becomes_of_the_first(run: TableRun) -> None:
    carry(run)
    second = run.but(run_id="22222222-bbbb")

    issues = destination_of(second).preflight(estimated_bytes=0)

    assert [(issue.code, issue.path) for issue in issues] == [("RERUN_WOULD_COLLIDE", "/destination/config/beforeRun")]
    with pytest.raises(TerminalSinkError, match="APPEND"):
        carry(second)
    carry(second.but(config={"beforeRun": "APPEND"}))
    assert len(rows_of(run)) == 600
    carry(run.but(run_id="33333333-cccc", config={"beforeRun": "REPLACE"}))
    assert rows_of(run) == expected_rows(run)


def test_dropping_the_table_is_said_to_be_wanted(run: TableRun) -> None:
    carry(run)
    second = run.but(run_id="22222222-bbbb", config={"tablePolicy": "DROP_AND_CREATE"})

    assert destination_of(second).preflight(estimated_bytes=0) == []
    carry(second)

    assert rows_of(run) == expected_rows(run)


def test_a_stopped_run_leaves_what_its_shards_had(run: TableRun) -> None:
    run = run.but(shards=2, ends=(64, 200))

    [written] = carry(run)

    kept = [row for row in expected_rows(run) if row[0] < 64 or 128 <= row[0] < 200]
    assert rows_of(run) == kept
    assert written.records == len(kept)


def test_without_the_right_to_keep_positions_the_guarantee_is_less_and_said(run: TableRun) -> None:
    execute(
        run.url,
        "DROP ROLE IF EXISTS narrow",
        "CREATE ROLE narrow LOGIN",
        "REVOKE CREATE ON SCHEMA public FROM PUBLIC",
        "GRANT USAGE ON SCHEMA public TO narrow",
        "GRANT SELECT, INSERT, UPDATE ON t TO narrow",
        "ALTER TABLE t ADD UNIQUE (n)",
    )
    narrow = run.but(url=run.url.replace("sdg@", "narrow@"))
    keyed = narrow.but(config={**UPSERT, "table": "t", "tablePolicy": "MUST_EXIST"})

    plain, exact = destination_of(narrow), destination_of(keyed)
    issues = plain.preflight(estimated_bytes=0)

    assert [(issue.code, issue.severity) for issue in issues] == [("NON_IDEMPOTENT_SINK", Severity.WARNING)]
    assert plain.achieved_guarantee is DeliveryGuarantee.AT_LEAST_ONCE
    assert exact.preflight(estimated_bytes=0) == []
    assert exact.achieved_guarantee is DeliveryGuarantee.EXACTLY_ONCE
    carry(keyed, account=lambda _: 0)
    carry(keyed, account=lambda _: 64)
    assert rows_of(run) == expected_rows(run)


@pytest.mark.parametrize("name", ['x"; drop table t; --', "a.b.c", "Ünï“code”", "n" * 63])  # S11
def test_a_name_is_one_name_whatever_is_in_it(run: TableRun, name: str) -> None:
    quoted = '"' + name.replace('"', '""') + '"'
    execute(run.url, f"CREATE SCHEMA {quoted}", f"CREATE TABLE {quoted}.{quoted} ({quoted} bigint)")
    mapping = {"fieldName": "n", "type": "SEQUENCE", "params": {"start": 0}}
    run = run.but(config={"schema": name, "table": name, "columns": {"n": name}}, mappings=[mapping], records=3)

    carry(run)

    assert rows_of(run) == [(0,), (1,), (2,)]
    assert rows_of(run.but(config={})) == []
    execute(run.url, f"DROP SCHEMA {quoted} CASCADE")

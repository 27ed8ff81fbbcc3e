"""Pools that are read from a real PostgreSQL: types, limits, and what a query may not do."""

from __future__ import annotations

import datetime
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import polars as pl
import psycopg
import pytest

from pools.definition import read_pool
from pools.loading import Loaded, load
from sdg_project.errors import Invalid, Unavailable
from sdg_project.hosts import HostPolicy
from sinks.connections.directory import beside
from sinks.connections.postgres import PostgresConfig, PostgresConnection
from tests.support.postgres import some_server

SETUP = """
CREATE TYPE mood AS ENUM ('sad', 'happy');
CREATE DOMAIN price AS numeric(10, 2);
CREATE TABLE product (
    sku text PRIMARY KEY, size smallint, stock integer, sold bigint, weight real, ratio double precision,
    cost price, tax numeric, is_new boolean, since date, changed timestamptz, checked timestamp,
    id uuid, extra jsonb, feeling mood, tags text[], opens time
);
INSERT INTO product VALUES
    ('007', 1, 2, 9007199254740993, 0.5, 0.1, 12.50, 1.125, true, '2026-01-31', '2026-01-31 12:00:00.123456+02',
     '2026-01-31 12:00:00', '6b1f1a1e-0000-4000-8000-000000000000', '{"a": 1}', 'happy', '{a,b}', '08:30'),
    ('é"x', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL),
    ('', -1, -2, -3, -1e10, 1e300, -0.01, 100, false, '0001-01-01', '1969-12-31 23:59:59.9999Z', '9999-12-31',
     NULL, 'null', 'sad', '{}', '00:00');
CREATE SCHEMA "Odd; schema";
CREATE TABLE "Odd; schema"."a.b""c" ("x""; drop table product; --" integer);
INSERT INTO "Odd; schema"."a.b""c" VALUES (5);
CREATE VIEW roles AS SELECT rolname FROM pg_roles;
CREATE SEQUENCE numbers;
CREATE TABLE bad (huge numeric, nan float8, late timestamp, long date, octets bytea);
INSERT INTO bad VALUES (1e50, 'NaN', 'infinity', '20000-01-01', '\\x00');
"""


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with some_server() as server, server.database() as made:
        with psycopg.connect(made, autocommit=True) as setup:
            setup.execute(SETUP.encode())
        yield made


@pytest.fixture(autouse=True)
def connection(url: str) -> Iterator[None]:
    place = urlsplit(url)
    config = {"host": place.hostname, "port": place.port or 5432, "database": place.path[1:], "user": place.username}
    secrets = {"password": place.password} if place.password else {}
    policy = HostPolicy(is_production=False)
    found = PostgresConnection(PostgresConfig.model_validate(config), secrets, policy=policy)
    with beside({"refdata": found}):
        yield


def read(source: dict[str, Any] | str, **properties: Any) -> Loaded:
    told = {"query": source} if isinstance(source, str) else source
    document = {"name": "p", "source": {"type": "POSTGRES", "connection": "refdata", **told}, **properties}
    return load(read_pool(document), base=Path())


def refused(source: dict[str, Any] | str, **properties: Any) -> list[tuple[str, str, str]]:
    with pytest.raises(Invalid) as caught:
        read(source, **properties)
    return [(issue.code, issue.path, issue.message) for issue in caught.value.issues]


def test_a_table_is_read_with_its_types() -> None:
    records = read({"table": "product"}).records

    assert dict(records.schema) == {
        "sku": pl.String,
        **dict.fromkeys(("size", "stock", "sold"), pl.Int64),
        **dict.fromkeys(("weight", "ratio"), pl.Float64),
        "cost": pl.Decimal(18, 2),
        "tax": pl.Decimal(18, 3),
        "is_new": pl.Boolean,
        "since": pl.Date,
        **dict.fromkeys(("changed", "checked"), pl.Datetime("ms", "UTC")),
        **dict.fromkeys(("id", "extra", "feeling", "tags", "opens"), pl.String),
    }
    utc = datetime.UTC
    assert records.row(0) == (
        *("007", 1, 2, 9007199254740993, 0.5, 0.1, Decimal("12.50"), Decimal("1.125"), True),
        datetime.date(2026, 1, 31),
        datetime.datetime(2026, 1, 31, 10, 0, 0, 123_000, tzinfo=utc),
        datetime.datetime(2026, 1, 31, 12, tzinfo=utc),
        *("6b1f1a1e-0000-4000-8000-000000000000", '{"a": 1}', "happy", "{a,b}", "08:30:00"),
    )
    assert records.row(1) == ('é"x', *[None] * 16)
    assert records.row(2)[:10] == (
        *("", -1, -2, -3, -1e10, 1e300, Decimal("-0.01"), Decimal("100.000"), False),
        datetime.date(1, 1, 1),
    )
    assert records["changed"][2] == datetime.datetime(1969, 12, 31, 23, 59, 59, 999_000, tzinfo=utc)


def test_what_is_cut_to_milliseconds_is_told() -> None:
    notes = {column["name"]: column.get("note") for column in read({"table": "product"}).columns}

    assert notes["changed"] == "cut to milliseconds"
    assert notes["checked"] is None


def test_columns_of_a_table_can_be_chosen_and_declared() -> None:
    declared = [{"name": "sku", "type": "STRING", "unique": True}, {"name": "stock", "type": "STRING"}]

    records = read({"table": "product", "columns": ["stock", "sku"]}, columns=declared).records

    assert records.schema == {"stock": pl.String, "sku": pl.String}


def test_a_query_keeps_its_order_and_may_end_as_people_write_it() -> None:
    query = "-- the newest\nselect sku, 2 * stock as twice from product order by sku desc nulls last; -- done"

    assert read(query).records.rows() == [('é"x', None), ("007", 4), ("", -4)]


def test_more_rows_than_one_piece_come_whole_and_in_order() -> None:
    records = read("select n, repeat('x', 300) as text from generate_series(1, 25000) as n").records

    assert records["n"].to_list() == list(range(1, 25_001))
    assert (records["text"].str.len_chars() == 300).all()


def test_a_table_without_rows_keeps_its_columns() -> None:
    loaded = read("select * from product where false")

    assert (loaded.records.height, loaded.records.width) == (0, 17)
    assert loaded.records.schema["cost"] == pl.Decimal(18, 2)


# S11: what names and queries cannot do.


def test_s11_a_name_is_one_name_whatever_is_in_it() -> None:
    source = {"schema": "Odd; schema", "table": 'a.b"c', "columns": ['x"; drop table product; --']}

    assert read(source).records.rows() == [(5,)]


@pytest.mark.parametrize("table", ["product; drop table product", 'product"; drop table product; --', "public.product"])
def test_s11_a_table_that_is_no_name_is_none(table: str) -> None:
    [(code, path, message)] = refused({"table": table})

    assert (code, path) == ("INVALID_VALUE", "/source/table")
    assert "does not exist" in message
    assert read({"table": "product"}).records.height == 3


@pytest.mark.parametrize("schema", ["pg_catalog", "information_schema", "pg_toast"])
def test_s11_schemas_of_the_server_are_refused(schema: str) -> None:
    assert [(code, path) for code, path, _ in refused({"schema": schema, "table": "pg_authid"})] == [
        ("PROPERTY_NOT_ALLOWED", "/source/schema")
    ]


@pytest.mark.parametrize(
    "query",
    [
        "select * from pg_authid",
        "select * from pg_catalog.pg_class",
        "select table_name from information_schema.tables",
        "select sku from product where exists (select 1 from pg_authid where rolname = sku)",
        "with s as materialized (select rolname from pg_roles) select * from s",
        "select * from roles",
        "select * from pg_ls_dir('.')",
        "select * from pg_stat_activity",
    ],
)
def test_s11_a_query_reads_nothing_of_the_server(query: str) -> None:
    [(code, path, message)] = refused(query)

    assert (code, path) == ("PROPERTY_NOT_ALLOWED", "/source/query")
    assert '"pg_' in message


@pytest.mark.parametrize(
    "query",
    [
        "select 1; drop table product",
        "select 1; commit; drop table product",
        "drop table product",
        "delete from product returning sku",
        "with gone as (delete from product returning sku) select * from gone",
        "select 1) to program 'touch /tmp/x' --",
        "copy product to program 'touch /tmp/x'",
        "insert into product (sku) values ('x') returning sku",
        "select sku into other from product",
        "select * from product for update",
        "commit",
        "explain analyze delete from product",
        "select nextval('numbers')",
        "do $$ begin delete from product; end $$",
        "select from where",
    ],
)
def test_s11_a_query_is_one_select_that_changes_nothing(query: str, url: str) -> None:
    [(code, path, _)] = refused(query)

    assert (code, path) == ("INVALID_VALUE", "/source/query")
    with psycopg.connect(url) as look:
        assert look.execute("select count(*) from product").fetchone() == (3,)
        assert look.execute("select is_called from numbers").fetchone() == (False,)


def test_s11_a_query_ends_with_its_time_even_if_it_changes_the_limit() -> None:
    query = "select set_config('statement_timeout', '0', true), pg_sleep(0.05) from generate_series(1, 1000000)"

    for slow in ("select pg_sleep(60)", query):
        [(code, path, message)] = refused({"query": slow, "timeoutSeconds": 1})
        assert (code, path, message) == ("INVALID_VALUE", "/source/query", "the query takes longer than 1 s")


def test_a_mistake_in_a_query_is_told_with_its_place() -> None:
    [(_, _, message)] = refused("select sku, skew from product")

    assert message == 'the query: the server says: column "skew" does not exist (character 13)'


def test_limits_are_kept_while_reading() -> None:
    endless = "select n, repeat('x', 1000) as text from generate_series(1, 100000000) as n"

    [(by_rows, _, _)] = refused(endless, limits={"maxRows": 5_000})
    [(by_bytes, _, _)] = refused(endless, limits={"maxBytes": 1_000_000})

    assert by_rows == by_bytes == "POOL_TOO_LARGE"


def test_values_that_no_pool_holds_are_told_all_at_once() -> None:
    issues = refused({"table": "bad"})

    assert [message.partition("column ")[2].partition(" ")[0].strip(":") for _, _, message in issues] == [
        *('"huge"', '"late"', '"long"', '"octets"')
    ]
    assert refused("select nan from bad")[0][0] == "NON_FINITE"


@pytest.mark.parametrize(
    ("source", "path"),
    [
        ({}, "/source/table"),
        ({"table": "a", "query": "select 1"}, "/source/table"),
        ({"query": "select 1", "schema": "public"}, "/source/schema"),
        ({"query": "select 1", "columns": ["a"]}, "/source/columns"),
        ({"table": "x" * 64}, "/source/table"),
        ({"query": " "}, "/source/query"),
        ({"table": "a", "timeoutSeconds": 0}, "/source/timeoutSeconds"),
        ({"table": "a", "connection": "none"}, "/source/connection"),
    ],
    ids=str,
)
@pytest.mark.django_db
def test_what_is_wrong_with_a_source_is_told_at_its_place(source: dict[str, Any], path: str) -> None:
    assert [found for _, found, _ in refused(source)] == [path]


def test_a_server_that_is_away_is_no_fault_of_the_definition(url: str) -> None:
    config = PostgresConfig(host="127.0.0.1", port=1, database="d", user="u")
    away = PostgresConnection(config, {}, policy=HostPolicy(is_production=False))

    with beside({"refdata": away}), pytest.raises(Unavailable) as caught:
        read({"table": "product"})

    assert caught.value.code == "SOURCE_UNAVAILABLE"
    assert str(caught.value) == 'connection "refdata": nothing listens at that port of the host (REFUSED)'
    strict = PostgresConnection(config, {}, policy=HostPolicy(is_production=True))
    with beside({"refdata": strict}):
        assert refused({"table": "product"})[0][:2] == ("HOST_NOT_ALLOWED", "/source/connection")

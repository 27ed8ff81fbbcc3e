"""Reading a table or a query of PostgreSQL: in a read-only transaction, piece by piece, within limits."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import polars as pl
import psycopg
from psycopg import errors, sql

from engine.issues import Issue
from pools.enums import ColumnType
from pools.limits import PoolLimits
from pools.raw import RawColumn, RawTable, Written
from pools.text_values import parse
from sdg_project.errors import Invalid, Unavailable
from sdg_project.text import quoted, readable
from sinks.connections.postgres import is_system_schema

_CURSOR = "DECLARE sdg_rows NO SCROLL CURSOR FOR\n"
_FIRST_ROWS, _MOST_ROWS = 100, 10_000
_PIECE_BYTES = 4 * 2**20
_SETTINGS = {
    "TimeZone": "UTC",
    "DateStyle": "ISO, YMD",
    "IntervalStyle": "iso_8601",
    "bytea_output": "hex",
    "extra_float_digits": "3",
    "idle_in_transaction_session_timeout": "60000",
}
"""What decides how values are written as text, whatever the role or the database has set."""

# Types by their numbers in pg_type, which never change.
_WHOLE = frozenset({20, 21, 23, 26})
_FLOATS = frozenset({700, 701})
_NUMERIC, _BOOLEAN, _DATE, _BYTES = 1700, 16, 1082, 17
_INSTANTS = frozenset({1114, 1184})
_MAX_DIGITS = 38
_TEXT_FORMS = {"Infinity": "inf", "-Infinity": "-inf"}


@dataclass(frozen=True, slots=True)
class Query:
    """One SELECT; `at` is where it stands in the definition of the pool, `origin` how messages name what it gives."""

    text: str
    at: str
    origin: str
    is_own: bool
    """Made by us from names, so that it need not be looked through."""


def table_query(schema: str, table: str, columns: list[str] | None) -> Query:
    """All rows of a table; each name is one name, whatever is in it."""
    chosen = sql.SQL(", ").join(map(sql.Identifier, columns)) if columns else sql.SQL("*")
    text = sql.SQL("SELECT {} FROM {}").format(chosen, sql.Identifier(schema, table)).as_string(None)
    return Query(text, "/source/table", f"table {quoted(f'{schema}.{table}')[1:-1]}", is_own=True)


def read_query(connection: psycopg.Connection[Any], query: Query, *, timeout_s: int, limits: PoolLimits) -> RawTable:
    """The rows of a query; raises Invalid with what is wrong with it, Unavailable when the server goes away.

    The transaction is read-only and ends with the connection. The query goes by the extended protocol, which takes one
    statement only, and behind DECLARE CURSOR, which takes nothing but a SELECT.
    """
    deadline = time.monotonic() + timeout_s
    connection.read_only = True
    try:
        with connection.cursor() as cursor:
            for name, value in _SETTINGS.items():
                cursor.execute("SELECT set_config(%s, %s, true)", [name, value])
            _limit(cursor, deadline)
            cursor.execute((_CURSOR + query.text).encode(), prepare=True)
            if not query.is_own:
                _refuse_system_tables(cursor, query)
            return _read(cursor, query, deadline, limits)
    except UnicodeError as error:
        message = f"{query.origin} has text that is not UTF-8"
        raise Invalid([Issue("INVALID_VALUE", query.at, message, "see the encoding of the database")]) from error
    except errors.QueryCanceled as error:
        message = f"{query.origin} takes longer than {timeout_s} s"
        raise Invalid([Issue("INVALID_VALUE", query.at, message, "make it faster, or raise timeoutSeconds")]) from error
    except psycopg.Error as error:
        if _is_out_of_memory(error):
            message = f"what {query.origin} gives does not fit into the memory of the process that reads it"
            raise Invalid(
                [Issue("POOL_TOO_LARGE", query.at, message, "leave out the columns of long texts")]
            ) from error
        if error.sqlstate is None or error.sqlstate[:2] in {"08", "57", "53"}:  # gone, shutting down, out of room
            raise Unavailable("SOURCE_UNAVAILABLE", f"{query.origin}: the server has ended the connection") from error
        raise Invalid([_refusal(error, query)]) from error


def _is_out_of_memory(error: psycopg.Error) -> bool:
    """Whether this process has no room for what the server sends: libpq says so in words only."""
    return error.sqlstate is None and "out of memory" in str(error)


def _limit(cursor: psycopg.Cursor[Any], deadline: float) -> None:
    """Give the next statement what is left of the time: a query could have changed the limit itself."""
    left_ms = max(1, int((deadline - time.monotonic()) * 1000))
    cursor.execute("SELECT set_config('statement_timeout', %s, true)", [str(left_ms)])


def _refuse_system_tables(cursor: psycopg.Cursor[Any], query: Query) -> None:
    """Raise Invalid when a query reads what belongs to the server, also through a view."""
    cursor.execute(("EXPLAIN (VERBOSE, FORMAT JSON)\n" + query.text).encode(), prepare=True)
    row = cursor.fetchone()
    plan = json.loads(row[0]) if row and isinstance(row[0], str) else (row or [None])[0]
    found = sorted({name for name in _read_from(plan) if is_system_schema(name.partition(".")[0])})
    if found:
        message = f"the query reads {', '.join(map(quoted, found))}, which belongs to the server"
        hint = "schemas pg_* and information_schema, and functions pg_*, are not read"
        raise Invalid([Issue("PROPERTY_NOT_ALLOWED", query.at, message, hint)])


def _read_from(plan: Any) -> Iterator[str]:
    """What a plan reads from: relations with their schemas, and functions."""
    if isinstance(plan, list):
        for part in plan:
            yield from _read_from(part)
    elif isinstance(plan, dict):
        if "Relation Name" in plan:
            yield f"{plan.get('Schema', '')}.{plan['Relation Name']}"
        elif "Function Name" in plan:
            yield str(plan["Function Name"])
        for part in plan.values():
            yield from _read_from(part)


def _read(cursor: psycopg.Cursor[Any], query: Query, deadline: float, limits: PoolLimits) -> RawTable:
    """All pieces, each about as large as the one before would have been had it been of the right size."""
    pieces: list[list[pl.Series]] = []
    rows = size = 0
    wanted = _FIRST_ROWS
    so_far = f"what was read of {query.origin} so far"
    while True:
        _limit(cursor, deadline)
        cursor.execute(f"FETCH FORWARD {wanted} FROM sdg_rows".encode())
        result = cursor.pgresult
        assert result is not None  # noqa: S101  # FETCH has one
        places = range(result.nfields)
        columns = [[result.get_value(row, place) for row in range(result.ntuples)] for place in places]
        pieces.append([_texts(values) for values in columns])
        rows += result.ntuples
        size += sum(len(value) for values in columns for value in values if value is not None)
        limits.check_rows(rows, so_far)
        limits.check_bytes(size, so_far)
        if result.ntuples < wanted:
            break
        wanted = max(1, min(_MOST_ROWS, int(_PIECE_BYTES * rows / (size + 1))))
    names = [(result.fname(place) or b"").decode() for place in places]
    types = [(result.ftype(place), result.fmod(place)) for place in places]
    issues: list[Issue] = []
    raw = []
    for place in places:
        texts = pl.concat([piece[place] for piece in pieces])
        values = _typed(texts, *types[place], name=names[place], query=query, issues=issues)
        raw.append(RawColumn(names[place], values, Written.TYPED))
    if issues:
        raise Invalid(issues)
    return RawTable(query.origin, raw, rows)


def _texts(values: list[bytes | None]) -> pl.Series:
    return pl.Series([None if value is None else value.decode() for value in values], dtype=pl.String)


def _typed(texts: pl.Series, type_: int, modifier: int, *, name: str, query: Query, issues: list[Issue]) -> pl.Series:
    """A column in its type; text is what has none here: uuid, json, enums, arrays."""
    if type_ == _BYTES:
        message = f"{query.origin}: column {quoted(name)} has the type bytea, which a pool cannot hold"
        issues.append(Issue("TYPE_MISMATCH", query.at, message, "leave it out, or read encode(…, 'base64')"))
        return texts
    if type_ in _WHOLE:
        values, kind = texts.cast(pl.Int64, strict=False), "64 bits"
    elif type_ in _FLOATS:
        values, kind = texts.replace(_TEXT_FORMS).cast(pl.Float64, strict=False), "a DOUBLE"
    elif type_ == _NUMERIC:
        values, kind = texts.cast(pl.Decimal(_MAX_DIGITS, _scale(texts, modifier)), strict=False), "38 digits"
    elif type_ == _BOOLEAN:
        values, kind = texts == "t", "a Boolean"
    elif type_ == _DATE:
        values, kind = parse(texts, ColumnType.DATE), "the years 1 to 9999"
    elif type_ in _INSTANTS:
        values, kind = _instants(texts), "the years 1 to 9999"
    else:
        return texts
    wrong = (texts.is_not_null() & values.is_null()).arg_true()
    if len(wrong):
        row = int(wrong[0])
        message = (
            f"{query.origin}: column {quoted(name)}: row {row + 1} has {quoted(texts[row])}, which is not of {kind}"
        )
        issues.append(Issue("TYPE_MISMATCH", query.at, message, "leave it out, or cast it in a query"))
    return values


def _scale(texts: pl.Series, modifier: int) -> int:
    """Digits behind the point: those of the type, else the most that a value has."""
    if modifier >= 4:
        scale = (modifier - 4) & 0x7FF
        return scale if scale <= _MAX_DIGITS else 0  # a negative one, in eleven bits
    longest = texts.str.extract(r"\.([0-9]+)$").str.len_bytes().max()
    return min(int(longest), _MAX_DIGITS) if isinstance(longest, int) else 0


def _instants(texts: pl.Series) -> pl.Series:
    """Instants with their microseconds."""
    micros = texts.str.extract(r"\.\d{3}(\d{1,3})").str.pad_end(3, "0").cast(pl.Int64).fill_null(0)
    return parse(texts, ColumnType.TIMESTAMP).dt.cast_time_unit("us") + micros.cast(pl.Duration("us"))


def _refusal(error: psycopg.Error, query: Query) -> Issue:
    """What the server has against a query, with its place in it."""
    said = readable(error.diag.message_primary or type(error).__name__)
    position = error.diag.statement_position
    place = ""
    if position is not None and not query.is_own and int(position) > len(_CURSOR):
        place = f" (character {int(position) - len(_CURSOR)})"
    hint = None
    if isinstance(error, errors.ReadOnlySqlTransaction):
        hint = "a pool is read, so its query may change nothing"
    elif isinstance(error, errors.InsufficientPrivilege):
        hint = "the user of the connection needs the right to SELECT"
    elif isinstance(error, errors.SyntaxError) and not query.is_own:
        hint = "a query is one SELECT"
    return Issue("INVALID_VALUE", query.at, f"{query.origin}: the server says: {said}{place}", hint)

"""What the server's catalogue says of a table: its columns, its unique keys, and what may be done with it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import psycopg

_COLUMNS = """
SELECT a.attname, format_type(a.atttypid, a.atttypmod), a.atttypid, a.atttypmod, a.attnotnull,
       a.atthasdef OR a.attidentity <> '' OR coalesce(t.typdefault, '') <> '', a.attgenerated <> '', a.attidentity
FROM pg_attribute a JOIN pg_type t ON t.oid = a.atttypid
WHERE a.attrelid = %s AND a.attnum > 0 AND NOT a.attisdropped
ORDER BY a.attnum
"""
_TYPE = "SELECT typname, typtype, typbasetype, typtypmod, typnotnull, typelem, typcategory FROM pg_type WHERE oid = %s"
_LABELS = "SELECT enumlabel FROM pg_enum WHERE enumtypid = %s ORDER BY enumsortorder"
_KEYS = """
SELECT array_agg(a.attname::text ORDER BY a.attname)
FROM pg_index i JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = ANY (i.indkey[0:i.indnkeyatts - 1])
WHERE i.indrelid = %s AND i.indisunique AND i.indisvalid AND i.indpred IS NULL AND i.indexprs IS NULL
GROUP BY i.indexrelid
"""
_VARCHAR_HEADER = 4
"""What pg_attribute adds to the length of a text, and to precision and scale of a number."""


@dataclass(frozen=True, slots=True)
class TableColumn:
    """A column of a table; `base` is the name of the type below its domains, of one element in an array."""

    name: str
    shown_type: str
    base: str
    is_array: bool
    not_null: bool
    has_default: bool
    is_generated: bool
    is_identity: bool
    labels: tuple[str, ...] | None
    """The values of an enum."""
    max_length: int | None
    """Of a varchar or char, in characters."""
    digits: tuple[int, int] | None
    """Precision and scale of a numeric that has them."""


@dataclass(frozen=True, slots=True)
class TableForm:
    """A table as it is."""

    oid: int
    kind: str
    columns: tuple[TableColumn, ...]
    unique_keys: tuple[frozenset[str], ...]
    privileges: frozenset[str]
    """Of INSERT, SELECT, UPDATE, TRUNCATE and OWNER those that the user has."""


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What is there around the table: the schema, whether anything may be made in it, and the table of positions."""

    has_schema: bool
    may_use: bool
    may_create: bool
    may_make_temporary: bool
    table: int | None
    checkpoints: int | None
    may_checkpoint: bool
    """Whether positions can be kept: the table is there and may be written, or may be made."""


def look_around(connection: psycopg.Connection[Any], schema: str, table: str, checkpoint: str) -> Surroundings:
    """What is there where a table is to be written."""
    found = connection.execute(
        "SELECT oid, has_schema_privilege(oid, 'USAGE'), has_schema_privilege(oid, 'CREATE')"
        " FROM pg_namespace WHERE nspname = %s",
        [schema],
    ).fetchone()
    temporary = _one(connection, "SELECT has_database_privilege(current_database(), 'TEMPORARY')", [])
    if found is None:
        return Surroundings(False, False, False, bool(temporary), None, None, False)
    oid, may_use, may_create = found
    named = "SELECT oid FROM pg_class WHERE relnamespace = %s AND relname = %s"
    checkpoints = _one(connection, named, [oid, checkpoint])
    may_checkpoint = may_create
    if checkpoints is not None:
        rights = ("SELECT", "INSERT", "UPDATE", "DELETE")
        may_checkpoint = all(
            _one(connection, "SELECT has_table_privilege(%s::oid, %s)", [checkpoints, right]) for right in rights
        )
    return Surroundings(
        True, may_use, may_create, bool(temporary), _one(connection, named, [oid, table]), checkpoints, may_checkpoint
    )


def read_form(connection: psycopg.Connection[Any], oid: int) -> TableForm:
    """The table of an oid."""
    kind = _one(connection, "SELECT relkind FROM pg_class WHERE oid = %s", [oid])
    rows = connection.execute(_COLUMNS, [oid]).fetchall()
    keys = connection.execute(_KEYS, [oid]).fetchall()
    rights = {
        right
        for right in ("INSERT", "SELECT", "UPDATE", "TRUNCATE")
        if _one(connection, "SELECT has_table_privilege(%s::oid, %s)", [oid, right])
        or (right != "TRUNCATE" and _one(connection, "SELECT has_any_column_privilege(%s::oid, %s)", [oid, right]))
    }
    if _one(connection, "SELECT pg_has_role(relowner, 'USAGE') FROM pg_class WHERE oid = %s", [oid]):
        rights.add("OWNER")
    columns = tuple(_column(connection, row) for row in rows)
    return TableForm(oid, str(kind), columns, tuple(frozenset(key[0]) for key in keys), frozenset(rights))


def _column(connection: psycopg.Connection[Any], row: tuple[Any, ...]) -> TableColumn:
    """A column from its row of the catalogue."""
    name, shown_type, oid, modifier, not_null, has_default, is_generated, identity = row
    base, typtype, below, below_modifier, domain_not_null, element, category = _type(connection, oid)
    while typtype == "d":  # a domain: what is below it decides, and any of them may forbid nulls
        not_null = not_null or domain_not_null
        oid, modifier = below, below_modifier
        base, typtype, below, below_modifier, domain_not_null, element, category = _type(connection, oid)
    is_array = category == "A" and element != 0
    if is_array:
        oid = element
        base, typtype, below, below_modifier, _, element, category = _type(connection, oid)
    labels = tuple(row[0] for row in connection.execute(_LABELS, [oid])) if typtype == "e" else None
    inner = modifier - _VARCHAR_HEADER
    return TableColumn(
        name=name,
        shown_type=shown_type,
        base="enum" if labels is not None else base,
        is_array=is_array,
        not_null=not_null,
        has_default=has_default,
        is_generated=is_generated,
        is_identity=identity != "",
        labels=labels,
        max_length=inner if modifier >= 0 and base in {"varchar", "bpchar"} else None,
        digits=(inner >> 16, _signed(inner & 0x7FF)) if modifier >= 0 and base == "numeric" else None,
    )


def _signed(scale: int) -> int:
    """A scale of eleven bits, which may be negative."""
    return (scale ^ 1024) - 1024


def _type(connection: psycopg.Connection[Any], oid: int) -> Any:
    return connection.execute(_TYPE, [oid]).fetchone()


def _one(connection: psycopg.Connection[Any], query: str, arguments: list[Any]) -> Any:
    found = connection.execute(query.encode(), arguments).fetchone()
    return None if found is None else found[0]

"""Whether records fit a table: which of their types a column takes, and which values it does not."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import polars as pl

from engine.issues import Issue, Severity, did_you_mean
from engine.schema import MAX_DECIMAL_DIGITS, Column, OutputType, RecordSchema
from sdg_project.text import quoted
from sinks.destinations.base import Refused
from sinks.tables.catalogue import TableColumn, TableForm
from sinks.tables.config import TableConfig

AT = "/destination/config"
_TEXTS = frozenset({"text", "varchar", "bpchar", "name", "citext", "unknown"})
_WHOLE = frozenset({"int2", "int4", "int8"})
_NUMBERS = frozenset({"numeric", "float4", "float8"})
_LIMITS = {"int2": (-(2**15), 2**15 - 1), "int4": (-(2**31), 2**31 - 1), "int8": (-(2**63), 2**63 - 1)}
_T = OutputType
FITS: Mapping[OutputType, frozenset[str] | None] = {
    _T.STRING: None,  # every type can be read from a text
    _T.INTEGER: _WHOLE | _NUMBERS | _TEXTS | {"oid", "money"},
    _T.LONG: _WHOLE | _NUMBERS | _TEXTS | {"money"},
    _T.DOUBLE: _NUMBERS | _TEXTS,
    _T.DECIMAL: _NUMBERS | _TEXTS | {"money"},
    _T.BOOLEAN: frozenset({"bool"}) | _TEXTS,
    _T.TIMESTAMP: frozenset({"timestamptz", "timestamp", "date", "time", "timetz"}) | _TEXTS,
    _T.DATE: frozenset({"date", "timestamp", "timestamptz"}) | _TEXTS,
    _T.TIME: frozenset({"time", "interval"}) | _TEXTS,
    _T.UUID: frozenset({"uuid"}) | _TEXTS,
    _T.JSON: frozenset({"json", "jsonb"}) | _TEXTS,
}
"""The types of columns that take values of each type."""
MADE_OF: Mapping[OutputType, str] = {
    _T.STRING: "text",
    _T.INTEGER: "integer",
    _T.LONG: "bigint",
    _T.DOUBLE: "double precision",
    _T.BOOLEAN: "boolean",
    _T.TIMESTAMP: "timestamp with time zone",
    _T.DATE: "date",
    _T.TIME: "time",
    _T.UUID: "uuid",
    _T.JSON: "jsonb",
}
"""The types of columns in tables that are made from a definition; a decimal has its own digits."""
_LISTED = 5


@dataclass(frozen=True, slots=True)
class Mapped:
    """A field and the column of the table that it is written to."""

    field: Column
    column: TableColumn


def column_names(schema: RecordSchema, config: TableConfig) -> dict[str, str]:
    """The column of each field, by the field's name."""
    return {column.name: config.columns.get(column.name, _default_name(column)) for column in schema.columns}


def mapping_issues(schema: RecordSchema, config: TableConfig) -> Iterator[Issue]:
    """What is wrong with the mapping of fields to columns, whatever the table is like."""
    known = [column.name for column in schema.columns]
    for name in config.columns:
        if name not in known:
            message = f'there is no field "{name}"'
            yield Issue("UNKNOWN_FIELD", f"{AT}/columns/{_escaped(name)}", message, did_you_mean(name, known))
    names = column_names(schema, config)
    seen: dict[str, str] = {}
    for column in schema.columns:
        name = names[column.name]
        if len(name.encode()) > 63:
            message = f'"{name}" has more than 63 bytes, so no column can have that name'
            yield Issue("INVALID_VALUE", column.pointer, message, "map it to a column, in columns", column.name)
        if name in seen:
            message = f'"{column.name}" and "{seen[name]}" would both be written to column "{name}"'
            yield Issue("DUPLICATE_FIELD", column.pointer, message, "map one of them to another column", column.name)
        seen.setdefault(name, column.name)
        if column.may_be_missing:
            message = "a row has all its columns, so missingRate cannot be above 0"
            yield Issue("PROPERTY_NOT_ALLOWED", f"{column.pointer}/missingRate", message, "use nullRate", column.name)
    for place, key in enumerate(config.conflict_keys):
        if key not in names.values():
            message = f'no field is written to column "{key}"'
            yield Issue("INVALID_VALUE", f"{AT}/conflictKeys/{place}", message, did_you_mean(key, names.values()))


def table_issues(schema: RecordSchema, config: TableConfig, form: TableForm) -> Iterator[Issue]:
    """Everything that stands between records and a table that is there."""
    columns = {column.name: column for column in form.columns}
    names = column_names(schema, config)
    for field in schema.columns:
        name = names[field.name]
        if name not in columns:
            message = f'table {config.shown} has no column "{name}"'
            hint = did_you_mean(name, columns) or "leave the field out with omit, or map it to a column, in columns"
            yield Issue("DEST_SCHEMA", field.pointer, message, hint, field.name)
            continue
        yield from _column_issues(field, columns[name], config)
    for column in form.columns:
        if column.name not in names.values() and column.not_null and not (column.has_default or column.is_generated):
            message = (
                f'column "{column.name}" of {config.shown} must not be null, has no default, and no field fills it'
            )
            yield Issue("DEST_SCHEMA", "/fieldMappings", message, f'add a field for "{column.name}"')
    if config.conflict_keys and frozenset(config.conflict_keys) not in form.unique_keys:
        keys = ", ".join(config.conflict_keys)
        message = f"table {config.shown} has no unique index of exactly {keys}"
        there = " or ".join(f"({', '.join(sorted(key))})" for key in form.unique_keys)
        yield Issue("DEST_SCHEMA", f"{AT}/conflictKeys", message, f"there is one of {there}" if there else None)


def _column_issues(field: Column, column: TableColumn, config: TableConfig) -> Iterator[Issue]:
    what = f'column "{column.name}" of {config.shown}'

    def issue(message: str, hint: str | None = None, severity: Severity = Severity.ERROR) -> Issue:
        return Issue("DEST_SCHEMA", field.pointer, message, hint, field.name, severity)

    if column.is_generated:
        yield issue(f"{what} is generated by the server and cannot be written", "leave the field out with omit")
        return
    accepted = FITS[field.type]
    if field.is_element and not column.is_array and column.base not in {"json", "jsonb"} | _TEXTS:
        yield issue(f'{what} is {column.shown_type}, and "{field.name}" is a list')
    elif column.is_array and not field.is_element and field.type is not OutputType.STRING:
        yield issue(f'{what} is {column.shown_type}, and "{field.name}" is one {field.type}')
    elif accepted is not None and column.base not in accepted and not (field.is_element and not column.is_array):
        types = ", ".join(sorted(accepted))
        yield issue(f"{what} is {column.shown_type}, which takes no {field.type}", f"{field.type} fits {types}")
    elif field.type is OutputType.TIMESTAMP and column.base in {"date", "time", "timetz"}:
        yield issue(f"{what} is {column.shown_type}: of each instant only that part is kept", None, Severity.WARNING)
    if column.not_null and field.nullable:
        yield issue(f'{what} must not be null, and "{field.name}" can be', "set its nullRate to 0")
    if column.digits is not None and field.type is OutputType.DECIMAL and field.scale > column.digits[1]:
        message = f"{what} is {column.shown_type}: digits behind the point are rounded away"
        yield Issue("ROUNDED", field.pointer, message, None, field.name, Severity.WARNING)


def unfit(mapped: Sequence[Mapped], records: pl.DataFrame) -> dict[int, tuple[str, str]]:
    """The rows that the table cannot take, found before they travel: row → field and reason. At most one a row."""
    found: dict[int, tuple[str, str]] = {}
    for one in mapped:
        for mask, reason in _obstacles(one, records[one.field.name]):
            for row in mask.arg_true().to_list() if mask.any() else ():
                found.setdefault(row, (one.field.name, reason))
    return found


def _obstacles(one: Mapped, values: pl.Series) -> Iterator[tuple[pl.Series, str]]:
    column, field = one.column, one.field
    if column.not_null and values.null_count():
        yield values.is_null(), f'column "{column.name}" must not be null'
    if field.is_element:
        return
    if isinstance(values.dtype, pl.Enum):
        words = values.dtype.categories
        for mask, reason in _text_obstacles(column, words):
            if mask.any():
                yield values.is_in(words.filter(mask).to_list()).fill_null(False), reason
    elif field.type in {OutputType.STRING, OutputType.JSON}:
        yield from ((mask.fill_null(False), reason) for mask, reason in _text_obstacles(column, values))
    elif column.base in _LIMITS and field.type in {OutputType.INTEGER, OutputType.LONG}:
        least, most = _LIMITS[column.base]
        if column.base != "int8":
            outside = (values < least) | (values > most)
            yield outside.fill_null(False), f"the value is out of range for {column.shown_type}"
    elif column.digits is not None and field.type in {OutputType.DECIMAL, OutputType.INTEGER, OutputType.LONG}:
        precision, scale = column.digits
        if precision - scale < 18:
            # What only rounding would bring to the limit is left to the server.
            size = values.cast(pl.Float64).abs()
            yield (size >= 10.0 ** (precision - scale)).fill_null(False), f"the value does not fit {column.shown_type}"


def _text_obstacles(column: TableColumn, texts: pl.Series) -> Iterator[tuple[pl.Series, str]]:
    with_nul = texts.str.contains("\0", literal=True)
    if with_nul.any():
        yield with_nul, "PostgreSQL has no texts with NUL"
    if column.is_array:
        return
    if column.max_length is not None:
        # Blanks at the end are cut off by the server without a word.
        long = texts.str.strip_chars_end(" ").str.len_chars() > column.max_length
        yield long, f'the text has more characters than {column.shown_type} of column "{column.name}"'
    if column.labels is not None:
        shown = ", ".join(map(quoted, column.labels[:_LISTED])) + (", …" if len(column.labels) > _LISTED else "")
        yield ~texts.is_in(list(column.labels)), f"{column.shown_type} has only {shown}"


def refused(found: Mapping[int, tuple[str, str]], numbers: Sequence[int]) -> list[Refused]:
    """Rows that do not fit, as records; `numbers` are those of all rows."""
    return [
        Refused(int(numbers[row]), field, "RECORD_INVALID", reason) for row, (field, reason) in sorted(found.items())
    ]


def made_type(field: Column) -> str:
    """The type of a column that is made for a field."""
    base = f"numeric({MAX_DECIMAL_DIGITS}, {field.scale})" if field.type is OutputType.DECIMAL else MADE_OF[field.type]
    return f"{base}[]" if field.is_element else base


def _default_name(column: Column) -> str:
    return ".".join(part.removesuffix("[]") for part in column.path)


def _escaped(name: str) -> str:
    return name.replace("~", "~0").replace("/", "~1")

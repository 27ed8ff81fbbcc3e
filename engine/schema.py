"""The form of a record: its columns, their types, and how nested objects lie in flat names."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import StrEnum

import polars as pl


class OutputType(StrEnum):
    """What a value is once it leaves the engine; polars' type of each is `Column.dtype`."""

    STRING = "STRING"
    INTEGER = "INTEGER"
    LONG = "LONG"
    DOUBLE = "DOUBLE"
    DECIMAL = "DECIMAL"
    BOOLEAN = "BOOLEAN"
    TIMESTAMP = "TIMESTAMP"
    DATE = "DATE"
    TIME = "TIME"
    UUID = "UUID"
    JSON = "JSON"


_ELEMENTS = "[]"
"""Ends the part of a name behind which the elements of an array lie."""
MAX_DECIMAL_DIGITS = 18
"""Decimals are scaled int64 in the engine, so that every value of 18 digits is exact."""


@dataclass(frozen=True, slots=True)
class Column:
    """One column of a record.

    Text of type JSON is a JSON document; UUID is the canonical text of 36 characters; TIMESTAMP is an instant in UTC
    with milliseconds. A STRING column may come as ``pl.Enum``, whose categories are then its only values.
    """

    name: str
    type: OutputType
    scale: int = 0
    nullable: bool = False
    may_be_missing: bool = False
    is_key: bool = False
    """Whether it identifies the record, alone or with others."""
    pointer: str = ""
    """Where the column is declared, as a JSON Pointer; for messages."""

    @property
    def path(self) -> tuple[str, ...]:
        """The names from the outermost object to the value: ``address.city`` is city in address."""
        return split_path(self.name)

    @property
    def is_element(self) -> bool:
        """Whether it has a list of values for each record, one for each element of an array."""
        return array_of(self.name) is not None

    @property
    def frame_dtype(self) -> pl.DataType:
        """The type of the column in a frame of records."""
        return pl.List(self.dtype) if self.is_element else self.dtype

    @property
    def dtype(self) -> pl.DataType:
        match self.type:
            case OutputType.INTEGER:
                return pl.Int32()
            case OutputType.LONG:
                return pl.Int64()
            case OutputType.DOUBLE:
                return pl.Float64()
            case OutputType.DECIMAL:
                return pl.Decimal(MAX_DECIMAL_DIGITS, self.scale)
            case OutputType.BOOLEAN:
                return pl.Boolean()
            case OutputType.TIMESTAMP:
                return pl.Datetime("ms", "UTC")
            case OutputType.DATE:
                return pl.Date()
            case OutputType.TIME:
                return pl.Time()
            case OutputType.STRING | OutputType.UUID | OutputType.JSON:
                return pl.String()


@dataclass(frozen=True, slots=True)
class RecordSchema:
    """The columns of a record in the order in which they are written, under the record's name.

    `untyped` are further ones, of a definition that is not right yet: all is known of them but their type.
    """

    name: str
    columns: tuple[Column, ...] = field(default=())
    untyped: tuple[Column, ...] = field(default=())

    def tree(self) -> ObjectNode:
        """The columns as nested objects: an object stands where its first member stands."""
        root = ObjectNode("", {})
        for column in self.columns:
            *parents, leaf = column.path
            node = root
            for name in parents:
                node = node.inner(name, column)
            if leaf.endswith(_ELEMENTS):
                name = leaf.removesuffix(_ELEMENTS)
                node.members[name] = ArrayNode(name, column)
            else:
                node.members[leaf] = column
        return root


@dataclass(frozen=True, slots=True)
class ObjectNode:
    """An object of the tree: its members by name, each a column or another object."""

    name: str
    members: dict[str, Column | ObjectNode | ArrayNode]

    def columns(self) -> Iterator[Column]:
        """All columns in and below the object."""
        for member in self.members.values():
            if isinstance(member, Column):
                yield member
            else:
                yield from member.columns()

    def inner(self, part: str, column: Column) -> ObjectNode:
        """The object below this one, or the elements of the array, that holds a column; made if it is not there."""
        name = part.removesuffix(_ELEMENTS)
        new = ObjectNode(name, {})
        member = self.members.setdefault(name, new if name == part else ArrayNode(name, new))
        found = member.element if isinstance(member, ArrayNode) and name != part else member
        if not isinstance(found, ObjectNode):
            raise ValueError(f"{column.name}: {name} is a value and an object")
        return found


@dataclass(frozen=True, slots=True)
class ArrayNode:
    """An array of the tree: its elements are objects, or values of a column."""

    name: str
    element: ObjectNode | Column

    def columns(self) -> Iterator[Column]:
        """All columns of the elements: lists of one length for each record."""
        if isinstance(self.element, Column):
            yield self.element
        else:
            yield from self.element.columns()


def array_of(name: str) -> str | None:
    """The path of the array of which a name is a part: ``items`` of ``items[].sku``; None when there is none."""
    parts = re.split(r"(?<!\\)\.", name)
    for place, part in enumerate(parts):
        if part.endswith(_ELEMENTS):
            return ".".join([*parts[:place], part.removesuffix(_ELEMENTS)])
    return None


def split_path(name: str) -> tuple[str, ...]:
    """The parts of a dotted name; ``\\.`` is a dot that belongs to a part."""
    return tuple(part.replace("\\.", ".") for part in re.split(r"(?<!\\)\.", name))

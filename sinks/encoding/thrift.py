"""Thrift's compact protocol as trees of fields, so that a reader keeps the fields it does not know.

https://github.com/apache/thrift/blob/master/doc/specs/thrift-compact-protocol.md; maps are left out, since Parquet's
metadata has none.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from enum import IntEnum
from typing import TypeAlias

from sinks.encoding.varint import read_varint, unzigzag, varint, zigzag


class Wire(IntEnum):
    """The types of values."""

    TRUE = 1
    FALSE = 2
    BYTE = 3
    I16 = 4
    I32 = 5
    I64 = 6
    DOUBLE = 7
    BINARY = 8
    LIST = 9
    SET = 10
    STRUCT = 12


@dataclass(slots=True)
class Items:
    """A list or set."""

    wire: Wire
    values: list[Value]


@dataclass(slots=True)
class Field:
    """A value and how it is written."""

    wire: Wire
    value: Value

    @property
    def number(self) -> int:
        """The value, if it is a whole number."""
        if not isinstance(self.value, int):
            raise TypeError(f"{self.wire.name} where a whole number is expected")
        return self.value

    @property
    def struct(self) -> Struct:
        """The value, if it is a struct."""
        if not isinstance(self.value, dict):
            raise TypeError(f"{self.wire.name} where a struct is expected")
        return self.value

    @property
    def structs(self) -> list[Struct]:
        """The values of a list of structs."""
        if not isinstance(self.value, Items):
            raise TypeError(f"{self.wire.name} where a list is expected")
        return [Field(self.value.wire, value).struct for value in self.value.values]


@dataclass(frozen=True, slots=True)
class Written:
    """A value in its encoded form already."""

    encoded: bytes


Struct: TypeAlias = dict[int, Field]
"""Fields by their ids, in ascending order."""
Value: TypeAlias = "bool | int | float | bytes | Items | Struct | Written"


def read_struct(encoded: bytes, offset: int = 0) -> tuple[Struct, int]:
    """The struct that starts at the offset, and the offset behind it."""
    fields: Struct = {}
    number = 0
    while head := encoded[offset]:
        offset += 1
        wire = Wire(head & 0x0F)
        if head >> 4:
            number += head >> 4
        else:
            raw, offset = read_varint(encoded, offset)
            number = unzigzag(raw)
        if wire in {Wire.TRUE, Wire.FALSE}:  # a field's truth value is its type
            fields[number] = Field(wire, wire is Wire.TRUE)
        else:
            value, offset = _read(encoded, offset, wire)
            fields[number] = Field(wire, value)
    return fields, offset + 1


def write_struct(fields: Struct) -> bytes:
    """The encoded form of a struct."""
    parts: list[bytes] = []
    previous = 0
    for number, field in sorted(fields.items()):
        step = number - previous
        parts.append(bytes([step << 4 | field.wire]) if 0 < step <= 15 else bytes([field.wire]) + zigzag(number))
        if field.wire not in {Wire.TRUE, Wire.FALSE}:
            parts.append(_write(field.value, field.wire))
        previous = number
    return b"".join([*parts, b"\0"])


def _read(encoded: bytes, offset: int, wire: Wire) -> tuple[Value, int]:
    match wire:
        case Wire.TRUE | Wire.FALSE:  # in a list
            return encoded[offset] == Wire.TRUE, offset + 1
        case Wire.BYTE:
            return int.from_bytes(encoded[offset : offset + 1], signed=True), offset + 1
        case Wire.I16 | Wire.I32 | Wire.I64:
            raw, offset = read_varint(encoded, offset)
            return unzigzag(raw), offset
        case Wire.DOUBLE:
            return float(struct.unpack_from("<d", encoded, offset)[0]), offset + 8
        case Wire.BINARY:
            length, offset = read_varint(encoded, offset)
            return encoded[offset : offset + length], offset + length
        case Wire.LIST | Wire.SET:
            item_wire, count = Wire(encoded[offset] & 0x0F), encoded[offset] >> 4
            offset += 1
            if count == 15:
                count, offset = read_varint(encoded, offset)
            values: list[Value] = []
            for _ in range(count):
                value, offset = _read(encoded, offset, item_wire)
                values.append(value)
            return Items(item_wire, values), offset
        case Wire.STRUCT:
            return read_struct(encoded, offset)


def _write(value: Value, wire: Wire) -> bytes:
    match value:
        case Written():
            return value.encoded
        case bool():
            return bytes([Wire.TRUE if value else Wire.FALSE])
        case int():
            return value.to_bytes(1, signed=True) if wire is Wire.BYTE else zigzag(value)
        case float():
            return struct.pack("<d", value)
        case bytes():
            return varint(len(value)) + value
        case Items():
            count = len(value.values)
            head = bytes([count << 4 | value.wire]) if count < 15 else bytes([0xF0 | value.wire]) + varint(count)
            return head + b"".join(_write(item, value.wire) for item in value.values)
        case dict():
            return write_struct(value)

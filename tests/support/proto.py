"""Message classes of Google's library from the text of a .proto file, as far as SDG writes such files."""

from __future__ import annotations

import re
from typing import Any

from google.protobuf import descriptor_pool, message_factory, timestamp_pb2
from google.protobuf.descriptor_pb2 import DescriptorProto, FieldDescriptorProto, FileDescriptorProto

_F = FieldDescriptorProto
_SCALARS = {
    "string": _F.TYPE_STRING,
    "int32": _F.TYPE_INT32,
    "int64": _F.TYPE_INT64,
    "double": _F.TYPE_DOUBLE,
    "bool": _F.TYPE_BOOL,
}
_FIELD = re.compile(r'(optional |repeated |)([\w.]+) (\w+) = (\d+)(?: \[json_name = "(.*)"\])?;')


def message_class(text: str) -> Any:
    """The class of the only message at the top of a file."""
    file = FileDescriptorProto(name="records.proto", syntax="proto3")
    around: list[DescriptorProto] = []
    for line in map(str.strip, text.splitlines()):
        if line.startswith("import"):
            file.dependency.append(line.split('"')[1])
        elif line.startswith("message"):
            messages = around[-1].nested_type if around else file.message_type
            around.append(messages.add(name=line.split()[1]))
        elif line == "}":
            around.pop()
        elif line and not line.startswith("syntax"):
            _add_field(around, line)
    pool = descriptor_pool.DescriptorPool()
    pool.AddSerializedFile(timestamp_pb2.DESCRIPTOR.serialized_pb)
    pool.Add(file)
    return message_factory.GetMessageClass(pool.FindMessageTypeByName(file.message_type[0].name))


def _add_field(around: list[DescriptorProto], line: str) -> None:
    match = _FIELD.fullmatch(line)
    assert match is not None, line
    label, kind, name, number, json_name = match.groups()
    message = around[-1]
    field = message.field.add(name=name, number=int(number), label=_F.LABEL_OPTIONAL)
    if json_name is not None:
        field.json_name = json_name
    if label == "repeated ":
        field.label = _F.LABEL_REPEATED
    if kind in _SCALARS:
        field.type = _SCALARS[kind]
    else:
        field.type = _F.TYPE_MESSAGE
        field.type_name = f".{kind}" if "." in kind else "." + ".".join([*(one.name for one in around), kind])
    if label == "optional ":
        field.proto3_optional = True
        field.oneof_index = len(message.oneof_decl)
        message.oneof_decl.add(name=f"_{name}")

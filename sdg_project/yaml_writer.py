"""Writes values as YAML that `yaml_reader` reads back exactly, and that people like to read and compare."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

from engine.issues import Issue, pointer
from sdg_project.scalars import ScalarError, plain_scalar
from sdg_project.text import UNSTORABLE

_PLAIN = re.compile(r"[A-Za-z_](?:[A-Za-z0-9_./$+ -]*[A-Za-z0-9_./$+-])?")
_ESCAPED = re.compile("[\x7f-\x9f\u2028\u2029\ufeff\ufffe\uffff\ud800-\udfff]")
_FLOW_WIDTH = 100


def write_yaml(value: Any) -> str:
    """A value of JSON as one YAML document. Lists of scalars stand on one line where they fit."""
    return "".join(f"{line}\n" for line in _lines(value))


def unwritable(value: Any, at: str = "") -> Iterator[Issue]:
    """What YAML cannot hold: a number with a fraction that happens to be whole is read as an integer there."""
    if isinstance(value, dict):
        for name, part in value.items():
            yield from unwritable(part, at + pointer(name))
    elif isinstance(value, list):
        for index, part in enumerate(value):
            yield from unwritable(part, at + pointer(index))
    elif isinstance(value, float) and not _is_read_back(value):
        message = f"{value!r} is a number with a fraction, and YAML would read it as a whole number"
        yield Issue("INVALID_VALUE", at, message, "JSON can tell them apart: --out FILE.json")


def _is_read_back(number: float) -> bool:
    try:
        read = plain_scalar(repr(number))
    except ScalarError:
        return False
    return isinstance(read, float) and read == number


def _lines(value: Any) -> Iterator[str]:
    """The lines of a value that begins at the margin."""
    if isinstance(value, dict) and value:
        for name, part in value.items():
            yield from _entry(f"{_text(name)}:", part)
    elif isinstance(value, list) and value and not _fits(value):
        for part in value:
            yield from _element(part)
    else:
        yield _flow(value)


def _entry(key: str, value: Any) -> Iterator[str]:
    """A property: on one line, or with its value indented below it."""
    if _is_block(value):
        yield key
        for line in _lines(value):
            yield f"  {line}"
    else:
        yield f"{key} {_flow(value)}"


def _element(value: Any) -> Iterator[str]:
    """An element of a list, whose first line stands behind the hyphen."""
    if _is_block(value):
        for number, line in enumerate(_lines(value)):
            yield f"  {line}" if number else f"- {line}"
    else:
        yield f"- {_flow(value)}"


def _is_block(value: Any) -> bool:
    return bool(value) and (isinstance(value, dict) or (isinstance(value, list) and not _fits(value)))


def _fits(values: list[Any]) -> bool:
    return not any(isinstance(part, (dict, list)) for part in values) and len(_flow(values)) <= _FLOW_WIDTH


def _flow(value: Any) -> str:
    if isinstance(value, list):
        return f"[{', '.join(_flow(part) for part in value)}]"
    if isinstance(value, dict):
        return "{}"
    if isinstance(value, str):
        return _text(value)
    return repr(value) if isinstance(value, float) else json.dumps(value)


def _text(text: str) -> str:
    """A text as it is where nothing else could be meant by it, else in double quotes."""
    if _PLAIN.fullmatch(text) and plain_scalar(text) == text and not UNSTORABLE.search(text):
        return text
    return _ESCAPED.sub(lambda found: f"\\u{ord(found[0]):04x}", json.dumps(text, ensure_ascii=False))

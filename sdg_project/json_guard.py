"""JSON from strangers: read strictly, within limits, with every problem at once."""

from __future__ import annotations

import json
import re
from typing import Any

from sdg_project.builder import Builder, Limits, decode
from sdg_project.scalars import MAX_DIGITS, ScalarError, exact_real
from sdg_project.text import quoted

_KEY = re.compile(r'[ \t\n\r]*"([^"\\\x00-\x1f]*)"[ \t\n\r]*:')
_COLON = re.compile(r"[ \t\n\r]*:")
_NEXT = re.compile(r"[ \t\n\r]*([,\]}]?)")
_VALUE = re.compile(
    r"""[ \t\n\r]*(?:
    "(?P<text>[^"\\\x00-\x1f]*)"
    | (?P<integer>-?(?:0|[1-9][0-9]*))(?![0-9.eE])
    | (?P<real>-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?)(?![0-9.eE])
    | (?P<open>[\[{])
    | (?P<word>true|false|null|NaN|-?Infinity)\b
    )""",
    re.VERBOSE,
)
_SPACE = re.compile(r"[ \t\n\r]*")
_WORDS = {"true": True, "false": False, "null": None}
_DECODER = json.JSONDecoder()
_HINTS = {
    "'": "texts and names stand in double quotes",
    "/": "JSON has no comments",
    "#": "JSON has no comments",
    "]": "there must be no comma behind the last one",
    "}": "there must be no comma behind the last one",
    "+": "a number begins with a digit or -",
    ".": "a number begins with a digit or -",
}


def parse_json(data: bytes | str, *, max_bytes: int = 1_000_000, max_depth: int = 32, max_nodes: int = 50_000) -> Any:
    """The value of a JSON text; raises Invalid with every problem that can be found.

    Stricter than the standard library: no name twice in an object, no NUL and no half of a surrogate pair, no number
    that is not finite or has more than 40 digits, no ``-0``, no byte order mark. Numbers are exact: other ones than
    integers are a float whose shortest form says what was typed, or else a Decimal; ``-0.0`` is 0.0.
    """
    limits = Limits(max_bytes=max_bytes, max_depth=max_depth, max_nodes=max_nodes)
    text = decode(data, limits, origin=None, bom_allowed=False)
    return read_json(text, Builder(text, limits))


def read_json(text: str, builder: Builder) -> Any:
    """Read a text into a builder and return its value; raises Invalid."""
    place = 0
    while True:
        place = _value(text, place, builder)
        # Behind a value: close what ends here, until a comma leads to the next value.
        while True:
            found = _NEXT.match(text, place)
            assert found is not None  # noqa: S101  # the pattern matches the empty text
            mark, place = found[1], found.end()
            container = builder.inside
            if container is None:
                if place < len(text) or mark:
                    raise _unexpected(text, found.start(1), builder, "the end of the document")
                return builder.finish()
            closing = "]" if isinstance(container, list) else "}"
            if mark == closing:
                builder.end()
            elif mark == ",":
                if closing == "}":
                    place = _key(text, place, builder)
                break
            else:
                raise _unexpected(text, found.start(1), builder, f'"," or "{closing}"')


def _value(text: str, place: int, builder: Builder) -> int:
    """Read one value, or into the first one inside of it; returns where to go on."""
    while True:
        found = _VALUE.match(text, place)
        if found is None:
            start = _space(text, place)
            if text[start : start + 1] != '"':
                raise _unexpected(text, start, builder, "a value")
            value, end = _string(text, start, builder)
            builder.value(value, start)
            return end
        kind, place = found.lastgroup, found.end()
        if kind == "text":
            builder.value(found["text"], found.start("text") - 1)
            return place
        if kind != "open":
            _number_or_word(found, builder)
            return place
        start = found.start("open")
        if text[start] == "[":
            builder.begin([], start)
            inner = _space(text, place)
            if text[inner : inner + 1] == "]":
                builder.end()
                return inner + 1
        else:
            builder.begin({}, start)
            inner = _space(text, place)
            if text[inner : inner + 1] == "}":
                builder.end()
                return inner + 1
            place = _key(text, place, builder)


def _key(text: str, place: int, builder: Builder) -> int:
    """Read the name of a member and its colon; returns where its value begins."""
    if found := _KEY.match(text, place):
        builder.key(found[1], found.start(1) - 1)
        return found.end()
    start = _space(text, place)
    if text[start : start + 1] != '"':
        raise _unexpected(text, start, builder, "a name in double quotes")
    key, place = _string(text, start, builder)
    builder.key(key, start)
    colon = _COLON.match(text, place)
    if colon is None:
        raise _unexpected(text, _space(text, place), builder, '":"')
    return colon.end()


def _string(text: str, start: int, builder: Builder) -> tuple[str, int]:
    """A string with escapes in it, or one that cannot be read."""
    try:
        value, end = _DECODER.raw_decode(text, start)
    except json.JSONDecodeError as error:
        hints = {
            "Invalid control character at": ("a text holds a control character", "write it as an escape, such as \\n"),
            "Unterminated string starting at": ("a text has no closing quote", None),
        }
        message, hint = hints.get(
            error.msg, ("a text holds an escape that JSON does not have", 'write "\\\\" for a \\')
        )
        raise builder.broken(message, hint, error.pos) from error
    return value, end


def _number_or_word(found: re.Match[str], builder: Builder) -> None:
    kind = found.lastgroup
    assert kind is not None  # noqa: S101  # every alternative has a name
    written, offset = found[kind], found.start(kind)
    value: Any = None
    if kind == "integer":
        if len(written.lstrip("-")) > MAX_DIGITS:
            message = f"the number {written[:20]}… has {len(written.lstrip('-')):,} digits"
            builder.refuse("INVALID_VALUE", message, f"at most {MAX_DIGITS} are accepted", offset)
        elif written == "-0":
            builder.refuse("INVALID_VALUE", "-0 is no integer", "write 0", offset)
        else:
            value = int(written)
    elif kind == "real":
        try:
            value = exact_real(written) or 0.0
        except ScalarError as error:
            builder.refuse(error.code, str(error), error.hint, offset)
    elif written in _WORDS:
        value = _WORDS[written]
    else:
        builder.refuse("NON_FINITE", f"{written} is no number", "write a finite number", offset)
    builder.value(value, offset)


def _space(text: str, place: int) -> int:
    found = _SPACE.match(text, place)
    return found.end() if found else place


def _unexpected(text: str, place: int, builder: Builder, expected: str) -> Exception:
    if place >= len(text):
        message = f"expected {expected}, but the document ends here" if text.strip() else "the document is empty"
        return builder.broken(message, None, place)
    word = re.compile(r"\w+|.", re.DOTALL).match(text, place)
    found = word[0] if word else text[place]
    hint = _HINTS.get(found[0]) if expected.startswith("a ") else None
    if re.match("0[0-9]", found):
        hint = "a number does not begin with 0"
    return builder.broken(f"expected {expected}, found {quoted(found, 20)}", hint, place)

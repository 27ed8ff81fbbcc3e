"""Text from people: names that every screen and store can hold, and values shown inside a sentence."""

from __future__ import annotations

import json
import re
import unicodedata
from typing import Any

NAME_PATTERN = r"^[A-Za-z0-9_.-]{1,100}$"
"""What pools and connections may be called."""
UNSTORABLE = re.compile("[\x00\ud800-\udfff]")
"""NUL and lone surrogates: no UTF-8 text and no PostgreSQL column can hold them."""

_MISLEADING = re.compile("[\u202a-\u202e\u2066-\u2069]")
_BREAKING = frozenset({"Cc", "Cs", "Zl", "Zp"})
_BLANK = frozenset({"Cc", "Cf", "Cn", "Cs", "Zl", "Zp", "Zs"})
# Letters, marks and symbols by category, but nothing that anybody could see.
_INVISIBLE = re.compile(
    "[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u2800\u3164\ufe00-\ufe0f\uffa0\U000e0100-\U000e01ef]"
)
_UNSHOWN = frozenset({"Cc", "Cf", "Cn", "Co", "Cs", "Zl", "Zp"})
_MOST_COMPOSED = 4
"""No character's NFC is made from more characters than this."""


def clean_name(text: str, max_length: int = 200) -> str:
    """The name in NFC; raises ValueError with a predicate ("must …") when it is blank, too long or would mislead.

    Everything else stays as it is, markup and templates too: a name is shown as text wherever it is shown.
    """
    # The check before NFC keeps a long run of combining marks, which takes quadratic time to sort, away from it.
    name = unicodedata.normalize("NFC", text) if len(text) <= _MOST_COMPOSED * max_length else text
    if len(name) > max_length:
        raise ValueError(f"must have at most {max_length} characters, not {len(name):,}")
    for character in name:
        if unicodedata.category(character) in _BREAKING:
            raise ValueError(f"must not hold the control character U+{ord(character):04X}")
    if misleading := _MISLEADING.search(name):
        raise ValueError(f"must not hold U+{ord(misleading[0]):04X}, which changes the direction of the text behind it")
    if all(unicodedata.category(character) in _BLANK or _INVISIBLE.match(character) for character in name):
        raise ValueError("must not be blank: it needs at least one character that can be seen")
    return name


def shown(value: Any, most: int = 40) -> str:
    """A value as a sentence names it: what it is and, shortened, how it reads; nothing in it can upset a terminal."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return f"text {quoted(value, most)}"
    if isinstance(value, dict):
        return "an object"
    if isinstance(value, (list, tuple)):
        return "a list"
    # Python refuses to print integers of thousands of digits.
    if isinstance(value, int) and value.bit_length() > 140:
        return f"a number of about {int(value.bit_length() * 0.30103) + 1:,} digits"
    text = str(value)
    return text if len(text) <= most else f"{text[:most]}…"


def amount(number: int, noun: str) -> str:
    """How many of something there are, as a person reads it: 1 pool, 2,000 pools."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def quoted(text: str, most: int = 40) -> str:
    """A text in double quotes, shortened, with what cannot be seen written as escapes."""
    short = text if len(text) <= most else f"{text[:most]}…"
    return "".join(
        f"\\u{ord(character):04x}" if unicodedata.category(character) in _UNSHOWN else character
        for character in json.dumps(short, ensure_ascii=False)
    )


def readable(text: str, most: int = 300) -> str:
    """A sentence of somebody else, shortened, with what cannot be seen written as escapes."""
    short = text if len(text) <= most else f"{text[:most]}…"
    return "".join(
        f"\\u{ord(character):04x}" if unicodedata.category(character) in _UNSHOWN else character for character in short
    )

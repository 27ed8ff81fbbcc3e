"""Tokens of an expression: its words, numbers, texts and signs, each with its place."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum, auto

from engine.expression.faults import ExpressionFault

MAX_CHARACTERS = 2_000
_MAX_DIGITS = 40
_TOKEN = re.compile(
    r"(?P<space>\s+)"
    r"|(?P<number>(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?)"
    r"|(?P<word>[^\W\d][\w\u0300-\u036f]*)"
    r"|(?P<text>\"(?:[^\"\\]|\\.|\"\")*\"|'(?:[^'\\]|\\.|'')*')"
    r"|(?P<sign>\*\*|//|==|!=|<>|<=|>=|<<|>>|:=|->|[-+*/%&=<>(),\[\]{}:.|^~@;!?$#`\\])",
    re.DOTALL,
)
# U+0300 to U+036F: accents may be characters of their own, since names are compared in NFC.
_REFUSED = {
    "<<": "shifts are not possible",
    ">>": "shifts are not possible",
    ":=": "nothing can be assigned in a formula",
    "->": '"->" has no meaning in a formula',
    "|": '"|" has no meaning in a formula',
    "^": '"^" has no meaning in a formula',
    "~": '"~" has no meaning in a formula',
    "@": '"@" has no meaning in a formula',
    ";": "a formula is one expression",
    "$": '"$" has no meaning in a formula',
    "!": '"!" has no meaning in a formula',
    "?": '"?" has no meaning in a formula',
    "#": '"#" has no meaning in a formula',
    "`": '"`" has no meaning in a formula',
    "\\": '"\\" has no meaning outside a text',
}
_INSTEAD = {
    "^": "write ** for powers",
    "|": "write OR; & joins texts",
    "~": "write NOT",
    "!": "write <> for unequal, NOT for not",
    "?": "write IF(condition, then, else)",
    ";": "separate arguments by commas",
    "$": "write the name of a field as it is",
    "#": "leave comments out",
    "`": 'write field("name")',
}
_TYPED = dict.fromkeys("\u201c\u201d\u201e\u2018\u2019\u201a\u00ab\u00bb", 'write straight quotes: "text"') | {
    "\u2212": "write - for minus",
    "\u2013": "write - for minus",
    "\u00d7": "write * for times",
    "\u00b7": "write * for times",
    "\u00f7": "write / for divided by",
    "\u2264": "write <=",
    "\u2265": "write >=",
    "\u2260": "write <>",
    "\u20ac": "write amounts without their currency",
}
"""Characters that text processors and keyboards make of others."""
_ESCAPES = {"n": "\n", "t": "\t", "r": "\r", "\\": "\\", "'": "'", '"': '"'}
_ESCAPE = re.compile(r"\\(u[0-9a-fA-F]{4}|.)|\"\"|''", re.DOTALL)
_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")


class TokenKind(Enum):
    NUMBER = auto()
    WORD = auto()
    TEXT = auto()
    SIGN = auto()
    END = auto()


@dataclass(frozen=True, slots=True)
class Token:
    """A piece of the text; of a TEXT, `text` is what it says, otherwise how it is written."""

    kind: TokenKind
    text: str
    start: int
    end: int


def tokens_of(text: str) -> list[Token]:
    """All tokens, with an END behind them; raises ExpressionFault."""
    if len(text) > MAX_CHARACTERS:
        message = f"the expression has {len(text):,} characters, at most {MAX_CHARACTERS:,} are accepted"
        raise ExpressionFault("EXPRESSION_TOO_COMPLEX", message, MAX_CHARACTERS, "share the work among several fields")
    return [*_tokens(text), Token(TokenKind.END, "", len(text), len(text))]


def _tokens(text: str) -> Iterator[Token]:
    place = 0
    while place < len(text):
        match = _TOKEN.match(text, place)
        if match is None:
            what = "the text is not closed" if text[place] in "\"'" else f"U+{ord(text[place]):04X} has no meaning here"
            raise ExpressionFault("EXPRESSION_SYNTAX", what, place, _TYPED.get(text[place]))
        start, place = match.span()
        match match.lastgroup:
            case "number":
                yield _number(match[0], start, text[place : place + 1])
            case "word":
                if text[place : place + 1] in {'"', "'"}:
                    message = f"a text begins with its quote, not with {match[0]}"
                    hint = "join texts and values by & or CONCAT"
                    raise ExpressionFault("EXPRESSION_NOT_ALLOWED", message, start, hint)
                yield Token(TokenKind.WORD, match[0], start, place)
            case "text":
                yield Token(TokenKind.TEXT, _said(match[0], start), start, place)
            case "sign":
                if match[0] in _REFUSED:
                    raise ExpressionFault("EXPRESSION_NOT_ALLOWED", _REFUSED[match[0]], start, _INSTEAD.get(match[0]))
                yield Token(TokenKind.SIGN, match[0], start, place)


def _number(written: str, start: int, following: str) -> Token:
    if following == "_" or following.isalnum():
        raise ExpressionFault("EXPRESSION_SYNTAX", f"the number {written[:20]} runs into a name", start + len(written))
    mantissa, _, exponent = written.lower().partition("e")
    if len(mantissa) > _MAX_DIGITS or len(exponent) > 4:
        message = f"the number {written[:20]}… has more than {_MAX_DIGITS} digits"
        raise ExpressionFault("EXPRESSION_TOO_COMPLEX", message, start)
    return Token(TokenKind.NUMBER, written, start, start + len(written))


def _said(written: str, start: int) -> str:
    """What a text in quotes says: backslash escapes as in JSON, a doubled quote is one quote."""

    def character(match: re.Match[str]) -> str:
        if match[0] in {'""', "''"}:
            return match[0][0] if match[0][0] == quote else match[0]
        escape = match[1]
        if len(escape) == 5:
            return chr(int(escape[1:], 16))
        if escape not in _ESCAPES:
            message = f'"\\{escape}" in a text has no meaning'
            hint = "known are \\n, \\t, \\r, \\\", \\', \\\\ and \\u followed by four hexadecimal digits"
            raise ExpressionFault("EXPRESSION_SYNTAX", message, start + 1 + match.start(), hint)
        return _ESCAPES[escape]

    quote = written[0]
    said = _ESCAPE.sub(character, written[1:-1])
    if _UNSTORABLE.search(said):
        raise ExpressionFault("EXPRESSION_SYNTAX", "a text must not hold NUL or half of a surrogate pair", start)
    return said

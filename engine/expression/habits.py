"""What people write who come from spreadsheets, SQL or a programming language, and what is written here instead."""

from __future__ import annotations

from engine.expression.tokens import Token, TokenKind

FUNCTIONS_ELSEWHERE = {
    "NOW": "STARTEDAT() is when the run starts, a TIMESTAMP_GENERATED field when the record takes place",
    "TODAY": "STARTEDAT() is when the run starts, a TIMESTAMP_GENERATED field when the record takes place",
    "SUMPRODUCT": "SUM(items[].a * items[].b) multiplies element by element",
    "SUMIF": "SUM(IF(items[].a > 1, items[].b, 0)) adds up some of the elements",
    "SUMIFS": "SUM(IF(items[].a > 1, items[].b, 0)) adds up some of the elements",
    "COUNTIF": "SUM(IF(items[].a > 1, 1, 0)) counts some of the elements",
    "COUNTIFS": "SUM(IF(items[].a > 1, 1, 0)) counts some of the elements",
    "AVERAGEIF": "AVERAGE(IF(items[].a > 1, items[].b)) is of some of the elements",
    "MATCH": "POOLLOOKUP(pool, key, column) finds a row by its key",
    "INDEX": "POOLLOOKUP(pool, key, column) finds a row by its key",
    "XLOOKUP": "POOLLOOKUP(pool, key, column) finds a row by its key",
    "HLOOKUP": "POOLLOOKUP(pool, key, column) finds a row by its key",
    "ISNUMBER": "each field has one type, which sdg validate tells; ISBLANK(value) tells whether there is a value",
    "ISTEXT": "each field has one type, which sdg validate tells; ISBLANK(value) tells whether there is a value",
    "NA": "write null",
    "CAST": "TOSTRING, TODECIMAL, TOINT, TOBOOL and DATEVALUE convert",
    "STR": "TOSTRING makes text of anything",
    "FLOAT": "TODOUBLE makes a double of a number",
    "RANDOM": "RAND() draws between 0 and 1, RANDBETWEEN(1, 6) whole numbers",
}
"""Hints for functions that there are elsewhere."""

_WORDS = {
    "is": "ISBLANK(value) tells whether a value is null; = compares",
    "in": 'OR(a = 1, a = 2), or CASE(a, {1: "x"}, "other")',
    "between": "write low <= value <= high",
    "like": "CONTAINS, STARTSWITH and ENDSWITH look into texts",
    "then": "write IF(condition, then, else)",
    "when": "write IFS(condition, value, true, other)",
    "if": "write IF(condition, then, else)",
    "else": "write IF(condition, then, else)",
    "as": "the name is that of the field",
}


def hint_at(before: Token | None, token: Token, after: Token | None) -> str | None:
    """What may have been meant where a token cannot stand, between its neighbours."""
    word = token.text.lower() if token.kind is TokenKind.WORD else ""
    kinds = (before and before.kind, after and after.kind)
    if before is not None and _is(before, "%"):
        return "write 0.19 for 19 %; a % b is what is left when a is divided by b"
    if before is not None and _is(before, "&") and _is(token, "&"):
        return "write AND"
    if _is(token, ",") and kinds == (TokenKind.NUMBER, TokenKind.NUMBER):
        return "write numbers with a point: 1.19"
    if word in _WORDS:
        return _WORDS[word]
    if word and kinds[0] is TokenKind.WORD:
        return 'field("two words") names a field whose name is not one word; functions have brackets: ROUND(a)'
    if token.kind in {TokenKind.WORD, TokenKind.NUMBER, TokenKind.TEXT} and before is not None:
        return "an operator is missing before it, or a comma"
    return None


def _is(token: Token, sign: str) -> bool:
    return token.kind is TokenKind.SIGN and token.text == sign

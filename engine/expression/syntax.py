"""The tree of an expression as it is written, read by precedence climbing.

It is read by a parser of its own, not by Python's: names and words without regard to case, spreadsheets' ``=``, ``<>``
and ``&`` need no rewriting, each fault has its place in the user's text, and there is no construct of Python that a
whitelist could forget. Nothing here is ever evaluated.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal

from engine.expression.faults import ExpressionFault
from engine.expression.habits import hint_at
from engine.expression.tokens import Token, TokenKind, tokens_of

MAX_NODES, MAX_DEPTH = 200, 20

Value = None | bool | int | Decimal | float | str
"""What a literal says; a float only where no exact number of 38 digits does."""


@dataclass(frozen=True, slots=True)
class Literal:
    value: Value
    position: int


@dataclass(frozen=True, slots=True)
class Name:
    """A field, by its name; ``items[].total`` is one of the elements of an array."""

    name: str
    position: int


@dataclass(frozen=True, slots=True)
class Call:
    """A function or an operator, by its name as it is written, and what it is applied to."""

    function: str
    arguments: tuple[Node, ...]
    position: int


@dataclass(frozen=True, slots=True)
class Several:
    """Literals in brackets: ``[1, 2]``, or with a key before each, ``{"a": 1}``; only an argument of some functions."""

    keys: tuple[Literal, ...]
    values: tuple[Node, ...]
    position: int


Node = Literal | Name | Call | Several

_CONSTANTS: dict[str, Value] = {"true": True, "false": False, "null": None, "none": None}
_COMPARISONS = frozenset({"==", "=", "!=", "<>", "<", "<=", ">", ">="})
_SAME = {"==": "=", "!=": "<>"}
_LEVELS: tuple[frozenset[str], ...] = (frozenset({"&"}), frozenset({"+", "-"}), frozenset({"*", "/", "//", "%"}))
_STATEMENTS = frozenset(
    {"lambda", "for", "while", "await", "async", "yield", "raise", "import", "from", "def", "class", "return", "del"}
    | {"with", "try", "except", "assert", "global", "nonlocal", "pass", "break", "continue", "in", "is", "as", "elif"}
)


def parse(text: str) -> Node:
    """The tree of an expression; raises ExpressionFault."""
    return _Parser(tokens_of(text)).whole()


def names_in(node: Node) -> Iterator[Name]:
    """Every mention of a field, in the order of the text."""
    match node:
        case Name():
            yield node
        case Call(arguments=inner) | Several(values=inner):
            for argument in inner:
                yield from names_in(argument)


def calls_in(node: Node) -> Iterator[Call]:
    """Every call of a function or an operator, from the outside to the inside."""
    if isinstance(node, Call):
        yield node
    if isinstance(node, (Call, Several)):
        for argument in node.arguments if isinstance(node, Call) else node.values:
            yield from calls_in(argument)


class _Parser:
    """Reads the tokens once, from left to right."""

    def __init__(self, tokens: list[Token]) -> None:
        self._tokens, self._place = tokens, 0
        self._nodes, self._depth = 0, 0

    def whole(self) -> Node:
        if self._is("="):  # as every formula of a spreadsheet begins
            self._next()
        if self._is_at_end():
            raise ExpressionFault("EXPRESSION_SYNTAX", "the expression is empty", 0, "write a value, such as a + b")
        tree = self._choice()
        if not self._is_at_end():
            raise self._unexpected()
        return tree

    # Tokens.

    @property
    def _token(self) -> Token:
        return self._tokens[self._place]

    @property
    def _word(self) -> str:
        """The word at the place, in lower case; empty when there is none."""
        return self._token.text.lower() if self._token.kind is TokenKind.WORD else ""

    def _is_at_end(self) -> bool:
        return self._token.kind is TokenKind.END

    def _is(self, *signs: str) -> bool:
        return self._token.kind is TokenKind.SIGN and self._token.text in signs

    def _next(self) -> Token:
        token = self._token
        self._place += 1
        return token

    def _expect(self, sign: str, opened: Token) -> None:
        if not self._is(sign):
            if self._is_at_end():
                message = f'"{opened.text}" at character {opened.start + 1} is not closed by "{sign}"'
                raise ExpressionFault("EXPRESSION_SYNTAX", message, self._token.start)
            raise self._unexpected(f' where "{sign}" or "," could stand')
        self._next()

    def _unexpected(self, where: str = "") -> ExpressionFault:
        token = self._token
        before = self._tokens[self._place - 1] if self._place else None
        hint = hint_at(before, token, self._tokens[self._place + 1] if not self._is_at_end() else None)
        if token.kind is TokenKind.END:
            return ExpressionFault(
                "EXPRESSION_SYNTAX", "the expression ends where a value is missing", token.start, hint
            )
        if self._word in _STATEMENTS:
            message = f'"{token.text}" is not possible in a formula'
            return ExpressionFault("EXPRESSION_NOT_ALLOWED", message, token.start, hint)
        shown = token.text if token.kind is not TokenKind.TEXT else "a text"
        return ExpressionFault("EXPRESSION_SYNTAX", f"nobody expects {shown[:40]}{where}", token.start, hint)

    # Nodes.

    def _counted(self, node: Node) -> Node:
        self._nodes += 1
        if self._nodes > MAX_NODES:
            message = f"the expression has more than {MAX_NODES} values and operations"
            hint = "share the work among several fields"
            raise ExpressionFault("EXPRESSION_TOO_COMPLEX", message, node.position, hint)
        return node

    def _call(self, function: str, *arguments: Node, at: int) -> Node:
        return self._counted(Call(function, arguments, at))

    def _deeper(self) -> None:
        """Count one more level: brackets, calls, and signs before a value; a row of operators is one level."""
        self._depth += 1
        if self._depth > MAX_DEPTH:
            message = f"the expression is nested more than {MAX_DEPTH} levels deep"
            hint = "share the work among several fields"
            raise ExpressionFault("EXPRESSION_TOO_COMPLEX", message, self._token.start, hint)

    def _choice(self) -> Node:
        """``a if c else b``, and everything that binds more closely."""
        self._deeper()
        value = self._either()
        if self._word == "if":
            at = self._next().start
            condition = self._either()
            if self._word != "else":
                raise self._unexpected(' where "else" is missing')
            self._next()
            value = self._call("IF", condition, value, self._choice(), at=at)
        self._depth -= 1
        return value

    def _either(self) -> Node:
        value = self._both()
        while self._word == "or":
            at = self._next().start
            value = self._call("OR", value, self._both(), at=at)
        return value

    def _both(self) -> Node:
        value = self._negation()
        while self._word == "and":
            at = self._next().start
            value = self._call("AND", value, self._negation(), at=at)
        return value

    def _negation(self) -> Node:
        if self._word == "not" and not self._opens_at(self._token.end):
            at = self._next().start
            self._deeper()
            value = self._call("NOT", self._negation(), at=at)
            self._depth -= 1
            return value
        return self._comparison()

    def _opens_at(self, place: int) -> bool:
        """Whether the next token is a bracket right behind the word, which makes it a call: ``NOT(a)``."""
        following = self._tokens[self._place + 1]
        return following.text == "(" and following.kind is TokenKind.SIGN and following.start == place

    def _comparison(self) -> Node:
        """``a < b``; ``a < b < c`` means that both are so, as in mathematics."""
        left = self._operation(0)
        found: Node | None = None
        while self._is(*_COMPARISONS):
            sign = self._next()
            right = self._operation(0)
            one = self._call(_SAME.get(sign.text, sign.text), left, right, at=sign.start)
            found = one if found is None else self._call("AND", found, one, at=sign.start)
            left = right
        return left if found is None else found

    def _operation(self, level: int) -> Node:
        if level == len(_LEVELS):
            return self._signed()
        value = self._operation(level + 1)
        while self._is(*_LEVELS[level]):
            sign = self._next()
            value = self._call(sign.text, value, self._operation(level + 1), at=sign.start)
        return value

    def _signed(self) -> Node:
        """``-a``: a power binds more closely, so that ``-2 ** 2`` is -4."""
        if not self._is("-", "+"):
            return self._power()
        sign = self._next()
        self._deeper()
        value = self._signed()
        self._depth -= 1
        if isinstance(value, Literal) and not isinstance(value.value, (bool, str, type(None))):
            return value if sign.text == "+" else Literal(_negative(value.value), sign.start)
        return self._call("NEGATIVE" if sign.text == "-" else "POSITIVE", value, at=sign.start)

    def _power(self) -> Node:
        base = self._indexed()
        if not self._is("**"):
            return base
        sign = self._next()
        self._deeper()
        value = self._call("**", base, self._signed(), at=sign.start)
        self._depth -= 1
        return value

    def _indexed(self) -> Node:
        """``text[0]``: the only thing that may stand in brackets behind a value is a whole number as it is written."""
        value = self._value()
        while self._is("[", "."):
            opened = self._next()
            if opened.text == ".":
                message = "nothing has attributes or methods"
                hint = "functions are called by their names: LOWER(name); items[].price is of each element of an array"
                raise ExpressionFault("EXPRESSION_NOT_ALLOWED", message, opened.start, hint)
            negative = self._is("-") and bool(self._next())
            if self._token.kind is not TokenKind.NUMBER or not self._token.text.isdigit():
                message = "only a whole number as it is written may stand in these brackets"
                hint = "MID(text, start, length) cuts texts; items[].price is a member of each element of an array"
                raise ExpressionFault("EXPRESSION_NOT_ALLOWED", message, opened.start, hint)
            number = int(self._next().text)
            self._expect("]", opened)
            index = self._counted(Literal(-number if negative else number, opened.start))
            value = self._call("CHARACTER", value, index, at=opened.start)
        return value

    def _value(self) -> Node:
        token = self._token
        if token.kind is TokenKind.NUMBER:
            self._next()
            return self._counted(Literal(_number(token), token.start))
        if token.kind is TokenKind.TEXT:
            self._next()
            return self._counted(Literal(token.text, token.start))
        if token.kind is TokenKind.WORD:
            return self._named()
        if self._is("("):
            self._next()
            if self._is(")"):
                raise ExpressionFault("EXPRESSION_NOT_ALLOWED", "there is nothing in the brackets", token.start)
            value = self._choice()
            if self._is(","):
                message = "several values in brackets are no value"
                raise ExpressionFault("EXPRESSION_NOT_ALLOWED", message, self._token.start)
            self._expect(")", token)
            return value
        if self._is("["):
            return self._several(self._next(), "]", keyed=False)
        if self._is("{"):
            return self._several(self._next(), "}", keyed=True)
        if self._is("*", "**"):
            message = f'"{token.text}" must stand between two values'
            raise ExpressionFault("EXPRESSION_NOT_ALLOWED", message, token.start)
        raise self._unexpected()

    def _named(self) -> Node:
        """A constant, a call, or a field, whose name may have dots."""
        word = self._next()
        lower = word.text.lower()
        if word.text.startswith("_"):
            message = f'names that begin with "_" are not possible: {word.text[:40]}'
            raise ExpressionFault("EXPRESSION_NOT_ALLOWED", message, word.start, 'field("…") names any field')
        if self._is("(") and lower in {"true", "false"} and self._tokens[self._place + 1].text == ")":
            self._place += 2  # as spreadsheets write them
            return self._counted(Literal(_CONSTANTS[lower], word.start))
        if self._is("("):
            return self._called(word)
        if lower in _CONSTANTS:
            return self._counted(Literal(_CONSTANTS[lower], word.start))
        if lower in _STATEMENTS:
            message = f'"{word.text}" is not possible in a formula'
            raise ExpressionFault("EXPRESSION_NOT_ALLOWED", message, word.start)
        if lower in {"if", "else", "and", "or", "not"}:
            self._place -= 1
            raise self._unexpected(" where a value could stand")
        name = word.text
        while self._is(".") or self._is_followed_by_elements():
            if self._is("["):
                name += "[]"
                self._place += 2
                continue
            dot = self._next()
            part = self._token
            if part.kind is not TokenKind.WORD or part.text.startswith("_") or dot.end != part.start:
                message = "a part of a name must stand behind the dot, and not begin with _"
                raise ExpressionFault("EXPRESSION_NOT_ALLOWED", message, dot.start, 'field("…") names any field')
            name += f".{self._next().text}"
        if self._is("("):
            message = f"{name[:40]} is no function: nothing has attributes or methods"
            hint = "functions are called by their names: LOWER(name)"
            raise ExpressionFault("EXPRESSION_NOT_ALLOWED", message, word.start, hint)
        return self._counted(Name(unicodedata.normalize("NFC", name), word.start))

    def _is_followed_by_elements(self) -> bool:
        """Whether the two brackets of an array stand right behind a part of a name: ``items[].total``."""
        before, opened, closed = self._tokens[self._place - 1], self._token, self._tokens[self._place + 1 :][:1]
        adjoin = bool(closed) and before.end == opened.start and opened.end == closed[0].start
        return self._is("[") and adjoin and closed[0].kind is TokenKind.SIGN and closed[0].text == "]"

    def _called(self, word: Token) -> Node:
        opened = self._next()
        arguments: list[Node] = []
        while not self._is(")"):
            arguments.append(self._choice())
            if not self._is(","):
                break
            self._next()
            if self._is(")"):
                raise ExpressionFault("EXPRESSION_SYNTAX", "a value is missing behind the comma", self._token.start)
        if self._word == "for":
            message = "what repeats itself is not possible in a formula"
            raise ExpressionFault("EXPRESSION_NOT_ALLOWED", message, self._token.start)
        self._expect(")", opened)
        if word.text.lower() != "field":
            return self._call(word.text, *arguments, at=word.start)
        if len(arguments) != 1 or not isinstance(arguments[0], Literal) or not isinstance(arguments[0].value, str):
            message = "field takes the name of a field, in quotes"
            raise ExpressionFault("EXPRESSION_SYNTAX", message, word.start, 'field("order-id")')
        return self._counted(Name(unicodedata.normalize("NFC", arguments[0].value), word.start))

    def _several(self, opened: Token, close: str, *, keyed: bool) -> Node:
        keys: list[Literal] = []
        values: list[Node] = []
        while not self._is(close):
            if keyed:
                key = self._choice()
                if not isinstance(key, Literal):
                    message = "before the colon stands a text or a number as it is written"
                    raise ExpressionFault("EXPRESSION_NOT_ALLOWED", message, key.position)
                keys.append(key)
                if not self._is(":"):
                    raise self._unexpected(' where ":" is missing')
                self._next()
            values.append(self._choice())
            if not self._is(","):
                break
            self._next()
        if self._word == "for":
            message = "what repeats itself is not possible in a formula"
            raise ExpressionFault("EXPRESSION_NOT_ALLOWED", message, self._token.start)
        self._expect(close, opened)
        return self._counted(Several(tuple(keys), tuple(values), opened.start))


def _negative(number: int | Decimal | float) -> int | Decimal | float:
    return number.copy_negate() if isinstance(number, Decimal) else -number  # a plain sign would round to 28 digits


def _number(token: Token) -> int | Decimal | float:
    """The exact number, or the nearest float where it has more than 38 digits."""
    exact = Decimal(token.text)
    if token.text.isdigit() and exact < 10**38:
        return int(token.text)
    if not exact:
        return Decimal(0) if exact.as_tuple().exponent == 0 else exact
    exponent = exact.as_tuple().exponent
    if isinstance(exponent, int) and -38 <= exponent <= 0 and exact.adjusted() < 38 + exponent:
        return exact
    if 0 < exact.adjusted() < 38 and exact == exact.to_integral_value():
        return int(exact)
    nearest = float(token.text)
    if nearest in {float("inf"), 0.0}:
        message = f"the number {token.text[:20]} is larger or smaller than any that can be held"
        raise ExpressionFault("EXPRESSION_TOO_COMPLEX", message, token.start)
    return nearest

"""Faults of an expression: what is wrong with its text, and at which character."""

from __future__ import annotations


class ExpressionFault(ValueError):
    """An expression that is refused before anything is computed.

    `code` is that of the issue, `position` the place in the text, counted from 0.
    """

    def __init__(self, code: str, message: str, position: int, hint: str | None = None) -> None:
        super().__init__(f"{message}, at character {position + 1}")
        self.code, self.position, self.hint = code, position, hint


class Mismatch(ValueError):
    """Operands that do not fit what is done with them; becomes an `ExpressionFault` where the operation stands.

    `argument` is the number of the operand that the sentence is about, None for the operation itself.
    """

    def __init__(
        self, message: str, *, hint: str | None = None, code: str = "TYPE_MISMATCH", argument: int | None = None
    ) -> None:
        super().__init__(message)
        self.hint, self.code, self.argument = hint, code, argument

"""Templates of sequences: text around one number, such as ``INV-{seq:08d}``."""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from engine.text import decimal_digits, texts_of_matrix

_PIECE = re.compile(
    r"(?P<brace>\{\{|\}\})|(?P<hole>\{seq(?::(?P<format>(?:(?P<zero>0)?(?P<width>[1-9][0-9]?))?d?))?\})|(?P<bad>[{}])"
)
_QUAD = 4


@dataclass(frozen=True, slots=True)
class SequenceTemplate:
    """A number between two texts, padded on the left to at least `width`: zeros behind its sign, or spaces."""

    before: str
    after: str
    width: int
    zeros: bool

    @classmethod
    def parse(cls, text: str) -> SequenceTemplate:
        """Read a template; raises ValueError with a sentence. ``{{`` and ``}}`` are braces."""
        literals, holes, end = [""], [], 0
        for piece in _PIECE.finditer(text):
            literals[-1] += text[end : piece.start()]
            end = piece.end()
            if piece["bad"]:
                accepted = "accepted are {seq}, {seq:8d} and {seq:08d}, with a width up to 99; {{ and }} are braces"
                raise ValueError(f"the brace at character {piece.start() + 1} begins or ends no number; {accepted}")
            if piece["brace"]:
                literals[-1] += piece["brace"][0]
            else:
                literals.append("")
                holes.append(piece)
        literals[-1] += text[end:]
        if len(holes) != 1:
            raise ValueError(f"a template holds {{seq}} exactly once, not {len(holes)} times")
        [hole] = holes
        return cls(literals[0], literals[1], int(hole["width"] or 0), zeros=hole["zero"] is not None)

    def length(self, number: int) -> int:
        """How many characters the text of a number has."""
        return len(self.before) + max(len(str(number)), self.width) + len(self.after)

    def texts(self, numbers: NDArray[np.int64]) -> pl.Series:
        """The text of each number: shape ``(n,)``, String; 40 ns each for eight digits that fit their zeros."""
        if self.zeros and len(numbers) and numbers.min() >= 0 and int(numbers.max()) < 10**self.width:
            return texts_of_matrix(self._characters(numbers))
        digits = pl.Series(numbers).cast(pl.String)
        if self.width:
            digits = digits.str.zfill(self.width) if self.zeros else digits.str.pad_start(self.width)
        return pl.select(pl.concat_str([pl.lit(self.before), digits, pl.lit(self.after)])).to_series()

    def _characters(self, numbers: NDArray[np.int64]) -> NDArray[np.uint8]:
        before, after = self.before.encode(), self.after.encode()
        characters = np.empty((len(numbers), len(before) + self.width + len(after)), np.uint8)
        characters[:, : len(before)] = np.frombuffer(before, np.uint8)
        end = len(before) + self.width
        characters[:, end:] = np.frombuffer(after, np.uint8)
        while end > len(before):
            size = min(_QUAD, end - len(before))
            numbers, quad = np.divmod(numbers, 10**size) if end - size > len(before) else (numbers, numbers)
            characters[:, end - size : end] = decimal_digits(quad, size)
            end -= size
        return characters

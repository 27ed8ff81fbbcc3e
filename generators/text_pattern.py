"""Patterns of texts: regular expressions for the whole text, matched in a time that is linear in it."""

from __future__ import annotations

import re
from dataclasses import dataclass

import polars as pl

_REASON = re.compile("^error: (.+)$", re.MULTILINE)
_TOO_LARGE = "exceeds size limit"


@dataclass(frozen=True, slots=True)
class TextPattern:
    """A pattern that can be used."""

    text: str

    @classmethod
    def parse(cls, text: str) -> TextPattern:
        """Raises ValueError with a sentence."""
        # Alone, too: "a)(b" would be one only between the parentheses around it.
        for whole in (text, _whole(text)):
            try:
                pl.Series([""]).str.contains(whole)
            except pl.exceptions.ComputeError as error:
                raise ValueError(f"the pattern cannot be used: {_reason(str(error))}") from error
        return cls(text)

    def matches(self, texts: pl.Series) -> pl.Series:
        """Which texts it describes from end to end: shape and nulls of `texts`, Boolean."""
        return texts.str.contains(_whole(self.text))


def _whole(text: str) -> str:
    return f"^(?:{text})$"


def _reason(error: str) -> str:
    if _TOO_LARGE in error:
        return "its repetitions make it too large"
    found = _REASON.search(error)
    return found[1] if found else "it is no regular expression"

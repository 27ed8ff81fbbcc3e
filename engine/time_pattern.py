"""Instants as text by a pattern of strftime directives, with English names on every machine."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from engine.text import decimal_digits, texts_of_matrix

Int64s = NDArray[np.int64]
_DAY_MS = 86_400_000
_TOKEN = re.compile(r"%(3f|.|\Z)|[^%]+", re.DOTALL)
_WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_MONTHS = (
    *("January", "February", "March", "April", "May", "June"),
    *("July", "August", "September", "October", "November", "December"),
)


class LocalTimes:
    """Local times and their parts; each part has the shape ``(n,)``.

    `local` holds milliseconds since 1970 as a clock shows them, in the years 1 to 9999; `offsets` is what they are
    ahead of UTC.
    """

    def __init__(self, local: Int64s, offsets: Int64s) -> None:
        self.local, self.offsets = local, offsets
        self.days, self.in_day = np.divmod(local, _DAY_MS)
        dates = self.days.astype("datetime64[D]")
        self._months, self._years = dates.astype("datetime64[M]"), dates.astype("datetime64[Y]")

    @property
    def year(self) -> Int64s:
        return self._years.astype(np.int64) + 1970

    @property
    def month(self) -> Int64s:
        """Counted from 0."""
        return self._months.astype(np.int64) % 12

    @property
    def day(self) -> Int64s:
        return self.days - self._months.astype("datetime64[D]").astype(np.int64) + 1

    @property
    def day_of_year(self) -> Int64s:
        return self.days - self._years.astype("datetime64[D]").astype(np.int64) + 1

    @property
    def weekday(self) -> Int64s:
        """Counted from Monday, 0."""
        return (self.days + 3) % 7  # 1970-01-01 was a Thursday

    @property
    def hour(self) -> Int64s:
        return self.in_day // 3_600_000


@dataclass(frozen=True, slots=True)
class _Number:
    """A number with leading zeros, at most four digits."""

    width: int
    of: Callable[[LocalTimes], Int64s]


@dataclass(frozen=True, slots=True)
class _Word:
    """One of several words."""

    words: tuple[str, ...]
    of: Callable[[LocalTimes], Int64s]


class _Offset:
    """The offset from UTC: ``+0100``, with seconds where there are any."""


_DIRECTIVES: dict[str, tuple[_Number | _Word | _Offset | str, ...]] = {
    "Y": (_Number(4, lambda at: at.year),),
    "y": (_Number(2, lambda at: at.year % 100),),
    "m": (_Number(2, lambda at: at.month + 1),),
    "d": (_Number(2, lambda at: at.day),),
    "j": (_Number(3, lambda at: at.day_of_year),),
    "H": (_Number(2, lambda at: at.hour),),
    "I": (_Number(2, lambda at: (at.hour - 1) % 12 + 1),),
    "M": (_Number(2, lambda at: at.in_day // 60_000 % 60),),
    "S": (_Number(2, lambda at: at.in_day // 1000 % 60),),
    "3f": (_Number(3, lambda at: at.in_day % 1000),),
    "f": (_Number(3, lambda at: at.in_day % 1000), "000"),
    "p": (_Word(("AM", "PM"), lambda at: at.hour // 12),),
    "a": (_Word(tuple(name[:3] for name in _WEEKDAYS), lambda at: at.weekday),),
    "A": (_Word(_WEEKDAYS, lambda at: at.weekday),),
    "b": (_Word(tuple(name[:3] for name in _MONTHS), lambda at: at.month),),
    "B": (_Word(_MONTHS, lambda at: at.month),),
    "z": (_Offset(),),
    "%": ("%",),
}
DIRECTIVES = tuple(f"%{letters}" for letters in _DIRECTIVES)
"""``%f`` is microseconds (six digits), ``%3f`` milliseconds; the others are those of C."""


class TimePattern:
    """A pattern such as ``%Y-%m-%d %H:%M:%S.%3f``; see `DIRECTIVES`."""

    def __init__(self, text: str) -> None:
        """Read a pattern that is not empty; raises ValueError with the position of what is not supported."""
        self._pieces: list[_Number | _Word | _Offset | str] = []
        for token in _TOKEN.finditer(text):
            if not token[0].startswith("%"):
                self._pieces.append(token[0])
            elif token[1] in _DIRECTIVES:
                self._pieces += _DIRECTIVES[token[1]]
            else:
                raise ValueError(
                    f'"{token[0]}" at character {token.start() + 1} is not supported; '
                    f"supported are {', '.join(DIRECTIVES)}"
                )

    @property
    def max_length(self) -> int:
        """No text has more characters."""
        return sum(max(len(text) for text in _longest(piece)) for piece in self._pieces)

    def texts(self, local: Int64s, offsets: Int64s) -> pl.Series:
        """The text of each local time: shape ``(n,)``, String. For the arguments see `LocalTimes`."""
        at = LocalTimes(local, offsets)
        columns = list(self._columns(at))
        if len(columns) == 1:
            return columns[0]
        return pl.select(pl.concat_str([pl.lit(column) for column in columns])).to_series()

    def _columns(self, at: LocalTimes) -> Iterator[pl.Series]:
        """Columns that make the text one behind the other: neighbours of constant width are one column."""
        fixed: list[NDArray[np.uint8]] = []
        for piece in self._pieces:
            if isinstance(piece, _Offset):
                column = _offset_texts(at.offsets)
            elif isinstance(piece, _Word) and len({len(word) for word in piece.words}) > 1:
                column = pl.Series(piece.words).gather(piece.of(at))
            else:
                fixed.append(_characters(piece, at))
                continue
            if fixed:
                yield texts_of_matrix(np.hstack(fixed))
            fixed = []
            yield column
        if fixed:
            yield texts_of_matrix(np.hstack(fixed))


def _characters(piece: _Number | _Word | str, at: LocalTimes) -> NDArray[np.uint8]:
    """The UTF-8 bytes of a piece of constant width: shape ``(n, width)``."""
    match piece:
        case _Number():
            return decimal_digits(piece.of(at), piece.width)
        case _Word():
            table = np.frombuffer("".join(piece.words).encode(), np.uint8).reshape(len(piece.words), -1)
            return table.take(piece.of(at), axis=0)
        case _:
            characters = np.frombuffer(piece.encode(), np.uint8)
            return np.broadcast_to(characters, (len(at.local), len(characters)))


def _offset_texts(offsets: Int64s) -> pl.Series:
    different, codes = np.unique(offsets, return_inverse=True)
    return pl.Series([_offset_text(int(offset) // 1000) for offset in different], dtype=pl.String).gather(codes)


def _offset_text(seconds: int) -> str:
    hours, rest = divmod(abs(seconds), 3600)
    text = f"{'-' if seconds < 0 else '+'}{hours:02}{rest // 60:02}"
    return f"{text}{rest % 60:02}" if rest % 60 else text


def _longest(piece: _Number | _Word | _Offset | str) -> tuple[str, ...]:
    match piece:
        case _Number():
            return ("0" * piece.width,)
        case _Word():
            return piece.words
        case _Offset():
            return ("+000000",)
        case _:
            return (piece,)

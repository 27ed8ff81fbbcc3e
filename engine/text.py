"""Text of one width for whole columns: UUIDs, hexadecimal and decimal digits, as matrices of bytes."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

import numpy as np
import polars as pl
from numpy.typing import NDArray

Words = NDArray[np.uint64]
Bytes = NDArray[np.uint8]
_GROUPS = (8, 4, 4, 4, 12)


def uuid_texts(
    high: Words, low: Words, *, before: str = "", after: str = "", dashes: bool = True, uppercase: bool = False
) -> pl.Series:
    """The texts of UUIDs: 32 hexadecimal digits with or without dashes, between two constant texts.

    Parameters
    ----------
    high, low : ndarray of uint64, shape (n,)
        The first and the last 64 bits of each UUID.

    Returns
    -------
    Series of String, shape (n,)

    Notes
    -----
    18 ns a text: digits are looked up by fours and stored as one word.
    """
    template = ("-" if dashes else "").join("0" * size for size in _GROUPS)
    lead = before.encode()
    characters = np.empty((len(high), len(lead) + len(template) + len(after.encode())), np.uint8)
    _fill(characters, lead, 0)
    _fill(characters, after.encode(), len(lead) + len(template))
    places = [len(lead) + place for place in _quad_places(template)]
    for place in (len(lead) + place for place, character in enumerate(template) if character == "-"):
        characters[:, place] = ord("-")
    for word, four in ((high, places[:4]), (low, places[4:])):
        _put_hex(characters, word, four, uppercase=uppercase)
    return texts_of_matrix(characters)


def hex_texts(words: Words, digits: int, *, before: str = "", uppercase: bool = False) -> pl.Series:
    """The first hexadecimal digits of each word, at most 16, behind a constant text: shape ``(n,)``, String."""
    lead = before.encode()
    characters = np.empty((len(words), len(lead) + 16), np.uint8)
    _fill(characters, lead, 0)
    _put_hex(characters, words, [len(lead) + 4 * quad for quad in range(4)], uppercase=uppercase)
    return texts_of_matrix(np.ascontiguousarray(characters[:, : len(lead) + digits]))


def decimal_digits(numbers: NDArray[np.int64], width: int) -> Bytes:
    """Whole numbers ``0 <= number < 10**width``, width 1 to 4, with leading zeros: ASCII, shape ``(n, width)``."""
    return _decimal_table(width).take(numbers, axis=0)


def texts_of_matrix(characters: Bytes) -> pl.Series:
    """Texts of one width in bytes from their UTF-8 bytes: shape ``(n, width)`` to ``(n,)``, String."""
    if not len(characters):
        return pl.Series([], dtype=pl.String)
    return pl.Series(characters).cast(pl.List(pl.UInt8)).cast(pl.Binary).cast(pl.String)


def _fill(characters: Bytes, text: bytes, place: int) -> None:
    characters[:, place : place + len(text)] = np.frombuffer(text, np.uint8)


def _quad_places(template: str) -> list[int]:
    """Where each run of four digits begins."""
    places = [place for place, character in enumerate(template) if character != "-"]
    return places[::4]


def _put_hex(characters: Bytes, words: Words, places: Sequence[int], *, uppercase: bool) -> None:
    """Write the four quads of digits of each word at four places of its row."""
    quads = words.astype("<u8", copy=False).view("<u2").reshape(len(words), 4)
    table = _hex_table(uppercase)
    for quad, place in zip((3, 2, 1, 0), places, strict=True):
        characters[:, place : place + 4].view(np.uint32)[:, 0] = table.take(quads[:, quad])


@cache
def _hex_table(uppercase: bool) -> NDArray[np.uint32]:
    """Four hexadecimal digits by their number: four bytes in the order of the text, seen as one word."""
    digits = np.frombuffer(b"0123456789ABCDEF" if uppercase else b"0123456789abcdef", np.uint8)
    numbers = np.arange(65_536)
    fours = np.stack([digits[numbers >> shift & 15] for shift in (12, 8, 4, 0)], axis=1)
    return np.ascontiguousarray(fours).view(np.uint32).ravel()


@cache
def _decimal_table(width: int) -> Bytes:
    numbers = np.arange(10**width)[:, None]
    return (numbers // 10 ** np.arange(width - 1, -1, -1) % 10 + ord("0")).astype(np.uint8)

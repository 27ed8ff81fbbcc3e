"""The encodings of text files: told, or found out by the mark at the beginning, or UTF-8; never guessed."""

from __future__ import annotations

import codecs

import numpy as np

from pools.enums import Encoding
from pools.raw import unreadable
from sdg_project.errors import Invalid

OTHERS = "say which it is: encoding, one of WINDOWS-1252, ISO-8859-1, UTF-16 (sdg pool add: --encoding)"
_MARKS = (
    (codecs.BOM_UTF8, Encoding.UTF_8),
    (codecs.BOM_UTF32_LE, None),  # which begins as UTF-16 does
    (codecs.BOM_UTF32_BE, None),
    (codecs.BOM_UTF16_LE, Encoding.UTF_16),
    (codecs.BOM_UTF16_BE, Encoding.UTF_16),
)
_CODECS = {Encoding.WINDOWS_1252: "cp1252", Encoding.ISO_8859_1: "latin-1", Encoding.UTF_16: "utf-16"}
_CHUNK = 8 * 2**20
_NEWLINE = ord("\n")


def as_utf8(content: memoryview, told: Encoding | None, origin: str) -> tuple[memoryview, Encoding]:
    """A text file in UTF-8 without a mark, and its encoding; raises Invalid where it is not in that encoding."""
    mark, marked = next(((mark, one) for mark, one in _MARKS if content[: len(mark)] == mark), (b"", told))
    if mark and marked is None:
        raise unreadable(origin, "this is UTF-32", f"save it as UTF-8; accepted are {', '.join(Encoding)}")
    if mark and told not in {None, marked}:
        raise unreadable(origin, f"encoding says {told}, but the file begins with the mark of {marked}")
    if told is Encoding.UTF_16 and not mark:
        raise unreadable(origin, "this does not begin with the mark of UTF-16", "save it with one, or as UTF-8")
    encoding = marked or Encoding.UTF_8
    if encoding is Encoding.UTF_8:
        content = content[len(mark) :]
        _check_utf8(content, origin, is_told=bool(mark) or told is not None)
    else:
        content = _transcoded(content, encoding, origin)
    _check_nul(content, origin)
    return content, encoding


def line_at(content: memoryview, at: int) -> int:
    """The number of the line in which a byte stands."""
    return int(np.count_nonzero(np.frombuffer(content[:at], np.uint8) == _NEWLINE)) + 1 if at else 1


def _check_utf8(content: memoryview, origin: str, *, is_told: bool) -> None:
    decoder = codecs.getincrementaldecoder("utf-8")()
    fed = 0
    try:
        while fed < len(content):
            chunk = content[fed : fed + _CHUNK]
            fed += len(chunk)
            decoder.decode(chunk, final=fed == len(content))
    except UnicodeDecodeError as error:
        at = fed - len(error.object) + error.start  # a character may begin in one chunk and end in the next
        message = f"line {line_at(content, at)}: the byte 0x{content[at]:02X} is no UTF-8"
        raise unreadable(
            origin, message, "save it as UTF-8" if is_told else f"save it as UTF-8, or {OTHERS}"
        ) from error


def _transcoded(content: memoryview, encoding: Encoding, origin: str) -> memoryview:
    try:
        text = codecs.decode(content, _CODECS[encoding])
        return memoryview(text.encode())
    except UnicodeError as error:
        raise _undecodable(content, encoding, origin, error) from error


def _undecodable(content: memoryview, encoding: Encoding, origin: str, error: UnicodeError) -> Invalid:
    if isinstance(error, UnicodeDecodeError) and encoding is not Encoding.UTF_16:
        place = f"line {line_at(content, error.start)}: the byte 0x{content[error.start]:02X} is no {encoding}"
        return unreadable(origin, place, f"is it another encoding? accepted are {', '.join(Encoding)}")
    return unreadable(origin, f"this is no {encoding}: {error}", "is the file cut off?")


def _check_nul(content: memoryview, origin: str) -> None:
    for start in range(0, len(content), _CHUNK):
        found = bytes(content[start : start + _CHUNK]).find(0)
        if found >= 0:
            message = f"line {line_at(content, start + found)}: there is a NUL character"
            raise unreadable(origin, message, "is this a text file? UTF-16 must begin with its mark")
